"""The public table of fits: `make bench-fits`, or `python -m tests.benchmarks.fits_table`.

Measures every piece (a section for a kind, or for a truth of single shots) that docs/fits lacks at
this commit, and prints one Markdown document of them; stopped, it goes on where it
was. --section and --kind measure some pieces anew; --document prints what there is; --plan
estimates how long a run takes.
Peers that are not installed beside Kammerton are looked for in the interpreters that
KAMMERTON_PEERS names (python -m pip install ".[bench-peers]"; qibocal may need its own).
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: CPU time of one thread

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from kammerton.estimation import FIT_KINDS, warm
from tests.benchmarks import (
    adaptive,
    fits_empty,
    fits_honesty,
    fits_maps,
    fits_readout,
    fits_sizes,
    fits_speed,
    fits_success,
    fits_verdicts,
)
from tests.benchmarks.fits_common import FULL, QUICK, Effort, progress, row, smaller
from tests.benchmarks.fits_pieces import EVERY, Origin, Piece, ends, load, origin, together
from tests.catalogue.readout import READOUTS
from tests.catalogue.registry import every_truth, truths
from tests.real_data import table as real_data

FOLDER, FOLDER_OF_QUICK = Path("docs/fits"), Path("bench-fits")
BY_KIND: dict[str, Callable[[Effort], Iterable[str]]] = {
    "speed": lambda asked: (*fits_speed.lines(asked), *fits_sizes.lines(asked)),
    "success": fits_success.lines,
    "honesty": fits_honesty.lines,
    "verdicts": fits_verdicts.lines,
    "nothing": lambda asked: (*fits_empty.lines(asked), *fits_maps.lines(asked)),
    "slowest": fits_verdicts.worst_lines,
}
READOUT = "readout"
WHOLE = ("measured", "adaptive")
SECTIONS = (*BY_KIND, *WHOLE, READOUT)


def arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few traces, which prove little")
    parser.add_argument("--section", choices=SECTIONS, help="measure only this section, anew")
    parser.add_argument("--kind", choices=[*sorted(FIT_KINDS), *READOUTS],
                        help="measure only this kind or truth, anew")  # fmt: skip
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--pieces", type=Path, help=f"their folder ({FOLDER}; quick: {FOLDER_OF_QUICK})"
    )
    parser.add_argument("--document", action="store_true", help="print what there is")
    parser.add_argument("--plan", action="store_true", help="print how long each kind takes")
    return parser.parse_args()


def wanted(section: str | None, kind: str | None) -> list[tuple[str, str]]:
    """Return sections and kinds of the pieces that are asked for."""
    kinds = sorted({truth.kind for truth in truths().values()})
    pairs = [(each, k) for each in BY_KIND for k in kinds]
    pairs += [(each, EVERY) for each in WHOLE] + [(READOUT, name) for name in READOUTS]
    return [(s, k) for s, k in pairs if section in (None, s) and kind in (None, k)]


def measured(section: str, kind: str, asked: Effort, place: Origin) -> Piece:
    """Measure one piece."""
    progress(f"-- {section}: {kind}")
    start = time.process_time()
    if section == "measured":
        lines = ["## 6. Measured traces of other laboratories\n", *real_data.table()]
    elif section == "adaptive":
        lines = [designs()]
    elif section == READOUT:
        lines = list(fits_readout.lines(READOUTS[kind], asked))
    else:
        lines = list(BY_KIND[section](asked.of(kind)))
    return Piece(section, kind, place, time.process_time() - start, lines)


def head(pieces: list[Piece]) -> Iterator[str]:
    """Yield what was measured, and on what."""
    yield "# Every kind of fit: speed, success, honesty, verdicts\n"
    yield (
        "Printed by `make bench-fits`. All traces are computed from laws with known parameters "
        "and seeded noise (tests/catalogue); only section 6 is of measured traces. A goal "
        "that a figure misses is marked **missed**, and a line that a peer wins says so.\n"
    )
    places = {piece.origin.text for piece in pieces}
    yield (places.pop() if len(places) == 1 else "Pieces of several runs; see the end.") + "\n"
    without = sorted({t.kind for t in every_truth().values()} - set(FIT_KINDS))
    if without:
        yield f"In the catalogue, but not yet fitted: {', '.join(without)}.\n"
    silent = sorted(set(FIT_KINDS) - {t.kind for t in truths().values()} - {fits_readout.KIND})
    if silent:
        yield f"Fitted, but without a truth in the catalogue: {', '.join(silent)}.\n"


def document(pieces: list[Piece]) -> Iterator[str]:
    """Yield the whole document, line by line."""
    yield from head(pieces)
    for section in SECTIONS:
        mine = sorted((p for p in pieces if p.section == section), key=lambda p: p.kind)
        yield from together(piece.lines for piece in mine)
    there = {(piece.section, piece.kind) for piece in pieces}
    lacking = [f"{s} of {k}" for s, k in wanted(None, None) if (s, k) not in there]
    if lacking:
        yield f"Not measured: {', '.join(lacking)}.\n"
    yield from ends(pieces)


def designs() -> str:
    """Return the section on adaptive acquisition."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        adaptive.main()
    return text.getvalue().replace("## Adaptive", "## 7. Adaptive")


def plan(asked: Effort, pairs: list[tuple[str, str]], place: Origin) -> Iterator[str]:
    """Yield the CPU minutes of a run by kind, from a run with a few traces each."""
    small = smaller(asked)
    minutes: dict[str, dict[str, float]] = {}
    for section, kind in pairs:
        if section in BY_KIND:
            measured(section, kind, small, place)  # loads kernels and grids
            times = _size(section, kind, asked) / _size(section, kind, small)
            took = measured(section, kind, small, place).seconds * times
            minutes.setdefault(kind, {})[section] = took / 60
    yield row("kind", *BY_KIND, "CPU minutes")
    yield "|---|" + "---|" * (len(BY_KIND) + 1)
    for kind, each in minutes.items():
        yield row(kind, *(f"{each.get(s, 0.0):.2f}" for s in BY_KIND), f"{sum(each.values()):.1f}")
    total = sum(sum(each.values()) for each in minutes.values())
    yield f"\nAbout {total:.0f} minutes of CPU, without peers, measured traces and designs."


def _size(section: str, kind: str, asked: Effort) -> int:
    """Return how many traces a piece fits, but for a factor."""
    truth = next(iter(truths(kind).values()))
    if section == "verdicts":
        counts = [asked.never, asked.broken]
        return sum(asked.some(truth, n, fits_verdicts.FEWER) for n in counts)
    each = {"success": asked.success, "honesty": asked.honest, "slowest": asked.worst}
    return asked.some(truth, each.get(section, 1))


def main() -> None:
    """Print the document, or what was asked for."""
    asked = arguments()
    place = origin(asked.seed, quick=asked.quick)
    effort = Effort(**(QUICK if asked.quick else FULL), kind=asked.kind, seed=asked.seed)
    pairs = wanted(asked.section, asked.kind)
    warm()
    if asked.plan:
        print("\n".join(plan(effort, pairs, place)))
        return
    some = asked.section is not None or asked.kind is not None
    folder = asked.pieces or (FOLDER_OF_QUICK if asked.quick else FOLDER)
    kept = {(p.section, p.kind): p for p in load(folder)}
    if not asked.document:
        for pair in pairs:
            if some or pair not in kept or kept[pair].origin != place:
                kept[pair] = measured(*pair, effort, place)
                kept[pair].save(folder)
    print("\n".join(document([kept[pair] for pair in (pairs if some else kept)])), flush=True)


if __name__ == "__main__":
    main()
