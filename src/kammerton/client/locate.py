"""From what a person names (a database, lab.toml, a directory, nothing) to the database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kammerton.model import LabError, StoreError

USUAL = (Path("lab.toml"), Path("kammerton-demo") / "lab.toml")


def find_database(given: Path | None = None) -> Path | str:
    """Return the database of a lab.toml, a directory that holds one, or the file itself.

    A server's is a URL that ends with the computer.

    Raises
    ------
    StoreError
        Nothing was given and nothing is in the usual places, or there is no such file.
    LabError
        lab.toml cannot be used, and does not say where its database is either.
    """
    if given is None:
        return _of_lab(usual())
    if given.is_dir():
        given = given / "lab.toml"
    if not given.is_file():
        raise StoreError(f"there is no file {given}")
    return _of_lab(given) if given.suffix == ".toml" else given.resolve()


def find_lab(given: Path | None = None) -> Path | None:
    """Return the lab.toml that a person means; None when only a database was named."""
    if given is None:
        return next((path for path in USUAL if path.is_file()), None)
    if given.is_dir():
        given = given / "lab.toml"
    return given if given.suffix == ".toml" and given.is_file() else None


def note_beside(given: Path | None = None) -> str:
    """Return what lab.toml says beside every result.

    "" where it says nothing, or cannot be read just now: results are shown while it is edited.
    """
    computer = _read(given).get("computer")
    return str(computer.get("note", "")) if isinstance(computer, dict) else ""


def has_broker(given: Path | None = None) -> bool:
    """Say whether results go to a broker: unless lab.toml is there and names none."""
    said = _read(given)
    return not said or "broker" in said


def broker_at(given: Path | None = None) -> tuple[str, int] | None:
    """Return host and port of the broker, as far as lab.toml says so just now."""
    from kammerton.lab.values import PORTS, broker

    said = _read(given).get("broker")
    try:
        url = broker(said.get("url")) if isinstance(said, dict) else None
    except ValueError:
        return None
    return (url.hostname or "", url.port or PORTS[url.scheme]) if url else None


def resonators(given: Path | None = None) -> dict[str, str]:
    """Return the resonator that reads each qubit, as far as lab.toml says so just now."""
    said = _read(given).get("qubits")
    entries = said.items() if isinstance(said, dict) else ()
    found = {name: e.get("resonator") for name, e in entries if isinstance(e, dict)}
    return {name: each for name, each in found.items() if isinstance(each, str)}


def groups(given: Path | None = None) -> dict[str, list[str]]:
    """Return the groups of what can be held together, as far as lab.toml says so just now."""
    said = _read(given).get("groups")
    entries = said.items() if isinstance(said, dict) else ()
    lists = {name: each for name, each in entries if isinstance(each, list) and each}
    return {n: each for n, each in lists.items() if all(isinstance(name, str) for name in each)}


def named(given: Path | None, section: str) -> frozenset[str]:
    """Return the names in a section of lab.toml, such as "qubits", as far as it says so now."""
    entries = _read(given).get(section)
    return frozenset(entries) if isinstance(entries, dict) else frozenset()


def _read(given: Path | None) -> dict[str, Any]:
    """Return what lab.toml says, unchecked; nothing where it cannot be read just now."""
    import tomllib

    file = find_lab(given)
    if file is None:
        return {}
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return {}


def usual() -> Path:
    """Return the lab.toml that is meant when none is named; StoreError where there is none."""
    for path in USUAL:
        if path.is_file():
            return path
    raise StoreError(
        f"neither {USUAL[0]} nor {USUAL[1]} is here: name a lab.toml or a database, or try "
        "`kammerton demo`"
    )


def _of_lab(path: Path) -> Path | str:
    from kammerton.lab import load  # reads and checks the whole file
    from kammerton.lab.stored import stored
    from kammerton.store.place import named

    try:
        lab = load(path)
        database, computer = lab.database, lab.computer
    except LabError:
        said = stored(path)
        if said is None:
            raise
        database, computer = said  # whoever edits it may hold what the daemon works with
    if isinstance(database, Path):
        return database.resolve()  # its backups lie beside the file, not beside a link to it
    return named(database, computer)
