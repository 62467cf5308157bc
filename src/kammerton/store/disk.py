"""What a disk has to be told before it is sure of something."""

from __future__ import annotations

import os
from pathlib import Path


def to_disk(path: Path) -> None:
    """Wait until a file, or the names in a folder, survive a power cut."""
    if path.is_dir() and os.name == "nt":  # Windows cannot open a directory
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
