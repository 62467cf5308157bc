"""From fitted parameters to the numbers of the field, with their errors and correlation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.kernels import kernel

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
        values, stderr = (
            {name: _put(old, which, new[name]) for name, old in mine.items()}
            for mine, new in ((self.values, part.values), (self.stderr, part.stderr))
        )
        return Derived(values, stderr, _put(self.correlation, which, part.correlation))


def named(names: list[str], values: Array, covariance: Array) -> Derived:
    """Return values (N, K) with covariance (N, K, K) by name; NaN values have NaN errors."""
    variance = np.where(np.isnan(values), np.nan, np.einsum("nkk->nk", covariance))
    stderr = np.sqrt(np.maximum(variance, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = np.clip(covariance / (stderr[:, :, None] * stderr[:, None, :]), -1.0, 1.0)
    columns = [{n: np.ascontiguousarray(c) for n, c in zip(names, each.T, strict=True)}
               for each in (values, stderr)]  # fmt: skip
    return Derived(columns[0], columns[1], correlation)


def _put(old: Array, which: NDArray[Any], new: Array) -> Array:
    result = old.copy()
    result[which] = new
    return result


def derive(formulas: Formulas, theta: Array, cov: Array) -> Derived:
    """Propagate theta (N, P) with covariance (N, P, P) through formulas.

    formulas takes theta (..., N, P) and returns (..., N) by name; its gradient is taken by
    central differences, with steps of a hundredth of a standard error, in one call.
    """
    with np.errstate(all="ignore"):  # a number that is not there is NaN or infinite
        return _derived(formulas, theta, cov)


def _derived(formulas: Formulas, theta: Array, cov: Array) -> Derived:
    n, size = theta.shape
    step = _steps(theta, cov)
    away = np.zeros((2 * size + 1, n, size))
    each = np.arange(size)
    away[1 + each, :, each] = step.T
    away[1 + size + each, :, each] = -step.T
    numbers = formulas(theta + away)
    every = np.stack([np.broadcast_to(v, (2 * size + 1, n)) for v in numbers.values()])
    gradient = (every[:, 1 : 1 + size] - every[:, 1 + size :]) / np.where(step > 0, 2 * step, 1.0).T
    there = np.asarray(np.isfinite(gradient).all(axis=1))
    g = gradient if there.all() else np.where(there[:, None], gradient, 0.0)
    covariance = np.empty((n, len(every), len(every)))
    carry(np.ascontiguousarray(g.transpose(2, 0, 1)), np.ascontiguousarray(cov), covariance)
    if not there.all():
        covariance[~(there.T[:, :, None] & there.T[:, None, :])] = np.nan
    return named(list(numbers), every[:, 0].T, covariance)


@kernel
def carry(g: Array, cov: Array, out: Array) -> None:
    """Fill out (N, K, K) with g cov g^T for gradients g (N, K, P)."""
    k, p = g.shape[1], g.shape[2]
    row = np.empty(p)
    for n in range(g.shape[0]):
        for i in range(k):
            for b in range(p):
                row[b] = 0.0
                for a in range(p):
                    row[b] += g[n, i, a] * cov[n, a, b]
            for j in range(k):
                s = 0.0
                for b in range(p):
                    s += row[b] * g[n, j, b]
                out[n, i, j] = s


def _steps(theta: Array, cov: Array) -> Array:
    """Signals may be nanovolts: a step follows the error; what has none does not move."""
    spread = np.sqrt(np.maximum(np.einsum("nii->ni", cov), 0.0))
    size = np.abs(theta)
    step = np.clip(1e-2 * spread, 1e-7 * size, 1e-3 * (1.0 + size))
    result: Array = np.where(spread > 0, step, 0.0)
    return result
