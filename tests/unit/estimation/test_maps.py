"""What kinds over two axes take, and what they refuse with a reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kammerton.estimation import FIT_KINDS, fit_batch
from kammerton.estimation.maps import pulling
from kammerton.model import TraceError
from tests.catalogue.broken import BROKEN
from tests.catalogue.registry import truths
from tests.unit.estimation.map_inputs import NOTHING
from tests.yardstick import least, spent

A, B = np.linspace(1.0, 2.0, 21), np.linspace(0.0, 1.0, 15)
Y = np.random.default_rng(1).normal(size=(21, 15))
KINDS = ("qubit_flux_map", "resonator_flux_map", "avoided_crossing", "cz_chevron", "punch_out")
MAPS = [kind for kind in KINDS if kind in FIT_KINDS]
GOOD_MS, POOR_MS = 20.0, 60.0  # goals of CPU time; the tests allow four times as much


def changed(array, index, value):
    array = np.array(array)
    array[index] = value
    return array


def only(index):
    """A good map of which only a part was measured."""
    array = np.full_like(Y, np.nan)
    array[index] = Y[index]
    return array


REFUSED = {
    "one axis": (A, Y, None, "pair of axes"),
    "three axes": ((A, B, B), Y, None, "pair of axes"),
    "axis of two dimensions": ((A[None], B), Y, None, "has 2 dimensions"),
    "NaN in an axis": ((changed(A, 3, np.nan), B), Y, None, "holds NaN"),
    "infinite axis": ((A, changed(B, 3, np.inf)), Y, None, "NaN or infinite"),
    "constant axis": ((A, 0 * B), Y, None, "is constant"),
    "a value twice": ((changed(A, 3, A[4]), B), Y, None, "twice"),
    "complex axis": ((A, B + 0j), Y, None, "is complex"),
    "words": ((["a"] * 21, B), Y, None, "not an array of numbers"),
    "axes exchanged": ((B, A), Y, None, "y has shape"),
    "one trace": ((A, B), Y[:, 0], None, "y has shape"),
    "no map": ((A, B), np.empty((0, 21, 15)), None, "no map"),
    "infinite y": ((A, B), changed(Y, (2, 2), np.inf), None, "y holds infinite"),
    "all missing": ((A, B), np.full_like(Y, np.nan), None, "only missing"),
    "one map missing": ((A, B), np.stack([Y, np.full_like(Y, np.nan)]), None, "only missing"),
    "few rows": ((A[:3], B), Y[:3], None, "has 3 points"),
    "few columns": ((A, B[:3]), Y[:, :3], None, "has 3 points"),
    "one row": ((A[:1], B), Y[:1], None, "has 1 point; at least"),
    "one column": ((A, B[:1]), Y[:, :1], None, "has 1 point; at least"),
    "one point": ((A[:1], B[:1]), Y[:1, :1], None, "has 1 point; at least"),
    "one row measured": ((A, B), only(np.s_[3]), None, "map 0 has points at one value of"),
    "one column measured": ((A, B), only(np.s_[:, 3]), None, "map 0 has points at one value of"),
    "one point measured": ((A, B), only((3, 4)), None, "map 0 has 1 point; at least 8 needed"),
    "one map of a row": ((A, B), np.stack([Y, only(np.s_[3])]), None, "map 1 has points at one"),
    "shape of sigma": ((A, B), Y, np.ones(3), "sigma has shape"),
    "complex sigma": ((A, B), Y, 1j * Y, "sigma"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("kind", MAPS)
def test_refused(kind, case):
    x, y, sigma, message = REFUSED[case]
    with pytest.raises(TraceError, match=message):
        fit_batch(kind, x, y, sigma)


@pytest.mark.parametrize("kind", MAPS)
def test_a_constant_map_is_no_signal(kind):
    found = fit_batch(kind, (A, B), np.stack([Y, 0 * Y + 3.0]))
    assert found.verdict[1] == "rejected"
    assert found.status[1] == "no signal"
    assert "same value" in found.reason[1]


@pytest.mark.parametrize("kind", MAPS)
def test_a_map_with_few_points_left_is_no_number(kind):
    sparse = np.full_like(Y, np.nan)
    sparse[::7, ::5] = 1.0
    sparse[0, 0] = 2.0
    found = fit_batch(kind, (A, B), sparse, 0.1)
    assert found.verdict[0] == "rejected"


@pytest.mark.parametrize("kind", ["qubit_flux_map", "resonator_flux_map"])
def test_a_bright_line_is_followed_as_surely_as_a_faint_one(kind):
    truth = truths(kind)[kind]
    for snr in (20.0, 300.0):
        rng = np.random.default_rng(7)
        found = truth.fit(truth.measured(rng, truth.draw(rng, 25), snr))
        assert (found.verdict == "accepted").mean() > 0.9, found.reason[found.verdict != "accepted"]


@pytest.mark.parametrize("which", ["dropped shots", "one outlier"])
@pytest.mark.parametrize("kind", ["qubit_flux_map", "resonator_flux_map"])
def test_uneven_noise_hides_no_arc(kind, which):
    truth = truths(kind)[kind]
    broken = next(each for each in BROKEN if each.name == which)
    found = truth.fit(broken.traces(truth, 3, 50))
    assert (found.verdict == "accepted").mean() > 0.97, found.reason[found.verdict != "accepted"]


def is_quick(kind, x, y, sigma, known, goal):
    """Say whether a fit takes less than four times the goal in ms of an idle machine."""
    most = 4e-3 * goal
    return least(lambda: spent(lambda: fit_batch(kind, x, y, sigma, **known)), most) < most


@pytest.mark.parametrize("kind", MAPS)
def test_a_good_map_is_quick(kind):
    truth = truths(kind)[kind]
    x = tuple(np.linspace(axis[0], axis[-1], 100) for axis in truth.axis)
    rng = np.random.default_rng(5)
    large = replace(truth, axis=x)
    one = large.measured(rng, large.draw(rng, 1), 20.0)
    assert is_quick(kind, x, one.y, one.sigma, one.known, GOOD_MS)


@pytest.mark.parametrize("kind", ["qubit_flux_map", "resonator_flux_map"])
def test_however_a_map_lies_in_memory_nothing_is_compiled_for_it(kind):
    """It took 5 s, in front of a person, for the first map that lay otherwise."""
    x = (np.linspace(6.0e9, 6.1e9, 40), np.linspace(0.0, 1.0, 30))
    y = NOTHING["stray points"](np.random.default_rng(3), 1, 40, 30)
    y[0, 3, 4] = np.nan

    def compiled(kept, sigma):
        fit_batch(kind, x, kept, sigma)
        return [len(each.signatures) for each in (pulling.fill_pulled, pulling.fill_image)]

    wide = np.zeros((1, 40, 60))
    wide[..., ::2] = y
    known = compiled(np.ascontiguousarray(y), 1.0)
    assert compiled(np.asfortranarray(y), np.asfortranarray(np.ones(y.shape))) == known
    assert compiled(wide[..., ::2], np.ones((1, 30, 40)).swapaxes(1, 2)) == known


@pytest.mark.parametrize("which", ["walk in each column", "stray points", "noise"])
@pytest.mark.parametrize("kind", MAPS)
def test_a_poor_map_is_no_slower_than_it_must(kind, which):
    x = (np.linspace(6.0e9, 6.1e9, 100), np.linspace(0.0, 1.0, 100))
    y = NOTHING[which](np.random.default_rng(3), 1, 100, 100)
    assert is_quick(kind, x, y, 1.0, {}, POOR_MS)
