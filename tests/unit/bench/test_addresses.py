"""One box, one lock, however its address is spelled."""

from __future__ import annotations

import dataclasses

import pytest

from kammerton.bench.locks import canonical, held_locks
from kammerton.model import InstrumentError
from tests.unit.loop.laboratory import two_qubits


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("TCPIP0::127.0.0.1::hislip0,4881::INSTR", "tcpip::localhost::HISLIP0,4881::instr"),
        ("sim://localhost:4884", "sim://127.0.0.1:4884"),
        ("tcp://127.0.0.1:33576", " TCP://LOCALHOST:33576 "),
        ("TCPIP0::10.0.0.4::hislip0::INSTR", "TCPIP0::10.0.0.4::hislip0,4880::INSTR"),
        ("TCPIP0::10.0.0.4::hislip0::INSTR", "TCPIP1::10.0.0.4::hislip0::INSTR"),
        ("TCPIP0::10.0.0.4::hislip0::INSTR", "tcpip::10.0.0.4::hislip0"),
        ("TCPIP::10.0.0.4::INSTR", "TCPIP3::10.0.0.4::inst0::INSTR"),
        ("TCPIP::10.0.0.4", "TCPIP::10.0.0.4::INSTR"),
        ("TCPIP::localhost::5025::SOCKET", "TCPIP0::127.0.0.1::5025::socket"),
        ("TCPIP::10.0.0.4::5025::SOCKET", "tcp://10.0.0.4:5025"),
    ],
)
def test_two_spellings_of_one_address(one, other):
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("TCPIP0::127.0.0.1::hislip0,4881::INSTR", "TCPIP0::127.0.0.1::hislip0,4882::INSTR"),
        ("TCPIP0::127.0.0.1::hislip0::INSTR", "TCPIP0::127.0.0.1::hislip0,4882::INSTR"),
        ("TCPIP0::127.0.0.1::hislip0::INSTR", "TCPIP0::127.0.0.1::hislip1::INSTR"),
        ("TCPIP0::10.0.0.4::inst0::INSTR", "TCPIP0::10.0.0.4::inst1::INSTR"),
        ("TCPIP0::10.0.0.4::gpib0,5::INSTR", "TCPIP0::10.0.0.4::gpib0,6::INSTR"),
        ("TCPIP::10.0.0.4::5025::SOCKET", "TCPIP::10.0.0.4::5026::SOCKET"),
        ("TCPIP0::[::1]::hislip0,4881::INSTR", "TCPIP0::[::1]::hislip0,4882::INSTR"),
        ("ats://1/1", "ats://1/2"),
    ],
)
def test_different_boxes_stay_different(one, other):
    assert canonical(one) != canonical(other)


def test_a_name_that_nobody_knows_is_taken_as_it_is():
    assert canonical("TCPIP::no-such-host.invalid::INSTR") == "tcpip::no-such-host.invalid::instr"


def test_a_second_spelling_is_refused(tmp_path):
    lab = two_qubits(tmp_path)
    awg = lab.instruments["awg1"]
    spelled = [
        dataclasses.replace(lab, instruments={"awg1": dataclasses.replace(awg, address=a)})
        for a in ("tcp://127.0.0.1:5025", "tcp://localhost:5025")
    ]
    with (
        held_locks(spelled[0], tmp_path / "locks"),
        pytest.raises(InstrumentError, match="in use"),
        held_locks(spelled[1], tmp_path / "locks"),
    ):
        pytest.fail("both hold the lock")


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    lab = two_qubits(tmp_path)
    with (
        pytest.raises(InstrumentError, match="folder of locks"),
        held_locks(lab, tmp_path / "file" / "locks"),
    ):
        pytest.fail("there is no such folder")
