"""What a command of `kammerton sim ctl` would be refused for beside how it is written.

Everything that is wrong with a command is said at once: its options, the values of its fault, the
files that it names; what only a laboratory knows, where one answers.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches

from kammerton_sim.command_line import told
from kammerton_sim.ctl_laboratory import ControlPort, Refused
from kammerton_sim.ctl_parser import VERBS
from kammerton_sim.faults import CATALOGUE, FaultError
from kammerton_sim.limits import LimitError, limits_of
from kammerton_sim.published import published


def also_wrong(options: argparse.Namespace, already: bool) -> Iterator[str]:
    """Say what else is wrong; already: whether something was, so that nothing is asked later."""
    if options.what == "ledger":
        yield from _of_files(options)
    if fault := _meant(options.what):
        given, problems = values_of(fault, options.values)
        yield from problems
        wrong = _of_itself(fault, given)
        if already or problems or wrong:
            wrong = _of_a_laboratory(options, fault, given) or wrong
        if wrong:
            yield wrong


def values_of(name: str, values: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return the parameters of a fault, in order or by name, and what is wrong with that."""
    order, usage = list(CATALOGUE[name].parameters), CATALOGUE[name].usage() or "nothing"
    plain = [value for value in values if "=" not in value]
    problems = []
    if len(plain) > len(order):
        problems.append(f"{name} takes {usage}; too many: {' '.join(plain[len(order) :])}")
    given = dict(zip(order, plain, strict=False))
    for key, value in (each.split("=", 1) for each in values if "=" in each):
        if key in given:
            problems.append(f"{name} takes {usage}; {key} is given twice")
        given[key] = value
    return given, problems


def _meant(what: str | None) -> str:
    """Return the fault that is meant, also where it was misspelt; "" where none is."""
    if what is None or what in VERBS:
        return ""
    near = get_close_matches(what, [*CATALOGUE, *VERBS], 1)
    return what if what in CATALOGUE else near[0] if near and near[0] in CATALOGUE else ""


def _of_itself(fault: str, given: dict[str, str]) -> str:
    try:
        CATALOGUE[fault].values(given)
    except FaultError as error:
        return str(error)
    return ""


def _of_a_laboratory(options: argparse.Namespace, fault: str, given: dict[str, str]) -> str:
    """Ask the laboratory that is meant, if one is and answers."""
    if "control" in options.unread:
        return ""
    try:
        said = ControlPort(options.control).ask("check", name=fault, given=given)["wrong"]
    except (ConnectionError, Refused, ValueError):
        return ""
    return str(said)


def _of_files(options: argparse.Namespace) -> Iterator[str]:
    """Read limits and published values, only to say what is wrong with them."""
    limits, values = options.unsafe, options.contradicted
    yield from _tried(lambda: limits_of(limits) if limits else None)
    yield from _tried(lambda: published(values, 0.0) if values else None)


def _tried(read: Callable[[], object]) -> Iterator[str]:
    try:
        read()
    except (LimitError, ValueError) as error:
        yield str(error)
    except OSError as error:
        yield told(error)
