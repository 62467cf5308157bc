"""The command line of `kammerton sim ctl`, and what it says of one that cannot be read."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from kammerton_sim.command_line import WHOLE, Parser, number
from kammerton_sim.ctl.laboratory import address
from kammerton_sim.faults import CATALOGUE
from kammerton_sim.faults.amounts import plain
from kammerton_sim.names import near
from kammerton_sim.quantities import LONG, MOST_AT_ONCE

VERBS = ("faults", "clear", "ledger", "truth", "outputs", "refrigerator", "time",
         "advance", "stop")  # fmt: skip
WHEN = ("seed", "after", "after_records", "lasting")
"""Options of a fault."""
ASKED = ("since", "unsafe", "wrong_box", "contradicted", "sigmas")
"""Options of the ledger."""

_EPILOG = """\
after `kammerton sim ctl`:
  --list                      every fault: what it takes, what happens, its row
  frequency-hop q0 hz=300kHz  put one on; values in order, or by name
  tls q0 --after-records 99   in the middle of a scan
  faults | faults --all       what waits or is on, and since when; also what was
  clear | clear all | clear 2 clear all, or one
  ledger --unsafe lab.toml    outputs outside the limits of a lab.toml
  ledger --unsafe 'awg*.peak=-0.5:0.5' --unsafe '*.power=-20:16'
  ledger --wrong-box          what was written to a box that said it was another
  ledger --contradicted values.json
                              published values that the truth contradicts
  advance 15h                 let laboratory time pass at once: s, min, h, d
  truth | truth q0 | truth q0.t1 'q*.f01'
                              all that is true of the chip, or some
  outputs | refrigerator | time | stop
Answers are words; with --json one JSON value a line. Exit codes: 0 done,
nothing found; 1 no laboratory; 2 bad input; 3 the ledger holds what was
searched for.
"""

_MINUS = re.compile(r"-(\d|\.\d|inf|nan)", re.IGNORECASE)
_COUNT = number(int, lambda n: n >= 0, "a whole number of records or entries")
_NUMBER = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_MINUTES = re.compile(r"(?<=[\d.\s])m$")
"""Of a time these are minutes, as for `kammerton hold`: nobody means thousandths without a unit."""
_SUCH_AS = "such as 90s, 10min or 2h"
_SIGMAS = number(float, lambda s: 0 < s < math.inf, "a number of standard errors above 0")


def duration(text: str) -> float:
    """Return the seconds of "15h", "10m" (minutes) or "3600"; nan where it is no time."""
    said = plain(_MINUTES.sub("min", text.strip()), "s")
    return float(said) if _NUMBER.fullmatch(said) else math.nan


_SECONDS = number(duration, lambda s: 0 <= s < math.inf, f"a time, {_SUCH_AS}")
_LASTING = number(duration, lambda s: 0 < s < math.inf, f"a time above 0, {_SUCH_AS}")


def read(argv: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Return the options of a command line, and all that is wrong with it.

    Options may stand anywhere; a negative number is a value.
    """
    words = [f" {word}" if _MINUS.match(word) else word for word in argv]
    options, problems = _parser().read(words)
    options.values = [word.strip() for word in options.values]
    return options, [*problems, *_ignored(options), *_unknown(options)]


def _ignored(options: argparse.Namespace) -> Iterator[str]:
    """Name options that would be passed over in silence."""
    given = {name for name in (*WHEN, *ASKED) if getattr(options, name) is not None}
    ledger, verb = options.what == "ledger", options.what in VERBS
    strange = [*(given & set(WHEN) if verb else ()), *(() if ledger else given & set(ASKED))]
    if options.what is not None and strange:
        names = ", ".join("--" + _spelt(name) for name in sorted(strange))
        yield f"{options.what} takes no {names}"
    if options.values and verb and options.what not in ("clear", "truth", "advance"):
        yield f"{options.what} takes nothing: {' '.join(options.values)} is too much"
    questions = [name for name in ("unsafe", "wrong_box", "contradicted") if name in given]
    if options.since is not None and questions:
        asked = ", ".join(f"--{_spelt(name)}" for name in questions)
        yield f"--since does not go with {asked}, which asks the whole ledger"
    if options.every and options.what != "faults":
        yield "--all belongs to faults"
    if options.sigmas is not None and options.contradicted is None:
        yield "--sigmas belongs to --contradicted VALUES.json"


