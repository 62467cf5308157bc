"""What hops in the middle of a run is seen in its blocks; what only wanders is not refused."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from kammerton.estimation.hops.judge import held_still
from kammerton.estimation.hops.series import CHANGED, Errors, largest_hop
from kammerton.estimation.reduce import mean_and_sigma
from kammerton.estimation.traces import fit_traces
from kammerton.model import Fit, Trace, Verdict
from tests.benchmarks.hops import BLOCKS, CASES, Case, blocks_of, count, fitted, hopping, walk
from tests.yardstick import least, spent

T1, ECHO, T2_STAR, FRINGE, LONG, RABI, LINE, RESONATOR = CASES
LARGE = ((T1, -25e-6), (T1, 50e-6), (ECHO, -25e-6), (T2_STAR, -15e-6), (FRINGE, 10e3),
         (FRINGE, 200e3), (LONG, 10e3), (RABI, 0.02), (LINE, 1e6), (RESONATOR, 200e3))  # fmt: skip


def judged(case: Case, size: float, moment: float, seed: int) -> tuple[Fit, Fit]:
    rng = np.random.default_rng(seed)
    p = case.at + walk(case, rng) + hopping(case, size, moment)
    fit, still, _ = next(fitted(case, [blocks_of(case, p, rng)]))
    return fit, still


@pytest.mark.parametrize("moment", [0.25, 0.5, 0.75])
@pytest.mark.parametrize(("case", "size"), LARGE)
def test_p6_what_hops_in_the_middle_of_a_run_is_rejected_though_one_law_fits_it(case, size, moment):
    fit, still = judged(case, size, moment, 3)
    assert fit.verdict is Verdict.ACCEPTED, "nothing but the blocks tells it"
    assert (still.verdict, still.status) == (Verdict.REJECTED, "drift during scan")
    said = re.search(r"after about (\d+)% of the run", still.reason)
    assert said is not None
    assert abs(int(said[1]) / 100 - moment) <= 0.1


def test_p6_of_times_that_hop_by_two_at_any_moment_none_is_published_far_off():
    """An echo of 100 us in this window is off by more than three bars without a hop, too."""
    for case, size in ((T1, -25e-6), (T1, 50e-6), (ECHO, -25e-6)):
        for moment in np.linspace(0.1, 0.9, 9).tolist():
            found = count(case, size, moment, 40, 5)
            assert found.now[1] == 0, (case.kind, size, moment, found)
    assert sum(count(T1, -25e-6, m, 40, 5).before[2] for m in (0.25, 0.5, 0.75)) > 100


@pytest.mark.parametrize("case", CASES)
def test_p6_a_run_that_only_wanders_as_chips_do_is_accepted_as_before(case):
    found = count(case, 0.0, 0.5, 500, 11)
    assert found.before[0] == found.now[0] > 490


def test_the_reason_says_what_changed_when_and_by_how_much():
    _, still = judged(T1, -12e-6, 0.6, 2)
    said = re.fullmatch(
        r"t1 changed after about 60% of the run, from about (\S+) µs ± \S+ (?:µs|ns) to (\S+) µs "
        r"± \S+ (?:µs|ns)", still.reason
    )  # fmt: skip
    assert said is not None, still.reason
    assert [float(x) for x in said.groups()] == pytest.approx([50, 38], abs=2.5)


def test_fringes_that_hop_by_many_turns_are_seen_by_their_shape():
    """A derivative knows nothing of a frequency twelve fringes away."""
    _, still = judged(FRINGE, 200e3, 0.5, 4)
    assert "the trace changed" in still.reason or "frequency changed" in still.reason


def test_the_readout_may_move_by_a_percent_without_a_decay_that_hops():
    rng = np.random.default_rng(6)
    runs = []
    for n in range(200):
        y = blocks_of(T1, np.full(BLOCKS, T1.at), rng)
        gain = 1 + (0.01, -0.01)[n % 2] * (np.arange(BLOCKS) >= 10)
        runs.append(y * gain[:, None])
    assert all(still is fit for fit, still, _ in fitted(T1, runs))


def test_noise_from_block_to_block_beyond_that_of_shots_is_no_hop():
    """As of fringes whose charge parity flips many times in a run."""
    rng = np.random.default_rng(7)
    known = Errors(1.0, 1 / np.sqrt(BLOCKS), 0.0, 0.0)
    found = [largest_hop(3.0 * rng.normal(size=BLOCKS), known).errors for _ in range(5000)]
    assert np.mean(np.array(found) > CHANGED) < 5e-3
    alone = [largest_hop(rng.normal(size=BLOCKS), known).errors for _ in range(5000)]
    assert np.mean(np.array(alone) > CHANGED) < 1e-3


def test_a_walk_that_is_in_the_error_bar_is_no_hop_and_the_same_change_without_it_is():
    values = np.repeat([0.0, 4.0], 10)
    still = largest_hop(values, Errors(1.0, 0.25, 0.0, 0.0))
    assert still.matters
    assert (still.part, still.late - still.early) == (0.5, 4.0)
    assert not largest_hop(values, Errors(1.0, 0.25, 0.0, 6.0)).matters
    assert not largest_hop(values, Errors(1.0, 2.5, 0.0, 0.0)).matters, "it hardly moves the mean"
    assert not largest_hop(values, Errors(1.0, 0.25, 4.0, 0.0)).matters


def test_points_that_are_missing_or_without_an_error_are_left_out():
    rng = np.random.default_rng(8)
    for size, accepted in ((-25e-6, False), (0.0, True)):
        blocks = np.array(blocks_of(T1, T1.at + hopping(T1, size, 0.5), rng))
        blocks[3, 7], blocks[:, 9] = np.nan, blocks[0, 9]
        y, sigma = mean_and_sigma(blocks)
        sigma[9] = 0.0
        trace = Trace("q0", T1.x, y, sigma, "delay", "s")
        fit = fit_traces("t1", {"q0": trace}, 1000)["q0"]
        assert fit.verdict is Verdict.ACCEPTED
        still = held_still(fit, trace, blocks, T1.seconds)
        assert (still is fit) == accepted


def test_few_blocks_no_noise_another_kind_and_another_verdict_are_left_as_they_are():
    rng = np.random.default_rng(9)
    blocks = np.array(blocks_of(T1, T1.at + hopping(T1, -25e-6, 0.5), rng))
    y, sigma = mean_and_sigma(blocks)
    trace = Trace("q0", T1.x, y, sigma, "delay", "s")
    fit = fit_traces("t1", {"q0": trace}, 1000)["q0"]
    assert held_still(fit, trace, blocks, T1.seconds).verdict is Verdict.REJECTED
    assert held_still(fit, trace, blocks[:2], T1.seconds) is fit
    assert held_still(fit, replace(trace, sigma=np.zeros(51)), blocks, T1.seconds) is fit
    for other in (replace(fit, kind="allxy"), replace(fit, verdict=Verdict.INSUFFICIENT)):
        assert held_still(other, trace, blocks, T1.seconds) is other


@pytest.mark.parametrize("case", [T1, FRINGE, RESONATOR])
def test_a_look_at_the_blocks_takes_less_than_a_millisecond(case):
    rng = np.random.default_rng(10)
    blocks = blocks_of(case, np.full(BLOCKS, case.at), rng)
    y, sigma = mean_and_sigma(blocks)
    trace = Trace("q0", case.x, y, sigma, "x", "")
    fit = fit_traces(case.kind, {"q0": trace}, case.shots)["q0"]

    def look() -> float:
        return spent(lambda: [held_still(fit, trace, blocks, case.seconds) for _ in range(50)]) / 50

    assert least(look, 1e-3) < 1e-3
