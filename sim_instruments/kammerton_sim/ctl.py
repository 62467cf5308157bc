"""`kammerton sim ctl`: ask a running laboratory, and put faults on it."""

from __future__ import annotations

import argparse
import json
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kammerton_sim.faults import CATALOGUE
from kammerton_sim.limits import LimitError, limits_of
from kammerton_sim.published import published
from kammerton_sim.running import HOST, found

_VERBS = ("faults", "clear", "ledger", "truth", "outputs", "refrigerator", "time", "stop")
_FOUND = 3
"""Exit code when the ledger holds what it was searched for."""

_EPILOG = """\
kammerton sim ctl --list                             every fault, its row in the catalogue, what it takes
kammerton sim ctl frequency-hop q0 hz=3e5            put one on; values in order, or by name
kammerton sim ctl tls q0 --after-records 5000        in the middle of a scan
kammerton sim ctl faults | clear | clear 2           what is on; take all off, or one
kammerton sim ctl ledger --unsafe lab.toml           outputs outside the limits of a lab.toml
kammerton sim ctl ledger --unsafe 'awg*.peak=-0.5:0.5' --unsafe '*.power=-20:16'
kammerton sim ctl ledger --wrong-box                 what was written to a box that said it was another
kammerton sim ctl ledger --contradicted values.json  published values that the truth contradicts
kammerton sim ctl truth q0.t1 | outputs | refrigerator | time | stop
Exit codes: 0 done, nothing found; 1 no laboratory; 2 bad input; 3 the ledger holds what was searched for.
"""  # fmt: skip # noqa: E501 - read on a terminal


class _Refused(Exception):
    """The laboratory said no."""


def run(argv: Sequence[str]) -> int:
    """Carry out one command; returns the exit code."""
    options = _parser().parse_args(argv)
    if options.list:
        return _say(_table())
    try:
        laboratory = _Laboratory(options.control)
        return _carry_out(laboratory, options)
    except ConnectionError as error:
        return _fail(str(error), 1)
    except (_Refused, LimitError, OSError, ValueError) as error:
        return _fail(str(error), 2)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "kammerton sim ctl",
        description="Ask a running simulated laboratory, and put faults on it.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", nargs="?", metavar="FAULT|" + "|".join(_VERBS))
    parser.add_argument("values", nargs="*", metavar="VALUE|NAME=VALUE")
    parser.add_argument("--list", action="store_true", help="every fault that there is")
    parser.add_argument("--control", metavar="[HOST:]PORT", help="default: the one that runs")
    parser.add_argument("--seed", type=int, help="of what is random in the fault")
    parser.add_argument("--after", type=float, default=0.0, metavar="S", help="wall seconds")
    parser.add_argument("--after-records", type=int, default=0, metavar="N")
    parser.add_argument("--for", dest="lasting", type=float, default=0.0, metavar="S")
    parser.add_argument("--since", type=int, default=0, metavar="N", help="index in the ledger")
    parser.add_argument("--unsafe", action="append", metavar="LAB.toml|PATTERN=MIN:MAX")
    parser.add_argument("--wrong-box", action="store_true")
    parser.add_argument("--contradicted", type=Path, metavar="VALUES.json")
    parser.add_argument("--sigmas", type=float, default=5.0)
    return parser


class _Laboratory:
    """The control socket of one laboratory."""

    def __init__(self, address: str | None) -> None:
        self._address = _parsed(address) if address else (HOST, _only())

    def ask(self, op: str, **request: Any) -> Any:
        """Ask one question; raises _Refused with the laboratory's words."""
        host, port = self._address
        try:
            with socket.create_connection((host, port), 60.0) as connection:
                connection.sendall(json.dumps({"op": op, **request}).encode() + b"\n")
                with connection.makefile() as reader:
                    line = reader.readline()
        except OSError as error:
            raise ConnectionError(f"no laboratory at {host}:{port}: {error}") from None
        if not line:
            if op == "stop":  # it may be gone before it says so
                return {"ok": True}
            raise ConnectionError(f"the laboratory at {host}:{port} hung up")
        answer = json.loads(line)
        if isinstance(answer, dict) and "error" in answer:
            raise _Refused(answer["error"])
        return answer


def _parsed(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"--control {address}: write PORT or HOST:PORT")
    return host or HOST, int(port)


