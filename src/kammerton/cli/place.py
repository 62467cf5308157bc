"""Where a command looks: lab.toml, its folder or a database, said as an argument or by --lab.

Every command that needs a laboratory takes both; without either it is the lab.toml here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

HERE = "[default: lab.toml here, or in kammerton-demo]"
Where = Annotated[
    Path | None,
    typer.Argument(metavar="LAB", help=f"lab.toml, its folder or a database {HERE}"),
]
At = Annotated[
    Path | None, typer.Option("--lab", metavar="LAB", help="The same, before or after the rest.")
]

_ENDS = (".toml", ".sqlite")

LONGEST = 255
"""Letters that a folder's name may have: a system refuses to look for a longer one."""


def either(lab: Path | None, at: Path | None) -> Path | None:
    """Return the place that was said in one way or the other.

    Raises
    ------
    typer.BadParameter
        Both were said, and differ.
    """
    if lab is not None and at is not None and lab != at:
        raise typer.BadParameter(f"{lab} or {at}? Name one", param_hint="--lab")
    return at if lab is None else lab


def say_where(place: Path | None) -> None:
    """Say which lab.toml is meant where none was named and none is here, before anything is done.

    It is the demonstration's then, and perhaps not what was meant.
    """
    from kammerton.client.locate import find_lab

    found = find_lab() if place is None else None
    if found is not None and found.parent != Path():
        typer.echo(f"no lab.toml is here, and none was named: {found} is taken", err=True)


def apart(words: Sequence[str], at: Path | None) -> tuple[list[str], Path | None]:
    """Take the place off the end of words that are names otherwise.

    A last word that ends as a file of ours does, has a folder in it or is one, is a place: no
    element, parameter or revision looks like that.
    """
    if words and _is_place(words[-1]):
        return list(words[:-1]), either(Path(words[-1]), at)
    return list(words), at


def _is_place(word: str) -> bool:
    named = word.endswith(_ENDS) or any(slash in word for slash in "/\\")
    return named or (len(word) <= LONGEST and Path(word).is_dir())
