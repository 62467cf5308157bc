"""What is committed as an example can be used, with the drivers that are installed."""

import tomllib

import pytest

from kammerton.lab import examine
from tests.unit.lab.example import FILE

EXAMPLES = sorted(FILE.parents[1].glob("*/lab.toml"))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.parent.name)
def test_is_fine(file):
    findings = examine(file)
    assert (findings.problems, findings.warnings) == ((), ())
    assert findings.lab.computer == file.parent.name


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.parent.name)
def test_its_chip_has_the_same_wiring_and_frequencies_as_expected(file):
    lab = examine(file).lab
    chip = tomllib.loads((file.parent / "chip.toml").read_text(encoding="utf-8"))
    assert set(chip["qubits"]) == set(lab.qubits)
    for name, qubit in lab.qubits.items():
        design, wired = qubit.design["f01"], chip["wiring"]["drive"][name]
        assert abs(chip["qubits"][name]["f01_hz"] - design.value) < 3 * design.tolerance
        assert (wired["i"], wired["q"]) == (str(qubit.drive.i), str(qubit.drive.q))
        assert chip["wiring"]["carriers"][qubit.drive.source] == qubit.drive.carrier
    for name, resonator in lab.resonators.items():
        design = resonator.design["frequency"]
        truth = chip["resonators"][name]["frequency_hz"]
        assert abs(truth - design.value) < 3 * design.tolerance


def test_there_are_examples():
    assert [file.parent.name for file in EXAMPLES] == ["ten-qubits", "two-qubits"]
