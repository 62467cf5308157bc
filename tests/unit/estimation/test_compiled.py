"""What is compiled is kept on disk, said so, and not believed of other code."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import numba
import pytest
from numba.core import config

from kammerton.estimation import compiled
from kammerton.estimation.numeric.compiling import told_before

MODULE = """
from kammerton.estimation.numeric.compiling import kernel

@kernel
def twice(x):
    return 2.0 * x
"""


@pytest.fixture
def kernels(tmp_path, monkeypatch):
    """Return what imports one small kernel, as often as asked, as different processes would."""
    (tmp_path / "small.py").write_text(MODULE)
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "cache"))

    def imported():
        spec = importlib.util.spec_from_file_location("small", tmp_path / "small.py")
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "small", module)
        spec.loader.exec_module(module)
        return module.twice

    return imported


def test_it_is_told_once_that_something_is_compiled_and_never_of_what_is_on_disk(kernels):
    said = []
    for _ in range(2):
        twice = kernels()
        with told_before(lambda: said.append("compiles")):
            assert twice(2.0) == 4.0
    assert said == ["compiles"]


def test_where_no_folder_can_be_written_kernels_are_compiled_all_the_same(kernels, monkeypatch):
    monkeypatch.setattr(config, "CACHE_DIR", "")
    monkeypatch.setattr(config, "CACHE_LOCATOR_CLASSES", "UserProvidedCacheLocator")
    twice = kernels()
    assert twice(2.0) == 4.0
    assert twice.stats.cache_path is None
    monkeypatch.setattr(compiled, "solve", twice)
    assert compiled.folder() is None
    assert not compiled.is_complete()


@pytest.fixture
def only_twice(kernels, monkeypatch):
    """Compile no kernel but one; return the folder in which it is kept."""
    twice = kernels()
    assert twice(2.0) == 4.0
    monkeypatch.setattr(compiled, "solve", twice)
    monkeypatch.setattr(compiled, "where_kept", lambda: frozenset({twice.stats.cache_path}))
    monkeypatch.setattr(compiled, "_examples", lambda x: iter(()))
    return Path(twice.stats.cache_path)


def test_what_is_marked_as_complete_is_on_its_disk_and_no_other_disk_is_waited_for(
    only_twice, monkeypatch
):
    """A network's disk that is away would keep the daemon from its first run, for good."""
    on_disk = set[int]()
    monkeypatch.setattr(os, "sync", lambda: pytest.fail("all disks"), raising=False)
    monkeypatch.setattr(os, "fsync", lambda number: on_disk.add(os.fstat(number).st_ino))
    compiled.compile_all()
    kept = list(only_twice.glob("*.nb[ic]*"))
    assert len(kept) == 2
    assert on_disk == {each.stat().st_ino for each in (*kept, only_twice)}, "with their names"


def test_what_another_user_keeps_in_the_same_folder_keeps_nobody_from_a_first_run(
    only_twice, monkeypatch
):
    """It is replaced where it must be, and not to be opened; the disk itself may still refuse."""
    path, opened = next(only_twice.glob("*.nbc")), os.open

    def mine(place, *how):
        if Path(place) == path:
            raise PermissionError(13, "Permission denied")
        return opened(place, *how)

    def full(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "open", mine)
    compiled.compile_all()
    assert compiled.is_complete()
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        compiled.compile_all()


def test_after_an_upgrade_another_user_marks_what_is_compiled_beside_the_first_ones(
    only_twice, monkeypatch
):
    """Who may write in a folder may not write over a file of somebody else in it."""
    monkeypatch.setattr(compiled, "user", lambda: "1001")
    compiled.compile_all()
    (first,) = only_twice.glob("*.compiled")
    monkeypatch.setattr(compiled, "user", lambda: "1002")
    assert compiled.is_complete(), "what the first has compiled serves everybody"
    before = first.read_text()
    monkeypatch.setattr(compiled, "_this", lambda: "another code")
    assert not compiled.is_complete()
    compiled.compile_all()
    assert compiled.is_complete()
    assert first.read_text() == before
    assert len(list(only_twice.glob("*.compiled"))) == 2


def test_it_is_complete_only_with_this_code_and_this_numba(kernels, monkeypatch):
    twice = kernels()
    monkeypatch.setattr(compiled, "solve", twice)
    monkeypatch.setattr(compiled, "_examples", lambda x: iter(()))
    assert not compiled.is_complete()
    assert twice(2.0) == 4.0  # numba makes its folder
    compiled.compile_all()
    assert compiled.is_complete()
    monkeypatch.setattr(numba, "__version__", "1.0")
    compiled._this.cache_clear()
    assert not compiled.is_complete()
    monkeypatch.undo()
    compiled._this.cache_clear()
