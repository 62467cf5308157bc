"""S7: a computer whose database lies where it must not, or cannot: outputs off, reason said."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kammerton.lab import load
from kammerton.model import StoreError
from kammerton.serve.computer import run_computer
from kammerton.store import shares
from tests.prove.gate import site
from tests.wire.test_told_to_end import on

MOUNTED = """22 1 8:1 / / rw - ext4 /dev/sda1 rw
40 22 0:40 / {folder} rw,relatime shared:1 - nfs4 server:/export rw
"""


@contextmanager
def read_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    words = ["mount", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot mount a disk that is only read: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def shared(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What Linux says of its mounts is spoofed: a share takes a server in its kernel."""
    table = folder.with_name("mountinfo")
    table.write_text(MOUNTED.format(folder=folder), encoding="utf-8")
    monkeypatch.setattr(shares, "MOUNTS", table)
    yield


@pytest.mark.skipif(not shares.MOUNTS.exists(), reason="mounts are told so by Linux alone")
@pytest.mark.parametrize(
    ("place", "said"),
    [(shared, r"on a network share \(nfs4\)"), (read_only, r"cannot open .*Read-only file system")],
)
def test_s7_a_daemon_whose_database_cannot_lie_there_says_so_with_outputs_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: Callable[..., Iterator[None]], said: str
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    with site() as (laboratory, lab), place(folder, monkeypatch):
        for name in ("drive_lo", "readout_lo"):
            laboratory.faults.inject("front-panel", instrument=name, setting="on", value="ON")
        moved = lab.path.with_name("moved.toml")
        text = lab.path.read_text(encoding="utf-8")
        moved.write_text(text.replace("kammerton.sqlite", str(folder / "k.sqlite")), "utf-8")
        with pytest.raises(StoreError, match=said) as refusal:
            asyncio.run(run_computer(load(moved)))
        assert "all outputs are known to be off" in "".join(refusal.value.__notes__)
        assert not on(laboratory)
    assert not (folder / "k.sqlite").exists()
