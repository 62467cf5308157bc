"""Broken traces: what goes wrong in a laboratory, made from any truth, and what is right then.

A class is a `Broken`: a seeded generator, the verdicts that are right, and why. Accepting is wrong
only if a value lies further from the truth than its error bars say (or if there is no truth):
`score.py` counts "accepted" and "accepted and wrong" apart. A verdict is right where it is one of
`right`, and no wrong value is accepted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from tests.catalogue import damage, nothing, peaks
from tests.catalogue.truth import Traces, Truth

ACCEPTED, INSUFFICIENT, REJECTED = "accepted", "insufficient", "rejected"
ANY = (ACCEPTED, INSUFFICIENT, REJECTED)
REFUSE = (INSUFFICIENT, REJECTED)

FAINT = ("signal too weak", "no signal", "error too large")
NARROW = ("range too narrow", "line at the edge", *FAINT)
COARSE = ("window too long", "sampling too coarse", "stray point", *FAINT)
"""What a refusal may say of a window badly chosen: that, or that not enough is seen in it."""


@dataclass(frozen=True)
class Broken:
    """A class of broken traces.

    make: (truth, rng, n) -> traces, or None where the class has no meaning for that truth.
    right: the verdicts a physicist would give; status: words of a refusal, if only some are right;
    why: in a sentence. never: not one of 10,000 may be accepted, if sigma is given. other_law: the
    trace follows another law, or the right one with other values: that shows only if it is unlike
    what was fitted by more than the noise. undecidable: nothing of the data can show it; why says
    what would.
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
        ("no signal", "stuck data"),
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
        "clipped", damage.clipped, ANY,
        "points beyond the digitizer's range are cut to it: the law is another; where that does "
        "not show, the value is within its bars", other_law=True,
    ),
    Broken(
        "saturated", damage.saturated, ANY,
        "the amplifier compresses large signals: a smooth other law, and often one that other "
        "values of the right one imitate", other_law=True,
    ),
    Broken(
        "aliased", damage.aliased, ANY,
        "faster than half the sampling: on an even axis it is the same trace as a slow one; "
        "only uneven delays, or another sweep, can show it", other_law=True,
    ),
    Broken(
        "aliased, uneven axis", damage.aliased_unevenly, ANY,
        "faster than half the sampling, but the points are not evenly spaced: the slow answer "
        "does not fit",
    ),
    Broken(
        "window too short", damage.short, ANY,
        "too little of the law is in the window to tell its parameters, or even that it is there; "
        "accept what is told all the same", NARROW,
    ),
    Broken(
        "window too long", damage.long, ANY,
        "all is over within a point or two, which may not be told from a stray point or from "
        "nothing", COARSE,
    ),
    Broken(
        "wrong peak", peaks.wrong_peak, ANY,
        "a clean line of something else in the window, and not the expected one: only what is "
        "expected can show it", other_law=True,
    ),
    Broken(
        "wrong peak, expected given", peaks.wrong_peak_expected, (REJECTED,),
        "a clean line of something else, six times farther from where one is expected than the "
        "belief allows", ("wrong peak",),
    ),
    Broken(
        "neighbour's peak below", peaks.neighbour_below, ANY,
        "crosstalk shows a weaker line below the right one; accept the right one", other_law=True,
    ),
    Broken(
        "neighbour's peak above", peaks.neighbour_above, ANY,
        "crosstalk shows a weaker line above the right one: it looks like f01 above a strong "
        "two-photon line; only what is expected can tell", other_law=True,
    ),
    Broken(
        "neighbour's peak above, expected given", peaks.neighbour_expected, ANY,
        "the same two lines, and it is known where the right one is: accept that, or none",
        other_law=True,
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
        "the parameter moves while it is measured; a value within its range is honest. What is "
        "swept in step with it is stretched by it, as are two traces one after the other: only "
        "turns that visit all points can show it",
        other_law=True,
    ),
    Broken(
        "CW tone", peaks.cw_tone, ANY,
        "a generator's spur at one frequency: a spike beside a good line, too narrow to be a line",
    ),
    Broken(
        "spur", damage.spur, ANY,
        "a hum in y under a good signal", other_law=True,
    ),
)  # fmt: skip
