"""Every trigger of a turn: which readout waveform it meets, and when the qubits are read.

The cable is a delay of whole samples before the record: a matched line without loss or dispersion
does nothing else to an envelope but turn it, which gain and gain_phase of the feedline hold
(Pozar, Microwave Engineering, ch. 2, from memory).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from kammerton_sim.world.feedline import Feedline, Fields
from kammerton_sim.world.propagate import ComplexArray
from kammerton_sim.world.timeline import IntArray, Sound, bursts

Content = tuple[tuple[Hashable, ...], int]

_LONGEST_LEAD = 8192  # samples: 17 field lifetimes of a resonator 1 MHz wide at 1 GS/s


@dataclass(frozen=True, eq=False)
class Exposure:
    """What the digitizer is exposed to in a turn of K triggers and W distinct waveforms.

    triggers (K,): samples of the turn. reads (K,): samples of the turn at which the states are
    taken, where the tone begins (at the trigger if there is none). waveforms (K,): number of
    the waveform. contents (W,): what tells it from others. volts (W,) of (lead + N,) at the
    generator, leads (W,) in samples. hum: V that are always there.
    """

    triggers: IntArray
    reads: IntArray
    waveforms: IntArray
    contents: tuple[Content, ...]
    volts: tuple[ComplexArray, ...]
    leads: tuple[int, ...]
    hum: complex = 0.0


def expose(line: Sound, triggers: IntArray, delay: int, samples: int) -> Exposure:
    """Cut the readout line at its triggers; a record sample shows what left `delay` before."""
    tones = bursts(line.spans, np.empty(0, np.int64), np.iinfo(np.int64).max)
    begins, ends = [a for a, _ in tones], [b for _, b in tones]
    numbers: dict[Content, int] = {}
    volts: list[ComplexArray] = []
    reads, waveforms = triggers.copy(), np.empty_like(triggers)
    for k, trigger in enumerate(triggers.tolist()):
        start, stop = trigger - delay, trigger + samples - delay
        lead = _lead(begins, ends, start)
        content = line.fingerprint(start - lead, stop), lead
        if content not in numbers:
            numbers[content] = len(volts)
            volts.append(line.volts(start - lead, stop))
        waveforms[k] = numbers[content]
        n = bisect_right(ends, trigger)
        if n < len(begins) and begins[n] < stop:
            reads[k] = max(trigger, begins[n])
    leads = tuple(lead for _, lead in numbers)
    return Exposure(triggers, reads, waveforms, tuple(numbers), tuple(volts), leads, line.hum)


def _lead(begins: Sequence[int], ends: Sequence[int], start: int) -> int:
    """Samples by which a tone that already sounds at `start` began before it."""
    n = bisect_right(ends, start)
    if n < len(begins) and begins[n] < start:
        return min(start - begins[n], _LONGEST_LEAD)
    return 0


class FieldCache:
    """Fields of the last play; the next one computes only what is new."""

    def __init__(self) -> None:
        self._setting: object = None
        self._known: dict[Content, int] = {}
        self._fields: Fields | None = None

    def fields(
        self, exposure: Exposure, feedline: Feedline, samples: int, setting: object
    ) -> Fields:
        """Fields of every waveform; `setting` names everything else they depend on."""
        old = self._fields if setting == self._setting else None
        numbers = {content: n for n, content in enumerate(exposure.contents)}
        if old is None or numbers != self._known:
            fields = feedline.room(len(numbers), samples)
            for content, n in numbers.items():
                if old is not None and content in self._known:
                    fields.ground[n] = old.ground[self._known[content]]
                    fields.change[n] = old.change[self._known[content]]
                    fields.hazards[n:][:1] = old.hazards[self._known[content] :][:1]
                else:
                    feedline.fill(fields, n, exposure.volts[n], exposure.leads[n])
                    if exposure.hum:
                        feedline.hum(fields, n, exposure.hum)
            self._setting, self._known, self._fields = setting, numbers, fields
            old = fields
        return old
