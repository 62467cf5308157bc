"""The waveform list of a simulated AWG5208: WLISt commands."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton_sim.instruments.seqx import make_wave
from kammerton_sim.signals import Wave
from kammerton_sim.wire.commands import Call, Command
from kammerton_sim.wire.errors import ScpiError
from kammerton_sim.wire.scpi import block_of, integer, string

SHORTEST, LONGEST, GRANULARITY = 2400, 1_000_000_000, 1
MEMORY = 1 << 26
"""Samples in all: 256 MiB; the box has more."""


class WaveformList:
    """Waveforms by name. `touched()` is called after every change."""

    def __init__(self, waves: dict[str, Wave], touched: Callable[[], None]) -> None:
        self._waves, self._touched = waves, touched
        self._stamps: dict[str, int] = {}
        self._room = 0
        """Samples that may surely still come, before all have to be counted again."""
        self._clock = count(1)

    def keep(self, wave: Wave) -> None:
        """Put a waveform into the list, in place of an older one of its name."""
        check_length(wave.samples.size, wave.name)
        self._check_memory(wave.name, wave.samples.size)
        self._waves[wave.name] = wave
        self._stamps[wave.name] = next(self._clock)

    def _check_memory(self, name: str, size: int) -> None:
        if size > self._room:
            others = (w.samples.size for w in self._waves.values() if w.name != name)
            self._room = MEMORY - sum(others)
        if size > self._room:
            raise ScpiError(-225, name)
        self._room -= size

    def commands(self) -> dict[str, Command]:
        """Return the commands by header."""
        waves = self._waves
        return {
            "WLISt:LIST": Command(ask=lambda _: '"' + ",".join(waves) + '"'),
            "WLISt:SIZE": Command(ask=lambda _: str(len(waves))),
            "WLISt:NAME": Command(ask=lambda c: nth(list(waves), c)),
            "WLISt:WAVeform:NEW": Command(self._new_wave),
            "WLISt:WAVeform:DELete": Command(self._delete_wave),
            "WLISt:WAVeform:LENGth": Command(ask=lambda c: str(self._wave(c).samples.size)),
            "WLISt:WAVeform:DATA": Command(self._write_samples, self._read_samples),
            "WLISt:WAVeform:MARKer:DATA": Command(self._write_markers, self._read_markers),
            "WLISt:WAVeform:TSTamp": Command(ask=self._stamp),
            "WLISt:WAVeform:LMINimum": Command(ask=lambda _: str(SHORTEST)),
            "WLISt:WAVeform:LMAXimum": Command(ask=lambda _: str(LONGEST)),
            "WLISt:WAVeform:GRANularity": Command(ask=lambda _: str(GRANULARITY)),
        }

    def _wave(self, call: Call) -> Wave:
        name = string(call.parts(1, 3)[0])
        if name not in self._waves:
            raise ScpiError(-224, f"no waveform {name}")
        return self._waves[name]

    def _new_wave(self, call: Call) -> None:
        text, size, *_ = call.parts(2, 3)
        check_length(integer(size), text)
        self._check_memory(string(text), integer(size))
        self.keep(Wave(string(text), np.zeros(integer(size), np.float32)))
        self._touched()

    def _delete_wave(self, call: Call) -> None:
        (text,) = call.parts(1, 1)
        if text.upper() == "ALL":
            self._waves.clear()
        else:
            del self._waves[self._wave(call).name]
        self._touched()

    def _span(self, call: Call, wave: Wave, most: int) -> tuple[int, int]:
        """Return first sample and count: start and size may be left out."""
        numbers = [integer(text) for text in call.parts(1, 3)[1:]]
        start = numbers[0] if numbers else 0
        size = min(most, numbers[1]) if len(numbers) > 1 else most
        if start < 0 or size < 0 or start + size > wave.samples.size:
            raise ScpiError(-222, f"{wave.name} has {wave.samples.size} samples")
        return start, size

    def _write_samples(self, call: Call) -> None:
        wave = self._wave(call)
        values = _array(call, "<f4")
        start, size = self._span(call, wave, values.size)
        samples = wave.samples.copy()
        samples[start : start + size] = values[:size]
        self.keep(make_wave(wave.name, samples, wave.markers))
        self._touched()

    def _read_samples(self, call: Call) -> bytes:
        wave = self._wave(call)
        start, size = self._span(call, wave, wave.samples.size - _start(call))
        return block_of(wave.samples[start : start + size].astype("<f4").tobytes())

    def _write_markers(self, call: Call) -> None:
        """Bit 7 is marker 1 ... bit 4 is marker 4: the opposite end of a WFMX file's byte."""
        wave = self._wave(call)
        values = _array(call, "u1")
        start, size = self._span(call, wave, values.size)
        old = np.zeros(wave.samples.size, np.uint8) if wave.markers is None else wave.markers
        markers = old.copy()
        markers[start : start + size] = _mirrored(values[:size])
        self.keep(Wave(wave.name, wave.samples, markers))
        self._touched()

    def _read_markers(self, call: Call) -> bytes:
        wave = self._wave(call)
        start, size = self._span(call, wave, wave.samples.size - _start(call))
        markers = np.zeros(wave.samples.size, np.uint8) if wave.markers is None else wave.markers
        return block_of(_mirrored(markers[start : start + size]).tobytes())

    def _stamp(self, call: Call) -> str:
        return f'"{self._stamps[self._wave(call).name]:08d}"'


def check_length(size: int, name: str) -> None:
    """Refuse lengths that the box cannot play."""
    if not SHORTEST <= size <= LONGEST:
        raise ScpiError(-222, f"{name}: {size} samples; {SHORTEST} to {LONGEST} are possible")


def nth(names: list[str], call: Call) -> str:
    """Return the quoted name of a numbered entry of a list."""
    number = integer(call.parts(1, 1)[0])
    if not 1 <= number <= len(names):
        raise ScpiError(-222, str(number))
    return f'"{names[number - 1]}"'


def _start(call: Call) -> int:
    numbers = call.parts(1, 3)[1:]
    return integer(numbers[0]) if numbers else 0


def _array(call: Call, dtype: str) -> NDArray[Any]:
    if call.block is None:
        raise ScpiError(-109, "a block of data")
    if len(call.block) % np.dtype(dtype).itemsize:
        raise ScpiError(-161, "not a whole number of samples")
    return np.frombuffer(call.block, dtype)


def _mirrored(
    markers: NDArray[np.uint8],
) -> NDArray[np.uint8]:
    """Exchange bits 7..4 with bits 0..3, end for end."""
    bits = np.unpackbits(markers.astype(np.uint8), bitorder="big").reshape(-1, 8)
    return np.packbits(bits, axis=1, bitorder="little").ravel()
