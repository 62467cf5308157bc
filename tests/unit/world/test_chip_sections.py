"""Optional tables of chip.toml: both ways, and every reason to refuse one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kammerton_sim.chip import (
    Bursts,
    Charge,
    ChipError,
    Defect,
    random_chip,
    read_chip,
    write_chip,
)
from kammerton_sim.chip.connected import MOST_ANHARMONIC
from kammerton_sim.chip.keys import POSITIVE
from kammerton_sim.chip.section import Section, number, section_lines, text
from kammerton_sim.world import WorldError
from kammerton_sim.world.transmon import energies

HERTZ, RATES = st.floats(1e6, 1e8), st.floats(1e-9, 1e3)


@dataclass(frozen=True)
class Hose:
    end: str = text("end")
    length: float = number("length_m", POSITIVE, 2.0)


@dataclass(frozen=True)
class Garden:
    hoses: dict[str, Hose]
    best: Hose | None = None


def test_sections_are_written_as_declared():
    kinds = {"hoses": Section(Hose, named=True), "best": Section(Hose)}
    one = Hose('tap "A"', 3.0)
    assert list(section_lines(Garden({"x": one}), kinds)) == [
        'hoses = { "x" = { end = "tap \\"A\\"", length_m = 3.0 } }'
    ]
    assert list(section_lines(Garden({}, one), kinds)) == [
        'best = { end = "tap \\"A\\"", length_m = 3.0 }'
    ]


@given(defects=st.lists(st.builds(Defect, *[HERTZ] * 3, jump=HERTZ), max_size=3), rate=RATES)
def test_a_chip_with_effects_survives_its_file(tmp_path_factory, defects, rate):
    path = tmp_path_factory.mktemp("chip") / "chip.toml"
    plain = random_chip(2, 5)
    first = replace(plain.qubits[0], defects=tuple(defects), charge=Charge(rate))
    chip = replace(plain, qubits=(first, plain.qubits[1]), bursts=Bursts(rate))
    write_chip(chip, path)
    again = read_chip(path)
    assert (again.qubits, again.bursts) == (chip.qubits, chip.bursts)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("rate_per_s = ", "rate = 1.0, rate_per_s = ", "bursts: unknown key 'rate'"),
        ("recovery_s = ", "recovery_s = -", "bursts.recovery_s: -0.025 must be above 0"),
        ("rate_per_s = 0.1", "recovery_ms = 1", "did you mean 'recovery_s'?"),
        ("rate_per_s = 0.1, ", "", "bursts: 'rate_per_s' is missing"),
        ("bursts = {", "bursts = 3 # {", "bursts: must be a table"),
        ("defects = [{", "defects = [3, {", "qubits.q0.defects[0]: must be a table"),
        ("jump_hz = ", 'jump_hz = "no", jmp = ', "qubits.q0.defects[0].jump_hz: 'no' is not a n"),
        ("defects = ", "defect = ", "qubits.q0: unknown key 'defect' (did you mean 'defects'?)"),
    ],
)
def test_a_bad_section_is_refused_by_name(tmp_path, old, new, problem):
    path = tmp_path / "chip.toml"
    plain = random_chip(1, 5)
    qubit = replace(plain.qubits[0], defects=(Defect(4.9e9, 1e5, 1e6),))
    write_chip(replace(plain, qubits=(qubit,), bursts=Bursts(0.1)), path)
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(ChipError) as caught:
        read_chip(path)
    assert problem in str(caught.value)


def test_what_no_transmon_can_be_is_named_with_everything_else(tmp_path):
    path = tmp_path / "chip.toml"
    plain = random_chip(2, 5)
    wrong = [replace(q, anharmonicity=-0.3 * q.f01, charge=Charge(100.0)) for q in plain.qubits]
    write_chip(replace(plain, qubits=tuple(wrong)), path)
    path.write_text(path.read_text().replace("t1_s = ", "t1_s = -", 1))
    with pytest.raises(ChipError) as caught:
        read_chip(path)
    said = str(caught.value)
    assert "3 problems" in said
    assert "qubits.q0.anharmonicity_hz: no transmon of" in said
    assert "qubits.q1.anharmonicity_hz: no transmon of" in said
    few = [replace(q, charge=None) for q in wrong]  # three levels are three levels
    write_chip(replace(plain, qubits=tuple(few)), path)
    assert len(read_chip(path).qubits) == 2


def test_the_most_anharmonic_transmon_is_one():
    ej, ec = energies(5e9, -MOST_ANHARMONIC * 5e9)
    assert 6 < ej / ec < 7
    with pytest.raises(WorldError, match="no transmon"):
        energies(5e9, -1.02 * MOST_ANHARMONIC * 5e9)
