"""The catalogue of single shots: truths, bounds, broken records, and the section they make."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kammerton.estimation.clouds import readout
from tests.benchmarks import fits_readout, fits_verdicts
from tests.benchmarks.fits_common import Effort
from tests.benchmarks.fits_pieces import together
from tests.catalogue.readout import READOUTS, UNIT, Parameters, Readout
from tests.catalogue.readout_bound import assignment, bound, density, fidelity_bound, oracle
from tests.catalogue.readout_broken import BROKEN

TINY = Effort(never=1, broken=1, success=1, honest=5, worst=1, peer_traces=1, kind=None, seed=7)
FAR = 20.0  # widths: no shot is called wrong


def plain(n: int = 1, **changes: float) -> Parameters:
    """Two clouds far apart, perfectly prepared, with next to no decay."""
    values = {"c0i": 1.0, "c0q": 2.0, "c1i": 1.0 + FAR, "c1q": 2.0, "width": 1.0,
              "decay_1": 1e-9, "began_01": 0.01, "began_10": 0.02} | changes  # fmt: skip
    return {name: np.full(n, v) for name, v in values.items()}


@pytest.mark.parametrize("name", READOUTS)
def test_densities_are_normalised(name: str) -> None:
    readout = READOUTS[name]
    p = readout.draw(np.random.default_rng(0), 1)
    axis = np.arange(-60.0, 60.0, 0.4)
    total = 0.16 * density(readout, p, 0, (axis[:, None], axis)).sum(axis=1)
    np.testing.assert_allclose(total, 1.0, rtol=1e-7)


def test_the_bound_of_clear_clouds_is_that_of_the_textbook() -> None:
    """A mean to width / sqrt(shots), a fraction as counts are (binomial)."""
    readout = READOUTS["two states"]
    best = bound(readout, plain())
    in_0 = readout.shots * (0.99 + 0.02)
    assert best["centre_0_i"][0] == pytest.approx(UNIT / np.sqrt(in_0), rel=2e-3)
    assert best["thermal_population"][0] == pytest.approx(
        np.sqrt(0.01 * 0.99 / readout.shots), rel=2e-3
    )


@pytest.mark.parametrize(("apart", "bound_is"), [(2.0, 0.0216), (2.5, 0.0163), (FAR, 0.0)])
def test_how_well_a_warm_chips_fidelity_can_be_known(apart: float, bound_is: float) -> None:
    """Fewer shots in the right place, closer clouds: 2 % cannot be had at two widths."""
    p = plain(c1i=1.0 + apart, decay_1=0.01, began_01=0.3, began_10=0.3)
    assert fidelity_bound(READOUTS["two states"], p, 0) == pytest.approx(bound_is, abs=5e-4)


@pytest.mark.parametrize("seed", range(4))
def test_a_third_cloud_that_1_has_less_of_than_0_shows_exchanged_preparations(seed: int) -> None:
    """Both decays of such a record look like none, so that they tell nothing."""
    readout = READOUTS["two states, leakage"]
    p = plain(c1i=-1.46, c1q=3.58, c2i=1.26, c2q=7.0, decay_1=0.13, decay_2=0.35,
              began_01=0.047, began_10=0.04, began_12=0.062)  # fmt: skip
    traces = readout.measured(np.random.default_rng(seed), p)
    assert readout.fit(traces).verdict[0] == "accepted"
    found = readout.fit(replace(traces, x=1 - traces.x))
    assert (found.verdict[0], found.status[0]) == ("rejected", "swapped preparation")


def test_nobody_is_called_wrong_far_apart_and_half_are_at_the_other_side_of_a_bad_threshold() -> (
    None
):
    readout = READOUTS["two states"]
    traces = readout.measured(np.random.default_rng(0), plain())
    told = {"readout_angle": np.zeros(1), "readout_threshold": np.array([UNIT * (1 + FAR / 2)])}
    assert assignment(readout, traces, told, 0)["assignment_fidelity"] == pytest.approx(1.0)
    told["readout_threshold"][0] = UNIT * 1.0
    assert assignment(readout, traces, told, 0)["p1_given_0"] == pytest.approx(0.5)


def test_the_oracle_scatters_as_the_bound_says() -> None:
    readout = replace(READOUTS["two states"], shots=1000)
    rng = np.random.default_rng(5)
    traces = readout.measured(rng, readout.draw(rng, 60))
    best, told = bound(readout, traces.hidden), oracle(readout, traces)
    off = [(told[k] - traces.low[k]) / best[k] for k in best if np.isfinite(best[k]).all()]
    assert 0.85 < np.std(off) < 1.15


@pytest.mark.parametrize("broken", BROKEN, ids=lambda b: b.name)
def test_every_class_is_the_same_for_the_same_seed(broken) -> None:
    readout: Readout = replace(READOUTS["three states"], shots=50)
    first, second = (broken.make(readout, np.random.default_rng(1), 2) for _ in range(2))
    if broken.name == "swapped preparation":
        assert first is None
        return
    assert first.y.shape == (2, 150)
    np.testing.assert_array_equal(first.y, second.y)


def test_the_section_has_every_truth_and_every_class(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PAUSE", "REST"):
        monkeypatch.setattr(fits_readout, name, 0.0)
    monkeypatch.setattr(fits_verdicts, "AGAIN", 2)
    small = {name: replace(r, shots=200) for name, r in READOUTS.items()}
    text = "\n".join(together(list(fits_readout.lines(r, TINY)) for r in small.values()))
    for name in READOUTS:
        assert f"### {name}\n" in text
        assert f"| {name} | assignment_fidelity |" in text
    assert "| truth | records | median ms | slowest ms | class of the slowest |" in text
    assert "| one cloud | 1 | 0.0 % |" in text
    assert all(f"| {broken.name} |" in text for broken in BROKEN)


@pytest.mark.parametrize(("name", "asked"), [("swapped preparation", False), ("good", True)])
def test_no_third_cloud_is_looked_for_in_a_record_that_is_refused_already(
    name: str, asked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    monkeypatch.setattr(readout, "with_third", lambda frame, clouds: looked.append(1))
    broken = next(each for each in BROKEN if each.name == name)
    truth = READOUTS["two states"]
    found = truth.fit(broken.make(truth, np.random.default_rng(9), 5))
    assert len(looked) == 5 * asked, found.status
