"""Where the laboratories of this user that run now are found: one small file each."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from platformdirs import user_state_path

from kammerton_sim.ctl.asked import HOST, SilentError, name_of


@dataclass(frozen=True)
class Running:
    """One laboratory: the name of its chip, its control port, its process, where that began."""

    chip: str
    control: int
    pid: int
    folder: str = ""


@contextlib.contextmanager
def announced(chip: str, control: int) -> Iterator[None]:
    """Let others find this process's laboratory meanwhile."""
    path = _folder() / f"{os.getpid()}.json"
    running = Running(chip, control, os.getpid(), os.getcwd())
    path.write_text(json.dumps(asdict(running)), encoding="utf-8")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def found() -> list[Running]:
    """Return the laboratories that run; files of others that ended without a word vanish."""
    running = []
    for path in sorted(_folder().glob("*.json")):
        try:
            laboratory = Running(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            laboratory = None
        if laboratory is not None and _runs(laboratory):
            running.append(laboratory)
        elif laboratory is not None or not _is_written(path):
            path.unlink(missing_ok=True)
    return running


def which(chip: str, control: int | str, pid: int, folder: str) -> str:
    """Return which laboratory that is, and how it is chosen."""
    where = f" in {folder}" if folder else ""
    return f"{chip} (pid {pid}{where}, --control {control})"


def _runs(laboratory: Running) -> bool:
    """Whether its process has the port, and not another's that took it since."""
    try:
        return bool(name_of(HOST, laboratory.control, 1.0)["pid"] == laboratory.pid)
    except SilentError:  # too busy to say so, perhaps
        return _is_alive(laboratory.pid)
    except ConnectionError:
        return False


def _is_written(path: Path) -> bool:
    """Whether a file that cannot be read is one that a process writes at this moment, perhaps."""
    return path.stem.isdecimal() and _is_alive(int(path.stem))


def _is_alive(pid: int) -> bool:
    """Whether a process runs; on Windows, where this signal ends it, it is taken to."""
    if os.name == "nt":
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # of another user
        return True
    return True


def _folder() -> Path:
    folder = user_state_path("kammerton", appauthor=False) / "laboratories"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
