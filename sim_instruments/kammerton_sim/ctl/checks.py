"""What a command of `kammerton sim ctl` would be refused for beside how it is written.

Everything that is wrong with a command is said at once: its options, the values of its fault, the
files that it names; what only a laboratory knows, where one answers.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path

from kammerton_sim.command_line import told
from kammerton_sim.ctl.laboratory import ControlPort, Refused
from kammerton_sim.ctl.parser import VERBS
from kammerton_sim.ctl.published import published
from kammerton_sim.evidence.limits import is_pattern, read_limits
from kammerton_sim.evidence.questions import missed
from kammerton_sim.faults import CATALOGUE, FaultError


def also_wrong(options: argparse.Namespace, already: bool) -> Iterator[str]:
    """Say what else is wrong; already: whether something was, so that nothing is asked later."""
    if options.what == "ledger":
        yield from _of_ledger(options, already)
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
        more = " ".join(plain[len(order) :])
        problems.append(f"{name} takes {usage}: {more} is too much")
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


def _of_ledger(options: argparse.Namespace, already: bool) -> Iterator[str]:
    """Read limits and published values, only to say what is wrong with them."""
    limits, problems = read_limits(options.unsafe or ())
    if options.contradicted:
        problems += _unreadable(options.contradicted)
    yield from problems
    if already or problems:
        yield from _unmet(options, limits)


def _unmet(options: argparse.Namespace, limits: Mapping[str, tuple[float, float]]) -> Iterator[str]:
    """Name the patterns that meet no output, where a laboratory answers."""
    patterns, _ = read_limits(filter(is_pattern, options.unsafe or ()))
    if "control" in options.unread or not patterns:
        return
    with suppress(ConnectionError, Refused, ValueError):
        answer = ControlPort(options.control).ask("unsafe", limits=limits)
        if said := missed(each for each in answer["not_judged"] if each["name"] in patterns):
            yield said


def _unreadable(values: Path) -> list[str]:
    """Say what is wrong with a file of published values, if anything is."""
    try:
        published(values)
    except ValueError as error:
        return [str(error)]
    except OSError as error:
        return [told(error)]
    return []
