"""What the gate has set and switched on: what generators and sources must read back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from kammerton.model.roles import State

Channels = dict[str, frozenset[int]]

NONE = frozenset[int]()


@dataclass
class Commanded:
    """Channels and carriers by instrument; the one output of a source is its channel 1.

    on: what is on. switched: what was on at some time. unsure: what was broken off while it went
    on. carriers: what sources were tuned to, in Hz and dBm, since they were last switched off.
    left: as a source was last tuned, on or off. adrift: whose tuning was broken off: it may be
    anywhere on the way. loaded: what generators were given last, in words. driving: the
    qubits that it puts anything on. running: generators that were started, and have neither stopped
    nor read back as off since.
    """

    on: Channels = field(default_factory=dict)
    switched: Channels = field(default_factory=dict)
    unsure: Channels = field(default_factory=dict)
    carriers: dict[str, tuple[float, float]] = field(default_factory=dict)
    left: dict[str, tuple[float, float]] = field(default_factory=dict)
    adrift: set[str] = field(default_factory=set)
    loaded: dict[str, str] = field(default_factory=dict)
    driving: dict[str, tuple[str, ...]] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)

    def driven(self, *generators: str) -> tuple[str, ...]:
        """Return the qubits that the playlists of these generators put anything on."""
        return tuple(qubit for name in generators for qubit in self.driving.get(name, ()))

    def stopped(self, generators: Iterable[str]) -> list[str]:
        """Take note that generators stopped; return those that had been started."""
        started = [name for name in generators if name in self.running]
        self.running.difference_update(started)
        return started

    def may_be_on(self) -> set[str]:
        """Return what is on, and what was broken off while it went on."""
        return {*self.on, *self.unsure}

    def all_off(self) -> None:
        """Take note that everything is switched off; what sources are tuned to is set anew."""
        for known in (self.on, self.unsure, self.carriers):
            known.clear()

    def off(self, name: str) -> None:
        """Take note that one instrument is switched off."""
        for known in (self.on, self.unsure, self.carriers):
            known.pop(name, None)

    def retuning(self, source: str) -> None:
        """Take note that a source is being tuned: until it is, it may be anywhere."""
        self.set_up_anew(source)
        self.adrift.add(source)

    def tuned(self, source: str, hz: float, dbm: float) -> None:
        """Take note of what a source reads back."""
        self.carriers[source] = self.left[source] = hz, dbm
        self.adrift.discard(source)

    def set_up_anew(self, source: str) -> None:
        """Take note that an instrument is as it reads after its setup, wherever that is."""
        self.carriers.pop(source, None)
        self.loaded.pop(source, None)
        self.left.pop(source, None)
        self.adrift.discard(source)

    @contextmanager
    def switching_on(self, name: str, channels: frozenset[int]) -> Iterator[None]:
        """Take note of what goes on meanwhile; what switches it off has the last word."""
        self.on[name] = self.on.get(name, NONE) | channels
        try:
            yield
        except BaseException:
            if left := self.on.pop(name, NONE) - channels:
                self.on[name] = left
            self.unsure[name] = self.unsure.get(name, NONE) | channels
            raise
        self.switched[name] = self.switched.get(name, NONE) | channels
        if left := self.unsure.pop(name, NONE) - channels:
            self.unsure[name] = left

    def state_of_source(self, name: str) -> State:
        """Return what a source must read back; of a doubtful output nothing is expected."""
        left = dict(zip(("frequency", "power"), self.left.get(name, ()), strict=False))
        return left if self.unsure.get(name) else {**left, "on": bool(self.on.get(name))}

    def state_of_generator(self, name: str) -> State:
        """Return which channels must be on, of those that were on at some time."""
        on = self.on.get(name, NONE)
        channels = (self.switched.get(name, NONE) | on) - self.unsure.get(name, NONE)
        return {f"on.{channel}": channel in on for channel in sorted(channels)}

    def doubtful(self, name: str) -> frozenset[str]:
        """Return the settings of an instrument of which nothing is expected."""
        channels = self.unsure.get(name, NONE)
        carrier = ("frequency", "power") if name in self.adrift else ()
        return frozenset((*carrier, *(key for n in channels for key in ("on", f"on.{n}"))))
