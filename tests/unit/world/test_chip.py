"""chip.toml both ways, every reason to refuse one, and random chips."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kammerton.lab import examine
from kammerton_sim.chip import (
    ChipError,
    Drift,
    default_wiring,
    random_chip,
    read_chip,
    slow_envelope_time,
    write_chip,
)
from kammerton_sim.chip.flaws import flawed
from kammerton_sim.ports import consecutive_ports
from kammerton_sim.write_lab import write_lab


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "chip.toml"
    write_chip(random_chip(2, 5), path)
    return path


@given(qubits=st.integers(1, 25), seed=st.integers(0, 2**32))
def test_a_chip_survives_its_file(tmp_path_factory, qubits, seed):
    path = tmp_path_factory.mktemp("chip") / "chip.toml"
    chip = random_chip(qubits, seed)
    unlike = replace(chip.qubits[0], f01_drift=Drift(0.0, 12.0), t1_drift=Drift(0.3, 1e5))
    chip = replace(chip, name='"of" \\ ours', qubits=(unlike, *chip.qubits[1:]))
    write_chip(chip, path)
    again = read_chip(path)
    assert abs(again.wiring.gain - chip.wiring.gain) < 1e-15
    more = tuple(replace(line, gain=chip.wiring.gain) for line in again.wiring.more)
    same_gain = replace(again.wiring, gain=chip.wiring.gain, more=more)
    assert replace(again, wiring=same_gain) == chip


@given(qubits=st.integers(1, 10), seed=st.integers(0, 2**32))
def test_random_chips_are_plausible(qubits, seed):
    chip = random_chip(qubits, seed)
    assert chip == random_chip(qubits, seed)
    offsets = np.array([q.f01 - 4.9e9 for q in chip.qubits])
    assert abs(offsets).max() < 310e6
    assert abs(offsets).min() > 5e6
    pairs = itertools.combinations(offsets, 2)
    assert all(abs(a - b) > 25e6 for a, b in pairs)
    neighbours = abs(np.diff(offsets))
    assert qubits == 1 or neighbours.min() > 70e6
    readout = np.array([r.frequency - 7.0e9 for r in chip.resonators])
    assert abs(readout).max() < 300e6
    assert abs(readout).min() > 20e6
    assert qubits < 2 or np.diff(readout).min() > 55e6
    for q in chip.qubits:
        assert q.t2 < 2 * q.t1
        assert 15e-6 < slow_envelope_time(q.t2, q.slow_dephasing) < 40e-6


@pytest.mark.parametrize("qubits", [0, 1001, -1])
def test_a_chip_has_one_to_a_thousand(qubits):
    with pytest.raises(ValueError, match="1 to 1000"):
        random_chip(qubits, 0)


def test_five_qubits_fill_two_generators():
    wiring = default_wiring(5)
    assert wiring.generators == ("awg1", "awg2")
    assert wiring.drive["q4"].i == ("awg2", 1)
    assert (wiring.readout.i, wiring.readout.q) == (("awg2", 3), ("awg2", 4))
    assert wiring.trigger == ("awg2", 3, 1)
    assert wiring.go == ("awg1", 1, 1)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("seed = 5", 'seed = "five"', "seed: must be a whole number"),
        ("seed = 5", "seed = -5", "not below 0"),
        ('name = "chip-2-5"', "name = 3", "name: must be a string"),
        ("t1_s =", "t1_us =", "qubits.q0: unknown key 't1_us' (did you mean 't1_s'?)"),
        ("f01_hz = ", "f01_hz = -", "must lie between 1 MHz and 100 GHz"),
        (
            "drive_lo = ",
            "drive_lo = 3 #",
            "carriers.drive_lo: 3 must lie between 1 MHz and 12.75 GHz",
        ),
        ("anharmonicity_hz = -", "anharmonicity_hz = ", "must be below 0"),
        ("t2_s = ", "t2_s = 1 #", "must not exceed twice t1_s"),
        ("slow_dephasing_hz = ", "slow_dephasing_hz = -", "must lie between 0 and 1 GHz"),
        ("visibility = 0.", "visibility = 1.", "must lie between 0 and 1"),
        ("asymmetry_rad = ", "asymmetry_rad = nan #", "must be finite"),
        ("linewidth_hz = ", 'linewidth_hz = "2 MHz" #', "'2 MHz' is not a number"),
        ("linewidth_hz = ", "linewidth_hz = true #", "True is not a number"),
        ("[resonators.r1]", "[r1]", "2 qubits but 1 resonator"),
        ("[resonators.r1]", "[resonator.r1]", "the file: unknown key 'resonator'"),
        ("[qubits.q1]", "[qubits.q8]", "wiring.drive: unknown key 'q1'"),
        ("[qubits.q1]", "[qubits.q8]", "wiring.drive: 'q8' is missing"),
        ('i = "awg1.3"', 'i = "awg1.1"', "channel awg1.1 is used more than once"),
        ('i = "awg1.3"', 'i = "awg1.9"', "'awg1.9' is not a channel"),
        ('i = "awg1.3"', 'i = "awg7.3"', "'awg7' is not among the generators"),
        ('i = "awg1.3"', "i = 3", "3 is not a channel"),
        ('source = "readout_lo"', "source = 1", "wiring.readout.source: must be a name"),
        ('trigger = "awg1.5.m1"', 'trigger = "awg1.5"', "'awg1.5' is not a marker"),
        ('go = "awg1.1.m1"', 'go = "awg4.1.m1"', "'awg4' is not among the generators"),
        ('generators = ["awg1"]', 'generators = "awg1"', "must be a list of names"),
        ("drive_lo = ", "drive_li = ", "(did you mean 'drive_lo'?)"),
        ("noise_v = ", "noise_v = -", "wiring.noise_v: "),
        ("delay_s = ", "delays_s = ", "did you mean 'delay_s'?"),
        ("[qubits.q0]", "[qubits]\nq0 = 3\n[qubits.q7]", "qubits.q0: must be a table"),
        ("seed = 5", "seed = = 5", "not TOML"),
    ],
)
def test_a_bad_chip_is_refused_by_name(written, old, new, problem):
    text = written.read_text()
    assert old in text
    written.write_text(text.replace(old, new, 1))
    with pytest.raises(ChipError) as caught:
        read_chip(written)
    assert problem in str(caught.value)
    assert "chip.toml" in str(caught.value)


@pytest.fixture(scope="module")
def flaws(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("flaws") / "chip.toml"
    write_chip(flawed(random_chip(1, 5), 5), path)
    return path.read_text()


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("rate_per_s", "1e9", "must be above 0 and at most 1000 per s"),
        ("recovery_s", "1e6", "must be above 0 and at most 1 s"),
        ("hop_rate_per_s", "1e8", "must lie between 0 and 1e6 per s"),
        ("parity_rate_per_s", "1e9", "must be above 0 and at most 1e6 per s"),
        ("offset_time_s", "1e-9", "must be at least 1 us"),
        ("wander_time_s", "1e-300", "must be at least 1 us"),
        ("t1_drift", "1000", "must lie between 0 and 3"),
        ("f01_drift_hz", "1e12", "must lie between 0 and 100 MHz"),
        ("residual", "1e18", "must lie between 0 and 1000"),
        ("floor_temperature_k", "1e300", "must be above 0 and at most 300 K"),
        ("leakage_v", "1e15", "must lie between 0 and 1 V"),
        ("gain_db", "1e6", "must lie between -200 and 200 dB"),
        ("full_scale_v", "1e-30", "must lie between 1 uV and 1000 V"),
        ("delay_s", "12", "must lie between 0 and 1 ms"),
        ("delay_s", "12", "must be above 0 and at most 10 us"),
    ],
)
def test_what_would_fill_or_stop_the_laboratory_is_refused(flaws, tmp_path, key, value, problem):
    """Events without number, samples without end, numbers beyond those of a computer."""
    path = tmp_path / "chip.toml"
    path.write_text(re.sub(rf"(?<![a-z_]){key} = [^,}}\n ]*", f"{key} = {value}", flaws))
    with pytest.raises(ChipError) as caught:
        read_chip(path)
    assert any(said.endswith(problem) for said in caught.value.problems)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("[wiring]", "[wirng]", "the file: unknown key 'wirng' (did you mean 'wiring'?)"),
        ("wiring", "wirng", "the file: unknown key 'wirng' (did you mean 'wiring'?)"),
        ("[wiring", "[cabling", "the file: 'wiring' is missing"),
        ("[resonators.r1]", "[resonator.r1]", "unknown key 'resonator' (did you mean 'resonators'"),
        ("t1_s =", "t1_us =", "unknown key 't1_us' (did you mean 't1_s'?)"),
        ("t1_s = ", "t1_s = -", "must be at least 1 ns"),
    ],
)
def test_what_follows_from_a_mistake_is_not_another(written, old, new, problem):
    written.write_text(written.read_text().replace(old, new))
    with pytest.raises(ChipError) as caught:
        read_chip(written)
    each = {said for said in caught.value.problems if problem in said}
    strange = {said for said in caught.value.problems if "unknown key 'cabling'" in said}
    assert each
    assert set(caught.value.problems) == each | strange


@pytest.mark.parametrize(
    "section",
    ["qubits", "resonators", "wiring", "wiring.drive", "wiring.readout", "wiring.carriers",
     "qubits.q0", "resonators.r1", "wiring.drive.q1"],
)  # fmt: skip
def test_from_a_section_that_is_no_table_nothing_follows(written, section):
    every = re.split(r"(?m)^(?=\[)", written.read_text())
    text = "".join(e for e in every if not e.startswith((f"[{section}]", f"[{section}.")))
    parent, _, name = section.rpartition(".")
    if parent.startswith("wiring"):
        text = re.sub(rf"(?m)^{name} = \{{.*\n", "", text)
    head = f"[{parent}]\n" if parent else ""
    text = text if head in text else f"{text}{head}"
    written.write_text(text.replace(head, f"{head}{name} = 3\n", 1))
    with pytest.raises(ChipError) as caught:
        read_chip(written)
    (said,) = caught.value.problems
    assert said.endswith(f"{section}: must be a table")


@pytest.mark.parametrize(
    ("lost", "where"),
    [("name =", "the file"), ("seed =", "the file"), ("generators =", "wiring"),
     ("readout =", "wiring"), ("[wiring.drive]", "wiring"), ("[wiring.carriers]", "wiring")],
)  # fmt: skip
def test_of_what_is_missing_it_is_said_once(written, lost, where):
    end = r"\n" if "=" in lost else r"[^[]*"
    text, found = re.subn(rf"(?m)^{re.escape(lost)}.*{end}", "", written.read_text())
    assert found == 1
    written.write_text(text)
    with pytest.raises(ChipError) as caught:
        read_chip(written)
    (said,) = caught.value.problems
    assert said.endswith(f"{where}: {lost.strip('[] =').rpartition('.')[2]!r} is missing")


def test_from_generators_that_are_none_nothing_follows(written):
    written.write_text(written.read_text().replace('generators = ["awg1"]', "generators = 3"))
    with pytest.raises(ChipError) as caught:
        read_chip(written)
    (said,) = caught.value.problems
    assert said.endswith("wiring.generators: must be a list of names")


def test_twenty_qubits_are_read_on_two_lines():
    wiring = default_wiring(20)
    (second,) = wiring.more
    assert wiring.generators == tuple(f"awg{n}" for n in range(1, 7))
    assert (second.board, second.readout.source) == ("board2", "readout_lo2")
    assert second.resonators == tuple(f"r{n}" for n in range(10, 20))
    assert random_chip(20, 1).feedlines[0].resonators == tuple(f"r{n}" for n in range(10))
    assert wiring.drive["q9"].source == "drive_lo"
    assert wiring.drive["q10"].source == "drive_lo2"
    assert set(wiring.carriers) == {"drive_lo", "readout_lo", "drive_lo2", "readout_lo2"}


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('board = "board2"', 'board = "board"', "wiring.feedlines: digitizer 'board' on two lines"),
        ('board = "board2"', "board = 2", "wiring.feedlines.feed1.board: must be a name"),
        ('["r6", "r7", ', '["r6", "r6", ', "wiring.feedlines: resonator 'r6' on two lines"),
        ('["r6", ', '["r66", ', "wiring.feedlines.feed1.resonators: there is no 'r66'"),
        ('trigger = "awg4.1.m1"', 'trigger = "awg9.1.m1"', "'awg9' is not among the generators"),
        ('{ i = "awg4.1"', '{ i = "awg3.7"', "channel awg3.7 is used more than once"),
        ("[wiring.feedlines.feed1]", "[wiring.feedline.feed1]", "did you mean 'feedlines'?"),
    ],
)
def test_a_bad_second_feedline_is_refused_by_name(tmp_path, old, new, problem):
    path = tmp_path / "chip.toml"
    write_chip(random_chip(11, 5), path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ChipError) as caught:
        read_chip(path)
    assert problem in str(caught.value)


def test_all_problems_are_named_at_once(written):
    text = written.read_text().replace("t1_s", "t1").replace("visibility = 0.", "visibility = 3.")
    written.write_text(text)
    with pytest.raises(ChipError) as caught:
        read_chip(written)
    assert len(caught.value.problems) == 4


def test_a_file_that_is_not_text_is_refused(tmp_path):
    path = tmp_path / "chip.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ChipError, match="not TOML"):
        read_chip(path)
    with pytest.raises(FileNotFoundError):
        read_chip(tmp_path / "absent.toml")


def test_a_chip_without_qubits_is_refused(written):
    text = written.read_text()
    head, wiring = text.split("[qubits.q0]")[0], text[text.index("[wiring]") :]
    written.write_text(head + "[qubits]\n[resonators]\n" + wiring)
    with pytest.raises(ChipError, match="needs a qubit"):
        read_chip(written)


def test_a_problem_has_its_line(tmp_path):
    path = tmp_path / "chip.toml"
    write_chip(random_chip(2, 3), path)
    lines = path.read_text(encoding="utf-8").splitlines()
    number = next(n for n, line in enumerate(lines) if line.startswith("[qubits.q1]")) + 3
    assert lines[number].startswith("t1_s = ")
    lines[number : number + 1] = ["t1_s = -1", "t0_s = 1"]
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(ChipError) as caught:
        read_chip(path)
    said = "\n".join(caught.value.problems)
    assert f"line {number + 1}: qubits.q1.t1_s: -1 must be at least 1 ns" in said
    assert f"line {number + 2}: qubits.q1: unknown key 't0_s'" in said


def test_a_lab_toml_is_told_from_a_chip_toml(tmp_path):
    path = tmp_path / "lab.toml"
    chip = random_chip(1, 3)
    path.write_text(write_lab(chip, consecutive_ports(chip, 4881), 1), encoding="utf-8")
    with pytest.raises(ChipError) as caught:
        read_chip(path)
    assert str(caught.value) == "lab.toml: this is a lab.toml, not a chip.toml"
    write_chip(chip, path)
    said = "lab.toml: this is the chip.toml of a simulated laboratory, no lab.toml"
    assert examine(path).problems == (said,)
