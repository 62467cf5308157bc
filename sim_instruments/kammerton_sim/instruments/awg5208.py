"""Tektronix AWG5208: eight channels, sequences, markers, triggers (AWG5200 programmer manual)."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from kammerton_sim.evidence.ledger import Ledger
from kammerton_sim.instruments.awg5208_settings import BITS, CHANNELS, FGEN, SETTINGS
from kammerton_sim.instruments.awg_memory import AwgMemory
from kammerton_sim.instruments.sequence import extremes
from kammerton_sim.signals import ChannelId, ChannelOutput, Segment, Wave
from kammerton_sim.wire.commands import Call, Command
from kammerton_sim.wire.errors import ScpiError
from kammerton_sim.wire.instrument import ScpiInstrument
from kammerton_sim.wire.scpi import integer, string
from kammerton_sim.wire.settings import Value


class RunState(StrEnum):
    """What AWGControl:RSTate? answers."""

    STOPPED = "0"
    WAITING = "1"
    RUNNING = "2"


class Awg5208(ScpiInstrument):
    """One box. `on_state(box, before)` is called after every change of its run state.

    Not simulated: the function generator (RUN refuses), event jumps, DC offsets, output paths.
    """

    identity = "TEKTRONIX,AWG5208,B050{serial:03d},FV:7.2.0.204 SCPI:99.0"
    options = "25,DC,SEQ"

    def __init__(
        self,
        name: str,
        ledger: Ledger,
        serial: int = 1,
        on_state: Callable[[Awg5208, RunState], None] = lambda box, before: None,
    ) -> None:
        self.memory = AwgMemory(self._touched)
        super().__init__(name, ledger, SETTINGS, {**self.memory.commands(), **self._control()})
        self.identity = self.identity.format(serial=serial)
        self.state, self.revision = RunState.STOPPED, 0
        self._on_state = on_state
        self.turned: Callable[[Awg5208], None] = lambda box: None
        """Called when levels or relays change while it runs."""
        self._astray = 0.0
        self._assets: dict[int, tuple[str, int]] = {}
        """Channel -> (sequence, track), or (waveform, 0)."""
        self._noted: dict[tuple[int, str], float] = {}
        self._extremes: WeakKeyDictionary[Wave, tuple[float, float]] = WeakKeyDictionary()

    def outputs(self) -> dict[ChannelId, ChannelOutput]:
        """Return what every channel puts out now; a box that does not run is silent."""
        with self.lock:
            return {(self.name, c): self._output(c) for c in range(1, CHANNELS + 1)}

    def levels(self) -> dict[str, dict[str, Any] | None]:
        """Return what each channel can put out by name ("awg1.3"); None where it is off."""
        run = self.state.name.lower()
        return {
            f"{self.name}.{c}": {
                "amplitude": self.value("amplitude", c), "run": run,
                "peak": max(map(abs, self._reach(c))),
            } if self.is_on(c) else None
            for c in range(1, CHANNELS + 1)
        }  # fmt: skip

    @property
    def locked(self) -> bool:
        """Whether its clock is that of the 10 MHz reference which all boxes share."""
        return self.referenced and not self._astray

    @property
    def referenced(self) -> bool:
        """Whether it is set to the 10 MHz reference that all boxes share."""
        return self.value("clock_source") == "EFIX"

    def lose_reference(self, astray: float) -> None:
        """Pull the reference's cable, 0: plug it in; a box that needs it counts on its own."""
        with self.lock:
            self._astray = astray
            self._miss_reference()

    def _miss_reference(self) -> None:
        if self._astray and self.referenced:
            self.fail(ScpiError(-300, "the external reference is missing"))

    def is_on(self, channel: int) -> bool:
        """Return whether the relay of a channel is closed."""
        return bool(self.value("on", channel)) and not self.value("all_off")

    def marker_rose(self, channel: int, marker: int, before: RunState) -> bool:
        """Return whether a marker went up as the box went from `before` to its present state.

        Looked at: the level while waiting, and the first waveform that is played. Each marker
        takes a bit of the converter: with 16 bits of resolution there is none.
        """
        if not self.is_on(channel) or int(self.value("resolution", channel)) > BITS - marker:
            return False
        start = self._waiting_level(channel, marker) if before is RunState.WAITING else 0
        if self.state is RunState.WAITING:
            return self._waiting_level(channel, marker) > 0
        samples = self._first_marker(channel, marker)
        return self.state is RunState.RUNNING and bool((np.diff(samples, prepend=start) > 0).any())

    def trigger(self, which: str) -> None:
        """Give trigger "A", "B" or "I"; only a box that waits for it starts."""
        with self.lock:
            if self.state is RunState.WAITING and which in self._awaited():
                self._go(RunState.RUNNING)

    def stop(self) -> None:
        """Stop playing; outputs stay on, at rest."""
        self._go(RunState.STOPPED)

    def reset(self) -> None:
        """Stop, power-on settings, nothing assigned; lists and disk stay."""
        self.stop()
        super().reset()
        for channel in list(self._assets):
            self._assign(channel, None)

    def power_on(self) -> dict[tuple[str, str, str], Value]:
        """Return what shapes the outputs at power-on; nothing plays."""
        return super().power_on() | {(self.name, "all", "run"): RunState.STOPPED.name.lower()}

    def power_cycle(self) -> None:
        """Settings and lists of power-on; the disk stays."""
        with self.lock:
            super().power_cycle()
            self.memory.forget()

    def changed(self, key: str, suffixes: tuple[int, ...]) -> None:
        """Note new peak voltages, and tell who listens, as a level changes during a play."""
        if key in ("amplitude", "offset"):
            self._touched()
        if key == "clock_source":
            self._miss_reference()
        if key in ("amplitude", "on", "all_off") and self.state is RunState.RUNNING:
            self.turned(self)

    def _control(self) -> dict[str, Command]:
        return {
            "AWGControl:RUN[:IMMediate]": Command(lambda _: self._run()),
            "AWGControl:STOP[:IMMediate]": Command(lambda _: self.stop(), harmless=True),
            "AWGControl:RSTate": Command(ask=lambda _: self.state.value),
            "TRIGger[:SEQuence][:IMMediate]": Command(self._trigger),
            "*TRG": Command(self._trigger),
            "[SOURce#]:CASSet": Command(ask=self._asset),
            "[SOURce#]:CASSet:SEQuence": Command(self._assign_sequence),
            "[SOURce#]:CASSet:WAVeform": Command(self._assign_waveform),
            "[SOURce#]:CASSet:CLEar": Command(lambda c: self._assign(self._channel(c), None)),
            f"{FGEN}:PERiod": Command(ask=self._period),
        }

    def _channel(self, call: Call) -> int:
        if not 1 <= call.suffixes[0] <= CHANNELS:
            raise ScpiError(-114, f"no channel {call.suffixes[0]}")
        return call.suffixes[0]

    def _period(self, call: Call) -> str:
        return f"{1 / float(self.value('fgen_frequency', self._channel(call))):.10G}"

    def _asset(self, call: Call) -> str:
        name, track = self._assets.get(self._channel(call), ("", 0))
        return f'"{name},{track}"' if track else f'"{name}"'

    def _assign_sequence(self, call: Call) -> None:
        text, track = call.parts(2, 2)
        sequence = self.memory.library.sequences.get(string(text))
        if sequence is None:
            raise ScpiError(-224, f"no sequence {text}")
        if not 1 <= integer(track) <= sequence.tracks:
            raise ScpiError(-222, f"{text} has {sequence.tracks} tracks")
        self._assign(self._channel(call), (sequence.name, integer(track)))

    def _assign_waveform(self, call: Call) -> None:
        name = string(call.parts(1, 1)[0])
        if name not in self.memory.library.waves:
            raise ScpiError(-224, f"no waveform {name}")
        self._assign(self._channel(call), (name, 0))

    def _assign(self, channel: int, asset: tuple[str, int] | None) -> None:
        old = self._assets.pop(channel, None)
        if asset is not None:
            self._assets[channel] = asset
        if old != asset:
            self.ledger.record(self.name, str(channel), "waveform", _shown(old), _shown(asset))
        self._touched()

    def _trigger(self, call: Call) -> None:
        word = (call.parts(0, 1) or ["ATR"])[0].upper()
        which = {"ATR": "A", "ATRIGGER": "A", "BTR": "B", "BTRIGGER": "B"}.get(word)
        if which is None:
            raise ScpiError(-224, word)
        self.trigger(which)

    def _run(self) -> None:
        if self.value("mode") == "FGEN":
            raise ScpiError(-221, "the function generator is not simulated")
        if not self._assets:
            raise ScpiError(-200, "no waveform or sequence is assigned to a channel")
        for name in {name for name, track in self._assets.values() if track}:
            self.memory.library.check(name)
        self._go(RunState.WAITING if self._awaited() else RunState.RUNNING)

    def _awaited(self) -> set[str]:
        names = {name for name, track in self._assets.values() if track}
        return {w for name in names if (w := self.memory.library.first_step(name).wait)}

    def _go(self, state: RunState) -> None:
        if state is self.state:
            return
        before, self.state = self.state, state
        self._note_peaks()
        self.ledger.record(self.name, "all", "run", before.name.lower(), state.name.lower())
        self._on_state(self, before)

    def _touched(self) -> None:
        self.revision += 1
        if self.state is not RunState.STOPPED:
            self._note_peaks()

    def _note_peaks(self) -> None:
        """Write the voltages between which each channel can play into the ledger, as they change.

        The ends beside the peak: limits may allow more on one side of zero than on the other.
        """
        for channel in range(1, CHANNELS + 1):
            low, high = self._reach(channel)
            for what, new in (("low", low), ("high", high), ("peak", max(abs(low), abs(high)))):
                old = self._noted.get((channel, what), 0.0)
                if new != old:
                    self._noted[channel, what] = new
                    self.ledger.record(self.name, str(channel), what, old, new)

    def _reach(self, channel: int) -> tuple[float, float]:
        """Return lowest and highest V of what is assigned, with the offset; 0 of nothing."""
        if channel not in self._assets:
            return 0.0, 0.0
        name, track = self._assets[channel]
        library = self.memory.library
        names = library.heard(name, track) if track else {name}
        low, high = extremes(library.waves, names, self._extremes)
        half = float(self.value("amplitude", channel)) / 2
        offset = float(self.value("offset", channel))
        return offset + low * half, offset + high * half

    def _assigned(self, channel: int) -> tuple[tuple[Segment, ...], tuple[Segment, ...]]:
        name, track = self._assets.get(channel, ("", 0))
        if track:
            return self.memory.library.playing(name, track)
        wave = self.memory.library.waves.get(name)
        return (), (Segment(wave),) if wave is not None else ()

    def _waiting_level(self, channel: int, marker: int) -> int:
        held = self.value("waiting_marker", channel, marker)
        if held == "FIRST":
            samples = self._first_marker(channel, marker)
            return int(samples[0]) if samples.size else 0
        return int(held == "HIGH")

    def _first_marker(self, channel: int, marker: int) -> NDArray[np.int8]:
        """Return a marker of the waveform that is played first, as 0 and 1."""
        prologue, loop = self._assigned(channel)
        first = next(iter(prologue + loop), None)
        if first is None or first.wave.markers is None:
            return np.zeros(0, np.int8)
        return (first.wave.markers >> (marker - 1) & 1).astype(np.int8)

    def _output(self, channel: int) -> ChannelOutput:
        prologue, loop = self._assigned(channel) if self.state is RunState.RUNNING else ((), ())
        return ChannelOutput(
            prologue,
            loop,
            float(self.value("amplitude", channel)),
            int(self.value("resolution", channel)),
            self.is_on(channel),
            float(self.value("clock_rate")),
        )


def _shown(asset: tuple[str, int] | None) -> str | None:
    return None if asset is None else f"{asset[0]},{asset[1]}" if asset[1] else asset[0]
