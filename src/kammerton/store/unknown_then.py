"""Why what a revert names cannot be set back: unknown at that revision, or no name at all."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from sqlalchemy import Connection, func, select

from kammerton.store import schema


def unknown_then(connection: Connection, names: Sequence[str], to: int) -> str:
    """Return, of names that nothing was known of at revision `to`, what there is to say of each."""
    table = schema.change
    query = select(table.c.name, func.min(table.c.revision).label("first")).group_by(table.c.name)
    since = {row.name: row.first for row in connection.execute(query)}
    return "; ".join([*_came_later(names, since, to), *_are_none(names, since)])


def _came_later(names: Sequence[str], since: dict[str, int], to: int) -> Iterator[str]:
    for name in names:
        if first := [n for known, n in since.items() if name in (known, _element(known))]:
            yield f"{name} was not known at revision {to}; it is since revision {min(first)}"


def _are_none(names: Sequence[str], since: Collection[str]) -> Iterator[str]:
    """Say which part of a name is none: what there is no element of is no parameter either."""
    elements = {_element(each) for each in since}
    strange = list(dict.fromkeys(_element(n) for n in names if _element(n) not in elements))
    if strange:
        yield f"there is no {_hinted(strange, elements)}; there are {', '.join(sorted(elements))}"
    for name in names:
        mine = [each for each in since if _element(each) == _element(name)]
        if mine and name not in (*mine, _element(name)):
            yield f"there is no {_hinted([name], mine)}"


def _hinted(names: Iterable[str], known: Collection[str]) -> str:
    """Return names, each with the one that was perhaps meant."""
    from kammerton.lab.nearest import nearest

    near = {name: nearest(name, known) if "." in name else None for name in names}
    return ", ".join(f'{name} (did you mean "{n}"?)' if n else name for name, n in near.items())


def _element(name: str) -> str:
    return name.partition(".")[0]
