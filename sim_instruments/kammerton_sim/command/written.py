"""Files that `kammerton sim` writes: stamped, so that nobody's own text is lost."""

from __future__ import annotations

import argparse
import hashlib
import itertools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from kammerton_sim.devices.table import couplings_beside

_STAMP = b"# Written by kammerton sim. sha256 of what stands above: "


def put(path: Path, text: str) -> str:
    """Write a text and return what is to be said of it.

    A file that is there and not as `put` left it is somebody's: it is kept beside the new one.
    """
    body = text.encode()
    kept = _kept(path) if path.is_file() and not _untouched(path.read_bytes()) else None
    path.write_bytes(body + _stamp(body))
    beside = "" if kept is None else f"; what stood there is {kept.name} now"
    return f"wrote {path}{beside}\n"


def clashes(options: argparse.Namespace, sources: Sequence[Path]) -> Iterator[str]:
    """Name each file to be written that cannot be, is read from, or is to be written twice."""
    chip, lab = options.write_chip, options.write_lab
    read = [*sources, *(couplings_beside(path) for path in sources if path.name)]
    for option, target in (("--write-chip", chip), ("--write-lab", lab)):
        if target is not None and (why := _unwritable(target)):
            yield f"{option} {target}: {why}"
        if target is not None and any(_same(target, each) for each in read):
            yield f"{option} {target}: the chip is read from there; name another file"
    if None not in (chip, lab) and _same(chip, lab):
        yield f"--write-lab {lab}: --write-chip writes there; name another file"


def _unwritable(target: Path) -> str:
    """Return why a file cannot be written, as far as can be told before; or ""."""
    if os.path.isdir(target):  # Path.is_dir raises where a name is too long
        return "that is a folder"
    if not os.path.isdir(target.parent):
        return f"there is no folder {target.parent}"
    there = os.path.exists(target)
    allowed = os.access(target if there else target.parent, os.W_OK)
    return "" if allowed else "you may not write there"


def _same(one: Path, other: Path) -> bool:
    if os.path.exists(one) and os.path.exists(other):
        return os.path.samefile(one, other)
    return os.path.realpath(one) == os.path.realpath(other)


def _stamp(body: bytes) -> bytes:
    return _STAMP + hashlib.sha256(body).hexdigest().encode() + b"\n"


def _untouched(content: bytes) -> bool:
    if not content:  # nothing to lose, as `mktemp` makes it
        return True
    body, _, _ = content.rpartition(_STAMP)
    return content == body + _stamp(body)


def _kept(path: Path) -> Path:
    names = (f"{path.name}.bak{n if n > 1 else ''}" for n in itertools.count(1))
    free = next(p for p in map(path.with_name, names) if not p.exists())
    return path.rename(free)
