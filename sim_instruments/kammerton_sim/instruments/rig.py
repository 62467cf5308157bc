"""The rig: who plays, since when, and what the world makes of it. Cables, not instruments."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kammerton_sim.evidence.ledger import Ledger
from kammerton_sim.instruments.awg5208 import Awg5208, RunState
from kammerton_sim.instruments.k33522b import Keysight33522b
from kammerton_sim.instruments.k33522b_settings import CHANNELS
from kammerton_sim.instruments.pulse_train import pulse_train
from kammerton_sim.instruments.sgs100a import Sgs100a
from kammerton_sim.signals import Carrier, ChannelId, ChannelOutput

Codes = NDArray[np.uint16]

_STALE = 10.0
"""s of the laboratory's clock after which a chip that has wandered is played to anew."""


class Playback(Protocol):
    """What the world returns for a set of outputs: records by number, from the first trigger."""

    @property
    def triggers(self) -> int:
        """Triggers of the digitizer in one turn of the loop."""

    @property
    def turn_seconds(self) -> float:
        """Time of one turn in s."""

    def records(self, first: int, a: Codes, b: Codes) -> None:
        """Fill channel A and B (R, samples) with records first, first + 1, ..."""

    def states_of(self, first: int, count: int) -> NDArray[np.uint8]:
        """Return the levels of the qubits as those readouts begin: (count, qubits)."""


class World(Protocol):
    """The physics behind the cables."""

    def play(
        self,
        outputs: Mapping[ChannelId, ChannelOutput],
        carriers: Mapping[str, Carrier],
        samples: int,
        feedline: int = 0,
    ) -> Playback:
        """Return what the digitizer of a feedline will see, in records of so many samples."""


class Rig:
    """Generators and sources, wired to the world.

    Boxes that the same go marker started are in step, as long as all run on the 10 MHz reference.
    A box that started by itself, or that counts on its own clock, is not: its loop is turned by an
    arbitrary number of steps against the box that triggers the digitizer.

    go: (generator, channel, marker) that gives trigger A to the other generators.
    triggers: of each feedline the (generator, channel, marker) that triggers its digitizer.
    """

    def __init__(
        self,
        world: World,
        ledger: Ledger,
        sources: Mapping[str, Sgs100a],
        go: tuple[str, int, int],
        triggers: Sequence[tuple[str, int, int]],
        seed: int = 0,
    ) -> None:
        self.world, self.ledger, self._sources = world, ledger, sources
        self._go = go
        self.taps = [Tap(self, n, box) for n, (box, _, _) in enumerate(triggers)]
        self.generators: Mapping[str, Awg5208] = {}
        self.bias: Mapping[str, float] = {}
        """V of every static bias source, as it is when it is looked up."""
        self.pulsers: Mapping[str, tuple[Keysight33522b, tuple[str, int, int]]] = {}
        """Pulse generators, and the marker at the trigger input of each."""
        self.news = threading.Condition()
        self.events = 0
        self._phases, self._slips = random.Random(seed), random.Random(seed + 1)
        self._start: dict[str, float] = {}
        """Which start a box belongs to: equal numbers in 0..1 are boxes in step."""
        self._slipped: dict[str, float] = {}
        """Where a box that is not locked to the others has slipped to since its start."""
        self._playing: tuple[object, dict[str, dict[ChannelId, ChannelOutput]]] = None, {}
        self._looking = threading.Lock()
        self._passing_on = 0, 0.0
        """The thread that passes the go marker on at the moment, and the start it belongs to."""

    def connect(self, generators: Mapping[str, Awg5208]) -> None:
        """Plug the generators in."""
        self.generators = generators

    def state_changed(self, box: Awg5208, before: RunState) -> None:
        """A generator started or stopped: pass the go marker on, wake whoever waits."""
        thread, phase = self._passing_on
        passed_on = thread == threading.get_ident()
        if box.state is RunState.RUNNING:
            self._start[box.name] = phase if passed_on else self._phases.random()
            self._slipped[box.name] = self._slips.random()
        name, channel, marker = self._go
        if box.name == name and box.marker_rose(channel, marker, before):
            self._pass_on(box)
        if passed_on:
            return  # whoever waits is woken when all have started
        with self.news:
            self.events += 1
            self.news.notify_all()

    def _pass_on(self, master: Awg5208) -> None:
        self._passing_on = threading.get_ident(), self._start.get(master.name, 0.0)
        try:
            for other in self.generators.values():
                if other is not master:
                    other.trigger("A")
        finally:
            self._passing_on = 0, 0.0

    @property
    def playing(self) -> bool:
        """Whether a generator that triggers a digitizer runs."""
        return any(tap.playing for tap in self.taps)

    def setting(self) -> object:
        """Return what changes whenever an output does."""
        revisions = tuple(box.revision for box in self.generators.values())
        steady = tuple(self._start.items()), tuple(self.bias.items())
        return self.ledger.version, revisions, steady

    def outputs(self, trigger: str) -> dict[ChannelId, ChannelOutput]:
        """Return what plays, as seen from the generator that triggers a digitizer."""
        reference = self._start.get(trigger, 0.0)
        playing = {
            channel: _turned(output, self._apart(name, trigger, reference))
            for name, outputs in self._played().items()
            for channel, output in outputs.items()
        }
        return playing | dict(self._pulses(playing))

    def _apart(self, name: str, trigger: str, reference: float) -> float:
        """How far a box is out of step with the one that triggers; 0 in step."""
        apart = self._start.get(name, reference) - reference
        locked = all(self.generators[box].locked for box in (name, trigger))
        return apart if apart or locked or name == trigger else self._slipped[name]

    def _pulses(
        self, playing: Mapping[ChannelId, ChannelOutput]
    ) -> Iterator[tuple[ChannelId, ChannelOutput]]:
        for name, (box, (clock, channel, marker)) in self.pulsers.items():
            for number in range(1, CHANNELS + 1):
                if (pulse := box.pulse(number)) is not None:
                    yield (name, number), pulse_train(playing[clock, channel], marker, pulse)

    def _played(self) -> dict[str, dict[ChannelId, ChannelOutput]]:
        """What every generator plays, looked up once for all digitizers."""
        with self._looking:
            setting = self.setting()
            if self._playing[0] != setting:
                boxes = self.generators.items()
                self._playing = setting, {name: box.outputs() for name, box in boxes}
            return self._playing[1]

    def carriers(self) -> dict[str, Carrier]:
        """Return every source as it is."""
        return {name: source.carrier for name, source in self._sources.items()}


