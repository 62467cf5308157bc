"""Whether every table of lab.toml has its keys, and every key a value of the right kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from kammerton.lab._forms import LabForm, keys_at
from kammerton.lab.document import Document, Problem
from kammerton.lab.lines import Path
from kammerton.lab.nearest import hint, nearest
from kammerton.lab.starting import said_of_start
from kammerton.lab.values import quoted

ADVICE = {
    ("broker", "password"): "a password does not belong in lab.toml; "
    "write it to a file and name that file: password_file",
}
MISSING = {"resonator": "missing: without its resonator a qubit cannot be read out"}


def read_shape(document: Document) -> tuple[LabForm | None, list[Problem]]:
    """Return the form of a lab.toml, or None, and everything that is wrong with its shape."""
    try:
        return LabForm.model_validate(document.data), []
    except ValidationError as error:
        return None, list(_problems(document, error.errors(include_url=False)))


def _problems(document: Document, errors: list[Any]) -> Iterator[Problem]:
    missing = {error["loc"] for error in errors if error["type"] == "missing"}
    meant = Counter[Path]()
    for error in errors:
        if error["type"] == "extra_forbidden":
            problem, place = _unknown(error["loc"], missing)
            meant[place] += 1
            yield problem
    for error in errors:
        if error["type"] == "missing" and error["loc"] in meant:
            continue  # its misspelt name is already reported
        if error["type"] != "extra_forbidden":
            yield Problem(error["loc"], _wrong(document, error))


def _unknown(path: Path, missing: set[Path]) -> tuple[Problem, Path]:
    """Return what to say of an unknown key, and the path that was probably meant."""
    if path in ADVICE:
        return Problem(path, ADVICE[path]), path
    table, key = path[:-1], str(path[-1])
    wanted = [str(p[-1]) for p in missing if p[:-1] == table]
    known = wanted if nearest(key, wanted) else keys_at(table)
    meant = nearest(key, known) or key
    return Problem(path, f"unknown key{hint(key, known)}"), (*table, meant)


def _wrong(document: Document, error: Any) -> str:
    if error["type"] == "missing":
        words = said_of_start(document, error["loc"])
        return words or MISSING.get(error["loc"][-1], "missing")
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    if error["type"].startswith("bool"):
        return f"needs true or false, not {quoted(error['input'])}"
    return str(error["msg"])
