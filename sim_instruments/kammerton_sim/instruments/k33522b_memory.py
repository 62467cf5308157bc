"""Arbitrary waveforms of a Keysight 33522B: what was loaded, and which one a channel plays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from kammerton_sim.instruments.k33522b_settings import CHANNELS
from kammerton_sim.wire.commands import Call, Command
from kammerton_sim.wire.errors import ScpiError
from kammerton_sim.wire.scpi import number, string

Wave = NDArray[np.float32]

_POINTS = range(8, 1_000_001)
_FULL_SCALE = 32767
_MOST = 64
_SURPLUS = 9  # parameters beyond the most points, so that too many are told as that


class ArbMemory:
    """Waveforms of -1..1 by channel and name. chose(channel, old, new) is told of a choice."""

    def __init__(self, chose: Callable[[int, str | None, str], None]) -> None:
        self._waves: dict[tuple[int, str], Wave] = {}
        self._chosen: dict[int, str] = {}
        self._chose = chose

    def commands(self) -> dict[str, Command]:
        """Return the commands by header."""
        return {
            "[SOURce#]:DATA:ARBitrary": Command(self._load_volts),
            "[SOURce#]:DATA:ARBitrary:DAC": Command(self._load_codes),
            "[SOURce#]:DATA:VOLatile:CLEar": Command(self._forget),
            "[SOURce#]:DATA:VOLatile:CATalog": Command(ask=self._catalogue),
            "[SOURce#]:FUNCtion:ARBitrary": Command(self._choose, self._ask_chosen),
        }

    def chosen(self, channel: int) -> str | None:
        """Return the name of what a channel plays as its arbitrary waveform."""
        return self._chosen.get(channel)

    def clear(self) -> None:
        """Lose everything."""
        self._waves.clear()
        self._chosen.clear()

    def _load_volts(self, call: Call) -> None:
        name, *texts = call.parts(1, _POINTS.stop + _SURPLUS)
        self._keep(call, name, _samples(call, texts, ">f4"))

    def _load_codes(self, call: Call) -> None:
        name, *texts = call.parts(1, _POINTS.stop + _SURPLUS)
        self._keep(call, name, _samples(call, texts, ">i2") / np.float32(_FULL_SCALE))

    def _keep(self, call: Call, text: str, samples: Wave) -> None:
        name = _name(text)
        if not name.isidentifier() or len(name) > 12:
            raise ScpiError(-224, name[:20])
        if samples.size not in _POINTS:
            raise ScpiError(-223 if samples.size >= _POINTS.stop else -222, f"{samples.size}")
        if not np.isfinite(samples).all() or abs(samples).max() > 1.00005:
            raise ScpiError(-222, "a sample lies outside -1 to 1")
        if len(self._waves) >= _MOST:
            raise ScpiError(-223, "the waveform memory is full")
        self._waves[channel_of(call), name.upper()] = samples

    def _forget(self, call: Call) -> None:
        channel = channel_of(call)
        self._waves = {key: wave for key, wave in self._waves.items() if key[0] != channel}
        self._chosen.pop(channel, None)

    def _catalogue(self, call: Call) -> str:
        names = [f'"{name}"' for channel, name in self._waves if channel == channel_of(call)]
        return ",".join(names) or '""'

    def _choose(self, call: Call) -> None:
        channel, name = channel_of(call), _name(call.parts(1, 1)[0]).upper()
        if (channel, name) not in self._waves:
            raise ScpiError(-224, f"no waveform {name[:20]}")
        old, self._chosen[channel] = self._chosen.get(channel), name
        self._chose(channel, old, name)

    def _ask_chosen(self, call: Call) -> str:
        return f'"{self._chosen.get(channel_of(call), "")}"'


def _name(text: str) -> str:
    """Return the name of a waveform; it may stand without quotes (public scripts for the box)."""
    return string(text) if text[:1] in "\"'" else text


def channel_of(call: Call) -> int:
    """Return the channel that a command names; -114 when there is none."""
    if not 1 <= call.suffixes[0] <= CHANNELS:
        raise ScpiError(-114, f"no channel {call.suffixes[0]}")
    return call.suffixes[0]


def _samples(call: Call, texts: list[str], kind: str) -> Wave:
    """Return the samples of a command: numbers, or a block of `kind`, most significant first."""
    if call.block is None:
        with np.errstate(over="ignore"):  # what is too large is refused with all beyond +-1
            return np.array([number(text) for text in texts]).astype(np.float32)
    if len(call.block) % np.dtype(kind).itemsize:
        raise ScpiError(-161, f"{len(call.block)} bytes")
    return np.frombuffer(call.block, kind).astype(np.float32)
