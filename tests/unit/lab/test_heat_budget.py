"""A budget of heat, and what it asks of every line: read, or refused with what is wrong."""

from __future__ import annotations

import pytest

from kammerton.lab import examine
from tests.unit.lab.example import DRIVERS, TEXT, spoilt

STAGED = 'attenuation = { room = "7 dB", 4k = "20 dB", mxc = "40 dB" }'


def staged(text: str = TEXT) -> str:
    for total in ("67 dB", "67 dB", "80 dB"):
        text = spoilt(f'attenuation = "{total}"', STAGED, text)
    return spoilt("[sync]", '[heat_budget]\nmxc = "10 uW"\n4k = "100 mW"\n\n[sync]', text)


def examined(tmp_path, text):
    path = tmp_path / "lab.toml"
    path.write_text(text, encoding="utf-8")
    return examine(path, drivers=DRIVERS)


def test_attenuation_by_stages_is_read_from_the_top_down_and_added_up(tmp_path):
    turned = staged().replace(
        STAGED, 'attenuation = { mxc = "40 dB", 4k = "20 dB", room = "7 dB" }', 1
    )
    lab = examined(tmp_path, turned).lab
    for line in (lab.feedlines["feed0"].line, lab.qubits["q0"].drive):
        assert line.attenuation == 67.0
        assert line.stages == (("room", 7.0), ("4k", 20.0), ("mxc", 40.0))
    assert lab.heat_budget == {"mxc": 10e-6, "4k": 0.1}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (STAGED, 'attenuation = "67 dB"', "attenuation: heat_budget needs it by stages, such as"),
        (STAGED, "attenuation = {}", "attenuation: names no stage; stages are room, 50k, 4k"),
        ('4k = "20 dB"', '4K = "20 dB"', "attenuation: unknown stage '4K'; did you mean \"4k\"?"),
        ('4k = "20 dB"', '4k = "20"', "attenuation: 4k: '20' has no unit"),
        ('mxc = "10 uW"', 'mxc = "10 uV"', "heat_budget.mxc: '10 uV' is in V, but this needs W"),
        ('mxc = "10 uW"', 'mcx = "10 uW"', 'heat_budget.mcx: unknown key; did you mean "mxc"?'),
        ('mxc = "10 uW"\n4k = "100 mW"\n', "", "heat_budget: names no stage, such as mxc"),
        ('max_at_device = "-62 dBm"', 'max_at_device = "-90 dBm"', "more than max_at_device"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_heat_is_said(tmp_path, old, new, said):
    problems = examined(tmp_path, spoilt(old, new, staged())).problems
    assert any(said in problem for problem in problems), problems


def test_what_a_budget_does_not_count_is_said(tmp_path):
    warnings = examined(tmp_path, staged()).warnings
    assert sum("has no leakage" in warning for warning in warnings) == 3
    leaky = staged().replace(STAGED, f'{STAGED}, leakage = "-40 dBm"', 2)
    assert sum("has no leakage" in w for w in examined(tmp_path, leaky).warnings) <= 2
