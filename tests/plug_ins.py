"""Plug-ins with calibrations, as somebody might install them, that a test writes."""

from __future__ import annotations

import sys
from importlib import invalidate_caches
from pathlib import Path
from types import MappingProxyType

import pytest

MODULE = "my_cals"
T1_LOG = """
from dataclasses import replace
from kammerton.model import Give, Need
from kammerton_calibrations.t1 import T1

T1_LOG = replace(T1, name="t1_log"{changes})
"""
POINTS = MappingProxyType({"t1_log": f"{MODULE}:T1_LOG"})


def changed(changes: str = "") -> str:
    """Return the code of a t1 of another name, with some fields otherwise."""
    return T1_LOG.format(changes=f", {changes}" if changes else "")


def install(
    place: pytest.MonkeyPatch, folder: Path, code: str, points: dict[str, str] | None = None
) -> Path:
    """Install a module of calibrations, for this test alone; return its file."""
    entries = "\n".join(f"{name} = {value}" for name, value in (points or POINTS).items())
    info = folder / "my_cals-0.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-cals\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text(f"[kammerton.calibrations]\n{entries}\n")
    file = folder / f"{MODULE}.py"
    file.write_text(code)
    place.syspath_prepend(folder)
    place.delitem(sys.modules, MODULE, raising=False)
    invalidate_caches()
    return file
