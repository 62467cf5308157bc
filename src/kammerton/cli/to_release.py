"""What `kammerton release` is about: what is held by that name, or all of it."""

from __future__ import annotations

from pathlib import Path

import typer

from kammerton.cli.loading import BAD_INPUT, refuse
from kammerton.client.holding import strange
from kammerton.client.locate import find_lab
from kammerton.lab import load
from kammerton.model import LabError, StoreError
from kammerton.store.asking import somebody
from kammerton.store.older import owners_now

ALL = "all"


def to_release(
    database: Path | str, lab: Path | None, names: list[str], *, everybody: bool
) -> list[str]:
    """Return names; of "all" what this person holds. everybody: what others hold, too.

    Leave with code 2 where lab.toml has not all of them. What is held is meant though lab.toml has
    it no longer.

    Raises
    ------
    StoreError
        Of all nothing is this person's; or it cannot be read.
    """
    owners = owners_now(database)
    if names == [ALL] and ALL not in owners:
        return _all(owners, everybody=everybody)
    if unknown := _unknown(lab, [each for each in names if each not in owners]):
        refuse(unknown)
        raise typer.Exit(BAD_INPUT)
    return names


def _all(owners: dict[str, str], *, everybody: bool) -> list[str]:
    me = somebody()
    if found := [scope for scope, owner in owners.items() if everybody or owner == me]:
        return found
    others = ", ".join(f"{scope} by {owner}" for scope, owner in owners.items())
    held = f"; held: {others}; `kammerton release all --force` takes it" if others else ""
    raise StoreError(f"no hold of {me} is recorded{held}")


def _unknown(given: Path | None, names: list[str]) -> list[str]:
    """Return what is to be said of names that lab.toml has not, as far as it can be read now."""
    file = find_lab(given)
    try:
        return strange(load(file), names) if names and file is not None else []
    except LabError:
        return []
