"""Tables that are taken give lab.tomls that the daemon takes; a chip that cannot is refused."""

from __future__ import annotations

import itertools
import tomllib
from dataclasses import replace

import pytest

from kammerton.lab import load
from kammerton_sim.chip import chip_text, random_chip
from kammerton_sim.command import run
from kammerton_sim.devices import device_chip, read_device
from kammerton_sim.ports import consecutive_ports
from kammerton_sim.write_lab import write_lab

CORNERS = [
    corner
    for corner in itertools.product(
        ("1e-9", "1"), ("1e8", "1e9", "1.01e9", "12.7e9"), ("-1e9", "-1e6")
    )
    if float(corner[1]) + float(corner[2]) > 0  # f12, else the row is refused
]


@pytest.mark.parametrize(("t1", "f01", "anharmonicity"), CORNERS)
def test_what_a_table_may_hold_the_daemon_takes(table, tmp_path, t1, f01, anharmonicity):
    row = f"QB1,{t1},{t1},{f01},{anharmonicity},,,,"
    chip = device_chip(read_device(table(row, pairs=None)), 1)
    path = tmp_path / "lab.toml"
    for seed in range(20):  # also where design values are drawn far off
        path.write_text(write_lab(chip, consecutive_ports(chip, 4881), seed), encoding="utf-8")
        qubit = load(path).qubits["qb1"]
        assert 0 < qubit.drive.carrier <= 12.75e9


@pytest.mark.parametrize(
    ("name", "computer"), [("My Chip_2", "my-chip-2"), ("é", "chip"), ("a" * 40, "a" * 32)]
)
def test_any_name_of_a_chip_becomes_one_of_a_computer(tmp_path, name, computer):
    chip = replace(random_chip(1, 3), name=name)
    path = tmp_path / "lab.toml"
    path.write_text(write_lab(chip, consecutive_ports(chip, 4881), 1), encoding="utf-8")
    assert load(path).computer == computer


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("q0", "A0", "'A0' is no name for it: a-z, 0-9 and _, beginning with a letter"),
        ("r0", "q0", "'q0' is the name of two things"),
        ("readout_lo = 7000", "readout_lo = 5", "readout_lo at 0.005 GHz, not between 0.01 and"),
        ("drive_lo = 49", "drive_lo = 89", "q0 is 4.124 GHz from its carrier"),
    ],
)
def test_a_chip_that_no_lab_toml_can_say_is_refused(tmp_path, old, new, said, capsys):
    path, lab = tmp_path / "chip.toml", tmp_path / "lab.toml"
    text = chip_text(random_chip(1, 3))
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    assert run([str(path), "--no-serve", "--write-lab", str(lab)]) == 2
    assert f"--write-lab: {said}" in capsys.readouterr().err
    assert not lab.exists()
    assert run([str(path), "--no-serve"]) == 0  # it can be served


def test_the_seed_that_lab_toml_tells_does_not_undo_its_design_values():
    """Errors are drawn from seed and truth: two chips of one seed differ by more than 1 kHz."""
    chip = random_chip(2, 3)
    near = replace(chip, qubits=tuple(replace(q, f01=q.f01 + 1e3) for q in chip.qubits))
    one, two = (tomllib.loads(write_lab(c, consecutive_ports(c, 4881), 3)) for c in (chip, near))
    for table, key in (("qubits", "f01"), ("qubits", "anharmonicity"), ("resonators", "frequency")):
        for name in one[table]:
            assert one[table][name][key] != two[table][name][key], (name, key)
