"""Randomized benchmarking against simulated random sequences of Cliffords, whose error is exact.

A sequence is played on the Bloch vector: every Clifford is followed by one and the same error
map E. Averaged over the Clifford group it depolarises with p = tr(E)/3, whether E is random or
coherent; coherent errors make sequences of one length differ.
"""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest

from kammerton.estimation import fit_batch
from kammerton.estimation.curves import repeats
from kammerton.model import TraceError

LENGTHS = np.array([1, 2, 4, 8, 12, 20, 30, 45, 65, 90, 130])
SHOTS = 100
RB, IRB = "randomized_benchmarking", "interleaved_randomized_benchmarking"


def cliffords():
    """The 24 rotations of the cube."""
    signed = [
        np.diag(signs)[list(order)]
        for order in permutations(range(3))
        for signs in product((1.0, -1.0), repeat=3)
    ]
    return np.array([m for m in signed if np.linalg.det(m) > 0])


CLIFFORDS = cliffords()


def rotation(axis, angle):
    x, y, z = np.asarray(axis) / np.linalg.norm(axis)
    k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * k @ k


def sequences(rng, traces, repeats, error, gate=None, lengths=LENGTHS):
    """Survivals (traces, repeats * lengths); `gate`: the error of an interleaved identity."""
    each = error if gate is None else error @ gate
    found = []
    for length in lengths:
        bloch = np.tile([0.0, 0.0, 1.0], (traces * repeats, 1))
        ideal = np.tile(np.eye(3), (len(bloch), 1, 1))
        for _ in range(length):
            turn = CLIFFORDS[rng.integers(24, size=len(bloch))]
            bloch = (turn @ bloch[:, :, None])[:, :, 0] @ each.T
            ideal = turn @ ideal
        back = (ideal.transpose(0, 2, 1) @ bloch[:, :, None])[:, :, 0] @ error.T
        found.append(0.5 + 0.5 * back[:, 2].reshape(traces, repeats))
    return np.hstack(found)


def counted(rng, survival, shots=SHOTS):
    y = rng.binomial(shots, np.clip(survival, 0, 1)) / shots
    return y, np.sqrt(np.clip(y * (1 - y), 1e-3, 1) / shots)


def decay(p=0.97, a=0.48, b=0.5, x=LENGTHS):
    return a * p**x + b


def noisy(y, sigma, seed=14, repeats=1):
    rng = np.random.default_rng(seed)
    return np.repeat(y, repeats) + sigma * rng.normal(size=len(y) * repeats)


COHERENT = 0.998 * rotation([1.0, 0.3, 0.2], 0.12)
RANDOM = 0.985 * np.eye(3)


@pytest.mark.parametrize(
    ("error", "known", "given"),
    [(COHERENT, {"offset": 0.5}, True), (COHERENT, {"offset": 0.5}, False), (RANDOM, {}, True),
     (RANDOM, {"offset": 0.5}, True)],
    ids=["coherent", "coherent, no sigma", "random, free end", "random"],
)  # fmt: skip
def test_pull_against_the_scatter_of_sequences(error, known, given):
    rng, p = np.random.default_rng(1), np.trace(error) / 3
    y, sigma = counted(rng, sequences(rng, 150, 20, error))
    found = fit_batch(RB, np.repeat(LENGTHS, 20), y, sigma if given else None, **known)
    for name, truth in {"depolarization": p, "error_per_clifford": (1 - p) / 2}.items():
        pull = (found.values[name] - truth) / found.stderr[name]
        assert abs(pull.mean()) < 0.25
        assert 0.85 < pull.std() < 1.15
    assert np.mean(found.verdict == "accepted") > 0.96


def test_coherent_errors_have_larger_error_bars_than_shots_alone():
    rng, p = np.random.default_rng(2), np.trace(COHERENT) / 3
    x, same = np.repeat(LENGTHS, 20), np.tile(np.repeat(decay(p), 20), (50, 1))
    errors = [
        fit_batch(RB, x, *counted(rng, y), offset=0.5).stderr["depolarization"]
        for y in (sequences(rng, 50, 20, COHERENT), same)
    ]
    assert np.median(errors[0]) > 1.5 * np.median(errors[1])


