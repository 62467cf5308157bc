"""Who may not write a file hears whose it, or the folder that keeps him out, is."""

from __future__ import annotations

from pathlib import Path

import pytest

from kammerton.store.owner import not_permitted


def test_a_file_that_is_there_and_one_that_is_not(tmp_path: Path) -> None:
    there = tmp_path / "k.sqlite"
    there.touch()
    assert not_permitted(there).startswith(f"this user may not write {there}")
    missing = tmp_path / "none" / "k.sqlite"
    assert not_permitted(missing).startswith(f"this user may not write in {tmp_path}")


def test_a_folder_that_may_not_be_looked_into_is_the_one_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exists = Path.exists

    def barred(path: Path) -> bool:
        if tmp_path in path.parents:
            raise PermissionError(13, "Permission denied", str(path))
        return exists(path)

    monkeypatch.setattr(Path, "exists", barred)
    said = not_permitted(tmp_path / "deep" / "k.sqlite")
    assert said.startswith(f"this user may not write in {tmp_path}")
