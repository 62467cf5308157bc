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


def test_what_is_marked_as_complete_is_on_its_disk_and_no_other_disk_is_waited_for(
    kernels, monkeypatch
):
    """A network's disk that is away would keep the daemon from its first run, for good."""
    twice, on_disk = kernels(), set[int]()
    assert twice(2.0) == 4.0
    monkeypatch.setattr(compiled, "solve", twice)
    monkeypatch.setattr(compiled, "where_kept", lambda: frozenset({twice.stats.cache_path}))
    monkeypatch.setattr(compiled, "_examples", lambda x: iter(()))
    monkeypatch.setattr(os, "sync", lambda: pytest.fail("all disks"), raising=False)
    monkeypatch.setattr(os, "fsync", lambda number: on_disk.add(os.fstat(number).st_ino))
    compiled.compile_all()
    kept = list(Path(twice.stats.cache_path).glob("*.nb[ic]*"))
    assert len(kept) == 2
    assert on_disk == {file.stat().st_ino for file in kept}


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
