"""Pieces of the table of fits: one section for one kind, kept in a file, put together again.

A whole run takes long on a machine that is shared; a piece takes a minute or two. Each says on
which machine, with which versions and of which commit it was measured.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("kammerton", "numpy", "scipy", "numba")
ROOT = Path(__file__).parents[2]
EVERY = "every kind"


@dataclass(frozen=True)
class Origin:
    """Where a piece comes from."""

    machine: str
    versions: str
    commit: str
    seed: int
    quick: bool

    @property
    def text(self) -> str:
        """Return it as a sentence."""
        run = "a quick run with few traces" if self.quick else "a full run"
        return f"{self.machine}; {self.versions}; commit {self.commit}, seed {self.seed}: {run}."


@dataclass(frozen=True)
class Piece:
    """Markdown lines of one section for one kind, and the CPU seconds they took."""

    section: str
    kind: str
    origin: Origin
    seconds: float
    lines: list[str]

    @property
    def name(self) -> str:
        """Return the name of its file."""
        return f"{self.section}-{self.kind}.json".replace(",", "").replace(" ", "_")

    def save(self, folder: Path) -> None:
        """Write it; what was there of this section and kind is replaced."""
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(asdict(self), indent=1, ensure_ascii=False)
        (folder / self.name).write_text(text + "\n", encoding="utf-8")


def load(folder: Path) -> list[Piece]:
    """Return all pieces of a folder."""
    return [_read(path) for path in sorted(folder.glob("*.json"))]


def _read(path: Path) -> Piece:
    told = json.loads(path.read_text(encoding="utf-8"))
    return Piece(**{**told, "origin": Origin(**told["origin"])})


def origin(seed: int, *, quick: bool) -> Origin:
    """Return what is true of this machine and this checkout."""
    cpu = model() or platform.processor() or platform.machine()
    machine = f"{cpu}, {os.cpu_count()} CPUs, {platform.system()}"
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return Origin(
        machine, f"Python {platform.python_version()}, {versions}", _commit(), seed, quick
    )


def model() -> str:
    """Return what the processor calls itself, or nothing."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return ""
    names = [line.split(":", 1)[1].strip() for line in text.splitlines() if "model name" in line]
    return names[0] if names else ""


def _commit() -> str:
    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=ROOT, capture_output=True, text=True, check=False
        )
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "src", "tests/catalogue")
    return (git("rev-parse", "--short", "HEAD") or "unknown") + (" and changes" if changed else "")


def together(pieces: Iterable[list[str]]) -> list[str]:
    """Put the lines of one section for several kinds together: one heading, longer tables.

    A text that all have comes once; what only some have stands before the next that all have.
    """
    whole: list[list[str]] = []
    for lines in pieces:
        fresh: list[list[str]] = []
        for block in _blocks(lines):
            at = next((k for k, old in enumerate(whole) if _same(old, block)), None)
            if at is None:
                fresh.append(block)
                continue
            whole[at] += [line for line in block if line not in whole[at]]
            whole[at:at] = fresh
            fresh = []
        whole += fresh
    return [line for block in whole for line in [*block, ""]]


def _blocks(lines: list[str]) -> Iterator[list[str]]:
    """Yield headings with the table below them, tables, and paragraphs."""
    block: list[str] = []
    for line in "\n".join(lines).split("\n"):
        if line:
            block.append(line)
        elif block and not (len(block) == 1 and block[0].startswith("### ")):
            yield block
            block = []
        elif block:
            block.append("")
    if block:
        yield block


def _same(old: list[str], new: list[str]) -> bool:
    """Return whether two blocks are one: the same beginning, up to the rule of a table."""
    return _head(old) == _head(new)


def _head(block: list[str]) -> list[str]:
    rule = next((k for k, line in enumerate(block) if line.startswith("|---")), len(block))
    return block[:rule]


def ends(pieces: Iterable[Piece]) -> Iterator[str]:
    """Yield what the pieces took, and whence they are where that is not one place."""
    kept = list(pieces)
    minutes = sum(piece.seconds for piece in kept) / 60
    yield f"Measured in {len(kept)} pieces, {minutes:.1f} minutes of CPU, besides what peers took."
    places = {piece.origin.text for piece in kept}
    if len(places) > 1:
        yield ""
        for place in sorted(places):
            names = sorted(p.name[:-5] for p in kept if p.origin.text == place)
            yield f"- {place} Pieces: {', '.join(names)}."
