"""`kammerton sim ctl`: ask a running laboratory, and put faults on it."""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kammerton_sim.command_line import refuse, told
from kammerton_sim.ctl import words
from kammerton_sim.ctl.checks import also_wrong, values_of
from kammerton_sim.ctl.laboratory import ControlPort, Refused
from kammerton_sim.ctl.ledger_words import answer
from kammerton_sim.ctl.parser import VERBS, WHEN, duration, read
from kammerton_sim.ctl.published import published
from kammerton_sim.ctl.terminal import write
from kammerton_sim.evidence.limits import LimitError, is_pattern, limits_of
from kammerton_sim.evidence.questions import as_lab_calls, missed
from kammerton_sim.evidence.untold import how_to_ask
from kammerton_sim.faults import CATALOGUE
from kammerton_sim.names import near

_FOUND = 3
"""Exit code when the ledger holds what it was searched for."""

_SIGMAS = 5.0


def run(argv: Sequence[str]) -> int:
    """Carry out one command; returns the exit code."""
    as_json = "--json" in argv  # also where the command line cannot be read
    try:
        options, problems = read(argv)
        refuse([*problems, *also_wrong(options, bool(problems))])
        if options.list:
            return _say(options, _catalogue(), words.table())
        return _carry_out(ControlPort(options.control), options)
    except BrokenPipeError:  # `| head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except ConnectionError as error:
        return _fail(str(error), 1, as_json)
    except (Refused, LimitError, ValueError) as error:
        return _fail(str(error), 2, as_json)
    except OSError as error:
        return _fail(told(error), 2, as_json)


def _carry_out(laboratory: ControlPort, options: argparse.Namespace) -> int:
    special = {"ledger": _ledger, "clear": _clear, "truth": _truth, "advance": _advance}
    if options.what in special:
        return special[options.what](laboratory, options)
    if options.what not in VERBS:
        return _inject(laboratory, options)
    answer = laboratory.ask(options.what, **({"every": True} if options.every else {}))
    shown: Mapping[str, Callable[[Any], str]] = {
        "faults": words.faults,
        "outputs": words.outputs,
        "refrigerator": words.refrigerator,
        "time": lambda now: words.moment(now["time"]),
        "stop": lambda _: "it stops",
    }
    signed = options.what in ("refrigerator", "outputs")
    told = {**answer, "note": laboratory.note} if signed else answer
    return _say(options, _listed(told), shown[options.what](answer), laboratory.signed)


def _truth(laboratory: ControlPort, options: argparse.Namespace) -> int:
    """Tell what is true; what is refused is named, and does not keep the rest back."""
    values = dict[str, float]()
    parameters, refused = _meant(laboratory, options.values or ["*"])
    for parameter in parameters:
        try:
            values[parameter] = laboratory.ask("truth", parameter=parameter)["value"]
        except Refused as error:
            refused.append(str(error) + how_to_ask(parameter))
    if values:
        told = {**values, "note": laboratory.note}
        _say(options, [told], words.truths(values), laboratory.signed)
    if refused:
        raise Refused("\n".join(words.alike(refused)))
    return 0


