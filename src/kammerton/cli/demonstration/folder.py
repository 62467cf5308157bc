"""The demonstration's folder: made anew each time, and nothing but its own is ever removed."""

from __future__ import annotations

import shutil
from pathlib import Path

from filelock import FileLock, Timeout

from kammerton.model import KammertonError

CHIP = "chip.toml"  # of the simulated laboratory: a real laboratory's folder has none
FILES = ("lab.toml", CHIP, "daemon.log", "laboratory.log", "broker.log", "mosquitto.conf")
DATABASE = "kammerton.sqlite"
FOLDERS = ("runs", "backups")


def prepare(folder: Path) -> Path:
    """Create the folder, or clear it of an earlier demonstration.

    Raises
    ------
    KammertonError
        The folder holds something that no demonstration has made.
    """
    folder = folder.resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _refuse_strangers(folder)
        with FileLock(folder / f"{DATABASE}.lock", timeout=0):
            _clear(folder)
    except Timeout:
        raise KammertonError(f"a demonstration is running in {folder}") from None
    except OSError as problem:
        raise KammertonError(f"cannot use {folder}: {problem.strerror}") from None
    return folder


def _refuse_strangers(folder: Path) -> None:
    there = sorted(p for p in folder.iterdir() if p.suffix != ".lock")
    strangers = [p.name for p in there if not _ours(p)]
    if there and not strangers and not (folder / CHIP).exists():
        strangers = [p.name for p in there]
    if strangers:
        raise KammertonError(
            f"{folder} is not empty and no demonstration: {', '.join(strangers)}; "
            "--keep DIR puts the demonstration elsewhere"
        )


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.suffix != ".lock":
            path.unlink()


def _ours(path: Path) -> bool:
    if path.is_dir():
        return path.name in FOLDERS
    return path.name in FILES or path.name.startswith(DATABASE)
