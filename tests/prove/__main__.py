"""`make prove`: every proof of docs/reliability.md, one Markdown table.

Exit code 1 when any shows harm; 3 when none does but one was too short to tell, which is no pass.
With --quick, which is never long enough for some, that is said and the exit code is 0.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import sys
import time
import traceback
from collections.abc import Sequence

from tests.prove.frame import HEADING, PROOFS, RULE, Proof, Row, chosen, load

PASSED, SHORT, FAILED = "passed", "too short to tell", "failed"
SOAK = {"hours": "how long it lasts (1)", "qubits": "how many there are (5)"}


def main() -> int:
    """Run the proofs that were asked for and print one table."""
    options = _options()
    load()
    if options.list:
        print("\n".join(sorted(PROOFS)))
        return 0
    try:
        proofs = chosen(options.only)
    except ValueError as problem:
        print(problem, file=sys.stderr)
        return 2
    print(_header(quick=options.quick), HEADING, RULE, sep="\n")
    outcomes = [_run(name, proof, quick=options.quick) for name, proof in proofs.items()]
    return code(outcomes, quick=options.quick)


def code(outcomes: Sequence[str], *, quick: bool) -> int:
    """Return the exit code of so many proofs, and say what it means."""
    counts = [f"{outcomes.count(each)} {each}" for each in (PASSED, SHORT, FAILED)]
    print(", ".join(counts), file=sys.stderr)
    if FAILED in outcomes:
        return 1
    return 3 if SHORT in outcomes and not quick else 0


def outcome(rows: Sequence[Row]) -> str:
    """Return in a word what came of a proof; one without a row shows nothing."""
    if not rows or any(row.failed for row in rows):
        return FAILED
    return SHORT if any(row.undecided for row in rows) else PASSED


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.prove", description=__doc__)
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="this proof")
    parser.add_argument("--quick", action="store_true", help="a few injections of each")
    parser.add_argument("--list", action="store_true", help="print the names")
    for name, what in SOAK.items():
        parser.add_argument(f"--{name}", help=f"of the soak: {what}")
    options = parser.parse_args()
    for name in SOAK:
        if getattr(options, name):
            os.environ[f"KAMMERTON_SOAK_{name.upper()}"] = getattr(options, name)
    return options


def _header(*, quick: bool) -> str:
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("kammerton", "sqlalchemy")
    )
    return (
        f"Simulated device, hidden truth. {'Quick: few injections. ' if quick else ''}"
        f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, "
        f"{versions}; {time.strftime('%Y-%m-%d')}.\n"
    )


def _run(name: str, proof: Proof, *, quick: bool) -> str:
    """Print the rows of one proof; a proof that fails is told and stops no other."""
    start, rows = time.monotonic(), list[Row]()
    try:
        for row in proof(quick):
            print(row, flush=True)
            rows.append(row)
        found = outcome(rows)
    except Exception:  # noqa: BLE001 - the other proofs must run too; the exit code tells
        traceback.print_exc()
        found = FAILED
    print(f"{name}: {found}, {time.monotonic() - start:.0f} s", file=sys.stderr)
    return found


if __name__ == "__main__":
    sys.exit(main())