def _meant(laboratory: ControlPort, asked: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the parameters that names and patterns mean, and what patterns mean none.

    A name without a point is that of a qubit: all that is true of it.
    """
    asked = [each if "." in each or _is_pattern(each) else f"{each}.*" for each in asked]
    known = laboratory.ask("parameters") if any(map(_is_pattern, asked)) else []
    meant, refused = list[str](), list[str]()
    for each in asked:
        found = fnmatch.filter(known, each) if _is_pattern(each) else [each]
        meant += found
        if not found:
            refused.append(f"no parameter is like {each!r}{near(each, known)}")
    return list(dict.fromkeys(meant)), refused


def _is_pattern(text: str) -> bool:
    return any(mark in text for mark in "*?[")


def _advance(laboratory: ControlPort, options: argparse.Namespace) -> int:
    answer = laboratory.ask("advance", seconds=duration(options.values[0]))
    remark = filter(None, [answer["remark"]])
    return _say(options, [answer], words.moment(answer["time"]), *remark, laboratory.signed)


def _clear(laboratory: ControlPort, options: argparse.Namespace) -> int:
    some = [int(text) for text in options.values if text != "all"]
    numbers = {"number": some} if some else {}
    off = laboratory.ask("clear", **numbers)
    return _say(options, [{"cleared": off}], words.cleared(off), laboratory.signed)


def _inject(laboratory: ControlPort, options: argparse.Namespace) -> int:
    given, _ = values_of(options.what, options.values)
    when = {name: getattr(options, name) for name in WHEN if getattr(options, name) is not None}
    answer = laboratory.ask("fault", name=options.what, given=given, **when)
    (fault,) = (
        each for each in laboratory.ask("faults", every=True) if each["number"] == answer["fault"]
    )
    said = words.injected(fault, laboratory.named, answer["remark"])
    return _say(options, [answer], said, laboratory.signed)


def _ledger(laboratory: ControlPort, options: argparse.Namespace) -> int:
    asked = [
        ask(laboratory, options)
        for ask, wanted in (
            (_unsafe, options.unsafe),
            (_wrong_box, options.wrong_box),
            (_contradicted, options.contradicted),
        )
        if wanted
    ]
    if not asked:
        since = options.since or 0
        entries = laboratory.ask("ledger", since=since)
        return _say(options, entries, words.changes(entries, since), laboratory.signed)
    lines = [line for told in asked for line in answer(told)]
    _say(options, asked, *lines, laboratory.signed)
    return _FOUND if any(told["found"] for told in asked) else 0


def _unsafe(laboratory: ControlPort, options: argparse.Namespace) -> dict[str, Any]:
    """Ask for unsafe outputs; limits of a lab.toml that judge nothing are called as it does."""
    told: dict[str, Any] = laboratory.ask("unsafe", limits=limits_of(options.unsafe))
    said = limits_of(filter(is_pattern, options.unsafe))
    if problem := missed(each for each in told["not_judged"] if each["name"] in said):
        raise ValueError(problem)
    return as_lab_calls(told)


def _wrong_box(laboratory: ControlPort, options: argparse.Namespace) -> dict[str, Any]:
    told: dict[str, Any] = laboratory.ask("wrong_box")
    return told


def _contradicted(laboratory: ControlPort, options: argparse.Namespace) -> dict[str, Any]:
    file: Path = options.contradicted
    values, settings, computer = published(file)
    sigmas = options.sigmas or _SIGMAS
    told: dict[str, Any] = laboratory.ask("contradicted", published=values, sigmas=sigmas)
    nothing = [{"name": name, "why": "a setting, which claims nothing"} for name in settings]
    remarks = [f"{file} {said}" for said in _of_another(computer, laboratory.computer)]
    return told | {
        "not_judged": [*told["not_judged"], *nothing],
        "remarks": [*remarks, *told["remarks"]],
    }


def _of_another(told: str | None, mine: str) -> Iterator[str]:
    """Say that values are perhaps not this laboratory's. An MQTT snapshot has it in its topic."""
    if told == "":
        yield f"does not say of which computer it is: it is judged as if it were of {mine}"
    elif told not in (None, mine):
        yield (
            f"is of the computer {told}, and lab.toml of this laboratory is of {mine},"
            " unless its name was changed"
        )


def _catalogue() -> list[dict[str, str]]:
    faults = CATALOGUE.values()
    return [{"name": f.name, "takes": f.usage(), "row": f.row, "says": f.says} for f in faults]


def _listed(answer: Any) -> list[Any]:
    return answer if isinstance(answer, list) else [answer]


def _say(options: argparse.Namespace, values: Sequence[Any], *lines: str) -> int:
    """Print one JSON value a line for machines, never folded, or the words."""
    if options.json:
        sys.stdout.write("".join(json.dumps(value) + "\n" for value in values))
    else:
        for line in lines:
            write(sys.stdout, line)
    sys.stdout.flush()
    return 0


def _fail(message: str, code: int, as_json: bool) -> int:
    if as_json:
        sys.stderr.write(json.dumps({"error": message}) + "\n")
    else:
        write(sys.stderr, message)
    return code
