"""No second frequency is looked for where what one leaves could not pay for it."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch
from kammerton.estimation.curves import beats, falling
from tests.catalogue.broken import BROKEN
from tests.catalogue.registry import truths

N = 400


def faint_beats(share: float, too_large: float = 1.0):
    """Return the arguments of fits of two frequencies, the second with a share of the signal.

    too_large: by how much the sigma that is given is.
    """
    x = np.linspace(0.0, 20e-6, 101)
    rng = np.random.default_rng(5)
    first, second = rng.uniform(0.5e6, 1e6, (2, N, 1))
    fringes = (1 - share) * np.cos(2 * np.pi * first * x) + share * np.cos(2 * np.pi * second * x)
    y = 0.5 + 0.4 * np.exp(-x / 8e-6) * fringes + rng.normal(0, 0.03, (N, 101))
    return "ramsey", x, y, np.full((N, 101), 0.03 * too_large)


@pytest.mark.parametrize(
    ("share", "too_large"),
    [(0.0, 1.0), (0.12, 1.0), (0.16, 1.0), (0.3, 1.0), (0.2, 1.5), (0.3, 1.5), (0.4, 2.5)],
)
def test_hardly_any_is_missed_for_that(share: float, too_large: float, monkeypatch) -> None:
    """Of faint ones, of which the fit finds some, one in twenty at most; and that is refused.

    What a sigma that is too large makes of them is little, but no noise: one in a hundred. Of one
    in twenty more shots would be asked if a second frequency had been looked for.
    """
    found = fit_batch(*faint_beats(share, too_large))
    looked_for = []

    def count_and_take_all(batch, single):
        looked_for.append(int(beats_can_pay(batch, single).sum()))
        return np.ones(batch.traces, dtype=bool)

    beats_can_pay = beats._can_pay
    monkeypatch.setattr(beats, "_can_pay", count_and_take_all)
    all_of_them = fit_batch(*faint_beats(share, too_large))
    missed = (found.status == "beating") != (all_of_them.status == "beating")
    assert missed.sum() <= max(1, 0.05 * (all_of_them.status == "beating").sum())
    if too_large == 1:
        assert (found.verdict[missed] == "rejected").all()
    else:
        assert missed.sum() <= 0.01 * N
    others = (found.status != all_of_them.status) & ~missed  # of which more shots would be asked
    assert others.sum() <= 0.06 * N
    assert (found.verdict[others] == "accepted").all()
    assert (all_of_them.verdict[others] == "insufficient").all()
    if 0 < share < 0.3 or too_large > 1:
        assert 0 < (found.status == "beating").sum() < N
    assert looked_for[0] < 0.8 * N if share == 0 else looked_for[0] > 0


def test_a_fit_that_must_fall_begins_near_its_end(monkeypatch) -> None:
    """Begun where the one ended that may grow again it ends at the same values, but later."""
    truth = truths("ramsey")["ramsey"]
    good = next(each for each in BROKEN if each.name == "good").traces(truth, 4, 2000)
    found = truth.fit(good)
    fell = []

    def from_there(free, shape):
        fell.append(np.abs(falling_along(free, shape) - free.p).max(axis=1))
        return free.p

    falling_along = falling._along
    monkeypatch.setattr(falling, "_along", from_there)
    old = truth.fit(good)
    assert len(fell[0]) > 10
    assert np.max(fell[0]) > 0.01
    for name in ("frequency", "t2_star"):
        off = np.abs(found.values[name] - old.values[name]) / found.stderr[name]
        assert np.nanquantile(off, 0.998) < 0.01, name
