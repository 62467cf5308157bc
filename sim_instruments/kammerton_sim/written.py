"""Files that `kammerton sim` writes: stamped, so that nobody's own text is lost."""

from __future__ import annotations

import argparse
import hashlib
import itertools
from collections.abc import Iterator
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


def clashes(options: argparse.Namespace, source: Path | None) -> Iterator[str]:
    """Name each file to be written that cannot be, is read from, or is to be written twice."""
    chip, lab = options.write_chip, options.write_lab
    read = [] if source is None else [source]
    read += [couplings_beside(path) for path in read if path.name]
    for option, target in (("--write-chip", chip), ("--write-lab", lab)):
        if target is not None and not target.parent.is_dir():
            yield f"{option} {target}: there is no folder {target.parent}"
        if target is not None and target.is_dir():
            yield f"{option} {target}: that is a folder"
        if target is not None and any(_same(target, each) for each in read):
            yield f"{option} {target}: the chip is read from there; name another file"
    if None not in (chip, lab) and _same(chip, lab):
        yield f"--write-lab {lab}: --write-chip writes there; name another file"


def _same(one: Path, other: Path) -> bool:
    if one.exists() and other.exists():
        return one.samefile(other)
    return one.resolve() == other.resolve()


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
