"""Maps of another law than the fit's: what they show is told, and wrong values are not accepted."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch
from tests.catalogue.broken import BROKEN
from tests.catalogue.registry import plain
from tests.catalogue.score import score
from tests.catalogue.truths_chevron import AMPLITUDES, LENGTHS, exchange
from tests.catalogue.truths_flux import BIASES, DRIVES, E_C, arc
from tests.unit.estimation.map_inputs import NOTHING

BY_NAME = {broken.name: broken for broken in BROKEN}
SIDE = 31
A, T = np.linspace(0.0, 1.0, 51)[:, None], np.linspace(0.0, 1.0, 61)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("avoided_crossing", "saturated"), ("qubit_flux_map", "saturated"),
        ("punch_out", "saturated"), ("resonator_flux_map", "saturated"),
        ("cz_chevron", "saturated"), ("cz_chevron", "two tones"),
        ("cz_chevron", "window too long"), ("cz_chevron", "drift during the scan"),
        ("qubit_flux_map", "drift during the scan"), ("punch_out", "two tones"),
        ("punch_out", "drift during the scan"), ("avoided_crossing", "two tones"),
        ("resonator_flux_map", "two tones"),
    ],
)  # fmt: skip
def test_no_wrong_value_is_accepted_that_the_map_shows_to_be_wrong(kind, name):
    truth = plain(kind)[kind]
    found = score(truth, BY_NAME[name], BY_NAME[name].traces(truth, 11, 32))
    assert found.seen <= 1, found


@pytest.mark.parametrize("kind", ["avoided_crossing", "qubit_flux_map", "cz_chevron", "punch_out"])
def test_good_maps_are_accepted_beside_them(kind):
    truth = plain(kind)[kind]
    found = score(truth, BY_NAME["good"], BY_NAME["good"].traces(truth, 11, 40))
    assert found.accepted == 40
    assert found.wrong <= 1


def chevron(at, where=A, t=T):
    return exchange(t, 1.7, 12.0 * (where - at), 0.4)


def measured(clean, seed=3):
    y = 0.1 + 0.8 * clean + 0.02 * np.random.default_rng(seed).normal(size=(8, *clean.shape))
    return fit_batch("cz_chevron", (AMPLITUDES, LENGTHS), y, 0.02)


@pytest.mark.parametrize("other", [0.6, 1.4])
def test_two_levels_that_exchange_elsewhere_make_two_chevrons(other):
    found = measured(0.6 * chevron(0.35) + 0.4 * chevron(other))
    assert set(found.status) == {"two chevrons"}


def test_two_that_overlap_are_two_chevrons_and_not_one_with_a_bend():
    first, second = (exchange(T - 0.06, 1.92, 20.3 * (A - at), 0.43) for at in (0.68, 0.51))
    assert set(measured(0.61 * first + 0.39 * second).status) == {"two chevrons"}


def test_a_pulse_that_rises_slowly_does_not_make_two():
    found = measured(chevron(0.45 + 0.05 * np.exp(-T / 0.2)))
    assert (found.chi2_reduced > 1.1).all()
    assert "two chevrons" not in found.status


def test_a_resonance_that_moves_with_the_length_drifts():
    assert set(measured(chevron(0.45 + 0.02 * T)).status) == {"drift during scan"}


def test_a_chevron_is_compressed_where_chi_square_says_nothing():
    p = chevron(0.45)
    found = measured(np.tanh(0.75 * p) / 0.75)
    assert set(found.status) == {"saturated"}


def test_fringes_faster_than_a_third_of_the_sampling_are_not_taken_for_slow_ones():
    p = exchange(T, 39.0, 300.0 * (A - 0.45), 0.4)
    assert set(measured(p).status) <= {"sampling too coarse", "signal too weak"}


@pytest.mark.parametrize(("moved", "status"), [(0.0, "success"), (0.04, "drift during scan")])
def test_an_arc_leans_where_all_columns_together_show_it(moved, status):
    f, b = np.linspace(0.0, 1.0, 61)[:, None], np.linspace(0.0, 1.0, 51)
    top = 0.5 + moved * (b + f / len(b))
    p = {"f_max": 0.85, "top": top, "period": 1.8, "width": 0.03, "contrast": 0.5, "offset": 0.1}
    noise = 0.02 * np.random.default_rng(5).normal(size=(8, 61, 51))
    y = arc((f, b), {name: np.asarray(value) for name, value in p.items()}) + noise
    known = {"anharmonicity": -E_C, "asymmetry": 0.0}
    found = fit_batch("qubit_flux_map", (DRIVES, BIASES), y, 0.02, **known)
    assert np.count_nonzero(found.status == status) >= 7, found.reason


@pytest.mark.parametrize(
    ("kind", "seed", "which"),
    [("qubit_flux_map", 7, 338), ("qubit_flux_map", 8, 44), ("qubit_flux_map", 8, 744),
     ("punch_out", 7, 1803)],
)  # fmt: skip
def test_bright_points_of_walks_are_no_line(kind, seed, which):
    rng, name = np.random.default_rng([seed, 6]), "walk in each row"
    for _ in range(which // 100 + 1):
        y = NOTHING[name](rng, 100, SIDE, SIDE)
    axes = tuple(np.linspace(a[0], a[-1], SIDE) for a in plain(kind)[kind].axis)
    assert fit_batch(kind, axes, y[which % 100][None], 1.0).verdict[0] != "accepted"
