"""Objections to a chevron: what it shows that no exchange of two levels would."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.chevron import (
    AT,
    GAP,
    LEAST_RATE,
    MOST_RATE,
    RATE,
    SLOPE,
    Exchange,
    Image,
)
from kammerton.estimation.maps.chevron_rest import Rest, Score
from kammerton.estimation.maps.chevron_seeds import SEEN, rows
from kammerton.estimation.maps.compressed import compressed
from kammerton.estimation.maps.maps import Maps
from kammerton.estimation.maps.second_exchange import another, drifting
from kammerton.estimation.numeric.derived import Derived
from kammerton.estimation.verdict.findings import percent
from kammerton.estimation.verdict.objection import Objection, insufficient, rejected
from kammerton.model import Advice
from kammerton.model.quantity import show

Array = NDArray[np.float64]

LEAST = 5  # amplitudes that must oscillate
CLEAR = 60.0  # chi-square that the exchange must explain beyond stripes
FASTEST = 0.35  # fringes in a length that are still told from slower ones
SPARSE, SPARSEST = 0.15, 0.4  # returns in a length that leave nothing but noise, and at most
SURPLUS = 3.0  # sigmas of chi-square that they may leave
UNEVEN = 0.1  # structure beside the exchange that passes, in parts of its height
DOUBTED = 0.04  # the same in parts of what the map shows of it, where that is a part only
CHANCE = 5.0  # sigmas of chi-square that are no noise
RELATED = 0.25  # autocorrelation of residuals that is structure, where sigma is not given
BEYOND = 0.25  # by which noise may take a population out of 0 to 1
TOO_HIGH, TOO_LOW = 0.05, 0.01  # that a visibility and a leakage may be off by readout errors
TOO_EARLY = 0.05  # of a return, by which it may seem to begin before its pulse: rounded edges
COMPRESSED = "the exchange is compressed where it is highest: the amplifier saturates"
BEATS = "two levels exchange at another amplitude as well, and both are seen: which one is meant?"
MOVES = "the resonance moves with the length of the pulse: it drifts while the map is measured"


@dataclass(frozen=True, eq=False)
class Found:
    """A chevron, and how it holds.

    gain: chi-square that it explains beyond stripes along both axes. seen: amplitudes that
    oscillate. reduced: chi-square. related: autocorrelation of residuals (along a, along t).
    image: without what was set aside. rest: what is left; squeezed: the compression in it.
    """

    fit: Exchange
    gain: float
    seen: int
    reduced: float
    related: tuple[float, float]
    image: Image
    rest: Rest
    squeezed: Score | None


def objections(
    image: Image, found: Found | None, numbers: Derived, n: int, maps: Maps
) -> Iterator[Objection | None]:
    """Yield what is to be said against map n."""
    if not np.ptp(image.y[image.w > 0]) > 0:
        yield rejected("no signal", "every point has the same value")
    flat = image.w * (image.y - np.average(image.y, weights=image.w**2))
    noisy = float((flat**2).sum()) / max(1, int((image.w > 0).sum()))
    if found is not None and found.seen >= LEAST and _width(found) > 1.0 and found.reduced < 1.3:
        yield insufficient(
            "range too narrow", "the detuning hardly changes over the swept amplitudes",
            Advice(window_times=float(np.clip(2 * _width(found), 2.0, 5.0)), axis=0),
        )  # fmt: skip
    if found is None or found.seen < LEAST or found.gain < CLEAR:
        yield _hardly(image, found)
        if maps.known_noise and noisy > 1.3:
            yield rejected("model does not fit", "the map is not flat, but shows no exchange")
        yield rejected("no signal", "no exchange between two levels stands out of the noise")
        return
    value, error = ({k: float(v[n]) for k, v in each.items()}
                    for each in (numbers.values, numbers.stderr))  # fmt: skip
    yield _too_fast(found, replace(found.image, y=found.image.y - found.fit.curve))
    yield _unlike(image, found)
    if compressed(found.rest, found.squeezed):
        yield rejected("saturated", COMPRESSED)
    yield from _another_law(found)
    yield _impossible(image, found, value, error)
    for each in filter(None, _placed(found, value, maps)):
        yield (_doubted(found) if each.status == "range too narrow" else None) or each
    if not error["coupling"] < 0.1 * value["coupling"]:
        yield _doubted(found)
        yield insufficient(
            "error too large",
            f"the coupling is known only to {percent(value['coupling'], error['coupling'])}",
            Advice(shots_times=4.0),
        )  # fmt: skip


def _another_law(found: Found) -> Iterator[Objection]:
    if drifting(found.rest):
        yield rejected("drift during scan", MOVES)
    if another(found.rest):
        yield rejected("two chevrons", BEATS)


def _width(found: Found) -> float:
    """Return the half width of the resonance, in windows of the amplitude."""
    theta = found.fit.theta
    return float(theta[GAP] / max(abs(theta[SLOPE]), 1e-9))


def _hardly(image: Image, found: Found | None) -> Objection | None:
    """Object where a map shows an exchange that may be one, but not enough of it."""
    if found is None:
        return None
    fast = _too_fast(found, image)
    if fast or found.gain < 0.4 * CLEAR or found.seen < 2 or _doubted(found):
        return fast
    return insufficient("signal too weak", "an exchange hardly stands out of the noise",
                        Advice(shots_times=4.0))  # fmt: skip


def _too_fast(found: Found, left: Image) -> Objection | None:
    """Object where amplitudes show fringes too fast to be told from slow ones in what is left."""
    if found.rest.excess <= 0.0:
        return None
    frequency, gain = rows(left)
    fast = (gain > SEEN) & (frequency > FASTEST * (left.t.shape[1] - 1))
    if np.count_nonzero(fast) < LEAST:
        return None
    return insufficient(
        "sampling too coarse", "fringes are left that take less than three lengths",
        Advice(window_times=0.2, axis=1),
    )  # fmt: skip


def _unlike(image: Image, found: Found) -> Objection | None:
    size = abs(found.fit.c[0]) * float(np.median(image.w[image.w > 0]))
    excess = np.sqrt(max(0.0, found.reduced - 1.0)) / max(size, 1e-9)
    hidden = np.sqrt(max(0.0, *found.related) * found.reduced) / max(size, 1e-9)
    uneven = max(excess, hidden if max(found.related) > RELATED else 0.0)
    return None if uneven < UNEVEN else _left(uneven)


def _doubted(found: Found) -> Objection | None:
    """Object where a part of an exchange leaves what is no noise: walks look like some part."""
    w = found.image.w[found.image.w > 0]
    excess = found.reduced - 1.0 - CHANCE * np.sqrt(2.0 / len(w))
    size = float(np.ptp(found.fit.curve) * np.median(w))
    if excess < (DOUBTED * size) ** 2:
        return None
    return _left(float(np.sqrt(excess)) / max(size, 1e-9))


def _left(uneven: float) -> Objection:
    return rejected("model does not fit", "the map does not follow an exchange of two levels: "
                    f"{100 * uneven:.0f} % of its height is left")  # fmt: skip


def _impossible(
    image: Image, found: Found, value: dict[str, float], error: dict[str, float]
) -> Objection | None:
    """Object to populations that swing by more than 1, and to losses at the end of their range."""
    y = image.y[image.w > 0]
    population = y.min() > -BEYOND and y.max() < 1.0 + BEYOND
    if population and value["visibility"] > 1.0 + TOO_HIGH + 4.0 * error["visibility"]:
        return rejected(
            "model does not fit", f"a population cannot swing by {value['visibility']:.2f}"
        )
    if not LEAST_RATE + 0.01 < found.fit.theta[RATE] < MOST_RATE - 0.01:
        return _doubted(found) or insufficient(
            "window too long", "the exchange is damped away at once, or grows: no leakage is told",
            Advice(window_times=0.3, axis=1),
        )  # fmt: skip
    early = 0.5 / value["coupling"] - value["cz_length"]
    known = np.hypot(error["cz_length"], 0.5 * error["coupling"] / value["coupling"] ** 2)
    if early > 4.0 * known + 0.5 * TOO_EARLY / value["coupling"]:
        return rejected(
            "model does not fit", f"the exchange would begin {show(early, 's')} before its pulse"
        )
    if value["leakage"] < -4.0 * error["leakage"] - TOO_LOW:
        return rejected("model does not fit", "the exchange grows with the length of the pulse")
    return None


def _sparse(found: Found, rate: float) -> Objection | None:
    """Object to returns of few lengths, where fringes are lost, or taken for slower ones."""
    chance = SURPLUS * np.sqrt(2.0 / np.count_nonzero(found.image.w))
    if rate < SPARSE or (rate < SPARSEST and found.reduced < 1.0 + chance):
        return None
    words = "two lengths" if rate >= SPARSEST else "seven lengths, and more than noise is left"
    return insufficient("sampling too coarse", f"a return takes no more than {words}",
                        Advice(window_times=0.2, axis=1))  # fmt: skip


def _placed(found: Found, value: dict[str, float], maps: Maps) -> Iterator[Objection | None]:
    a, t = maps.axes
    theta = found.fit.theta
    if not 0.02 < theta[AT] < 0.98:
        yield insufficient(
            "range too narrow", "the resonance lies outside the swept amplitudes",
            Advice(centre_on=float(a[0] + np.clip(theta[AT], -1.0, 2.0) * np.ptp(a)), axis=0),
        )  # fmt: skip
    if _width(found) < 1.5 / (len(a) - 1):
        yield insufficient(
            "sampling too coarse", "the resonance is no wider than the distance of two amplitudes",
            Advice(window_times=0.2, centre_on=value["amplitude"], axis=0),
        )  # fmt: skip
    yield _sparse(found, float(theta[GAP]) / (len(t) - 1))
    if value["cz_length"] > t[-1]:
        longer = 1.3 * (value["cz_length"] - t[0]) / np.ptp(t)
        yield insufficient(
            "range too narrow", "the longest pulse is shorter than a full return",
            Advice(window_times=float(np.clip(longer, 1.3, 4.0)), axis=1),
        )  # fmt: skip
