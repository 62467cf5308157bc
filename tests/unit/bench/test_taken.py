"""A disk that takes no locks keeps no output on, and lets nobody drive without one."""

from __future__ import annotations

import asyncio
import errno
import os
import sys
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from kammerton.bench import open_bench, opening, taken
from kammerton.bench.locks import held_locks
from kammerton.lab import Lab
from kammerton.model import Held, InstrumentInUse, LabClock

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def full(monkeypatch):
    """No file of locks can be made or written, until it is told that there is room."""
    real = taken.FileLock

    def no_lock(path: Path, **how: object) -> None:
        raise FULL

    monkeypatch.setattr(taken, "FileLock", no_lock)
    return lambda: monkeypatch.setattr(taken, "FileLock", real)


def test_s1_a_note_of_who_has_it_that_cannot_be_written_stops_nothing(make, tmp_path, monkeypatch):
    def no_room(path: Path, *what: object, **how: object) -> None:
        raise FULL

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_text", no_room)
        with held_locks(make.lab(), tmp_path) as locks:
            assert locks.missing() == []
            with pytest.raises(InstrumentInUse, match="another process"):
                held_locks(make.lab(), tmp_path).__enter__()


def test_s1_outputs_go_off_though_no_lock_can_be_made(fake, make, tmp_path, full):
    async def safe_mode() -> None:
        how = {"drivers": fake.drivers, "lock_folder": tmp_path, "configure": False}
        async with open_bench(make.lab(), LabClock(), **how):
            assert not fake.lo.on

    fake.lo.on = True
    asyncio.run(safe_mode())
    assert not fake.lo.on


def test_s1_without_a_lock_outputs_go_off_and_nothing_is_driven_until_there_is_room(
    fake, make, tmp_path, full, monkeypatch, caplog
):
    monkeypatch.setattr(opening, "AGAIN", 0.01)
    fake.lo.on, opened = True, asyncio.Event()

    async def opens() -> None:
        async with open_bench(make.lab(), LabClock(), drivers=fake.drivers, lock_folder=tmp_path):
            opened.set()
            with pytest.raises(InstrumentInUse, match="in use by process"):
                held_locks(make.lab(), tmp_path).__enter__()

    async def room_comes() -> None:
        task = asyncio.create_task(opens())
        await asyncio.sleep(0.5)
        assert "nothing is driven before" in caplog.text
        assert not fake.lo.on
        assert not opened.is_set()
        full()
        await asyncio.wait_for(task, 10)

    asyncio.run(room_comes())
    assert opened.is_set()
    assert caplog.text.count("nothing is driven before") == 1


def test_who_waits_for_a_lock_leaves_the_instruments_to_a_person(
    fake, make, tmp_path, full, monkeypatch
):
    monkeypatch.setattr(opening, "AGAIN", 0.01)
    looks = iter([None] * 3)

    async def free(*names: str) -> None:
        if next(looks, "held") == "held":
            raise Held("a person wants it")

    async def opens() -> None:
        monkeypatch.setattr("kammerton.bench.guard.Guard.require_free", lambda _, *n: free(*n))
        async with open_bench(make.lab(), LabClock(), drivers=fake.drivers, lock_folder=tmp_path):
            pytest.fail("nothing is locked")

    with pytest.raises(Held):
        asyncio.run(opens())


@pytest.mark.skipif(sys.platform == "win32", reason="a lock by reading is that of POSIX systems")
def test_s1_on_a_disk_that_is_read_only_a_lock_that_is_there_counts(make, tmp_path, monkeypatch):
    lab = make.lab()
    with held_locks(lab, tmp_path), monkeypatch.context() as patched:
        patched.setattr(taken, "FileLock", _read_only)
        with pytest.raises(InstrumentInUse, match="in use by process"):
            held_locks(lab, tmp_path).__enter__()
    monkeypatch.setattr(taken, "FileLock", _read_only)
    with held_locks(lab, tmp_path) as locks:
        assert locks.missing() == []
        with pytest.raises(InstrumentInUse):
            held_locks(lab, tmp_path).__enter__()


@pytest.mark.skipif(sys.platform != "linux", reason="abstract sockets are Linux's own")
def test_s1_where_no_file_can_be_made_the_name_on_this_machine_is_a_lock(
    make, tmp_path, monkeypatch, full, caplog
):
    monkeypatch.setattr(taken, "_usual", lambda: tmp_path)
    lab = _own(make.lab())
    with held_locks(lab) as locks:
        assert locks.missing() == []
        with pytest.raises(InstrumentInUse, match=f"in use by process {os.getpid()}"):
            held_locks(lab).__enter__()
    assert caplog.text.count("its name on this machine keeps others away") == 1


def _read_only(path: Path, **how: object) -> None:
    raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))


def _own(lab: Lab) -> Lab:
    """Return a lab at addresses that no other run of this test has."""
    number = uuid.uuid4().hex
    entries = lab.instruments.items()
    return replace(
        lab, instruments={n: replace(e, address=f"usb::{number}::{n}") for n, e in entries}
    )
