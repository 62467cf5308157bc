"""Which serial number answered is remembered, and a person is told the line for lab.toml."""

from __future__ import annotations

import tomllib
from dataclasses import replace

import pytest

from kammerton.lab import load
from kammerton.lab.serials import alike
from kammerton.model.roles import Identity
from kammerton.store import Store
from kammerton.store.plates import Plates, known, unnamed
from tests.unit.lab.example import FILE


@pytest.fixture
def lab():
    """Return a laboratory with two boxes of its network, of which it names no serial number."""
    whole = load(FILE)
    entries = dict(whole.instruments)
    for number, name in enumerate(("awg1", "drive_lo")):
        address = f"TCPIP0::10.0.0.{number}::INSTR"
        entries[name] = replace(entries[name], address=address, serial=None)
    return replace(whole, instruments=entries)


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "db.sqlite", "two-qubits") as opened:
        yield opened


def who(serial):
    return Identity("R&S", "SGS100A", serial, "4.2")


def expecting(lab, store):
    """Return what the next process expects."""
    return Plates(lab, store).expecting().instruments


def test_i6_what_answers_at_the_first_start_is_expected_at_the_next(lab, store):
    assert expecting(lab, store) == dict(lab.instruments)
    plates = Plates(lab, store)
    plates.remember({"drive_lo": who("101 ")})
    plates.remember({"drive_lo": who("101")})
    Plates(lab, store).remember({"drive_lo": who("101")})
    assert [(row.old, row.new) for row in store.log(9)] == [("", "101")], "once"
    for known_by in (expecting(lab, store), plates.expecting().instruments):
        assert known_by["drive_lo"].before == "101"
        assert known_by["awg1"].before is None


def test_i6_another_address_in_lab_toml_is_another_first_start(lab, store):
    Plates(lab, store).remember({"drive_lo": who("101")})
    moved = replace(lab.instruments["drive_lo"], address="TCPIP0::10.0.0.9::INSTR")
    other = replace(lab, instruments={**lab.instruments, "drive_lo": moved})
    assert expecting(other, store)["drive_lo"].before is None


def test_i6_a_number_that_lab_toml_names_anew_replaces_what_was_remembered(lab, store):
    for serial in ("101", "102"):
        Plates(lab, store).remember({"drive_lo": who(serial)})
    assert known(lab, store) == {"drive_lo": "102"}
    assert store.log(1)[0].old == "101"


def test_the_audit_log_is_looked_through_once_in_a_process_whatever_the_number_of_boxes(
    lab, store, monkeypatch
):
    """It has no index, and after years a million rows."""
    Plates(lab, store).remember({"drive_lo": who("101"), "awg1": who("B1")})
    looks = []
    read = store._read
    monkeypatch.setattr(store, "_read", lambda: looks.append(1) or read())
    plates = Plates(lab, store)
    for _ in range(3):
        plates.expecting()
        plates.remember({"drive_lo": who("101")})
    assert plates.before() == {"drive_lo": "101", "awg1": "B1"}
    assert len(looks) == 1


def test_each_without_a_number_is_named_with_the_line_to_paste(lab):
    first, second = unnamed(lab, {"drive_lo": "101"})
    assert first.startswith("awg1: no serial in lab.toml")
    assert 'under [instruments.drive_lo], if that is the right box: serial = "101"' in second
    entry = replace(lab.instruments["drive_lo"], serial="101")
    named = replace(lab, instruments={**lab.instruments, "drive_lo": entry})
    assert [words.partition(":")[0] for words in unnamed(named, {})] == ["awg1"]


def test_all_that_nobody_has_met_are_said_in_one_sentence(lab):
    (words,) = unnamed(lab, {})
    assert words.startswith("awg1, drive_lo: no serial in lab.toml")
    assert words.endswith("after that `kammerton check` says the line to paste")


def test_a_line_to_paste_is_one_of_lab_toml_whatever_the_number(lab):
    serial = 'A"7\\b\t\x7f ü'
    (words,) = (each for each in unnamed(lab, {"drive_lo": serial}) if "drive_lo:" in each)
    pasted = words.partition("right box: ")[2]
    assert tomllib.loads(pasted) == {"serial": serial}


def test_no_line_is_advised_that_would_help_nobody(lab):
    """Of a refrigerator nothing is remembered, and one without a number can tell none."""
    fridge = replace(lab.instruments[lab.interlock.fridge], address="http://10.0.0.3", serial=None)
    more = replace(lab, instruments={**lab.instruments, fridge.name: fridge})
    assert [each.partition(":")[0] for each in unnamed(more, {}, {"awg1"})] == ["drive_lo"]
    assert not any("serial =" in each for each in unnamed(more, {})), "an example would be pasted"


def test_i6_another_spelling_of_a_number_is_no_news(lab, store):
    for serial in ("101", "000101", " 1 01"):
        Plates(lab, store).remember({"drive_lo": who(serial)})
    assert known(lab, store) == {"drive_lo": "101"}


@pytest.mark.parametrize("serial", ["101\0\0", "\x7f101", "1\u202e01"])
def test_i6_a_number_that_the_database_spells_out_is_that_box(lab, store, serial):
    for _ in range(2):
        Plates(lab, store).remember({"drive_lo": who(serial)})
    assert len(store.log(9)) == 1
    assert alike(known(lab, store)["drive_lo"], serial)


@pytest.mark.parametrize(
    ("address", "here"),
    [
        ("TCPIP0::127.0.0.1::inst0::INSTR", True),
        ("TCPIP0::LOCALHOST::5025::SOCKET", True),
        ("tcp://127.1.2.3:5025", True),
        ("http://[::1]:49099", True),
        ("http://localhost", True),
        ("TCPIP0::127.lab::INSTR", False),
        ("http://localhost.lab:49099", False),
        ("tcp://10.127.0.0.1:1", False),
    ],
)
def test_what_is_this_computer_by_its_address(lab, address, here):
    entry = replace(lab.instruments["drive_lo"], address=address)
    only = replace(lab, instruments={"drive_lo": entry})
    assert (unnamed(only, {}) == []) is here


def test_what_is_simulated_on_this_computer_is_no_reason_to_warn():
    whole = load(FILE)
    nameless = {n: replace(e, serial=None) for n, e in whole.instruments.items()}
    assert unnamed(replace(whole, instruments=nameless), {}) == []


def test_a_box_behind_a_forward_on_this_computer_is_named_once_it_has_answered(lab):
    entry = replace(lab.instruments["drive_lo"], address="tcp://localhost:5025")
    only = replace(lab, instruments={"drive_lo": entry})
    assert unnamed(only, {"drive_lo": "1416.0505k02/100001"}) == []
    assert "paste under [instruments.drive_lo]" in unnamed(only, {"drive_lo": "107321"})[0]