def test_pull_of_means_with_sigma():
    rng = np.random.default_rng(4)
    y = decay() + 0.01 * rng.normal(size=(300, len(LENGTHS)))
    for sigma in (0.01, None):
        found = fit_batch(RB, LENGTHS, y, sigma)
        pull = (found.values["depolarization"] - 0.97) / found.stderr["depolarization"]
        assert abs(pull.mean()) < 0.2
        assert 0.9 < pull.std() < (1.1 if sigma else 1.25)  # 8 degrees of freedom, else
        assert np.mean(found.verdict == "accepted") > 0.97


def scattered(sequences, seed=8, traces=3000):
    """Survivals (traces, lengths, sequences) whose scatter is largest at intermediate lengths."""
    rng, x = np.random.default_rng(seed), np.array([1, 2, 5, 10, 20, 50, 100, 200, 400, 800])
    gone = 0.994**x
    away = 0.24 * gone * (1 - gone)
    y = 0.5 + 0.48 * gone + away * rng.normal(size=(traces, sequences, len(x)))
    return x, (rng.binomial(SHOTS, np.clip(y, 0, 1)) / SHOTS).transpose(0, 2, 1)


@pytest.mark.parametrize(("sequences", "widest"), [(5, 1.1), (10, 1.05), (20, 1.05), (30, 1.05)])
@pytest.mark.parametrize("given", ["sequences", "means with their scatter"])
def test_few_sequences_have_honest_error_bars(sequences, widest, given):
    """The scatter of a length is its own, unlike its neighbours', and itself only estimated."""
    x, y = scattered(sequences)
    if given == "sequences":
        found = fit_batch(RB, np.repeat(x, sequences), y.reshape(len(y), -1))
    else:
        found = fit_batch(RB, x, y.mean(axis=2), y.std(axis=2, ddof=1) / np.sqrt(sequences))
    fine = found.verdict == "accepted"
    pull = ((found.values["error_per_clifford"] - 0.003) / found.stderr["error_per_clifford"])[fine]
    assert 0.95 < pull.std() < widest
    assert fine.mean() > 0.95


def test_two_qubits_have_dimension_four():
    y = noisy(decay(b=0.25, a=0.7), 0.005)
    one, two = (fit_batch(RB, LENGTHS, y, 0.005, qubits=n) for n in (1, 2))
    ratio = two.values["error_per_clifford"] / one.values["error_per_clifford"]
    assert ratio == pytest.approx(1.5)


def test_interleaved_pull_and_bound():
    rng, gate = np.random.default_rng(5), 0.993 * rotation([1.0, 0.0, 0.0], 0.05)
    error = 0.99 * rotation([1.0, 0.3, 0.2], 0.03)
    p, both = np.trace(error) / 3, np.trace(error @ gate) / 3
    y = np.stack([sequences(rng, 250, 15, error), sequences(rng, 250, 15, error, gate)], axis=1)
    x = (0, 1), np.repeat(LENGTHS, 15)
    found = fit_batch(IRB, x, *counted(rng, y), offset=0.5)
    assert found.curve.shape == y.shape
    truths = {"depolarization": p, "depolarization_interleaved": both,
              "error_per_gate": (1 - both / p) / 2}  # fmt: skip
    for name, truth in truths.items():
        pull = (found.values[name] - truth) / found.stderr[name]
        assert abs(pull.mean()) < 0.25, name
        assert 0.85 < pull.std() < 1.15, name
    assert np.mean(found.verdict == "accepted") > 0.96
    # Magesan et al. 2012, eq. 5, the first of its two bounds, which is the lesser here
    assert np.median(found.values["error_per_gate_bound"]) == pytest.approx(
        (abs(p - both / p) + 1 - p) / 2, rel=0.1
    )
    assert (found.values["error_per_gate_bound"] > 5 * found.stderr["error_per_gate"]).mean() > 0.9


def test_the_bound_of_a_good_reference_is_the_second():
    from kammerton.estimation.curves.interleaved import bound

    p, both, d = (np.array([v]) for v in (1 - 1e-7, 0.5, 2.0))
    second = 2 * 3 * 1e-7 / 4 + 4 * np.sqrt(1e-7 * 3)
    assert bound(p, both, d)[0] == pytest.approx(second, rel=1e-3)


