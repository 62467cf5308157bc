"""A restore that is killed, or fails, at any step: the old database is whole, or the new one is."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kammerton.model import StoreError
from kammerton.store import Store, aside, backup, restore
from kammerton.store.disk import to_disk
from kammerton.verify import verify
from tests.stored import estimate, run

STEPS = ((os, "link"), *((Path, name) for name in ("rename", "replace", "unlink", "touch")))

OLD, NEW = (2, ["bob"]), (1, ["bob"])
"""The revision and who holds the computer: before the restore, and after it."""

LOGS = ("-wal", "-shm", "-journal")


class Killed(BaseException):
    """What no code of ours catches."""


@pytest.fixture
def saved(path: Path) -> Path:
    """A backup of revision 1; revision 2 and a hold lie in the log of a daemon that was killed."""
    with Store.open(path, "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate(1.0)})
        saved = backup.keep(path)
    killed = path.with_name("killed")
    with Store.open(path, "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate(2.0)})
        store.hold("computer", "bob", "in the rack")
        for end in ("", *LOGS[:2]):
            shutil.copy(f"{path}{end}", f"{killed}{end}")
    for end in ("", *LOGS[:2]):
        Path(f"{killed}{end}").rename(f"{path}{end}")
    return saved


def _said(path: Path) -> tuple[int, list[str]]:
    with Store.read(path) as store:
        return store.revision(), [lease.owner for lease in store.leases()]


def _asides(path: Path) -> list[Path]:
    """Return the databases that were set aside."""
    there = path.parent.glob("*.set-aside-*Z")
    return [each for each in there if not each.name.endswith(LOGS)]


def _stopped(monkeypatch: pytest.MonkeyPatch, at: int, after: bool, for_good: bool) -> list[int]:
    """Have the step of that number fail, before or after it is done; and all that come, or not."""
    count = [0]

    def failing(real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*given: Any, **more: Any) -> Any:
            count[0] += 1
            if count[0] == at and after:
                real(*given, **more)
            if count[0] == at or (count[0] > at and for_good):
                raise Killed if for_good else PermissionError(13, "refused")
            return real(*given, **more)

        return step

    for owner, name in STEPS:
        monkeypatch.setattr(owner, name, failing(getattr(owner, name)))
    return count


def _no_links(*_: object) -> None:
    raise PermissionError(1, "Operation not permitted")


def _restored(saved: Path, path: Path) -> None:
    """Restore again, and see that nothing of the old database is lost."""
    restore(saved, "anna")
    assert _said(path) == NEW
    assert verify(path).findings == ()
    assert OLD in [_said(each) for each in _asides(path)]
    assert aside.unfinished(path) == []
    logs = list(path.parent.glob("*.set-aside-*Z-*"))
    assert all(each.with_name(each.name.rpartition("-")[0]).exists() for each in logs)


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("after", [True, False])
def test_killed_at_any_step_it_loses_neither_a_revision_nor_a_hold(
    saved: Path, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool,
    after: bool,
) -> None:  # fmt: skip
    whole, seen = tmp_path.with_name(f"{tmp_path.name} whole"), []
    shutil.copytree(tmp_path, whole)
    for at in range(1, 100):
        shutil.rmtree(tmp_path)
        shutil.copytree(whole, tmp_path)
        with monkeypatch.context() as patched:
            if not links:
                patched.setattr(os, "link", _no_links)
            _stopped(patched, at, after, for_good=True)
            try:
                restore(saved, "anna")
            except Killed:
                pass
            else:
                break
        seen.append(_state(saved, path))
        _restored(saved, path)
    assert [each for each in ("old", "none", "new") if each in seen] == ["old", "none", "new"]
    assert seen == sorted(seen, key=["old", "none", "new"].index)


def _state(saved: Path, path: Path) -> str:
    """Say which database stands there, each of them whole."""
    if not path.exists():
        logs = {each.name for each in path.parent.iterdir()}
        for opened in (Store.read, lambda each: Store.open(each, "two-qubits")):
            with pytest.raises(StoreError, match="A restore was cut off") as refused:
                opened(path)
            assert str(saved) in str(refused.value)
        assert {each.name for each in path.parent.iterdir()} == logs, "no log is touched"
        return "none"
    beside = [Path(f"{path}{end}").exists() for end in LOGS]
    if (said := _said(path)) == NEW:
        assert not any(beside), "SQLite would replay the old log in the new database"
        assert [_said(each) for each in _asides(path)] == [OLD], "whole, under one name"
        return "new"
    assert said == OLD
    assert _asides(path) == [], "a database with two names could be written under both"
    return "old"


@pytest.mark.parametrize("links", [True, False])
def test_refused_at_any_step_it_puts_everything_back(
    saved: Path, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    whole, refused = tmp_path.with_name(f"{tmp_path.name} whole"), 0
    shutil.copytree(tmp_path, whole)
    for at in range(1, 100):
        shutil.rmtree(tmp_path)
        shutil.copytree(whole, tmp_path)
        with monkeypatch.context() as patched:
            if not links:
                patched.setattr(os, "link", _no_links)
            count = _stopped(patched, at, after=False, for_good=False)
            try:
                restore(saved, "anna")
            except StoreError:
                refused += 1
                assert _said(path) in (OLD, NEW)
        if count[0] < at:
            break
        _restored(saved, path)
    assert refused > 5


def test_the_disk_knows_of_each_step_before_the_next(
    saved: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a power cut the names are those of some moment, in their order."""
    done: list[str] = []

    def noted(real: Callable[..., Any], word: str) -> Callable[..., Any]:
        def step(*given: Any, **more: Any) -> Any:
            done.append(word.format(*(Path(each).name.removeprefix(path.name) for each in given)))
            return real(*given, **more)

        return step

    for name in ("rename", "replace", "unlink"):
        monkeypatch.setattr(Path, name, noted(getattr(Path, name), f"{name} {{0}}"))
    monkeypatch.setattr(aside, "to_disk", noted(to_disk, "sync"))
    restore(saved, "anna")
    left = done.index("rename ")
    assert done[left - 1] == done[left + 1] == "sync"
    come = done.index("replace .restoring")
    assert set(done[left + 2 : come]) == {"unlink -wal", "unlink -shm", "sync"}
    assert done[come - 1] == "sync"


def test_a_log_without_its_database_is_kept_and_stays_out_of_the_new_one(
    saved: Path, path: Path
) -> None:
    path.unlink()
    restore(saved, "anna")
    assert _said(path) == (1, ["anna"]), "what was held is not known"
    assert len(list(path.parent.glob("*.set-aside-*Z-wal"))) == 1
    assert aside.unfinished(path) == []
