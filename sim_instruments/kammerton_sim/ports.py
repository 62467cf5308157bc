"""Which ports a laboratory serves: a name for each, in the order of consecutive ports."""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path

from kammerton_sim.chip import Chip
from kammerton_sim.names import own_name, there_are

_FIXED = "fridge", "control"


def port_names(chip: Chip) -> list[str]:
    """Return the names of everything that has a port, in the order of consecutive ports."""
    boards = (feedline.board for feedline in chip.feedlines)
    return [
        *chip.wiring.generators,
        *chip.wiring.carriers,
        *boards,
        *_FIXED,
        *chip.wiring.instruments,
    ]


def consecutive_ports(chip: Chip, first: int) -> dict[str, int]:
    """Return ports first, first + 1, ... by name."""
    return {name: first + n for n, name in enumerate(port_names(chip))}


def names_told(path: Path) -> list[str]:
    """Return the names of everything that would have a port, of a chip.toml that is refused.

    [] where it does not tell.
    """
    try:
        wiring = tomllib.loads(path.read_text(encoding="utf-8"))["wiring"]
        boards = [feedline["board"] for feedline in wiring.get("feedlines", {}).values()]
        first = [*wiring["generators"], *wiring["carriers"], "board", *boards]
        return list(map(str, [*first, *_FIXED, *wiring.get("instruments", {})]))
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return []


def wanted_ports(
    options: argparse.Namespace, each: Sequence[Sequence[str]], problems: list[str]
) -> dict[str, int]:
    """Return the ports that the options ask for.

    each: names of everything that has a port, of every chip that is chosen; () where nobody knows:
    then at least the first of consecutive ports is known. problems: gets what is wrong.
    """
    named = _named(options.port, problems)
    if not each:
        first = options.base_port
        taken = first is None or first in named.values()  # by the one that would get it, perhaps
        return named if taken else {**named, f"--base-port {first}": first}
    known = list(dict.fromkeys(name for names in each for name in names))
    named = {own_name(name, known): port for name, port in named.items()}
    if strange := unknown_ports(known, named):
        problems.append(f"--port: {strange}")
    return _from(options.base_port, each[0], problems) | named


def idle(options: argparse.Namespace) -> list[str]:
    """Name the options that tell ports where none is served, and no lab.toml names one."""
    if not options.no_serve or options.write_lab:
        return []
    given = {"--base-port": options.base_port, "--port": options.port}
    return [f"{name} is for what is served, or for --write-lab" for name in given if given[name]]


def _named(words: Sequence[str], problems: list[str]) -> dict[str, int]:
    """Return the ports of NAME=PORT, and say what is wrong with each word that is none."""
    named: dict[str, int] = {}
    for text in words:
        name, _, number = text.partition("=")
        if name and number.isdecimal() and int(number) >= 65536:
            problems.append(f"--port {text}: above 65535, the last port")
        elif not name or not number.isdecimal() or int(number) == 0:
            problems.append(f"--port {text}: write NAME=PORT, e.g. awg1=4881")
        elif name in named:
            problems.append(f"--port {text}: {name} has port {named[name]} already")
        else:
            named[name] = int(number)
    return named


def _from(first: int | None, names: Sequence[str], problems: list[str]) -> dict[str, int]:
    """Return the ports from --base-port on, where they fit."""
    ports = {} if first is None else {name: first + n for n, name in enumerate(names)}
    if ports and max(ports.values()) >= 65536:
        problems.append(f"--base-port {first}: {len(ports)} ports do not fit there")
        return {}
    return ports


def unknown_ports(known: Sequence[str], wanted: Iterable[str]) -> str:
    """Return what is to be said of names that have no port; "" if all of them have."""
    unknown = ", ".join(sorted(set(wanted) - set(known)))
    return f"no instrument {unknown}; {there_are(known)}" if unknown else ""
