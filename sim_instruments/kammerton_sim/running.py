"""Where the laboratories of this user that run now are found: one small file each."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from platformdirs import user_state_path

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Running:
    """One laboratory: the name of its chip, its control port, its process."""

    chip: str
    control: int
    pid: int


@contextlib.contextmanager
def announced(chip: str, control: int) -> Iterator[None]:
    """Let others find this process's laboratory meanwhile."""
    path = _folder() / f"{os.getpid()}.json"
    path.write_text(json.dumps(asdict(Running(chip, control, os.getpid()))), encoding="utf-8")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def found() -> list[Running]:
    """Return the laboratories that answer; files of others that ended without a word vanish."""
    answering = []
    for path in sorted(_folder().glob("*.json")):
        try:
            laboratory = Running(**json.loads(path.read_text(encoding="utf-8")))
            socket.create_connection((HOST, laboratory.control), 1.0).close()
        except (OSError, ValueError, TypeError):
            path.unlink(missing_ok=True)
        else:
            answering.append(laboratory)
    return answering


def _folder() -> Path:
    folder = user_state_path("kammerton", appauthor=False) / "laboratories"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
