"""Mixers, leakage, standing waves and crosstalk, each alone, on qubits and in records."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from kammerton_sim.chip import ChipError, random_chip, read_chip, write_chip
from kammerton_sim.chip.imperfections import Crosstalk, Mixer, Ripple
from kammerton_sim.signals import Carrier
from kammerton_sim.world.wire import Wire, wire
from tests.unit.world.conftest import Lab, still

RESET = 2_000_000
SAMPLES = 2304
TURN = 2 * math.pi


def lab_with(qubits=1, seed=7, **flaws) -> Lab:
    chip = still(random_chip(qubits, seed), slow_dephasing=0.0)
    return Lab(replace(chip, wiring=replace(chip.wiring, noise=0.0, **flaws)))


def record(lab, tones):
    """Volts (K, N) of tones that sound throughout, without the ring-up."""
    playback = lab.play(lab.loop([{}] * len(tones), tones, reset=20_000), SAMPLES)
    a, b = np.empty((2, len(tones), SAMPLES), np.uint16)
    playback.records(0, a, b)
    scale = lab.wiring.full_scale / 32768
    return ((a.astype(float) - 32768 + 1j * (b.astype(float) - 32768)) * scale)[:, 300:2300]


def line(z, offset):
    n = np.arange(300, 2300)
    return (z * np.exp(-2j * np.pi * offset * 1e-9 * n)).mean(-1)


def tone(lab, volts, offset):
    return lab.padded(lab.square(volts, offset, 2400), 2400)


# ---------------------------------------------------------------- mixers


def test_a_mixer_makes_the_waveform_of_its_errors():
    """Against the carriers multiplied out sample by sample."""
    rng = np.random.default_rng(3)
    s = rng.normal(size=64) + 1j * rng.normal(size=64)
    e, phi = 0.07, -0.11
    angle = np.arange(64) * 2.1
    there = (1 + e) * s.real * np.cos(angle) - s.imag * np.sin(angle + phi)
    arrived = wire(Mixer(e, phi), None, 5e9, 1e-9).arriving(s)
    assert (arrived * np.exp(1j * angle)).real == pytest.approx(there)


def test_a_readout_mixer_shows_image_and_leakage():
    lab = lab_with(mixers={"feed0": Mixer(0.03, 0.04, leakage=0.01, leakage_phase=0.5)})
    z = record(lab, [tone(lab, 0.2, 111e6)])
    ratio = abs(line(z, -111e6) / line(z, 111e6))[0]
    assert ratio == pytest.approx(abs(0.03 - 0.04j) / 2, rel=0.03)
    leaked = line(z, 0.0)[0] / lab.wiring.gain
    assert leaked == pytest.approx(0.01 * np.exp(0.5j), abs=3e-4)


def test_leakage_stays_while_the_generator_is_silent_and_goes_with_the_source():
    lab = lab_with(mixers={"feed0": Mixer(leakage=0.05)})
    silent = np.zeros(2400, complex)
    assert abs(line(record(lab, [silent]), 0.0))[0] == pytest.approx(0.05 * 0.3, rel=0.02)
    lab.carriers["readout_lo"] = replace(lab.carriers["readout_lo"], on=False)
    assert abs(line(record(lab, [silent]), 0.0))[0] < 1e-4


def test_leakage_on_a_resonator_is_swallowed_as_any_tone():
    lab = lab_with(mixers={"feed0": Mixer(leakage=0.05)})
    r = lab.chip.resonators[0]
    lab.carriers["readout_lo"] = Carrier(r.frequency, 13.0, True)
    z = record(lab, [np.zeros(2400, complex)])
    expected = 0.05 * lab.wiring.gain * (1 - r.visibility * np.exp(1j * r.asymmetry))
    assert line(z, 0.0)[0] == pytest.approx(expected, abs=2e-4)


def test_the_image_of_a_drive_turns_a_qubit_at_the_other_side():
    """A pulse on the lower sideband still reaches the qubit through the image."""
    errors = Mixer(0.3, 0.2)
    lab = lab_with(mixers={"q0": errors})
    offset = lab.offset(0)
    wrong = lab.drag(0.12, -offset, 1e15)
    shown = lab.excited([{0: wrong}], reset=RESET)[0]
    plain = lab_with()
    image = abs(1 + 0.3 - np.exp(0.2j)) / 2
    assert plain.excited([{0: wrong}], reset=RESET)[0] < 2e-3
    same = plain.excited([{0: lab.drag(0.12 * image, offset, 1e15)}], reset=RESET)[0]
    assert shown == pytest.approx(same, rel=0.1)
    assert shown > 0.02


def test_the_true_pi_amplitude_counts_the_mixer_and_the_cable():
    for flaws in ({"mixers": {"q0": Mixer(-0.1, 0.1)}}, {"ripples": {"q0": Ripple(0.1, 5e-9)}}):
        lab = lab_with(**flaws)
        plain = lab_with()
        assert abs(lab.pi() / plain.pi() - 1) > 0.01
        pulse = lab.drag(lab.pi(), lab.offset(0))
        assert lab.excited([{0: pulse}], reset=RESET)[0] > 0.995
        off = [lab.excited([{0: f * pulse}], reset=RESET)[0] for f in (0.96, 1.04)]
        assert max(off) < lab.excited([{0: pulse}], reset=RESET)[0]


def test_leakage_near_resonance_drives_the_qubit_without_any_pulse():
    """Steady state of the optical Bloch equations, to which a hum takes two of three levels."""
    lab = lab_with()
    q = lab.world.qubit(0)
    detuning = 40e3
    volts = TURN * 15e3 / q.rabi_rate
    lab = lab_with(mixers={"q0": Mixer(leakage=volts)})
    lab.carriers["drive_lo"] = Carrier(q.f01 - detuning, 13.0, True)
    playback = lab.play(lab.loop([{}], reset=20 * RESET))
    t1, t2 = lab.world.truth("q0.t1"), lab.world.truth("q0.t2_echo")
    rate, away = TURN * 15e3, TURN * detuning
    s = rate**2 * t1 * t2 / (1 + (away * t2) ** 2)
    rest = lab_with().excited([{}], reset=RESET)[0]
    # a readout destroys coherence once in 40 ms only
    assert playback.populations[0, 0, 1] - rest == pytest.approx(s / 2 / (1 + s), rel=0.03)


def test_a_far_carrier_hardly_matters_and_shifts_by_stark():
    """Ramsey under leakage: f01 moves by the ac Stark shift of a three-level transmon."""
    plain = lab_with()
    q = plain.world.qubit(0)
    rate = 6e6
    lab = lab_with(mixers={"q0": Mixer(leakage=TURN * rate / q.rabi_rate)})
    away = -60e6
    for each in (plain, lab):
        each.carriers["drive_lo"] = Carrier(q.f01 + away, 13.0, True)
    offset = lab.offset(0)
    waits = (0, 500, 1000, 1500)
    shown = [fringe(each, offset, waits) for each in (plain, lab)]
    turned = np.unwrap(np.angle(shown[1] / shown[0]))
    slope = np.polyfit(np.array(waits) * 1e-9, turned, 1)[0] / TURN
    h = np.diag([0.0, -away, -2 * away + q.anharmonicity])
    h += rate / 2 * (np.diag([1, math.sqrt(2)], 1) + np.diag([1, math.sqrt(2)], -1))
    e = np.linalg.eigvalsh(h)
    dressed = {round(x / 1e6): x for x in e}
    near = [min(dressed.values(), key=lambda x, g=g: abs(x - g)) for g in (0.0, -away)]
    assert abs(slope) == pytest.approx(abs(near[1] - near[0] + away), rel=0.1)


def fringe(lab, offset, waits):
    """Complex fringe (two quadratures) after each wait."""
    half = lab.pi() / 2
    out = []
    for wait in waits:
        points = []
        for phase in (0.0, np.pi / 2):
            turned = 2 * np.pi * offset * (40 + wait) * 1e-9 + phase
            parts = [lab.drag(half, offset), np.zeros(wait), lab.drag(half, offset, phase=turned)]
            points.append({0: np.concatenate(parts)})
        x, y = lab.excited(points, reset=RESET)
        out.append((2 * x - 1) + 1j * (2 * y - 1))
    return np.array(out)


# ---------------------------------------------------------------- cables


def test_a_standing_wave_ripples_over_the_frequency():
    amplitude, delay = 0.08, 20e-9
    lab = lab_with(ripples={"feed0": Ripple(amplitude, delay)})
    plain = lab_with()
    carrier = Carrier(7.0037e9, 13.0, True)
    for each in (lab, plain):
        each.carriers["readout_lo"] = carrier
    offsets = np.arange(-300e6, 300e6, 11.5e6) + 3e6
    seen, ideal = (
        np.array([line(record(each, [tone(each, 0.2, f)]), f)[0] for f in offsets])
        for each in (lab, plain)
    )
    expected = 1 + amplitude * np.exp(-1j * TURN * (carrier.frequency + offsets) * delay)
    assert seen / ideal == pytest.approx(expected, abs=3e-3)
    assert abs(expected).max() / abs(expected).min() > 1.15


def test_an_echo_of_a_pulse_turns_the_qubit_again():
    """A quarter of the pulse that comes late, in phase by the choice of the carrier."""
    plain = lab_with()
    delay = 60e-9
    carrier = round(4.9e9 * delay) / delay
    lab = lab_with(ripples={"q0": Ripple(0.25, delay)})
    for each in (lab, plain):
        each.carriers["drive_lo"] = Carrier(carrier, 13.0, True)
    offset = lab.offset(0)
    pulse = lab.drag(0.3 * plain.pi(), offset)
    late = np.zeros(100, complex)
    late[:40] = pulse
    late[60:] += 0.25 * lab.drag(0.3 * plain.pi(), offset)
    once = lab.excited([{0: pulse}], wait=[60], reset=RESET)
    twice = plain.excited([{0: late}], reset=RESET)
    assert once == pytest.approx(twice, abs=2e-4)
    assert abs(once[0] - plain.excited([{0: pulse}], reset=RESET)[0]) > 0.005


def test_a_perfect_wire_changes_nothing():
    s = np.arange(5) + 1j
    assert np.array_equal(Wire().pulse(s), s)
    assert wire(None, None, 5e9, 1e-9) == Wire()


# ---------------------------------------------------------------- crosstalk


def test_a_qubit_hears_the_line_of_another():
    """With q1's own line silent, a pulse on q0's line at q1's frequency turns q1."""
    level, phase = -20.0, 1.1
    lab = lab_with(2, 3, drive_crosstalk=(Crosstalk("q0", "q1", level, phase),))
    plain = lab_with(2, 3)
    volts = lab.drag(0.4, lab.offset(1))
    heard = lab.excited([{0: volts}], reset=RESET, number=1)[0]
    own = plain.excited([{1: 0.1 * volts}], reset=RESET, number=1)[0]
    assert heard == pytest.approx(own, rel=1e-3)
    assert heard > 0.02
    assert plain.excited([{0: volts}], reset=RESET, number=1)[0] < 2e-3


