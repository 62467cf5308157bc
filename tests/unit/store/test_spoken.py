"""Whose the last words are: of whoever has the database, or of one that is there no more."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kammerton.model import StoreInUse, StoreUnavailable
from kammerton.store import Store, change
from kammerton.store.caution import speaks

ROOT = Path(__file__).parents[3]

SPEAKS = """
import os, sys
from kammerton.store import Store
with Store.open(sys.argv[1], 'two-qubits') as store:
    store.activity('t1 on q0')
    print(os.getpid(), flush=True)
    input()
"""


def opened(place: Path | str, tmp_path: Path) -> Store:
    return Store.open(place, "two-qubits", data=tmp_path / "runs", busy=0.3)


def test_the_words_of_one_that_has_the_database_no_more_are_not_the_next_ones(
    place: Path | str, tmp_path: Path
) -> None:
    """By the same number: so it is in a container, where each begins with the same ones."""
    with opened(place, tmp_path) as store:
        store.activity("t1 on q0")
        said = store.current_activity()
        assert speaks(store, said)
    with Store.read(place) as store, opened(place, tmp_path) as other:
        past = store.current_activity()
        assert past is not None
        assert (past.what, past.pid, past.doubtful) == ("t1 on q0", said.pid, True)
        assert other.left == said
        assert not speaks(store, past)
        other.activity("connecting")
        assert speaks(store, store.current_activity())


def test_who_opens_it_twice_marks_it_once_and_keeps_the_number(
    place: Path | str, tmp_path: Path
) -> None:
    with opened(place, tmp_path) as store:
        store.activity("t1 on q0")
        pid = store.current_activity().pid
    for _ in range(2):
        with opened(place, tmp_path) as store:
            assert store.left is not None
            assert store.left.pid == pid


def test_a_refusal_names_no_process_that_is_there_no_more(path: Path) -> None:
    with Store.open(path, "two-qubits") as store:
        store.activity("t1 on q0")
        with pytest.raises(StoreInUse, match=r"^process \d+ \(t1 on q0\) has"):
            Store.open(path, "two-qubits")
    with (
        Store.open(path, "two-qubits"),
        pytest.raises(StoreInUse, match=r"^another process has"),
    ):
        Store.open(path, "two-qubits")


def test_a_full_disk_keeps_nobody_from_opening_it(path, monkeypatch) -> None:
    with Store.open(path, "two-qubits") as store:
        store.activity("t1 on q0")

    def full(*_: object) -> None:
        raise StoreUnavailable("database or disk is full")

    monkeypatch.setattr(Store, "demand_here", full)
    with Store.open(path, "two-qubits") as store:
        assert store.left is not None


def test_the_one_that_holds_in_place_of_a_dead_daemon_is_not_taken_for_it(path: Path) -> None:
    with Store.open(path, "two-qubits") as store:
        store.activity("t1 on q0")
    change(path, "hold", {"scope": "q0", "why": "cable"}, "ann")
    with Store.read(path) as store:
        assert store.current_activity().past


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare (util-linux)")
def test_a_daemon_in_a_container_speaks_to_who_asks_outside(path: Path) -> None:
    words = ["unshare", "--pid", "--fork", "--kill-child", sys.executable, "-c", SPEAKS, str(path)]
    child = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdin is not None
    with child.stdout, child.stdin:
        if (said := child.stdout.readline()) == b"":
            pytest.skip("this user may make no container")
        with Store.read(path) as store:
            assert store.current_activity().pid == int(said) == 1
            assert speaks(store, store.current_activity())
        child.communicate(b"\n", timeout=10)
    assert child.returncode == 0