class Tap:
    """The rig as the digitizer of one feedline meets it."""

    def __init__(self, rig: Rig, feedline: int, trigger: str) -> None:
        self._rig, self._feedline, self._trigger = rig, feedline, trigger
        self._computing = threading.Lock()
        self._known: tuple[object, Playback] | None = None
        self._since = 0.0

    @property
    def playing(self) -> bool:
        """Whether the generator that triggers this digitizer runs."""
        return self._rig.generators[self._trigger].state is RunState.RUNNING

    def playback(self, samples: int) -> Playback:
        """Return what plays now; computed again only when an output has changed."""
        rig = self._rig
        with self._computing:
            key = samples, rig.setting()
            if self._known is None or self._known[0] != key:
                outputs, carriers = rig.outputs(self._trigger), rig.carriers()
                self._since = rig.ledger.now()
                self._known = key, rig.world.play(outputs, carriers, samples, self._feedline)
            return self._known[1]

    def wait(self, samples: int, timeout: float) -> Playback | None:
        """Return what plays as soon as it triggers the digitizer; None after `timeout` s."""
        rig, deadline = self._rig, time.monotonic() + timeout
        with self._computing:
            if rig.ledger.now() - self._since > _STALE:
                self._known = None
        while True:
            with rig.news:
                seen = rig.events
            if self.playing and (playback := self.playback(samples)).triggers:
                return playback
            with rig.news:
                left = deadline - time.monotonic()
                if left <= 0 or not rig.news.wait_for(lambda: rig.events != seen, left):  # noqa: B023
                    return None


def _turned(output: ChannelOutput, phase: float) -> ChannelOutput:
    """Return an output whose loop begins at another step; phase 0 is in step."""
    if not phase or len(output.loop) < 2:
        return output
    steps = 1 + int(abs(phase) * (len(output.loop) - 1))
    return replace(output, loop=output.loop[steps:] + output.loop[:steps])
