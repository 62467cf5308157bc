"""The demonstration's folder: what is removed, and what never."""

from __future__ import annotations

import pytest
from filelock import FileLock

from kammerton.cli.demonstration.folder import DATABASE, FILES, FOLDERS, prepare
from kammerton.model import KammertonError


def test_an_earlier_demonstration_is_cleared(tmp_path):
    for name in (*FILES, DATABASE, f"{DATABASE}-wal"):
        (tmp_path / name).write_text("old")
    for name in FOLDERS:
        (tmp_path / name).mkdir()
        (tmp_path / name / "r000001.nc").write_text("old")
    assert prepare(tmp_path) == tmp_path.resolve()
    assert [p.name for p in tmp_path.iterdir() if p.suffix != ".lock"] == []


def test_a_stranger_stops_it_and_stays(tmp_path):
    (tmp_path / "thesis.tex").write_text("years")
    (tmp_path / "lab.toml").write_text("mine?")
    with pytest.raises(KammertonError, match=r"thesis\.tex"):
        prepare(tmp_path)
    assert (tmp_path / "lab.toml").exists()


def test_a_real_laboratory_is_no_demonstration(tmp_path):
    (tmp_path / "lab.toml").write_text("mine")
    (tmp_path / "runs").mkdir()
    with pytest.raises(KammertonError, match=r"no demonstration: lab\.toml, runs; --keep"):
        prepare(tmp_path)
    assert (tmp_path / "runs").exists()


def test_a_running_demonstration_is_left_alone(tmp_path):
    (tmp_path / DATABASE).write_text("alive")
    (tmp_path / "chip.toml").write_text("alive")
    with FileLock(tmp_path / f"{DATABASE}.lock"), pytest.raises(KammertonError, match="is running"):
        prepare(tmp_path)
    assert (tmp_path / DATABASE).read_text() == "alive"


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(KammertonError, match="cannot use"):
        prepare(tmp_path / "file")
