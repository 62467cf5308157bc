"""One box, one lock, however its address is spelled."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
import time

import pytest

from kammerton.bench import locks, open_bench
from kammerton.bench.locks import canonical, held_locks
from kammerton.model import InstrumentError, LabClock
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
    with held_locks(lab, tmp_path / "file" / "locks") as locks:
        why = locks.missing()
    assert len(why) == len(lab.instruments)
    assert all("cannot be locked" in line and "file" in line for line in why)


def test_a_resolver_that_hangs_is_waited_for_once_and_with_an_end(tmp_path, monkeypatch):
    over = threading.Event()

    def hangs(host: str) -> str:
        over.wait(60)
        raise OSError

    monkeypatch.setattr(locks.socket, "gethostbyname", hangs)
    monkeypatch.setattr(locks, "RESOLVE", 0.5)
    lab = two_qubits(tmp_path)
    awg = lab.instruments["awg1"]
    many = {
        name: dataclasses.replace(awg, name=name, address=f"tcp://{name}.lab:5025")
        for name in ("a", "b", "c", "d")
    }
    before = set(threading.enumerate())
    began = time.monotonic()
    try:
        with held_locks(dataclasses.replace(lab, instruments=many), tmp_path / "locks"):
            assert time.monotonic() - began < 1.5, "not once for each"
    finally:
        over.set()
        for thread in set(threading.enumerate()) - before:
            thread.join()


def test_a_bench_opens_beside_a_loop_that_turns_though_the_resolver_hangs(tmp_path, monkeypatch):
    turns, turned = [], []

    def hangs(host: str) -> str:
        before, end = len(turns), time.monotonic() + 10
        while len(turns) < before + 3 and time.monotonic() < end:
            time.sleep(0.01)
        turned.append(len(turns) - before)
        return "10.0.0.4"

    monkeypatch.setattr(locks.socket, "gethostbyname", hangs)
    monkeypatch.setattr(locks, "RESOLVE", 30.0)
    lab = two_qubits(tmp_path)
    awg = dataclasses.replace(lab.instruments["awg1"], address="tcp://awg1.lab:5025")
    lab = dataclasses.replace(lab, instruments=lab.instruments | {"awg1": awg})

    async def opened() -> None:
        with pytest.raises(InstrumentError):
            async with open_bench(lab, LabClock(), drivers={}, lock_folder=tmp_path / "locks"):
                pass

    async def main() -> None:
        opening = asyncio.create_task(opened())
        while not opening.done():
            turns.append(1)
            await asyncio.sleep(0.01)
        await opening

    asyncio.run(main())
    assert turned
    assert min(turned) >= 3, "the loop stood still while a name was looked up"
