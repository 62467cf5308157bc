"""dispersive_shift: numbers at their error bars, and every reason to refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kammerton.estimation import FitBatch, fit_batch
from kammerton.estimation.resonances import shared_plane
from kammerton.model import TraceError
from tests.unit.estimation.map_inputs import how_many_traces

KIND = "dispersive_shift"
START, SPAN, POINTS = 7.0e9, 20e6, 201
X = np.linspace(0.0, 1.0, POINTS)
TONES = START + SPAN * X
Array = NDArray[np.float64]
Truth = dict[str, Any]


def drawn(rng: np.random.Generator, n: int, shift: tuple[float, float] = (0.2, 3.0)) -> Truth:
    """Return resonators whose shift is so many linewidths, of either sign."""
    width = np.exp(rng.uniform(np.log(0.04), np.log(0.2), n))
    move = np.exp(rng.uniform(*np.log(shift), n)) * rng.choice([-1, 1], n) * width
    middle = rng.uniform(0.35, 0.65, n)
    return {
        "width": width, "zero": middle - move / 2, "one": middle + move / 2,
        "depth": rng.uniform(0.3, 0.95, n), "skew": rng.uniform(-0.5, 0.5, n),
        "gain": np.exp(rng.uniform(-2, 0, n)), "angle": rng.uniform(-3, 3, n),
        "delay": rng.uniform(-0.5, 1.5, n), "slope": np.zeros(n), "excited": np.ones(n),
    }  # fmt: skip


def law(p: Truth) -> NDArray[np.complex128]:
    """S of both states (N, 2, M); the trace of 1 is a mean over its shots."""
    c = {name: np.reshape(value, (-1, 1)) for name, value in p.items()}
    zero, one = (1 / (1 + 2j * (X - c[name]) / c["width"]) for name in ("zero", "one"))
    one = zero + c["excited"] * (one - zero)
    line = c["gain"] * np.exp(1j * (c["angle"] - 2 * np.pi * c["delay"] * X))
    dip, slope = c["depth"] * np.exp(1j * c["skew"]), 1 + c["slope"] * (X - 0.5)
    return np.stack([line * (slope - dip * s) for s in (zero, one)], axis=1)


def measured(p: Truth, snr: float, seed: int, size: bool = False) -> tuple[NDArray[Any], Array]:
    rng, y = np.random.default_rng(seed), law(p)
    sigma = np.broadcast_to((p["gain"] * p["depth"] / snr)[:, None, None], y.shape).copy()
    if size:
        return np.abs(y) + sigma * rng.normal(size=y.shape), sigma
    return y + sigma * (rng.normal(size=y.shape) + 1j * rng.normal(size=y.shape)), sigma


def fitted(p: Truth, snr: float, seed: int = 0, size: bool = False, **known: Any) -> FitBatch:
    y, sigma = measured(p, snr, seed, size)
    return fit_batch(KIND, ([0, 1], TONES), y, sigma, **known)


def truths(p: Truth) -> dict[str, Array]:
    shift = p["one"] - p["zero"]
    aside = 0.5 * np.sign(shift) * np.sqrt(np.maximum(shift**2 - p["width"] ** 2, 0))
    return {
        "frequency_0": START + SPAN * p["zero"], "frequency_1": START + SPAN * p["one"],
        "dispersive_shift": SPAN * shift / 2, "resonator_shift": SPAN * shift,
        "linewidth": SPAN * p["width"],
        "readout_frequency": START + SPAN * (0.5 * (p["zero"] + p["one"]) - aside),
    }  # fmt: skip


def check_pulls(p: Truth, found: FitBatch, accepted: float = 0.98) -> None:
    good = found.verdict == "accepted"
    assert good.mean() >= accepted, set(found.reason[~good])
    for name, truth in truths(p).items():
        pull = ((found.values[name] - truth) / found.stderr[name])[good]
        assert abs(pull.mean()) < 0.25, name
        assert 0.85 < pull.std() < 1.15 or name == "readout_frequency", name
        assert pull.std() < 1.3, name


@pytest.mark.parametrize(("snr", "size"), [(10.0, False), (50.0, False), (50.0, True)])
def test_pulls(snr: float, size: bool) -> None:
    p = drawn(np.random.default_rng(int(snr)), 200)
    check_pulls(p, fitted(p, snr, 1, size))


def test_pulls_without_sigma() -> None:
    p = drawn(np.random.default_rng(3), 200)
    y, _ = measured(p, 20.0, 2)
    check_pulls(p, fit_batch(KIND, ([0, 1], TONES), y))


def test_pulls_over_a_sloping_background() -> None:
    rng = np.random.default_rng(4)
    p = drawn(rng, 100) | {"slope": rng.uniform(-0.3, 0.3, 100)}
    check_pulls(p, fitted(p, 30.0, 3))


def test_sharing_makes_the_linewidth_better_than_either_trace_does() -> None:
    p = drawn(np.random.default_rng(5), 20, (0.5, 2.0))
    y, sigma = measured(p, 30.0, 4)
    found = fit_batch(KIND, ([0, 1], TONES), y, sigma)
    alone = fit_batch("resonator_spectroscopy", TONES, y[:, 0], sigma[:, 0])
    gain = alone.stderr["linewidth"] / found.stderr["linewidth"]
    assert np.median(gain) > 1.3


def test_a_qubit_that_decays_meanwhile_is_found_out() -> None:
    p = drawn(np.random.default_rng(6), 150, (1.5, 3.0)) | {"excited": np.full(150, 0.8)}
    found = fitted(p, 50.0)
    check_pulls(p, found, 0.95)
    assert all("holds shots in 0 (" in words for words in found.reason)


def test_known_populations_leave_the_shift_without_bias() -> None:
    p = drawn(np.random.default_rng(7), 100, (0.2, 1.0)) | {"excited": np.full(100, 0.8)}
    found = [fitted(p, 50.0, population_1=part) for part in (0.8, 1.0)]
    check_pulls(p, found[0])
    chi = [f.values["dispersive_shift"] / truths(p)["dispersive_shift"] for f in found]
    assert np.median(chi[0]) == pytest.approx(1.0, abs=0.02)
    assert np.median(chi[1]) < 0.9


def test_the_best_frequency_is_where_the_traces_differ_most() -> None:
    p = drawn(np.random.default_rng(8), 30)
    found, y = fitted(p, 1e4), law(p)
    best = TONES[np.abs(y[:, 1] - y[:, 0]).argmax(axis=1)]
    middle = found.values["frequency_0"] + found.values["dispersive_shift"]
    away = np.abs(found.values["readout_frequency"] - middle)
    np.testing.assert_allclose(np.abs(best - middle), away, atol=0.03 * SPAN)
    side = (found.values["readout_frequency"] - middle) * np.sign(found.values["dispersive_shift"])
    assert (side < 1.0).all()


def test_order_of_states_and_frequencies_and_missing_points_do_not_matter() -> None:
    p = drawn(np.random.default_rng(9), 3)
    y, sigma = measured(p, 50.0, 5)
    y[:, :, 7] = np.nan
    here = fit_batch(KIND, ([0, 1], TONES), y, sigma)
    order = np.random.default_rng(0).permutation(POINTS)
    there = fit_batch(KIND, ([1, 0], TONES[order]), y[:, ::-1][:, :, order], sigma)
    for name, values in here.values.items():
        np.testing.assert_allclose(there.values[name], values, rtol=1e-7)
    np.testing.assert_allclose(there.curve[:, ::-1], here.curve[:, :, order], rtol=1e-5)
    np.testing.assert_allclose(here.curve, law(p), atol=0.1)


def test_the_other_phase_convention_gives_the_same() -> None:
    p = drawn(np.random.default_rng(10), 5)
    y, sigma = measured(p, 50.0, 6)
    here, there = (fit_batch(KIND, ([0, 1], TONES), z, sigma) for z in (y, y.conj()))
    np.testing.assert_allclose(
        there.values["dispersive_shift"], here.values["dispersive_shift"], rtol=1e-3
    )
    np.testing.assert_allclose(there.curve, here.curve.conj(), atol=1e-3)


def changed(**values: float) -> Truth:
    p = drawn(np.random.default_rng(11), 10, (0.8, 1.5))
    return p | {name: np.full(10, value) for name, value in values.items()}


@pytest.mark.parametrize(
    ("p", "verdict", "status", "words"),
    [
        (changed(one=1.7, width=0.06), "insufficient", "resonator missing", "none in 1"),
        (changed(zero=1.7, width=0.06), "insufficient", "resonator missing", "none in 0"),
        (changed(depth=1e-9), "rejected", "no signal", "no resonance stands out"),
        (changed(zero=0.5, one=0.5), "accepted", "no dispersive shift", "does not move"),
        (changed(width=1.0), "insufficient", "range too narrow", "wide"),
        (changed(zero=0.005, width=0.1), "insufficient", "line at the edge", "edge"),
    ],
)
def test_what_is_said(p: Truth, verdict: str, status: str, words: str) -> None:
    y = law(p)
    sigma = 0.01 * p["gain"].mean()
    rng = np.random.default_rng(12)
    y = y + sigma * (rng.normal(size=y.shape) + 1j * rng.normal(size=y.shape))
    found = fit_batch(KIND, ([0, 1], TONES), y, sigma)
    assert (found.verdict == verdict).mean() >= 0.8, set(found.verdict)
    assert (found.status == status).mean() >= 0.8, set(found.status)
    assert words in found.reason[int(np.flatnonzero(found.status == status)[0])]


def test_a_faint_shift_asks_for_shots() -> None:
    p = drawn(np.random.default_rng(13), 20, (1e-4, 2e-4))
    found = fitted(p, 3.0)
    unsure = found.status == "error too large"
    assert unsure.mean() > 0.3
    assert all(found.advice[n].shots_times > 1 for n in np.flatnonzero(unsure))


def test_a_neighbours_line_is_not_the_resonator() -> None:
    p = drawn(np.random.default_rng(14), 10, (0.8, 1.5)) | {"width": np.full(10, 0.03)}
    other = law(p | {"width": np.full(10, 0.15)})
    y, sigma = measured(p, 50.0, 7)
    y[:, 1] += other[:, 1] - law(p)[:, 1]
    found = fit_batch(KIND, ([0, 1], TONES), y, sigma)
    assert (found.status == "wrong peak").all(), set(found.reason)
    assert "not of one resonator" in found.reason[0]


@pytest.mark.parametrize(("state", "shared"), [(0, False), (1, True)])
def test_nothing_is_shared_with_a_trace_of_0_that_follows_nothing(
    state: int, shared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    y, sigma = measured(changed(), 50.0, 16)
    rng, asked = np.random.default_rng(17), []
    steps = rng.normal(size=(len(y), POINTS)) + 1j * rng.normal(size=(len(y), POINTS))
    y[:, state] += 5.0 * sigma[:, state] * np.cumsum(steps, axis=1)
    alike = shared_plane._alike
    monkeypatch.setattr(shared_plane, "_alike", lambda *a: asked.append(a) or alike(*a))
    found = fit_batch(KIND, ([0, 1], TONES), y, sigma)
    assert bool(asked) is shared
    assert not (found.verdict == "accepted").any()


def test_a_copied_trace_is_stuck_data() -> None:
    y, sigma = measured(changed(), 50.0, 8)
    y[:, 1] = y[:, 0]
    found = fit_batch(KIND, ([0, 1], TONES), y, sigma)
    assert (found.status == "stuck data").all()


@pytest.mark.parametrize("size", [False, True])
@pytest.mark.parametrize("length", [190, 120])
def test_a_block_that_is_read_on_into_the_other_trace_is_stuck_data(
    length: int, size: bool
) -> None:
    """The trace for 1 is that for 0 with its points moved: the shift of nothing."""
    y, sigma = measured(changed(), 50.0, 8, size)
    flat = y.reshape(len(y), -1)
    y = flat[:, np.arange(flat.shape[1]) % length].reshape(y.shape)
    found = fit_batch(KIND, ([0, 1], TONES), y, sigma)
    assert (found.status == "stuck data").all()


def test_a_compressed_pair_is_saturated() -> None:
    """Both lines are shallower at their deepest; alone neither misses its law by much."""
    p = changed()
    y, sigma = measured(p, 60.0, 9)
    clean = law(p)
    off = law({**p, "depth": np.zeros_like(p["depth"])})
    dip = np.abs(clean - off) / np.abs(clean - off).max(axis=(1, 2), keepdims=True)
    y -= (clean - off) * (1.0 - np.tanh(1.2 * dip) / (1.2 * dip))
    found = fit_batch(KIND, ([0, 1], TONES), y, sigma)
    assert (found.verdict == "rejected").all()
    assert np.mean(found.status == "saturated") > 0.7


def test_a_pair_is_compressed_that_neither_trace_shows_alone() -> None:
    """Of each trace it is some three standard errors, of both more than four."""
    p = drawn(np.random.default_rng(13), 300, (0.5, 2.0))
    y = law(p)
    rest = law({**p, "depth": np.zeros(300)})
    line = y - rest
    largest = np.abs(line).max(axis=(1, 2), keepdims=True)
    size = np.abs(line) / largest
    y = rest + line * np.tanh(0.6 * size) / np.maximum(0.6 * size, 1e-9)
    sigma = np.broadcast_to(largest / 30.0, y.shape).copy()
    rng = np.random.default_rng(14)
    y = y + sigma * (rng.normal(size=y.shape) + 1j * rng.normal(size=y.shape))
    found = fit_batch(KIND, ([0, 1], TONES), y, sigma)
    assert np.mean(found.status == "saturated") > 0.65


def test_nothing_is_found_in_noise() -> None:
    rng = np.random.default_rng(15)
    size = (how_many_traces(60), 2, POINTS)
    y = rng.normal(size=size) + 1j * rng.normal(size=size)
    assert not (fit_batch(KIND, ([0, 1], TONES), y, 1.0).verdict == "accepted").any()


Y = law(drawn(np.random.default_rng(0), 1))
REFUSED = {
    "one state": ((([0], TONES), Y[:, :1]), {}, "axis of state"),
    "other states": ((([1, 2], TONES), Y), {}, "must be 0 and 1"),
    "no pair": (((TONES), Y), {}, "pair of axes"),
    "few tones": ((([0, 1], TONES[:6]), Y[:, :, :6]), {}, "frequency has 6"),
    "shape": ((([0, 1], TONES[1:]), Y), {}, "y has shape"),
    "infinite": ((([0, 1], TONES), Y * np.inf), {}, "infinite|missing"),
    "populations": ((([0, 1], TONES), Y), {"population_0": 0.9, "population_1": 0.5}, "less than"),
    "too much": ((([0, 1], TONES), Y), {"population_1": 1.5}, "between 0 and 1"),
    "magnitudes": ((([0, 1], TONES), np.abs(Y)), {"population_1": 0.9}, "complex"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    arguments, known, words = REFUSED[case]
    with pytest.raises(TraceError, match=words), np.errstate(all="ignore"):
        fit_batch(KIND, *arguments, **known)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize(
    ("shift", "known", "says"),
    [(0.6, {}, True), (0.6, {"population_1": 1.0}, False), (2.5, {}, False)],
)
def test_the_reason_says_which_decay_cannot_be_seen(shift, known, says):
    """Overlapping lines of a mixture look like two lines that are closer."""
    found = fitted(drawn(np.random.default_rng(3), 20, (shift, shift)), 50.0, **known)
    alike = (found.verdict == "accepted") & ["holds shots" not in r for r in found.reason]
    assert alike.sum() > 15
    assert {"shots of 1 that were in 0" in reason for reason in found.reason[alike]} == {says}


def test_lines_between_two_points_ask_for_a_finer_sweep() -> None:
    """One may lie between points where the other is seen, or move two of them as no line does."""
    rng, n = np.random.default_rng(21), 200
    p = drawn(rng, n, (0.2, 3.0))
    width = np.exp(rng.uniform(np.log(4e-4), np.log(1.5e-3), n))
    move = (p["one"] - p["zero"]) * width / p["width"]
    p |= {"width": width, "one": p["zero"] + move}
    found = fitted(p, 60.0, 22)
    coarse = found.status == "sampling too coarse"
    assert coarse.mean() > 0.5
    assert all(found.advice[k].window_times == 0.2 for k in np.flatnonzero(coarse))
    assert all(found.advice[k].axis == 1 for k in np.flatnonzero(coarse))
    between = ["may lie between them" in reason for reason in found.reason]
    assert np.count_nonzero(between) > 1
    assert coarse[between].all()
    assert not (found.status == "resonator missing").any()
    assert (found.status == "model does not fit").mean() < 0.05


def test_a_narrow_line_beside_another_misfit_is_no_coarse_sweep() -> None:
    p = changed(width=0.0006) | {"one": changed()["zero"] + 1e-4}
    y, sigma = measured(p, 60.0, 23)
    y = y + (4.0 * sigma * np.sin(40.0 * X))
    found = fit_batch(KIND, ([0, 1], TONES), y, sigma)
    assert not (found.status == "sampling too coarse").any()
    assert not (found.verdict == "accepted").any()