CASES = {
    "flat": (LENGTHS, 0.5 + 0 * LENGTHS, 0.02, {}, "rejected", "no signal"),
    "faint": (LENGTHS, decay(a=0.15), 0.02, {}, "insufficient", "signal too weak"),
    "short": (LENGTHS, decay(0.9995), 0.002, {}, "insufficient", "range too narrow"),
    "short, known end": (LENGTHS, decay(0.9998), 0.01, {"offset": 0.5}, "insufficient",
                         "range too narrow"),
    "long": (10 * LENGTHS, decay(0.9, x=10 * LENGTHS), 0.005, {}, "insufficient",
             "window too long"),
    "leaking": (LENGTHS, decay(a=0.25) + decay(0.7, 0.25, 0.0), 0.005, {}, "rejected",
                "model does not fit"),
    "growing": (LENGTHS, 0.6 + 0.3 * (LENGTHS / 130) ** 3, 0.005, {"offset": 0.5}, "rejected",
                "model does not fit"),
    "a line": (LENGTHS, 0.95 - 0.003 * LENGTHS, 0.01, {}, "insufficient", "range too narrow"),
    "a faint line": (LENGTHS, decay(0.99, 0.3), 0.02, {}, "insufficient", "signal too weak"),
    "even from length to length": (LENGTHS, np.linspace(0.9, 0.5, 11), 0.03, {}, "rejected",
                                   "drift during scan"),
    "no population": (LENGTHS, decay(0.97, 0.8, 0.4), 0.01, {}, "rejected", "model does not fit"),
    "negative end": (LENGTHS, decay(0.97, 0.8, -0.3), 0.01, {}, "rejected", "model does not fit"),
    "a signal": (LENGTHS, decay(0.97, 0.8, -0.3), 0.01, {"population": False}, "accepted",
                 "success"),
    "all survive": (LENGTHS, 0.98 + 0 * LENGTHS, 0.01, {"offset": 0.5}, "insufficient",
                    "range too narrow"),
    "all survive, open end": (LENGTHS, 0.96 + 0 * LENGTHS, 0.01, {}, "insufficient",
                              "range too narrow"),
    "none does, open end": (LENGTHS, 0.03 + 0 * LENGTHS, 0.01, {}, "insufficient",
                            "range too narrow"),
    "a slope in the noise": (LENGTHS, decay(0.9999), 0.02, {}, "insufficient", "range too narrow"),
    "flat, no population": (LENGTHS, 0.96 + 0 * LENGTHS, 0.01, {"population": False}, "rejected",
                            "no signal"),
    "flat, in volts": (LENGTHS, 3.0 + 0 * LENGTHS, 0.01, {}, "rejected", "no signal"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_reason(case):
    x, truth, sigma, known, verdict, status = CASES[case]
    found = fit_batch(RB, x, noisy(truth, sigma), sigma, **known)
    assert (found.verdict[0], found.status[0]) == (verdict, status), found.reason[0]
    if verdict == "insufficient":
        advice = found.advice[0]
        assert (advice.window_times or advice.shots_times or 1) != 1


def test_an_error_per_clifford_known_to_a_half_is_not_enough():
    late = np.arange(40, 440, 40)
    y = decay(0.98, x=late) + 0.035 * np.random.default_rng(15).normal(size=(2000, len(late)))
    found = fit_batch(RB, late, y, 0.035, offset=0.5)
    error = found.stderr["error_per_clifford"] / found.values["error_per_clifford"]
    assert np.count_nonzero(found.status == "error too large") > 2
    assert (error[found.status == "error too large"] > 0.33).all()
    assert (error[found.verdict == "accepted"] < 0.33).all()


def test_a_drift_from_sequence_to_sequence_is_seen():
    y = noisy(decay(), 0.01, repeats=20)
    y += 0.05 * np.sin(np.arange(y.size) / 3.0)
    found = fit_batch(RB, np.repeat(LENGTHS, 20), y)
    assert (found.verdict[0], found.status[0]) == ("rejected", "drift during scan")


def pair(reference, interleaved, repeats=10, sigma=0.01):
    y = np.stack([noisy(reference, sigma, 6, repeats), noisy(interleaved, sigma, 7, repeats)])
    return fit_batch(IRB, ((0, 1), np.repeat(LENGTHS, repeats)), y, sigma)


INTERLEAVED = {
    "success": (decay(), decay(0.96), "accepted", "success"),
    "readout changed": (decay(), decay(0.96, 0.40), "rejected", "drift during scan"),
    "faster reference": (decay(0.94), decay(0.96), "rejected", "model does not fit"),
    "no difference": (decay(), decay(0.9699), "accepted", "success"),
    "no signal": (decay(), 0.5 + 0 * LENGTHS, "rejected", "no signal"),
    "both short": (decay(0.9999), decay(0.9997), "insufficient", "range too narrow"),
    "one too short": (decay(0.9985), decay(0.96), "insufficient", "range too narrow"),
}


@pytest.mark.parametrize("case", INTERLEAVED)
def test_reason_of_interleaved(case):
    *data, verdict, status = INTERLEAVED[case]
    found = pair(*data)
    assert (found.verdict[0], found.status[0]) == (verdict, status), found.reason[0]


def test_the_series_are_told_by_their_labels_not_by_their_place():
    rng, x = np.random.default_rng(8), np.repeat(LENGTHS, 10)
    y = np.stack([np.repeat(decay(), 10), np.repeat(decay(0.95), 10)])
    y += 0.01 * rng.normal(size=y.shape)
    one, other = fit_batch(IRB, ((0, 1), x), y, 0.01), fit_batch(IRB, ((1, 0), x), y[::-1], 0.01)
    assert one.values["error_per_gate"] == pytest.approx(other.values["error_per_gate"])
    np.testing.assert_allclose(one.curve, other.curve[:, ::-1])


@pytest.mark.parametrize("given", [True, False], ids=["sigma", "no sigma"])
@pytest.mark.parametrize("kind", [RB, IRB])
def test_noise_lines_walks_and_steps_are_not_accepted(kind, given):
    rng, x = np.random.default_rng(9), np.repeat(LENGTHS, 8)
    count, m = 300, x.size
    shape = (count, m) if kind == RB else (count, 2, m)
    noise = 0.05 * rng.normal(size=shape)
    at = rng.integers(3, m - 3, size=(*shape[:-1], 1))
    broken = {
        "noise": noise, "line": x / 130 * rng.uniform(-0.6, 0.6, (*shape[:-1], 1)) + noise,
        "walk": np.cumsum(rng.normal(size=shape), axis=-1) * 0.05 + noise,
        "step": 0.6 * (np.arange(m) >= at) + noise,
    }  # fmt: skip
    for name, y in broken.items():
        axes = x if kind == RB else ((0, 1), x)
        found = fit_batch(kind, axes, 0.5 + y, 0.05 if given else None)
        assert np.count_nonzero(found.verdict == "accepted") == 0, name


def test_sequences_of_few_shots_are_as_noisy_as_their_sigma_says():
    """The scatter of a length with many of them is larger for that, not for another law."""
    rng = np.random.default_rng(6)
    x = np.repeat(LENGTHS, 10)
    sigma = np.where(rng.random((1000, x.size)) < 0.2, 0.06, 0.006)
    y = 0.5 + 0.45 * np.exp(-x / 40.0) + sigma * rng.normal(size=sigma.shape)
    found = fit_batch(RB, x, y, sigma)
    assert np.mean(found.verdict == "accepted") > 0.97
    truth = (1 - np.exp(-1 / 40.0)) / 2
    pull = (found.values["error_per_clifford"] - truth) / found.stderr["error_per_clifford"]
    assert 0.9 < pull.std() < 1.15


def test_missing_sequences_are_left_out():
    rng = np.random.default_rng(10)
    y, sigma = counted(rng, sequences(rng, 20, 20, RANDOM))
    x, gone = np.repeat(LENGTHS, 20), rng.uniform(size=y.shape) < 0.3
    found = fit_batch(RB, x, np.where(gone, np.nan, y), sigma)
    pull = (found.values["depolarization"] - 0.985) / found.stderr["depolarization"]
    assert np.abs(pull).max() < 4
    assert 0.5 < pull.std() < 1.5


REFUSED = {
    "negative length": (RB, (LENGTHS - 2, decay()), {}, "negative number"),
    "three lengths": (RB, (np.repeat([1, 2, 3], 5), np.ones(15)), {}, "fewer than 4 different"),
    "half a qubit": (RB, (LENGTHS, decay()), {"qubits": 0.5}, "qubits is 0.5"),
    "one axis": (IRB, (LENGTHS, decay()), {}, "two axes"),
    "three series": (IRB, ((range(3), LENGTHS), np.ones((3, 11))), {}, "3 series"),
    "one series twice": (IRB, (([1, 1], LENGTHS), np.ones((2, 11))), {}, "twice"),
    "shape": (IRB, (([0, 1], LENGTHS), np.ones((2, 10))), {}, "y has shape"),
    "words for series": (IRB, ((["a", "b"], LENGTHS), np.ones((2, 11))), {}, "not an array"),
    "shape of sigma": (IRB, (([0, 1], LENGTHS), np.ones((2, 11)), np.ones(3)), {}, "sigma has"),
    "axis of two dimensions": (IRB, (([0, 1], LENGTHS[None]), np.ones((2, 11))), {}, "swept axis"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    kind, arguments, known, message = REFUSED[case]
    with pytest.raises(TraceError, match=message):
        fit_batch(kind, *arguments, **known)


@pytest.mark.parametrize("rounding", [0.0, 1e-16], ids=["exact", "rounded"])
def test_repetitions_that_do_not_scatter_are_no_sigma(rounding):
    m = np.repeat([1, 5, 10, 20, 40, 80, 160], 10)
    y = 0.5 * 0.99**m + 0.5 + rounding * np.random.default_rng(1).choice([-1, 0, 1], len(m))
    told, free = (fit_batch("randomized_benchmarking", m, y, sigma) for sigma in (0.01, None))
    for found in (told, free):
        assert found.verdict[0] == "accepted"
        assert found.values["error_per_clifford"][0] == pytest.approx(0.005, rel=1e-6)
    assert told.stderr["error_per_clifford"][0] == pytest.approx(2.2e-4, rel=0.05)


def test_the_scatter_of_means_is_smoothed_by_a_parabola():
    rng = np.random.default_rng(5)
    x = np.sort(rng.uniform(size=(1, 9)), axis=1)
    own, freedom = rng.exponential(size=(3, 9)), rng.integers(0, 6, (3, 9)).astype(float)
    smooth, t = repeats._smooth(own, freedom, x), np.log(x[0] + 0.01)
    for some, free, found in zip(own, freedom, smooth, strict=True):
        there = free > 0
        log = np.log(some[there]) + 1 / free[there]
        curve = np.polyval(np.polyfit(t[there], log, 2, w=np.sqrt(free[there])), t)
        assert np.log(found) == pytest.approx(curve, abs=1e-3)


@pytest.mark.parametrize("spoilt", [2.5, 1e-3, 299.9])
def test_there_are_no_parts_of_cliffords(spoilt):
    lengths = np.repeat([1.0, 5, 10, 20, 40, 80, 160, 300], 4)
    y = 0.5 + 0.48 * 0.985**lengths
    fit_batch("randomized_benchmarking", lengths, y)
    lengths[3] = spoilt
    with pytest.raises(TraceError, match="parts of Cliffords; it must be whole numbers"):
        fit_batch("randomized_benchmarking", lengths, y)


def test_a_good_gate_is_accepted_whatever_its_error_seems_to_be():
    """Those alone that seem bad by chance would be twice as bad as the truth."""
    rng, lengths = np.random.default_rng(12), np.repeat([1, 10, 25, 50, 100, 200, 400, 700], 10)
    series = [0.515 + 0.46 * p**lengths for p in (0.995, 0.995 * (1 - 4e-4))]
    y = rng.binomial(200, np.broadcast_to(np.stack(series), (400, 2, lengths.size))) / 200
    found = fit_batch("interleaved_randomized_benchmarking", (np.arange(2.0), lengths), y)
    assert (found.verdict == "accepted").mean() > 0.97
    pull = (found.values["error_per_gate"] - 2e-4) / found.stderr["error_per_gate"]
    taken = pull[found.verdict == "accepted"]
    assert abs(taken.mean()) < 0.2
    assert 0.9 < taken.std() < 1.1
    faint = found.values["error_per_gate"] < found.stderr["error_per_gate"]
    assert all("not seen" in reason or "seems to help" in reason
               for reason in found.reason[faint & (found.verdict == "accepted")])  # fmt: skip


def test_an_error_of_a_gate_that_is_hardly_known_beside_a_cliffords_is_not_enough():
    rng, x = np.random.default_rng(5), np.repeat([1, 10, 25, 50, 100, 200, 400, 700], 3)
    series = np.stack([p**x for p in (0.995, 0.995 * 0.998)])
    scatter = 0.3 * series * (1 - series) * rng.standard_t(5, (600, *series.shape))
    y = 0.515 + 0.46 * (series + scatter) + 0.03 * rng.normal(size=scatter.shape)
    found = fit_batch(IRB, ((0, 1), x), y)
    error, sigma = found.values["error_per_gate"], found.stderr["error_per_gate"]
    enough = sigma < np.maximum(0.33 * error, 0.2 * found.values["error_per_clifford"])
    poor = found.status == "error too large"
    assert np.count_nonzero(poor) > 5
    assert not enough[poor].any()
    assert enough[found.verdict == "accepted"].all()
    assert "that of a Clifford is 0.00" in found.reason[poor][0]
    assert {advice.shots_times for advice in found.advice[poor]} == {4.0}


@pytest.mark.parametrize("kind", ["randomized_benchmarking", "fine_amplitude"])
def test_numbers_of_gates_far_below_one_are_none(kind):
    """With 1e-30 of them an error of 0.5 without a bar was accepted."""
    lengths = np.linspace(0.0, 1.0, 21)
    with pytest.raises(TraceError, match="whole"):
        fit_batch(kind, 1e-30 * lengths, 0.5 + 0.48 * np.exp(-3 * lengths))


@pytest.mark.parametrize(("lengths", "accepted"), [(6, False), (8, False), (15, True)])
def test_few_means_without_errors_tell_no_scatter(lengths, accepted):
    """Of six, those were accepted that scatter little by chance: 2 to 14 in 100 beyond 5 bars."""
    m = np.unique(np.round(np.geomspace(1.0, 1000.0, lengths)))
    noise = 0.005 * np.random.default_rng(1).normal(size=(1000, len(m)))
    y = 0.5 + 0.48 * 0.998**m + noise
    found = fit_batch("randomized_benchmarking", m, y)
    good = found.verdict == "accepted"
    pull = (found.values["error_per_clifford"] - 0.001) / found.stderr["error_per_clifford"]
    assert good.mean() > 0.98 if accepted else not good.any()
    assert np.count_nonzero(np.abs(pull[good]) > 5) <= 1
    if not accepted:
        assert any("lengths without errors tell no scatter" in each for each in found.reason)
        given = fit_batch("randomized_benchmarking", m, y, 0.005)
        assert given.verdict.tolist().count("accepted") > 400


@pytest.mark.parametrize("kind", [RB, IRB])
@pytest.mark.parametrize("uneven", [True, False])
def test_means_that_nobody_gave_errors_of_have_bars_that_hold(kind, uneven):
    """Twenty sequences of each length differ most where half is lost, and by their shots."""
    x, rng = 2 ** np.arange(12), np.random.default_rng(3)
    p = 1 - 2 * 10 ** rng.uniform(-2.6, -2.0, (2000, 1))
    means = []
    for each in (p, 0.996 * p):
        lost = 1 - each**x
        mean = 0.5 + 0.47 * each**x
        scatter = np.hypot(0.01 * lost * (1 - lost), np.sqrt(mean * (1 - mean) / 4000))
        means.append(mean + (scatter if uneven else 0.006) * rng.normal(size=mean.shape))
    if kind == RB:
        found = fit_batch(RB, x, means[0])
        name, truth = "error_per_clifford", (1 - p[:, 0]) / 2
    else:
        found = fit_batch(IRB, ((0, 1), x), np.stack(means, axis=1))
        name, truth = "error_per_gate", 0.002
    pull = ((found.values[name] - truth) / found.stderr[name])[found.verdict == "accepted"]
    assert len(pull) > 1900
    assert 0.85 < pull.std() < 1.15
