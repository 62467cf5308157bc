"""What every kind of fit declares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kammerton.estimation.numeric.prepare import prepare
from kammerton.estimation.numeric.reweighing import weighed_again
from kammerton.estimation.verdict.outcome import Outcome

Known = dict[str, object]

DECAYING, OSCILLATING = (0.0, 1.0), (-1.0, 1.0)
"""What `Kind.swings` is of laws that lead from offset + amplitude to the offset, or about it."""


def known_of_some(known: Known, which: NDArray[np.intp], traces: int) -> Known:
    """Return what is known of some traces only; the shots are those of every point, as y is."""
    arrays = {name: np.asarray(value) for name, value in known.items()}
    return {
        name: array[which]
        if array.shape[:1] == (traces,) and (name == "shots" or array.ndim == 1)
        else known[name]
        for name, array in arrays.items()
    }


class Prepared(Protocol):
    """Arrays made ready for one kind of fit."""

    @property
    def traces(self) -> int:
        """N."""

    @property
    def window(self) -> NDArray[np.float64]:
        """Length of the swept window of each trace (N,), in the unit of x; of each axis (K, N)."""

    def restore(self, curve: NDArray[Any]) -> NDArray[Any]:
        """Return fitted values in the shape and order of the caller's y."""


@runtime_checkable
class Countable(Protocol):
    """Arrays made ready that may be populations, from counts."""

    def of_shots(self, shots: NDArray[np.float64]) -> Prepared:
        """Return them with the shots of every point (N, ...), in the order of the caller's y."""


@dataclass(frozen=True)
class Kind:
    """One kind of fit: how arrays are made ready, how it is done, and what may be known.

    prepare(x, y, sigma) raises TraceError for arrays that cannot be used. known: names that
    fit_batch takes for this kind. axes: how many it is swept over; x is a tuple where not one.
    whole: x counts something, so only whole numbers will do.
    again: the traces that a first fit's curve asks to weigh anew, and they so; None for none.
    unlike: a number for each trace (N,); those of different numbers cannot share a batch.
    swings: the law lies between offset + each of these x amplitude; None where it has no such two.
    """

    prepare: Callable[[Any, ArrayLike, ArrayLike | None], Prepared]
    fit: Callable[[Any, Known], Outcome]
    known: tuple[str, ...] = ()
    axes: int = 1
    whole: bool = False
    again: Callable[[Any, NDArray[Any]], tuple[NDArray[np.intp], Prepared] | None] = field(
        default=lambda prepared, curve: None
    )
    unlike: Callable[[Any], NDArray[np.intp]] = field(
        default=lambda prepared: np.zeros(prepared.traces, dtype=np.intp)
    )
    swings: tuple[float, float] | None = None


def sweep(
    fit: Callable[[Any, Known], Outcome], least: int, *, from_zero: bool = False,
    complex_too: bool = False, known: tuple[str, ...] = (), weighs: bool = False,
    swings: tuple[float, float] | None = None,
) -> Kind:  # fmt: skip
    """Return the kind of a sweep of one axis with at least `least` points; see `prepare`.

    weighs: the fit weighs traces anew by itself (`weighed_anew`), before it judges them.
    """
    ready = partial(prepare, complex_too=complex_too, from_zero=from_zero, least=least,
                    places_too=True)  # fmt: skip
    names = tuple(dict.fromkeys(("interleaved", "shots", *known)))
    if weighs:
        return Kind(ready, fit, names, swings=swings)
    return Kind(ready, fit, names, again=weighed_again, swings=swings)
