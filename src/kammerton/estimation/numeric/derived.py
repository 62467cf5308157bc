"""From fitted parameters to the numbers of the field, with their errors and correlation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.arrays import all_of
from kammerton.estimation.numeric.kernels import careful_kernel

Array = NDArray[np.float64]
Formulas = Callable[[Array], dict[str, Array]]


@dataclass(frozen=True, eq=False)
class Derived:
    """K named numbers of N fits: values and stderr (N,) by name, correlation (N, K, K).

    NaN where a fit does not give a number.
    """

    values: dict[str, Array]
    stderr: dict[str, Array]
    correlation: Array

    def replaced(self, which: NDArray[Any], part: Derived) -> Derived:
        """Return these numbers with those of the fits `which` from `part`; same names."""
        if all_of(which, len(self.correlation)):
            return part
        values, stderr = (
            {name: _put(old, which, new[name]) for name, old in mine.items()}
            for mine, new in ((self.values, part.values), (self.stderr, part.stderr))
        )
        return Derived(values, stderr, _put(self.correlation, which, part.correlation))


def named(names: list[str], values: Array, covariance: Array) -> Derived:
    """Return values (N, K) with covariance (N, K, K) by name; NaN values have NaN errors."""
    n, k = values.shape
    columns, stderr, correlation = np.empty((k, n)), np.empty((k, n)), np.empty((n, k, k))
    errors(np.ascontiguousarray(values), np.ascontiguousarray(covariance), columns, stderr,
           correlation)  # fmt: skip
    return Derived(
        dict(zip(names, columns, strict=True)), dict(zip(names, stderr, strict=True)), correlation
    )


@careful_kernel
def errors(
    values: Array, covariance: Array, columns: Array, stderr: Array, correlation: Array
) -> None:
    """Fill columns and stderr (K, N) and correlation (N, K, K) from values (N, K)."""
    n_, k = values.shape
    for n in range(n_):
        for i in range(k):
            columns[i, n] = values[n, i]
            variance = covariance[n, i, i]
            there = not math.isnan(values[n, i]) and not math.isnan(variance)
            stderr[i, n] = math.sqrt(max(variance, 0.0)) if there else math.nan
        for i in range(k):
            for j in range(k):
                r = covariance[n, i, j] / (stderr[i, n] * stderr[j, n])
                correlation[n, i, j] = r if math.isnan(r) else min(max(r, -1.0), 1.0)


def _put(old: Array, which: NDArray[Any], new: Array) -> Array:
    result = old.copy()
    result[which] = new
    return result


def derive(formulas: Formulas, theta: Array, cov: Array, linear: int | None = None) -> Derived:
    """Propagate theta (N, P) with covariance (N, P, P) through formulas.

    formulas takes theta (..., N, P) and returns (..., N) by name; its gradient is taken by
    central differences, with steps of a hundredth of a standard error, in one call.
    linear: from which parameter on they are in the unit of y; none where not said.
    """
    with np.errstate(all="ignore"):  # a number that is not there is NaN or infinite
        return _derived(formulas, theta, cov, theta.shape[1] if linear is None else linear)


def _derived(formulas: Formulas, theta: Array, cov: Array, linear: int) -> Derived:
    n, size = theta.shape
    ends, step = np.empty((2 * size + 1, n, size)), np.empty((n, size))
    spread(np.ascontiguousarray(theta), cov, linear, ends, step)
    numbers = formulas(ends)
    every = np.empty((len(numbers), 2 * size + 1, n))
    for k, each in enumerate(numbers.values()):
        every[k] = each
    values, covariance = np.empty((n, len(every))), np.empty((n, len(every), len(every)))
    carry(every, step, cov, values, covariance)
    return named(list(numbers), values, covariance)


@careful_kernel
def spread(theta: Array, cov: Array, linear: int, ends: Array, step: Array) -> None:
    """Fill ends (2P + 1, N, P): theta, each parameter a step up, each a step down.

    Signals may be nanovolts: a step (N, P) follows the error; what has none does not move. A step
    is small beside 1, or beside the largest of the parameters that have y's unit.
    """
    n_, size = theta.shape
    for n in range(n_):
        largest = 0.0
        for i in range(linear, size):
            largest = max(largest, abs(theta[n, i]))
        for i in range(size):
            own, wide = abs(theta[n, i]), math.sqrt(max(cov[n, i, i], 0.0))
            step[n, i] = 0.0
            if wide > 0.0:
                most = 1e-3 * (1.0 + own) if i < linear or largest == 0.0 else 1e-3 * largest
                step[n, i] = min(max(1e-2 * wide, 1e-7 * own), most)
            for k in range(2 * size + 1):
                ends[k, n, i] = theta[n, i]
            ends[1 + i, n, i] += step[n, i]
            ends[1 + size + i, n, i] -= step[n, i]


@careful_kernel
def carry(every: Array, step: Array, cov: Array, values: Array, out: Array) -> None:
    """Fill values (N, K) and their covariance (N, K, K) from numbers (K, 2P + 1, N) at the ends.

    NaN where a number is not there at one of them.
    """
    k, n_, p = every.shape[0], every.shape[2], step.shape[1]
    g, row = np.empty((k, p)), np.empty(p)
    for n in range(n_):
        for i in range(k):
            values[n, i] = every[i, 0, n]
            for a in range(p):
                two = 2.0 * step[n, a] if step[n, a] > 0.0 else 1.0
                g[i, a] = (every[i, 1 + a, n] - every[i, 1 + p + a, n]) / two
        for i in range(k):
            for b in range(p):
                row[b] = 0.0
                for a in range(p):
                    row[b] += g[i, a] * cov[n, a, b]
            for j in range(k):
                s = 0.0
                for b in range(p):
                    s += row[b] * g[j, b]
                out[n, i, j] = s if math.isfinite(s) else math.nan