def _unknown(options: argparse.Namespace) -> Iterator[str]:
    """Name what is no fault and no command."""
    if options.list:
        return
    if options.what is None:
        yield "name a fault or a command; --list tells the faults, --help the rest"
    elif options.what not in (*VERBS, *CATALOGUE):
        known = near(options.what, (*CATALOGUE, *VERBS))
        lists = "--list and --help tell all"
        yield f"there is no fault or command {options.what!r}{known}; {lists}"
    if options.what == "advance":
        yield from _no_duration(options.values)
    if (
        options.what == "clear"
        and options.values != ["all"]
        and (wrong := [n for n in options.values if not n.isdigit()])
    ):
        yield f"clear takes numbers of faults, or all, not {', '.join(wrong)}"


def _no_duration(values: Sequence[str]) -> Iterator[str]:
    if len(values) != 1 or math.isnan(duration(values[0])):
        yield f"advance takes a time, such as 90s, 10min, 15h or 2d, not {' '.join(values)!r}"
    elif duration(values[0]) > MOST_AT_ONCE:
        most = f"{MOST_AT_ONCE / LONG['d']:g} d"
        yield f"advance: {values[0]} is more than a year ({most}), the most that passes at once"


def _spelt(name: str) -> str:
    return "for" if name == "lasting" else name.replace("_", "-")


def _parser() -> Parser:
    parser = Parser(
        "kammerton sim ctl",
        usage="%(prog)s FAULT [VALUE|NAME=VALUE ...] [options]\n"
        "       %(prog)s COMMAND [options]\n       %(prog)s --list\n\n"
        f"commands: {' '.join(VERBS)}",
        description="Ask a running simulated laboratory, and put faults on it.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )  # fmt: skip
    parser.add_argument("what", nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("values", nargs="*", help=argparse.SUPPRESS)
    parser.add_argument("--list", action="store_true", help="tell every fault that there is")
    parser.add_argument("--json", action="store_true", help="answer with one JSON value a line")
    parser.add_argument(
        "--control",
        type=address,
        metavar="[HOST:]PORT",
        help="the laboratory that is asked (default: the one that was begun in this folder)",
    )
    parser.add_argument(
        "--all",
        dest="every",
        action="store_true",
        help="of faults: also tell those that were cleared",
    )
    _add_fault_options(parser.add_argument_group("of a fault"))
    _add_ledger_options(parser.add_argument_group("of the ledger"))
    return parser


def _add_fault_options(fault: argparse._ArgumentGroup) -> None:
    fault.add_argument("--seed", type=WHOLE, metavar="N", help="seed of what is random in it")
    fault.add_argument(
        "--after", type=_SECONDS, metavar="TIME", help="wall time to wait before: 90s, 10min"
    )
    fault.add_argument(
        "--after-records", type=_COUNT, metavar="N", help="records that the boards make before"
    )
    fault.add_argument(
        "--for",
        dest="lasting",
        type=_LASTING,
        metavar="TIME",
        help="wall time after which it is taken off: 2h",
    )


def _add_ledger_options(ledger: argparse._ArgumentGroup) -> None:
    ledger.add_argument("--since", type=_COUNT, metavar="N", help="tell entries from this index on")
    ledger.add_argument(
        "--unsafe",
        action="append",
        metavar="LAB.toml|PATTERN=MIN:MAX",
        help="find outputs outside these limits; may be given again and again",
    )
    ledger.add_argument(
        "--wrong-box",
        action="store_true",
        default=None,
        help="find writes to a box that said it was another",
    )
    ledger.add_argument(
        "--contradicted",
        type=Path,
        metavar="VALUES.json",
        help="find published values that the truth contradicts",
    )
    ledger.add_argument(
        "--sigmas",
        type=_SIGMAS,
        metavar="X",
        help="standard errors by which a value contradicts (default: 5)",
    )