def test_crosstalk_has_a_phase():
    """Opposite to the qubit's own pulse it can be cancelled, as calibrations do."""
    lab = lab_with(2, 3, drive_crosstalk=(Crosstalk("q0", "q1", -20.0, 1.1),))
    volts = lab.drag(0.4, lab.offset(1))
    against = -0.1 * np.exp(1.1j) * volts
    both = lab.excited([{0: volts, 1: against}], reset=RESET, number=1)[0]
    assert both == pytest.approx(lab.excited([{}], reset=RESET, number=1)[0], abs=2e-4)


def test_crosstalk_from_another_carrier_turns_with_the_difference():
    """The same physical tone, whichever source it comes from."""
    crosstalk = (Crosstalk("q0", "q1", -20.0, 0.0),)
    lab = lab_with(2, 3, drive_crosstalk=crosstalk)
    wiring = lab.chip.wiring
    drive = dict(wiring.drive) | {"q0": replace(wiring.drive["q0"], source="other_lo")}
    carriers = dict(wiring.carriers) | {"other_lo": 4.93e9}
    apart = Lab(replace(lab.chip, wiring=replace(wiring, drive=drive, carriers=carriers)))
    same = lab.excited([{0: lab.drag(0.4, lab.offset(1))}], reset=RESET, number=1)
    offset = apart.world.truth("q1.f01") - 4.93e9
    other = apart.excited([{0: apart.drag(0.4, offset)}], reset=RESET, number=1)
    assert other == pytest.approx(same, rel=2e-3)
    apart.carriers["drive_lo"] = replace(apart.carriers["drive_lo"], on=False)
    alone = apart.excited([{0: apart.drag(0.4, offset)}], reset=RESET, number=1)
    assert alone == pytest.approx(same, rel=0.03)  # a sample holds in its own carrier's frame


# ---------------------------------------------------------------- chip.toml


def test_flaws_survive_chip_toml_and_name_lines_that_exist(tmp_path):
    path = tmp_path / "chip.toml"
    flaws = {
        "mixers": {"q0": Mixer(0.1), "feed0": Mixer(leakage=0.1)},
        "ripples": {"q1": Ripple(0.1, 1e-8)},
        "drive_crosstalk": (Crosstalk("q0", "q1", -30.0),),
    }
    lab = lab_with(2, 3, **flaws)
    write_chip(lab.chip, path)
    again = read_chip(path).wiring
    assert {name: getattr(again, name) for name in flaws} == flaws
    text = path.read_text().replace('ripples = { "q1"', 'ripples = { "q9"')
    path.write_text(text.replace('from = "q0"', 'from = "feed0"'))
    with pytest.raises(ChipError) as caught:
        read_chip(path)
    assert all(problem.startswith("line ") for problem in caught.value.problems)
    assert tuple(problem.split(": ", 1)[1] for problem in caught.value.problems) == (
        "wiring.ripples: there is no line 'q9'",
        "wiring.drive_crosstalk: there is no line 'feed0'",
    )
