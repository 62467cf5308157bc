"""Compiling the fits: in another process, alone, bounded, and named where it comes to nothing."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE

import psutil
import pytest

from kammerton.estimation import compiled
from kammerton.model import KammertonError
from kammerton.serve import compiling, kernels
from kammerton.serve.kernels import Kernels

PROCESS = """
import sys, time
from pathlib import Path
from types import ModuleType, SimpleNamespace

from kammerton.serve import compiling

where = Path(sys.argv[1])

def compile_all():
    with open(where / "begun", "a") as file:
        file.write("once ")
    while not (where / "compiled").exists():
        time.sleep(0.01)
    (where / "mark").touch()

room = sys.modules["kammerton.estimation"] = ModuleType("estimation")  # seconds of imports
room.compiled = SimpleNamespace(
    folder=lambda: where, is_complete=(where / "mark").exists, compile_all=compile_all,
    user=lambda: "me",
)
compiling.main()
"""
"""The process that compiles, with a compiler that waits for a file."""


@pytest.fixture
def loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Nothing is compiled yet in tmp_path; what is then loaded is noted."""
    loaded: list[str] = []
    monkeypatch.setattr(compiled, "folder", lambda: tmp_path)
    monkeypatch.setattr(compiled, "is_complete", lambda: (tmp_path / "mark").exists())
    monkeypatch.setattr(kernels, "load_kernels", lambda: loaded.append("loaded"))
    return loaded


def command(folder: Path) -> list[str]:
    return [sys.executable, "-c", PROCESS, str(folder)]


def saying(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def alive(folder: Path) -> list[psutil.Process]:
    """Return the processes that compile for a folder."""
    return [
        child
        for child in psutil.Process().children(recursive=True)
        if child.status() != psutil.STATUS_ZOMBIE and str(folder) in child.cmdline()
    ]


async def until(true) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - of another process
            await asyncio.sleep(0.01)


def test_it_is_compiled_elsewhere_and_then_loaded_here(tmp_path, loads):
    (tmp_path / "compiled").touch()
    asyncio.run(Kernels(command(tmp_path)).load())
    assert (tmp_path / "begun").read_text() == "once "
    assert loads == ["loaded"]
    asyncio.run(Kernels(saying("raise SystemExit(1)")).load())
    assert loads == ["loaded"] * 2, "what is compiled needs no process"


@pytest.mark.parametrize(
    ("how", "why"),
    [
        (saying("""print('{"ended": "no space left"}')"""), "no space left"),
        (saying("import os; os.kill(os.getpid(), 9)"), "it was killed by signal 9"),
        (saying("raise SystemExit(3)"), "it ended with code 3 and did not say why"),
        (["/nowhere/python"], "no process can be begun for it"),
    ],
)
def test_what_came_of_it_is_said_and_nothing_is_compiled_here(how, why, loads):
    with pytest.raises(KammertonError, match=f"the fits are not compiled: .*{why}"):
        asyncio.run(Kernels(how).load())
    assert loads == []


def test_it_is_bounded(tmp_path, loads):
    with pytest.raises(KammertonError, match=r"not done within 0\.3 s"):
        asyncio.run(Kernels(command(tmp_path), longest=0.3).load())
    assert alive(tmp_path) == []


def test_told_to_end_it_ends_at_once_with_the_process_that_compiles(tmp_path, loads):
    async def told() -> float:
        work = asyncio.create_task((ready := Kernels(command(tmp_path))).load())
        await until((tmp_path / "begun").exists)
        assert ready.doing.startswith("compiling the fits, once per machine and version: ")
        start = time.monotonic()
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
        return time.monotonic() - start

    assert asyncio.run(told()) < 2.0
    assert alive(tmp_path) == []
    assert loads == []


@contextmanager
def begun(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command(folder), stdin=PIPE, stdout=PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_second_daemon_waits_for_the_first_ones_and_compiles_nothing(tmp_path, loads):
    async def second() -> str:
        ready = Kernels(command(tmp_path))
        work = asyncio.create_task(ready.load())
        await until(lambda: "another" in ready.doing)
        doing = ready.doing
        (tmp_path / "compiled").touch()
        await work
        return doing

    with begun(tmp_path):
        asyncio.run(until((tmp_path / "begun").exists))
        assert asyncio.run(second()).startswith(
            "waiting for another process that compiles the fits, once per machine and version: "
        )
    assert (tmp_path / "begun").read_text() == "once "
    assert loads == ["loaded"]


def test_it_ends_with_the_process_that_wanted_it_and_lets_instruments_go_before(tmp_path):
    mine = psutil.Process().nice()
    with begun(tmp_path) as process:
        asyncio.run(until((tmp_path / "begun").exists))
        assert psutil.Process(process.pid).nice() == min(mine + compiling.NICE, 19)
        process.stdin.close()
        assert process.wait(20) == 1


def test_where_nothing_can_be_kept_that_is_said_and_the_daemon_compiles(monkeypatch, loads, caplog):
    monkeypatch.setattr(compiled, "folder", lambda: None)
    asyncio.run(Kernels(["/nowhere/python"]).load())
    assert loads == ["loaded"]
    assert "let NUMBA_CACHE_DIR name a folder" in caplog.text


def test_what_a_power_cut_tore_is_removed_and_compiled_anew(tmp_path, monkeypatch):
    """numba does not wait for the disk; of an empty index it says "Ran out of input", for ever."""
    for name in ("fit-1.py311.nbi", "fit-1.py311.1.nbc", "fit-1.py311.nbi.tmp.4f", "fit.py"):
        (tmp_path / name).touch()
    tries = [EOFError("Ran out of input")]

    def compile_all() -> None:
        if tries:
            raise tries.pop()

    monkeypatch.setattr(compiled, "compile_all", compile_all)
    monkeypatch.setattr(compiled, "where_kept", lambda: {str(tmp_path)})
    compiling._compile_all()
    assert [path.name for path in tmp_path.iterdir()] == ["fit.py"]
    tries.append(OSError("No space left on device"))
    with pytest.raises(OSError, match="No space"):
        compiling._compile_all()


def test_where_kernels_are_kept_is_known():
    assert compiled.folder() is None or str(compiled.folder()) in compiled.where_kept()
