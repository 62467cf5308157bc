"""What a proof is: a fault injected many times, and what became of it."""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

FRAME = ("__main__", "frame")

HEADING = "| fault | injected | T_det s | T_rec s | Lost | Wrong | Unsafe | Stuck |"
RULE = "|---|---|---|---|---|---|---|---|"


@dataclass(frozen=True)
class Row:
    """One line of the table.

    fault: row of the catalogue and what was done, e.g. "S4 SIGKILL of the child, any stage".
    injected: how often. t_det: s from the fault until the daemon said so; t_rec: s until the loop
    turned again, the largest seen each; None where there is nothing to measure. lost: acknowledged
    revisions gone; wrong: published values that the laboratory's truth contradicts; unsafe: spans
    of its ledger outside the limits, or outputs left on; stuck: jobs that never ended. These four
    must be 0; None where the proof does not look. within: s that t_rec may take. undecided: it was
    too short to tell, which is no pass.
    """

    fault: str
    injected: int
    t_det: float | None = None
    t_rec: float | None = None
    lost: int | None = None
    wrong: int | None = None
    unsafe: int | None = None
    stuck: int | None = None
    within: float = math.inf
    undecided: bool = False

    @property
    def good(self) -> bool:
        """Whether the fault was injected, did no harm that was looked for, and was over in time."""
        return not self.failed and not self.undecided

    @property
    def failed(self) -> bool:
        """Whether it showed harm, took too long or injected nothing; not: was too short to tell."""
        harm = any((self.lost, self.wrong, self.unsafe, self.stuck))
        return harm or not self.injected or (self.t_rec or 0.0) > self.within

    def __str__(self) -> str:
        times = ("—" if t is None else f"{t:.2f}" for t in (self.t_det, self.t_rec))
        harm = (self.lost, self.wrong, self.unsafe, self.stuck)
        counts = ("—" if n is None else f"{n}" for n in harm)
        return f"| {self.fault} | {self.injected} | {' | '.join(times)} | {' | '.join(counts)} |"


Proof = Callable[[bool], Iterable[Row]]
"""proof(quick) -> rows. quick: a few injections, seconds instead of minutes or hours."""

PROOFS: dict[str, Proof] = {}


def proof(name: str) -> Callable[[Proof], Proof]:
    """Register a proof under the name that `--only` takes."""

    def register(function: Proof) -> Proof:
        if name in PROOFS:
            raise ValueError(f"there are two proofs called {name}")
        PROOFS[name] = function
        return function

    return register


def load() -> None:
    """Import every module beside this one; each registers its proofs."""
    package = importlib.import_module("tests.prove")
    for module in pkgutil.iter_modules(package.__path__):
        if module.name not in FRAME:
            importlib.import_module(f"tests.prove.{module.name}")


def chosen(only: Sequence[str]) -> dict[str, Proof]:
    """Return the proofs of these names, in that order; all, by name, where none is given.

    Raises
    ------
    ValueError
        There is no such proof; the message has those that there are.
    """
    unknown = [name for name in only if name not in PROOFS]
    if unknown:
        raise ValueError(f"no proof {', '.join(unknown)}; there are {', '.join(sorted(PROOFS))}")
    return {name: PROOFS[name] for name in only or sorted(PROOFS)}