def _only() -> int:
    running = found()
    if len(running) == 1:
        return running[0].control
    if not running:
        raise ConnectionError("no simulated laboratory runs here; name one by --control PORT")
    names = ", ".join(f"{each.chip} (--control {each.control})" for each in running)
    raise ValueError(f"several laboratories run: {names}")


def _carry_out(laboratory: _Laboratory, options: argparse.Namespace) -> int:
    if options.what is None:
        raise ValueError("name a fault or a command; --list tells the faults, --help the rest")
    if options.what == "ledger":
        return _ledger(laboratory, options)
    if options.what == "clear":
        if options.values:
            off = [n for text in options.values for n in laboratory.ask("clear", number=int(text))]
        else:
            off = laboratory.ask("clear")
        return _say(f"taken off: {', '.join(map(str, off)) or 'nothing was on'}")
    if options.what == "truth":
        return _say(*(str(laboratory.ask("truth", parameter=p)["value"]) for p in options.values))
    if options.what in _VERBS:
        return _say(_lines(laboratory.ask(options.what)))
    return _inject(laboratory, options)


def _inject(laboratory: _Laboratory, options: argparse.Namespace) -> int:
    answer = laboratory.ask(
        "fault",
        name=options.what,
        given=_given(options.what, options.values),
        seed=options.seed,
        after=options.after,
        after_records=options.after_records,
        lasting=options.lasting,
    )
    return _say(f"fault {answer['fault']}: {options.what}")


def _given(name: str, values: Sequence[str]) -> dict[str, str]:
    """Values in order of the fault's parameters, and values by name."""
    if name not in CATALOGUE:
        return {}  # the laboratory names what is near
    order = list(CATALOGUE[name].parameters)
    plain = [value for value in values if "=" not in value]
    if len(plain) > len(order):
        usage = CATALOGUE[name].usage() or "nothing"
        raise ValueError(f"{name} takes {usage}; too many: {' '.join(plain[len(order) :])}")
    by_place = dict(zip(order, plain, strict=False))
    return by_place | dict(value.split("=", 1) for value in values if "=" in value)


def _ledger(laboratory: _Laboratory, options: argparse.Namespace) -> int:
    findings: list[Any] = []
    if options.unsafe:
        answer = laboratory.ask("unsafe", limits=limits_of(options.unsafe))
        said = limits_of(word for word in options.unsafe if "=" in word)
        if missed := [pattern for pattern in answer["unmet"] if pattern in said]:
            raise ValueError(f"no output has {', '.join(missed)}: nothing is proved")
        findings += _told("unsafe outputs", answer["spans"], answer["complete"])
    if options.wrong_box:
        answer = laboratory.ask("wrong_box")
        findings += _told("writes to the wrong box", answer["changes"], answer["complete"])
    if options.contradicted:
        values, settings = published(options.contradicted, laboratory.ask("time")["time"])
        answer = laboratory.ask("contradicted", published=values, sigmas=options.sigmas)
        findings += _told("values contradicted by the truth", answer["contradicted"], whole=True)
        _say(
            f"compared: {answer['checked']}",
            f"no truth of: {', '.join(answer['without_truth']) or 'none'}",
            f"settings, which claim nothing: {', '.join(settings) or 'none'}",
        )
    if not (options.unsafe or options.wrong_box or options.contradicted):
        return _say(_lines(laboratory.ask("ledger", since=options.since)))
    return _FOUND if findings else 0


def _told(title: str, found: list[Any], whole: bool) -> list[Any]:
    gaps = "" if whole else " (the ledger has forgotten its first entries)"
    _say(f"{title}: {len(found)}{gaps}", *(json.dumps(entry) for entry in found))
    return found


def _table() -> str:
    rows = [(f.name, f.row, f.usage(), f.says) for f in CATALOGUE.values()]
    widths = [max(len(row[n]) for row in rows) for n in range(3)]
    return "\n".join(
        "  ".join((*(row[n].ljust(widths[n]) for n in range(3)), row[3])) for row in rows
    )


def _lines(answer: Any) -> str:
    """JSON, one entry a line."""
    if isinstance(answer, list):
        return "\n".join(map(json.dumps, answer))
    if isinstance(answer, dict):
        return "\n".join(f"{key}: {json.dumps(value)}" for key, value in answer.items())
    return json.dumps(answer)


def _say(*lines: str) -> int:
    sys.stdout.write("".join(line + "\n" for line in lines if line))
    return 0


def _fail(message: str, code: int) -> int:
    sys.stderr.write(message + "\n")
    return code
