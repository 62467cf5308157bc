"""The options of `kammerton sim`."""

from __future__ import annotations

import math
import re
from pathlib import Path

from kammerton_sim.command.chip import add_chip_options
from kammerton_sim.command_line import PORT, WHOLE, Parser

_BROKER = re.compile(r"mqtts?://(?:[^/:@?#\s\"]+|\[[0-9a-fA-F:.]+\])(?::(\d{1,5}))?/?")


def options_parser() -> Parser:
    """Return the parser of everything that `kammerton sim` takes."""
    parser = Parser(
        "kammerton sim",
        allow_abbrev=False,
        description="Serve simulated instruments on loopback ports until Ctrl-C. One JSON line on "
        "stdout tells the ports when everything is ready.",
        epilog="`kammerton sim ctl --help`: ask a running laboratory, and put faults on it.",
    )
    add_chip_options(parser)
    parser.add_argument(
        "--seed",
        metavar="S",
        type=WHOLE,
        default=1,
        help="seed of what is drawn of the chip, and of the design values (default: 1)",
    )
    parser.add_argument(
        "--write-chip", type=Path, metavar="PATH", help="write the chip.toml (its truth)"
    )
    parser.add_argument(
        "--write-lab", type=Path, metavar="PATH", help="write a lab.toml (design, never truth)"
    )
    parser.add_argument(
        "--broker",
        metavar="URL",
        default="mqtt://127.0.0.1:1883",
        help="what that lab.toml names (default: mqtt://127.0.0.1:1883)",
    )
    _add_serving_options(parser)
    return parser


def _add_serving_options(parser: Parser) -> None:
    """Declare whether and how the chip is served."""
    parser.add_argument("--no-serve", action="store_true", help="serve nothing, only write files")
    parser.add_argument(
        "--base-port", type=PORT, metavar="N", help="serve on consecutive ports from N on"
    )
    parser.add_argument(
        "--port",
        action="append",
        default=[],
        metavar="NAME=N",
        help="serve this instrument on port N; may be given again and again",
    )
    parser.add_argument(
        "--until-stdin-closes",
        action="store_true",
        help="stop when stdin ends, as it does with the parent process",
    )
    parser.add_argument(
        "--time",
        default="fast",
        metavar="fast|real|FACTOR",
        help="how fast records come: as fast as they can be made (default), as from real boxes, "
        "or so many times faster than that",
    )


def no_broker(url: str) -> list[str]:
    """Return what is wrong with a broker's URL that lab.toml shall name, if anything is."""
    fits = _BROKER.fullmatch(url)
    if fits and int(fits[1] or 1) in range(1, 65536):
        return []
    return [f"--broker {url}: write mqtt://HOST:PORT or mqtts://HOST:PORT"]


def pace_told(text: str) -> float | None:
    """Seconds of instrument time in a wall second; None: as fast as possible."""
    if text in ("fast", "real"):
        return None if text == "fast" else 1.0
    try:
        pace = float(text)
    except ValueError:
        pace = 0.0
    if not 0 < pace < math.inf:
        raise ValueError(f"--time {text}: write fast, real, or a factor above 0")
    return pace
