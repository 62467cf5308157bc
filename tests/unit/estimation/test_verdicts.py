"""Every reason to object to a fit, by a trace that has this fault and no other."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import FIT_KINDS, fit_batch

SWEEPS = [kind for kind, how in FIT_KINDS.items() if how.axes == 1 and not how.whole]
T = np.linspace(0.0, 1.0, 51)
TT = np.linspace(0.0, 1.0, 101)
F = np.linspace(5.0e9, 5.1e9, 101)
MHZ = 1e6


def line(centre, width, x=F):
    return 1 / (1 + (2 * (x - centre) / width) ** 2)


def notch(centre, width, x=F):
    return 1 - (0.7 + 0.2j) / (1 + 2j * (x - centre) / width)


def fringes(periods, decay, x=TT):
    return 0.5 + 0.45 * np.exp(-x * decay) * np.cos(2 * np.pi * periods * x)


def rabi(periods, phase=0.0, x=T):
    return 0.5 - 0.45 * np.cos(2 * np.pi * periods * x + phase)


# kind, x, truth, sigma -> verdict, status, word of the reason, what the advice changes
CASES = {
    "t1 flat": ("t1", T, 0 * T, 0.1, "rejected", "no signal", "flat", ""),
    "t1 faint": ("t1", T, np.exp(-4 * T), 0.35, "insufficient", "signal too weak",
                 "times its error", "shots"),
    "t1 sine": ("t1", T, np.sin(9 * T), 0.02, "rejected", "model does not fit",
                "does not follow", ""),
    "t1 bent": ("t1", T, np.exp(-3 * T) + 0.1 * np.sin(20 * T), 0.02, "rejected",
                "model does not fit", "residuals", ""),
    "t1 jump": ("t1", T, (T < 0.42) * 1.0, 0.05, "rejected", "drift during scan", "jump once", ""),
    "t1 long": ("t1", T, np.exp(-60 * T), 0.05, "insufficient", "window too long",
                "first points", "shorter"),
    "t1 short": ("t1", T, np.exp(-0.2 * T), 0.01, "insufficient", "range too narrow", "slope",
                 "longer"),
    "t1 like a line": ("t1", T, np.exp(-1.6 * T), 0.1, "insufficient", "signal too weak",
                       "straight line", "shots"),
    "echo flat": ("t2_echo", T, 0 * T, 0.1, "rejected", "no signal", "flat", ""),
    "echo short": ("t2_echo", T, np.exp(-((0.3 * T) ** 2)), 0.01, "insufficient",
                   "range too narrow", "slope", "longer"),
    "ramsey flat": ("ramsey", TT, 0 * TT, 0.1, "rejected", "no signal", "flat", ""),
    "ramsey faint": ("ramsey", TT, fringes(9, 2), 0.26, "insufficient", "signal too weak",
                     "times its error", "shots"),
    "ramsey without T2": ("ramsey", TT, fringes(9, 0.1), 0.05, "insufficient", "range too narrow",
                          "T2*", "longer"),
    "ramsey half a period": ("ramsey", TT, fringes(0.6, 0.3), 0.01, "insufficient",
                             "range too narrow", "periods", "longer"),
    "ramsey alias": ("ramsey", TT, fringes(49.6, 2), 0.05, "insufficient", "sampling too coarse",
                     "alias", "shorter"),
    "ramsey gone": ("ramsey", TT, fringes(10, 38), 0.03, "insufficient", "window too long",
                    "first points", "shorter"),
    "ramsey without fringes": ("ramsey", TT, np.exp(-9 * TT), 0.01, "rejected",
                               "model does not fit", "quarter of a period", ""),
    "ramsey of a ramp": ("ramsey", TT, (5 * TT) % 1.0, 0.02, "rejected", "model does not fit",
                         "residuals", ""),
    "ramsey stray point": ("ramsey", TT, 40.0 * (TT[40] == TT), 1.0, "rejected", "stray point",
                           "single point", ""),
    "ramsey beating": ("ramsey", TT, 0.5 * (fringes(9, 0.7) + fringes(12, 0.7)), 0.03, "accepted",
                       "beating", "two frequencies", ""),
    "rabi flat": ("rabi_amplitude", T, 0 * T, 0.1, "rejected", "no signal", "flat", ""),
    "rabi short": ("rabi_amplitude", T, rabi(0.3), 0.003, "insufficient", "range too narrow",
                   "periods lie between", "longer"),
    "rabi alias": ("rabi_amplitude", T, rabi(24.6), 0.03, "insufficient", "sampling too coarse",
                   "alias", "shorter"),
    "rabi off centre": ("rabi_amplitude", T, rabi(2, 0.9), 0.03, "rejected", "model does not fit",
                        "misses zero", ""),
    "rabi saturated": ("rabi_amplitude", T, np.clip(rabi(2), 0.3, 0.7), 0.0, "rejected",
                       "saturated", "extreme value", ""),
    "resonator flat": ("resonator_spectroscopy", F, 0 * F + 1 + 0j, 0.05, "rejected", "no signal",
                       "no resonance stands out of the noise", "longer"),
    "resonator outside": ("resonator_spectroscopy", F, notch(4.998e9, 9 * MHZ), 0.02,
                          "insufficient", "line at the edge", "edge", "centre"),
    "resonator wide": ("resonator_spectroscopy", F, notch(5.05e9, 110 * MHZ), 0.005,
                       "insufficient", "range too narrow", "as wide as the window", "longer"),
    "qubit flat": ("qubit_spectroscopy", F, 0 * F, 0.1, "rejected", "no signal", "flat", "longer"),
    "qubit ramp": ("qubit_spectroscopy", F, (F - F[0]) / 1e8, 0.1, "rejected", "no signal", "flat",
                   "longer"),
    "qubit stray point": ("qubit_spectroscopy", F, 15.0 * (F[40] == F), 1.0, "insufficient",
                          "sampling too coarse", "stray point", "centre"),
    "qubit at the edge": ("qubit_spectroscopy", F, line(5.1e9, 12 * MHZ), 0.03, "insufficient",
                          "line at the edge", "edge", "centre"),
    "qubit wide": ("qubit_spectroscopy", F, line(5.05e9, 95 * MHZ), 0.003, "insufficient",
                   "range too narrow", "as wide as the window", "longer"),
    "qubit jump": ("qubit_spectroscopy", F, (F < 5.04e9) * 1.0, 0.1, "rejected",
                   "drift during scan", "jump once", ""),
}  # fmt: skip


def noisy(truth, sigma, seed):
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=truth.size)
    return truth + sigma * (noise + 1j * rng.normal(size=truth.size)
                            if np.iscomplexobj(truth) else noise)  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_reason(case):
    kind, x, truth, sigma, verdict, status, word, change = CASES[case]
    found = fit_batch(kind, x, noisy(truth, sigma, 3), sigma or None)
    assert (found.verdict[0], found.status[0]) == (verdict, status), found.reason[0]
    assert word in found.reason[0]
    advice = found.advice[0]
    told = {
        "shots": (advice.shots_times or 0) > 1,
        "longer": (advice.window_times or 0) > 1,
        "shorter": 0 < (advice.window_times or 1) < 1,
        "centre": advice.centre_on is not None,
        "": advice.window_times is advice.shots_times is advice.centre_on is None,
    }
    assert told[change], advice


def test_clean_fringes_without_sigma_are_no_weak_decay():
    """What a decay leaves of them must not count as noise: no shots make them a decay."""
    rng = np.random.default_rng(1)
    phase, periods = rng.uniform(0, 2 * np.pi, (200, 1)), rng.uniform(5, 7, (200, 1))
    fading = np.exp(-rng.uniform(0, 2, (200, 1)) * TT)
    y = 0.5 + 0.45 * fading * np.cos(2 * np.pi * periods * TT + phase)
    y += 0.03 * rng.normal(size=y.shape)
    found = fit_batch("t1", TT, y)
    assert set(found.verdict) == {"rejected"}, np.unique(found.status, return_counts=True)


@pytest.mark.parametrize("kind", SWEEPS)
def test_known_sigma_disproves_a_wrong_law(kind):
    """A random walk is smooth enough to look like anything; its noise gives it away."""
    rng = np.random.default_rng(4)
    x = np.linspace(1.0, 2.0, 101)
    y = np.cumsum(rng.normal(size=(300, 101)), axis=1) / 10 + 0.05 * rng.normal(size=(300, 101))
    found = fit_batch(kind, x, y + 5.0, 0.05)
    assert np.count_nonzero(found.verdict == "accepted") == 0


@pytest.mark.parametrize("given", [True, False], ids=["sigma", "no sigma"])
@pytest.mark.parametrize("kind", SWEEPS)
def test_p5_noise_is_never_accepted(kind, given):
    x = np.linspace(0.0, 1.0, 51)
    noise = np.random.default_rng(5).normal(size=(2000, 51))
    found = fit_batch(kind, x, noise, 1.0 if given else None)
    assert np.count_nonzero(found.verdict == "accepted") == 0
    assert np.mean(found.status == "no signal") > 0.9


@pytest.mark.parametrize("kind", ["resonator_spectroscopy", "qubit_spectroscopy"])
def test_p5_complex_noise_is_never_accepted(kind):
    rng = np.random.default_rng(6)
    noise = rng.normal(size=(1000, 101)) + 1j * rng.normal(size=(1000, 101))
    for sigma in (1.0, None):
        found = fit_batch(kind, np.linspace(5e9, 5.1e9, 101), noise + 3.0, sigma)
        assert np.count_nonzero(found.verdict == "accepted") == 0


GOOD = {
    "t1": (T, np.exp(-4 * T)), "t2_echo": (T, np.exp(-4 * T)), "ramsey": (TT, fringes(9, 2)),
    "cpmg": (T, np.exp(-4 * T)), "rabi_length": (T, rabi(2)),
    "rabi_amplitude": (T, rabi(2)), "qubit_spectroscopy": (F, line(5.05e9, 12 * MHZ)),
    "resonator_spectroscopy": (F, notch(5.05e9, 9 * MHZ)),
    "randomized_benchmarking": (T, 0.5 + 0.5 * np.exp(-4 * T)),
    "drag": (T, 0.1 + 2 * (T - 0.4) ** 2),
}  # fmt: skip


CLIPPED = {
    "t1": (T, 0.9 * np.exp(-4 * T), 0.7), "ramsey": (TT, fringes(9, 2), 0.78),
    "rabi_amplitude": (T, rabi(2), 0.9),
}  # fmt: skip


@pytest.mark.parametrize("given", [True, False], ids=["sigma", "no sigma"])
@pytest.mark.parametrize("kind", CLIPPED)
def test_a_clipped_trace_is_saturated_even_where_the_law_follows_it(kind, given):
    x, truth, rail = CLIPPED[kind]
    y = np.array([np.minimum(noisy(truth, 0.03, seed), rail) for seed in range(50)])
    railed = np.count_nonzero(y == rail, axis=1) >= max(4, 0.05 * x.size)
    assert railed.sum() > 5
    found = fit_batch(kind, x, y, 0.03 if given else None)
    assert set(found.status[railed]) == {"saturated"}
    assert set(found.verdict[railed]) == {"rejected"}


@pytest.mark.parametrize(
    ("kind", "shots"), [("t1", 100), ("t1", 1024), ("t1", 20_000), ("ramsey", 1024)]
)
def test_exact_zeros_and_ones_of_counts_are_no_rail(kind, shots):
    x = np.linspace(0.0, 12.0, 97)
    p = np.exp(-x) if kind == "t1" else 0.5 + 0.5 * np.cos(2 * np.pi * x)
    y = np.random.default_rng(8).binomial(shots, np.clip(p, 0, 1), size=(100, 97)) / shots
    assert (np.count_nonzero(y == 0, axis=1) > 5).mean() > 0.9
    found = fit_batch(kind, x, y, np.sqrt(y * (1 - y) / shots))
    assert "saturated" not in found.status


CONSTANTS = [(kind, value) for kind in SWEEPS for value in (0.0, 1.0, -3e-9, 1e12)]
CONSTANTS += [(kind, value) for kind in GOOD if "spectroscopy" in kind for value in (0j, 1 + 1j)]


@pytest.mark.parametrize("sigma", [None, 0.01])
@pytest.mark.parametrize(("kind", "value"), CONSTANTS)
def test_a_constant_trace_is_no_signal_and_leaves_its_neighbour_alone(kind, sigma, value):
    """A digitiser that is not connected returns one number, often 0."""
    x, truth = GOOD[kind]
    good = noisy(truth + 0j if isinstance(value, complex) else np.abs(truth), 0.01, 3)
    dead = np.full(x.size, value)
    found, alone = (fit_batch(kind, x, y, sigma) for y in ([dead, good], good))
    assert (found.verdict[0], found.status[0]) == ("rejected", "no signal")
    assert found.verdict[1] == "accepted"
    first = next(iter(found.values))
    assert found.values[first][1] == pytest.approx(alone.values[first][0], rel=1e-9)
    np.testing.assert_allclose(found.curve[0], dead)


@pytest.mark.parametrize("kind", SWEEPS)
def test_every_trace_has_a_verdict_a_status_and_a_reason(kind):
    """Even traces of no sense at all: success is never silent, and neither is failure."""
    rng = np.random.default_rng(7)
    y = np.concatenate([
        rng.normal(size=(20, 41)) ** 9, np.cumsum(rng.normal(size=(20, 41)), axis=1),
        np.eye(41)[:20], 1e30 * rng.normal(size=(5, 41)), 1e-30 * rng.normal(size=(5, 41)),
    ])  # fmt: skip
    found = fit_batch(kind, np.sort(rng.uniform(size=41)), y)
    assert set(found.verdict) <= {"accepted", "insufficient", "rejected"}
    assert all(found.status)
    assert all(found.reason)


@pytest.mark.parametrize("kind", ["t1", "t2_echo", "cpmg"])
@pytest.mark.parametrize("noise", [0.02, 0.005, 0.002])
def test_a_decay_within_the_first_step_is_too_long_a_window_however_good_the_data(kind, noise):
    """The first point is high and all others are low: so is a jump, but the advice is the same."""
    x = np.linspace(0.0, 10e-3, 51)
    scatter = noise * np.random.default_rng(0).standard_normal((300, 51))
    found = fit_batch(kind, x, 0.05 + 0.9 * np.exp(-x / 20e-6) + scatter, noise)
    assert set(found.status) == {"window too long"}
    assert all(0.0 < advice.extend_window_to < x[-1] for advice in found.advice)


@pytest.mark.parametrize("noise", [0.05, 0.02, 0.005])
@pytest.mark.parametrize("rises", [False, True])
@pytest.mark.parametrize("time", [0.1, 0.2, 0.3, 0.4])
def test_a_pulse_length_that_only_relaxes_is_no_rabi_oscillation(noise, rises, time):
    """A Gaussian decay follows an oscillation that is gone before it turns back."""
    gone = np.exp(-((T / time) ** 2))
    law = 0.5 - 0.5 * gone if rises else 0.1 + 0.8 * gone
    scatter = noise * np.random.default_rng(0).standard_normal((200, T.size))
    found = fit_batch("rabi_length", T, law + scatter, noise, interleaved=True)
    assert (found.verdict == "accepted").mean() < 0.12
    if noise == 0.02 and time == 0.4:
        refused = found.status == "range too narrow"
        assert refused.mean() > 0.5
        assert all(advice.extend_window_to == 2.0 for advice in found.advice[refused])
        assert "only relaxes" in found.reason[refused][0]


@pytest.mark.parametrize("decay", [0.4, 0.7])
def test_an_oscillation_that_turns_back_before_it_is_gone_is_accepted(decay):
    """decay: 1/e time in periods, of two in the window; at 2 % of noise a second turn is seen."""
    law = 0.5 - 0.45 * np.exp(-2 * T / decay) * np.cos(4 * np.pi * T)
    scatter = 0.02 * np.random.default_rng(0).standard_normal((200, T.size))
    found = fit_batch("rabi_length", T, law + scatter, 0.02)
    assert (found.verdict == "accepted").mean() > 0.98


@pytest.mark.parametrize(
    ("middle", "wide"), [(0.2, 0.06), (0.3, 0.06), (0.35, 0.1), (0.5, 0.1), (0.65, 0.06)]
)
def test_a_smooth_step_is_no_broad_line_at_its_end(middle, wide):
    u = np.linspace(0, 1, 201)
    step = 1 / (1 + np.exp(-(u - middle) / wide))
    y = step + 0.02 * np.random.default_rng(4).normal(size=(100, 201))
    found = fit_batch("qubit_spectroscopy", 4.9e9 + 1e8 * u, y, 0.02, interleaved=True)
    assert np.mean(found.verdict == "accepted") < 0.05
    beyond = found.advice[found.status == "line at the edge"]
    assert all(4.85e9 < each.centre_on < 5.05e9 for each in beyond)


@pytest.mark.parametrize(("centre", "width"), [(0.2, 0.35), (0.8, 0.35), (0.5, 0.5)])
def test_a_broad_line_whose_shoulders_are_seen_is_accepted(centre, width):
    u = np.linspace(0, 1, 201)
    line = 1 / (1 + (2 * (u - centre) / width) ** 2)
    y = line + 0.02 * np.random.default_rng(4).normal(size=(100, 201))
    found = fit_batch("qubit_spectroscopy", 4.9e9 + 1e8 * u, y, 0.02, interleaved=True)
    assert np.mean(found.verdict == "accepted") > 0.95


@pytest.mark.parametrize("sigma", [0.01, None])
@pytest.mark.parametrize(
    ("time", "hz"), [(0.03, 3), (0.03, 20), (0.02, 10), (0.005, 10), (0.002, 3)]
)
def test_fringes_that_are_gone_at_once_ask_for_a_shorter_window(time, hz, sigma):
    """They were a jump, a stray point, or half a period whose window should be longer."""
    x = np.linspace(0, 1, 101)
    truth = 0.5 + 0.45 * np.exp(-x / time) * np.cos(2 * np.pi * hz * x + 0.2)
    y = truth + 0.01 * np.random.default_rng(4).normal(size=(200, 101))
    found = fit_batch("ramsey", x, y, sigma)
    shorter = np.isin(found.status, ["window too long", "sampling too coarse"])
    assert np.mean(shorter) > 0.97
    assert np.mean(found.status == "window too long") > 0.8
    assert not (found.verdict == "accepted").any()
    assert all(each.window_times <= 0.5 for each in found.advice[shorter])


def test_a_stray_point_among_the_first_is_no_window_too_long():
    y = 0.5 + 0.01 * np.random.default_rng(5).normal(size=(200, 101))
    y[:, 3] += 0.4
    found = fit_batch("ramsey", np.linspace(0, 1, 101), y, 0.01)
    assert not (found.status == "window too long").any()
    assert (found.status == "stray point").mean() > 0.9


@pytest.mark.parametrize(
    ("geometry", "accepted"), [("notch", 0.0), ("reflection", 1.0), (None, 1.0)]
)
def test_a_reflection_is_no_notch_though_somebody_says_so(geometry, accepted):
    f = np.linspace(7e9, 7.02e9, 201)
    s11 = np.exp(-2j * np.pi * 5e-8 * (f - 7e9)) * (1 - 1.6 / (1 + 2j * (f - 7.01e9) / 1e6))
    rng = np.random.default_rng(4)
    noise = 0.01 * (rng.normal(size=(50, 201)) + 1j * rng.normal(size=(50, 201)))
    found = fit_batch("resonator_spectroscopy", f, s11 + noise, 0.01, geometry=geometry)
    assert np.mean(found.verdict == "accepted") == accepted
    if not accepted:
        assert "too large for this geometry; is it a reflection?" in found.reason[0]


@pytest.mark.parametrize("background", [1.0, 0.0], ids=["over a background", "alone"])
@pytest.mark.parametrize(
    ("geometry", "accepted"), [("notch", 0), ("reflection", 0), ("transmission", 1), (None, 1)]
)
def test_a_peak_is_neither_notch_nor_reflection(geometry, accepted, background):
    """A loss inside the resonator that is less than none, or more than all of the loss."""
    f, rng = np.linspace(7.09e9, 7.11e9, 201), np.random.default_rng(3)
    s21 = background + 1.2 / (1 + 2j * (f - 7.1e9) / 1e6)
    noise = 0.01 * (rng.normal(size=(20, f.size)) + 1j * rng.normal(size=(20, f.size)))
    found = fit_batch("resonator_spectroscopy", f, s21 + noise, 0.01, geometry=geometry)
    assert (found.verdict == ("accepted" if accepted else "rejected")).all(), found.reason
    if not accepted:
        assert (found.status == "model does not fit").all()
        assert all(reason.endswith("is it a transmission?") for reason in found.reason)
        assert all("below q_loaded" in reason for reason in found.reason)


def test_a_notch_without_loss_of_its_own_is_no_circle_too_large():
    """Its coupling is all of its loss: half of the time a little more, by chance."""
    f = np.linspace(7e9, 7.02e9, 201)
    s21 = 1 - 1 / (1 + 2j * (f - 7.01e9) / 1e6)
    rng = np.random.default_rng(5)
    noise = 0.03 * (rng.normal(size=(500, 201)) + 1j * rng.normal(size=(500, 201)))
    found = fit_batch("resonator_spectroscopy", f, s21 + noise, 0.03, geometry="notch")
    assert np.mean(found.verdict == "accepted") > 0.98
