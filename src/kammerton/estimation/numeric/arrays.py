"""What a caller may hand over as an array."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.model import TraceError

Array = NDArray[np.float64]


def all_of(which: Any, traces: int) -> bool:
    """Return whether `which` picks all of the traces, in their order: no part need be copied.

    Of one trace, to copy the arrays of a part costs more than to fit it.
    """
    if isinstance(which, slice) or len(which) != traces:
        return False
    if which.dtype.kind == "b":
        return bool(which.all())
    if traces == 0 or which[0] != 0 or which[-1] != traces - 1:
        return traces == 0
    return traces < 3 or bool((which == np.arange(traces)).all())


def numbers(values: Any, name: str) -> NDArray[Any]:
    """Return values as floats, or as complex numbers where they are; masked points are NaN.

    Raises
    ------
    TraceError
        They are no numbers; times with a unit of their own are none.
    """
    try:
        array = np.asarray(values)
        if array.dtype.kind in "mM":
            raise TraceError(f"{name} holds dates or times; give seconds")
        array = array.astype(np.complex128 if array.dtype.kind == "c" else np.float64, copy=False)
    except (TypeError, ValueError) as error:
        if isinstance(error, TraceError):
            raise
        raise TraceError(f"{name} is not an array of numbers: {error}") from error
    if isinstance(values, np.ma.MaskedArray):
        array = np.where(np.ma.getmaskarray(values), np.nan, array)
    return array


def noise_of(sigma: Any, shape: tuple[int, ...]) -> Array:
    """Return sigma in the shape of y.

    Raises
    ------
    TraceError
        It is complex, negative, or does not fit y.
    """
    noise = numbers(sigma, "sigma")
    if np.iscomplexobj(noise):
        raise TraceError("sigma is complex; it must be real")
    if noise.shape not in ((), shape, shape[1:]):
        raise TraceError(f"sigma has shape {noise.shape} but y has {shape}; sigma must match y")
    if (noise < 0).any():
        raise TraceError(f"sigma is negative{_first(noise < 0)}")
    return noise if noise.shape == shape else np.array(np.broadcast_to(noise, shape))


def demand_finite(y: NDArray[Any], called: str = "trace") -> None:
    """Refuse y (N, ...) with an infinite value, or without a point in some trace, and say where.

    called: what one of the N is: a trace, a map.

    Raises
    ------
    TraceError
        Says which trace, and which point.
    """
    rows = y.reshape(len(y), -1)
    if rows.size and np.isfinite(rows).all():
        return
    if (bad := np.isinf(rows)).any():
        n, i = np.argwhere(bad)[0]
        raise TraceError(
            f"{_which(called, n, y)} holds infinite values, the first at index "
            f"{_place(i, y.shape[1:])}; a missing point is NaN"
        )
    if (empty := np.isnan(rows).all(axis=1)).any():
        which = _which(called, int(empty.argmax()), y)
        raise TraceError(f"{which} holds only missing points (NaN)")


def _first(bad: NDArray[np.bool_]) -> str:
    """Return at which index, and in how many places, an array is bad; nothing of one number."""
    if bad.ndim == 0:
        return ""
    count = int(np.count_nonzero(bad))
    more = f" and at {count - 1} more" if count > 1 else ""
    return f" at index {_place(int(bad.argmax()), bad.shape)}{more}"


def _place(flat: int, shape: tuple[int, ...]) -> str:
    at = np.unravel_index(flat, shape)
    return str(int(at[0])) if len(at) == 1 else f"({', '.join(str(int(k)) for k in at)})"


def _which(called: str, n: int, y: NDArray[Any]) -> str:
    return f"{called} {n}" if len(y) > 1 else "y"


def demand_no_bool(name: str, given: object) -> None:
    """Raise TraceError where true or false stands for a number: 1.0 is not what it means."""
    several = given if isinstance(given, (list, tuple)) else [given]
    for each in several:
        if np.asarray(each).dtype == np.bool_:
            raise TraceError(f"{name} is {each}; it must be a number, not true or false")
