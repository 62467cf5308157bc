"""What a design is told, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kammerton.model import TraceError

Array = NDArray[np.float64]
Counts = NDArray[np.int64]
Rows = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Levels:
    """What the readouts of N targets answer: `offset` for 0, `offset + contrast` for 1.

    All (N,). A sigma of 0 says that a level is known; the errors of offset and contrast are taken
    as independent. shot_noise: what the readout adds to the projection noise of one shot, in the
    unit of contrast; 0 for thresholded shots. exact: every level of every target is known.
    """

    offset: Array
    contrast: Array
    offset_sigma: Array
    contrast_sigma: Array
    shot_noise: Array
    exact: bool

    def __len__(self) -> int:
        return len(self.offset)

    def take(self, rows: Rows) -> Levels:
        """Return the levels of some targets only."""
        return Levels(
            self.offset[rows], self.contrast[rows], self.offset_sigma[rows],
            self.contrast_sigma[rows], self.shot_noise[rows], self.exact,
        )  # fmt: skip


def levels(
    offset: ArrayLike, contrast: ArrayLike, offset_sigma: ArrayLike = 0.0,
    contrast_sigma: ArrayLike = 0.0, shot_noise: ArrayLike = 0.0, targets: int = 1,
) -> Levels:  # fmt: skip
    """Return checked levels for N targets from one number or (N,) of each.

    Raises
    ------
    TraceError
        A number is not finite, a sigma is negative, a contrast is 0, or shapes disagree.
    """
    targets = whole_number(targets, "targets", 1)
    names = ("offset", "contrast", "offset_sigma", "contrast_sigma", "shot_noise")
    given = (offset, contrast, offset_sigma, contrast_sigma, shot_noise)
    values = [spread(v, targets, name) for name, v in zip(names, given, strict=True)]
    for name, v in zip(names[2:], values[2:], strict=True):
        if (v < 0).any():
            raise TraceError(f"{name} is negative")
    if (values[1] == 0).any():
        raise TraceError("contrast is 0: the readout tells nothing")
    known = not (values[2].any() or values[3].any())
    return Levels(values[0], values[1], values[2], values[3], values[4], known)


@dataclass(frozen=True)
class Timing:
    """What a shot costs: its delay and `overhead` (pulses, readout, reset), in s.

    shortest, longest: the delays that can be played, s. economy: what a design saves.
    """

    overhead: float
    shortest: float = 0.0
    longest: float = np.inf
    economy: Literal["seconds", "shots"] = "seconds"

    def __post_init__(self) -> None:
        if one_number(self.overhead, "overhead") <= 0.0:
            raise TraceError(f"overhead of {self.overhead} s; a shot takes time")
        for name in ("shortest", "longest"):
            if not isinstance(getattr(self, name), (int, float, np.number)):
                raise TraceError(f"{name} is {getattr(self, name)!r}, no number of seconds")
        if self.economy not in ("seconds", "shots"):
            raise TraceError(f"economy is {self.economy!r}; it is seconds or shots")
        if not 0 <= self.shortest < self.longest:
            raise TraceError(f"delays from {self.shortest} s to {self.longest} s hold none")

    def playable(self, delays: Array) -> Array:
        """Return the nearest delays that can be played, s."""
        return np.clip(delays, self.shortest, self.longest)

    def price(self, delays: Array) -> Array:
        """Return what a shot at each delay costs, in the unit of the economy."""
        return delays + self.overhead if self.economy == "seconds" else np.ones_like(delays)


@dataclass(frozen=True, eq=False)
class Plan:
    """What to measure next, for N targets: K settings each; those with 0 shots are left out.

    delays (N, K), s. shots (N, K). phases (N, K), rad, of the last pulse (0 where there is none).
    promised (N,): the sigma to expect afterwards, s or Hz. seconds (N,): instrument time.
    A target without shots is done: its goal or its budget is reached.
    """

    delays: Array
    shots: Counts
    phases: Array = field(default_factory=lambda: np.zeros((1, 1)))
    promised: Array = field(default_factory=lambda: np.full(1, np.nan))
    seconds: Array = field(default_factory=lambda: np.full(1, np.nan))

    def __post_init__(self) -> None:
        shape = np.atleast_2d(numbers(self.delays, "delays")).shape
        for name in ("delays", "shots", "phases"):
            values = numbers(getattr(self, name), name)
            if name != "phases" and (values < 0).any():
                raise TraceError(f"{name} are negative")
            object.__setattr__(self, name, np.array(np.broadcast_to(values, shape)))
        if (self.shots != np.round(self.shots)).any():
            raise TraceError("shots are not whole numbers")
        object.__setattr__(self, "shots", self.shots.astype(np.int64))

    @property
    def done(self) -> NDArray[np.bool_]:
        """Whether a target needs no more shots (N,)."""
        result: NDArray[np.bool_] = self.shots.sum(axis=1) == 0
        return result


@dataclass(frozen=True, eq=False)
class Entry:
    """One setting and what it gave, for N targets; 0 shots where nothing was measured.

    y: counts of 1 where `counted`, else populations. variance: of the mean of the shots.
    """

    delay: Array
    phase: Array
    shots: Array
    y: Array
    variance: Array
    counted: bool
    round: int

    def take(self, rows: Rows) -> Entry:
        """Return the entry of some targets only."""
        return Entry(
            self.delay[rows], self.phase[rows], self.shots[rows], self.y[rows],
            self.variance[rows], self.counted, self.round,
        )  # fmt: skip

    @property
    def mean(self) -> Array:
        """The mean reading (N,)."""
        return self.y / np.maximum(self.shots, 1.0) if self.counted else self.y


def spread(values: ArrayLike, targets: int, name: str) -> Array:
    """Return one number, or one for each target, as (N,).

    Raises
    ------
    TraceError
        They are not finite numbers, or of another count.
    """
    array = numbers(values, name)
    if array.shape not in ((), (1,), (targets,)):
        raise TraceError(f"{name} has shape {array.shape}; there are {targets} targets")
    return np.array(np.broadcast_to(array, (targets,)))


def numbers(values: ArrayLike, name: str) -> Array:
    """Return values as finite floats.

    Raises
    ------
    TraceError
        They are none; the message names them.
    """
    array = real(values, name)
    if not np.isfinite(array).all():
        raise TraceError(f"{name} is not finite")
    return array


def real(values: ArrayLike, name: str) -> Array:
    """Return values as floats, finite or not.

    Raises
    ------
    TraceError
        They are no real numbers; the message names them.
    """
    try:
        array = np.asarray(values)
        if not np.iscomplexobj(array):
            return np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TraceError(f"{name} is not a number or an array of numbers") from error
    raise TraceError(f"{name} is complex; it is real")


def one_number(value: object, name: str) -> float:
    """Return one finite number.

    Raises
    ------
    TraceError
        It is none; the message names it.
    """
    array = numbers(value, name)  # type: ignore[arg-type]
    if array.ndim:
        raise TraceError(f"{name} has shape {array.shape}; it is one number")
    return float(array)


def whole_number(value: object, name: str, least: int) -> int:
    """Return a whole number that is not below `least`.

    Raises
    ------
    TraceError
        It is none; the message names it.
    """
    number = one_number(value, name)
    if number != round(number) or not least <= number < 2**53:
        raise TraceError(f"{name} is {value!r}; it is a whole number from {least} on")
    return int(number)
