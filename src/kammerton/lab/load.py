"""lab.toml -> Lab, with every problem at once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

from kammerton.lab.words import Lab
from kammerton.model.errors import LabError

DRIVERS = "kammerton.drivers"


@dataclass(frozen=True)
class Findings:
    """What reading a lab.toml gave: the Lab, or why there is none; and what is odd in it."""

    lab: Lab | None
    problems: tuple[str, ...]
    warnings: tuple[str, ...]


def load(
    path: Path | str, *, drivers: Collection[str] | None = None, text: str | None = None
) -> Lab:
    """Read lab.toml.

    Parameters
    ----------
    path
        The file; paths in it are relative to its folder.
    drivers
        Names of the drivers there are; by default those of the entry points `kammerton.drivers`.
        No driver is imported.
    text
        What the file held when somebody read it; it is not read again then.

    Raises
    ------
    LabError
        With every problem found, each with its line and key.
    """
    findings = examine(path, drivers=drivers, text=text)
    if findings.lab is None:
        raise LabError(list(findings.problems))
    return findings.lab


def examine(
    path: Path | str, *, drivers: Collection[str] | None = None, text: str | None = None
) -> Findings:
    """Read lab.toml and return all there is to say about it; never raises LabError."""
    # pydantic is imported here so that those who only need the words do not wait for it.
    from kammerton.lab.document import open_document
    from kammerton.lab.reading import read

    try:
        document = open_document(Path(path), text)
    except LabError as error:
        return Findings(None, tuple(error.problems), ())
    if document.value("computer") is None and document.value("wiring") is not None:
        said = f"{document.file.name}: this is the chip.toml of a simulated laboratory, no lab.toml"
        return Findings(None, (said,), ())
    return Findings(*read(document, installed() if drivers is None else drivers))


def installed() -> tuple[str, ...]:
    """Return the names of all installed drivers, ours and others'."""
    return tuple(sorted(entry_points(group=DRIVERS).names))
