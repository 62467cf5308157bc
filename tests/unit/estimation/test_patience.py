"""Maps without what is looked for: the fit gives up early, and says so."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch
from kammerton.estimation.maps import (
    arc,
    arcfit,
    avoided_crossing,
    crossing,
    qubit_flux,
    sweet_spot,
    tracks,
)
from tests.benchmarks.fits_common import large
from tests.catalogue.broken import BROKEN
from tests.catalogue.registry import plain
from tests.unit.estimation.map_inputs import NOTHING

FREQUENCIES, BIASES = np.linspace(4.0e9, 5.0e9, 61), np.linspace(-0.5, 0.5, 51)
USUAL = tracks.PATIENCE  # steps of a map on the mean: the last start alone
MOST = 5 * tracks.PATIENCE  # of any: what clears it, and a smoothed or halved map. 219 were seen


@pytest.fixture
def steps(monkeypatch):
    """The steps of each start that is followed from now on."""
    taken = []

    def counted(*arguments, **known):
        fit = tracks.follow(*arguments, **known)
        taken.append(fit.turns)
        return fit

    for room in (arc, arcfit, crossing):
        monkeypatch.setattr(room, "follow", counted)
    return taken


@pytest.mark.parametrize("kind", ["qubit_flux_map", "resonator_flux_map", "avoided_crossing"])
def test_nothing_takes_few_steps(kind, steps):
    each = []
    for number, make in enumerate(NOTHING.values()):
        for y in make(np.random.default_rng([5, number]), 2, 61, 51):
            steps.clear()
            found = fit_batch(kind, (FREQUENCIES, BIASES), y, 1.0)
            assert found.verdict[0] != "accepted"
            each.append(sum(steps))
    assert np.mean(each) <= USUAL
    assert max(each) <= MOST


@pytest.mark.parametrize(
    "kind", ["qubit_flux_map", "resonator_flux_map", "avoided_crossing", "punch_out"]
)
def test_a_map_that_is_stuck_is_not_fitted(kind):
    y = np.random.default_rng(3).normal(size=(61, 51))
    y[:, 20:] = y[:, 19:20]
    found = fit_batch(kind, (FREQUENCIES, BIASES), y, 1.0)
    assert found.status[0] == "stuck data"
    assert all(np.isnan(value).all() for value in found.values.values())


@pytest.mark.parametrize("kind", ["qubit_flux_map", "avoided_crossing"])
def test_lines_that_no_law_follows_are_given_up_after_a_few_steps_of_each_start(kind, steps):
    """Two bright arcs: either start is near its best place at once, and never comes to an end."""
    truth = plain()[kind]
    spur = next(each for each in BROKEN if each.name == "spur").traces(truth, 9, 10)
    each = []
    for n in range(10):
        before = sum(steps)
        truth.fit(spur.take(slice(n, n + 1)))
        each.append(sum(steps) - before)
    assert max(steps) <= tracks.HOPELESS[1] + 1
    # Two roads to one place are enough; of an arc other triples of points are tried once.
    assert max(each) <= 2 * tracks.PATIENCE


DRIFTS = ("random walk and noise", "random walk alone", "step")


@pytest.mark.parametrize(("kind", "usual"), [("avoided_crossing", 22), ("qubit_flux_map", 55)])
def test_drift_takes_hardly_more_steps_than_a_good_map(kind, usual, steps):
    """No start is near, and what is far from noise does not hide a faint arc either.

    Of a walk that all columns show other points are tried, too: so a good arc in 100 is found.
    How many steps a single one takes hangs on the last digits of a sum: 104 or 119 were seen of
    the same map. 20 and 51 are the means.
    """
    truth, each = plain()[kind], []
    for broken in (one for one in BROKEN if one.name in DRIFTS):
        traces = broken.traces(truth, 9, 10)
        for n in range(10):
            steps.clear()
            truth.fit(traces.take(slice(n, n + 1)))
            each.append(sum(steps))
    assert np.mean(each) <= usual
    assert max(each) <= 3 * tracks.PATIENCE


def test_a_fit_that_shows_no_column_is_no_better_one():
    """Led to another period, nothing was left in the window, and its chi-square of 0 won."""
    broken = {each.name: each for each in BROKEN}["random walk alone"]
    truth = plain("resonator_flux_map")["resonator_flux_map"]
    found = truth.fit(broken.traces(truth, 3, 15).take(slice(7, 8)))
    assert found.status[0] == "model does not fit"
    assert found.chi2_reduced[0] > 100.0


def test_a_large_map_gets_fewer_steps_for_each_takes_longer(steps):
    """Of telegraph noise, which looks like a line that no law follows."""
    truth, most = large(plain()["resonator_flux_map"]), 3 * tracks.PATIENCE
    noise = next(each for each in BROKEN if each.name == "telegraph noise").traces(truth, 9, 6)
    each = []
    for n in range(6):
        steps.clear()
        assert truth.fit(noise.take(slice(n, n + 1))).verdict[0] != "accepted"
        each.append(sum(steps))
    assert max(each) <= most
    assert np.mean(each) <= USUAL


def test_a_map_that_is_weighed_anew_is_not_searched_anew(monkeypatch):
    """Its arc is followed from where the first fit found it, to the same numbers."""
    truth, searched = plain()["qubit_flux_map"], []

    def counted(*arguments):
        searched.append(1)
        return best(*arguments)

    best = arcfit._best
    monkeypatch.setattr(arcfit, "_best", counted)
    dropped = next(each for each in BROKEN if each.name == "dropped shots").traces(truth, 9, 1)
    found = truth.fit(dropped)
    assert found.verdict[0] == "accepted"
    assert len(searched) == 1
    monkeypatch.setattr(arcfit, "_still", lambda *_: None)
    anew = truth.fit(dropped)
    assert len(searched) == 3
    for name, value in anew.values.items():
        assert found.values[name] == pytest.approx(value, abs=1e-3 * anew.stderr[name][0])


@pytest.mark.parametrize(
    ("room", "against"), [(qubit_flux, "objections"), (avoided_crossing, "_objections")]
)
def test_a_map_that_is_weighed_anew_is_judged_once(room, against, monkeypatch):
    truth, judged = plain()[room.__name__.rpartition(".")[2].replace("flux", "flux_map")], []
    judge, columns = getattr(room, against), room.columns

    def counted(*arguments):
        judged.append("judged")
        return judge(*arguments)

    def made(*arguments):
        judged.append("weighed")
        return columns(*arguments)

    monkeypatch.setattr(room, against, counted)
    monkeypatch.setattr(room, "columns", made)
    dropped = next(each for each in BROKEN if each.name == "dropped shots").traces(truth, 9, 1)
    assert truth.fit(dropped).verdict[0] == "accepted"
    assert judged == ["weighed", "weighed", "judged"]


def test_halves_are_not_searched_where_what_plainly_shows_is_told_anyway(monkeypatch):
    """Of a level that jumped once, which looks like a line here and there."""
    truth, may = plain()["resonator_flux_map"], []

    def asked(found):
        may.append(differ(found))
        return may[-1]

    def searched(*_):
        raise AssertionError("both halves of the map were searched")

    differ = sweet_spot.may_differ
    monkeypatch.setattr(sweet_spot, "may_differ", asked)
    monkeypatch.setattr(sweet_spot, "halves_differ", searched)
    step = next(each for each in BROKEN if each.name == "step").traces(truth, 9, 6)
    assert set(truth.fit(step).status) == {"drift during scan"}
    assert any(may)
