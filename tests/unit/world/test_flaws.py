"""All effects at once: drawn, written, and still what the truth says."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from kammerton_sim.chip import random_chip, read_chip, write_chip
from kammerton_sim.chip.flaws import flawed
from tests.unit.world.conftest import Lab, still

RESET = 1_000_000


def lab(seed: int) -> Lab:
    """Two qubits with every flaw, without the drift of the plain chip."""
    return Lab(flawed(still(random_chip(2, seed)), seed))


@pytest.mark.parametrize("qubits", [1, 12])
def test_flaws_are_drawn_from_the_seed_and_survive_the_file(tmp_path, qubits):
    plain = random_chip(qubits, 5)
    chip = flawed(plain, 5)
    assert chip == flawed(plain, 5)
    assert chip != flawed(plain, 6)
    path = tmp_path / "chip.toml"
    write_chip(chip, path)
    again = read_chip(path)
    assert (again.qubits, again.resonators) == (chip.qubits, chip.resonators)
    gains = {"gain": chip.wiring.gain, "more": chip.wiring.more}
    assert replace(again.wiring, **gains) == chip.wiring


def test_what_a_chip_says_of_itself_is_kept():
    chip = flawed(random_chip(2, 5), 5)
    assert flawed(chip, 9).qubits == chip.qubits
    assert flawed(chip, 9).wiring.mixers == chip.wiring.mixers


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_true_pi_pulse_inverts_every_qubit(seed):
    each = lab(seed)
    for n in range(2):
        pulse = each.drag(each.pi(n), each.offset(n), each.chip.qubits[n].anharmonicity)
        assert each.excited([{n: pulse}], reset=RESET, number=n)[0] > 0.985


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_shown_t1_is_the_true_one(seed):
    each = lab(seed)
    pulse = each.drag(each.pi(), each.offset(0))
    t1 = each.world.truth("q0.t1")
    assert t1 < each.chip.qubits[0].t1
    waits = [0, round(0.5e9 * t1), round(1e9 * t1)]
    shown = each.excited([{0: pulse}] * 3, wait=waits, reset=RESET)
    rest = each.excited([{}], reset=RESET)[0]
    decay = np.exp(-np.array(waits) * 1e-9 / t1)
    assert (shown - rest) / (shown[0] - rest) == pytest.approx(decay, abs=0.01)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_fringe_turns_at_the_true_f01(seed):
    each = lab(seed)
    offset, half = each.offset(0), each.pi() / 2
    found = []
    for wait in (100, 2100):
        points = []
        for n in range(4):
            turned = 2 * np.pi * offset * (40 + wait) * 1e-9 + n * np.pi / 2
            second = each.drag(half, offset, phase=turned)
            points.append({0: np.concatenate([each.drag(half, offset), np.zeros(wait), second])})
        p = each.excited(points, reset=RESET)
        found.append((p[0] - p[2]) + 1j * (p[1] - p[3]))
    t2 = 1 / (1 / each.world.truth("q0.t2_star"))
    assert abs(np.angle(found[1] / found[0])) < 2 * math.pi * 2e-6 * 4e3  # 4 kHz
    assert abs(found[1] / found[0]) == pytest.approx(math.exp(-2e-6 / t2), abs=0.05)


def test_the_readout_still_tells_the_levels():
    """Single shots of both qubits under all flaws: mostly right, and never perfect."""
    each = lab(1)
    pulse = each.drag(each.pi(), each.offset(0))
    tone = each.tone(0)
    playback = each.play(each.loop([{}, {0: pulse}], [tone, tone], reset=RESET))
    a, b = np.empty((2, 2000, 1280), np.uint16)
    playback.records(0, a, b)
    levels = playback.states[:, 0]
    r = each.chip.resonators[0]
    offset = r.frequency + r.chi / 2 - each.carriers["readout_lo"].frequency
    n = np.arange(200, 1050)
    z = ((a + 1j * b)[:, n] * np.exp(-2j * np.pi * offset * n * 1e-9)).mean(1)
    centres = [z[levels == level].mean() for level in (0, 1)]
    along = np.real((z - centres[0]) / (centres[1] - centres[0]))
    right = np.mean((along > 0.5) == (levels > 0))
    assert 0.9 < right < 1
