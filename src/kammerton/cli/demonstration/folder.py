"""The demonstration's folder: made anew each time, and nothing but its own is ever removed."""

from __future__ import annotations

import shutil
from pathlib import Path

from kammerton.model import KammertonError

FILES = ("lab.toml", "chip.toml", "daemon.log", "laboratory.log", "broker.log", "mosquitto.conf")
DATABASE = "kammerton.sqlite"
RUNS = "runs"


def prepare(folder: Path) -> Path:
    """Create the folder, or clear it of an earlier demonstration.

    Raises
    ------
    KammertonError
        The folder holds something that no demonstration has made.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    strangers = [p.name for p in folder.iterdir() if not _ours(p)]
    if strangers:
        raise KammertonError(f"{folder} is not empty and no demonstration: {', '.join(strangers)}")
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return folder


def _ours(path: Path) -> bool:
    if path.is_dir():
        return path.name == RUNS
    return path.name in FILES or path.name.startswith(DATABASE)
