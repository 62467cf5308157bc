"""Broken traces: what goes wrong in a laboratory, made from any truth, and what is right then.

A class is a `Broken`: a seeded generator, the verdicts that are right, and why. Accepting is wrong
only if a value lies further from the truth than its error bars say (or if there is no truth):
`score.py` counts "accepted" and "accepted and wrong" apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from tests.catalogue import damage, nothing
from tests.catalogue.truth import Traces, Truth

ACCEPTED, INSUFFICIENT, REJECTED = "accepted", "insufficient", "rejected"
ANY = (ACCEPTED, INSUFFICIENT, REJECTED)
REFUSE = (INSUFFICIENT, REJECTED)


@dataclass(frozen=True)
class Broken:
    """A class of broken traces.

    make: (truth, rng, n) -> traces, or None where the class has no meaning for that truth.
    right: the verdicts a physicist would give; status: words, if only some are right; why: in a
    sentence. never: not one of 10,000 may be accepted, if sigma is given. other_law: the trace
    follows another law, which shows only if it is unlike the right one by more than the noise;
    the goal is for those. undecidable: a trace alone cannot show it, so there is no goal; why
    says what would show it.
    """

    name: str
    make: Callable[[Truth, np.random.Generator, int], Traces | None]
    right: tuple[str, ...]
    why: str
    status: tuple[str, ...] = ()
    never: bool = False
    other_law: bool = False
    undecidable: bool = False

    def traces(self, truth: Truth, seed: int, n: int) -> Traces | None:
        """Return n traces, the same for the same seed; None where the class has no meaning."""
        silent = truth.strength in truth.draw(np.random.default_rng(0), 1)
        if not silent and self.make not in damage.OF_ANY_LAW:
            return None
        name = crc32(f"{truth.name}/{self.name}".encode())
        return self.make(truth, np.random.default_rng([seed, name]), n)


BROKEN: tuple[Broken, ...] = (
    Broken("good", damage.good, (ACCEPTED,), "nothing is wrong, and the information suffices"),
    Broken(
        "flat noise", nothing.flat, (REJECTED,), "there is no signal to measure",
        ("no signal",), never=True,
    ),
    Broken(
        "line", nothing.line, REFUSE,
        "a drifting background; a law that fits it is seen over too little of its range",
        never=True,
    ),
    Broken(
        "random walk and noise", nothing.walk, (REJECTED,),
        "1/f^2 drift of 10 to 100 times the noise: the residuals of any law are too large",
        never=True,
    ),
    Broken(
        "faint random walk", nothing.faint_walk, REFUSE,
        "drift of 1 to 10 times the noise: its one bump looks exactly like a weak, broad signal; "
        "only a second scan can tell, but few are so clear",
    ),
    Broken(
        "random walk alone", nothing.walk_alone, (REJECTED,),
        "drift with next to no noise: no law follows it within its errors", never=True,
    ),
    Broken(
        "step", nothing.step, (REJECTED,), "something switched once; nothing decays or resonates",
        never=True,
    ),
    Broken(
        "telegraph noise", nothing.telegraph, REFUSE,
        "something switched to another level and back: a defect of two levels", other_law=True,
    ),
    Broken(
        "outlier on nothing", nothing.outlier, REFUSE,
        "one point alone is no signal, however far it stands out",
    ),
    Broken(
        "hum on nothing", nothing.hum, REFUSE,
        "a sinusoid in y that no pulse has made: out of phase with what a pulse would make by 45 "
        "degrees or more, and without decay", other_law=True,
    ),
    Broken(
        "constant", nothing.constant, (REJECTED,), "a channel that is not connected",
        ("no signal",),
    ),
    Broken(
        "held from some point on", damage.held, REFUSE,
        "the digitizer stopped and its last value was written on",
    ),
    Broken(
        "repeated block", damage.repeated, REFUSE,
        "one block of the buffer was read again and again",
    ),
    Broken(
        "one outlier", damage.outlier, ANY,
        "a good trace with one bad point: accept it if the value is still honest",
    ),
    Broken(
        "clipped", damage.clipped, REFUSE,
        "points beyond the digitizer's range are cut to it: the law is another; below visibility "
        "acceptance is honest", other_law=True,
    ),
    Broken(
        "saturated", damage.saturated, ANY,
        "the amplifier compresses large signals: a smooth other law; below visibility acceptance "
        "is honest", other_law=True,
    ),
    Broken(
        "aliased", damage.aliased, ANY,
        "faster than half the sampling: on an even axis it is the same trace as a slow one; "
        "only uneven delays, or another sweep, can show it", undecidable=True,
    ),
    Broken(
        "aliased, uneven axis", damage.aliased_unevenly, ANY,
        "faster than half the sampling, but the points are not evenly spaced: the slow answer "
        "does not fit",
    ),
    Broken(
        "window too short", damage.short, REFUSE,
        "too little of the law is in the window to tell its parameters",
    ),
    Broken(
        "window too long", damage.long, REFUSE,
        "all is over within a point or two: the sampling is too coarse",
    ),
    Broken(
        "wrong peak", damage.wrong_peak, ANY,
        "a clean line of something else in the window, and not the expected one: only what is "
        "expected can show it", undecidable=True,
    ),
    Broken(
        "neighbour's peak below", damage.neighbour_below, ANY,
        "crosstalk shows a weaker line below the right one; accept the right one", other_law=True,
    ),
    Broken(
        "neighbour's peak above", damage.neighbour_above, ANY,
        "crosstalk shows a weaker line above the right one: it looks like f01 above a strong "
        "two-photon line; only what is expected can tell", undecidable=True,
    ),
    Broken(
        "two tones", damage.two_tones, ANY,
        "two frequencies, rates or lines at once; a value between the two is honest",
        other_law=True,
    ),
    Broken(
        "warm chip", damage.warm, (ACCEPTED,),
        "thermal population shrinks or inverts the contrast; the value is still right",
    ),
    Broken(
        "warm chip, readout known", damage.warm_known, ANY,
        "the contrast that the readout calibration promised is not there any more", other_law=True,
    ),
    Broken(
        "dropped shots", damage.dropped, (ACCEPTED,),
        "points with few shots or none; the rest is good",
    ),
    Broken(
        "drift during the scan", damage.drifting, ANY,
        "the parameter moves while it is measured; a value within its range is honest",
        other_law=True,
    ),
    Broken(
        "CW tone", damage.cw_tone, ANY,
        "a generator's spur at one frequency: a spike beside a good line, too narrow to be a line",
    ),
    Broken(
        "spur", damage.spur, ANY,
        "a hum in y under a good signal; below visibility acceptance is honest", other_law=True,
    ),
)  # fmt: skip
