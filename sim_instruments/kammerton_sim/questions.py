"""The three questions that the ledger answers about a laboratory; see `audit`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from kammerton_sim.audit import (
    AuditError,
    Key,
    Limits,
    contradicted,
    known_outputs,
    unmet,
    unsafe,
    wrong_box,
)
from kammerton_sim.faults.words import near
from kammerton_sim.limits import limits_of_lab
from kammerton_sim.wire.instrument import ScpiInstrument

if TYPE_CHECKING:
    from kammerton_sim.site import Site


class Questions:
    """The handle for tests; the control socket and `kammerton sim ctl ledger` ask the same.

    "complete" says whether the ledger still holds its first entry.
    """

    def __init__(self, site: Site) -> None:
        self._site = site

    def unsafe(self, limits: Limits | str | os.PathLike[str]) -> dict[str, Any]:
        """Return the spans in which an output put out a level outside its limits.

        limits: pattern -> (least, most) in SI units, or the path of a lab.toml. What a lab.toml
        limits and no box has is in "unmet", for it limits all that a box of its kind may have.

        Raises
        ------
        AuditError
            A pattern meets no output, so that finding nothing would prove nothing.
        """
        if not isinstance(limits, Mapping):
            return self.outside(limits_of_lab(limits))
        answer = self.outside(limits)
        if said := missed(answer["unmet"], answer["known"]):
            raise AuditError(said)
        return answer

    def outside(self, limits: Limits) -> dict[str, Any]:
        """Return what `unsafe` does, and name patterns that meet no output instead of raising.

        {"spans": [{"output", "what", "value", "limits", "from", "to", "samples"?}, ...], "unmet":
        patterns that meet no output, "known": what limits can be written for, "complete"}
        """
        site, start, changes = self._site, self._at_power_on(), self._changes()
        return {
            "spans": unsafe(changes, limits, start, site.world.clock.now()),
            "unmet": unmet(changes, limits, start),
            "known": known_outputs(changes, start),
            "complete": site.ledger.complete,
        }

    def wrong_box(self) -> dict[str, Any]:
        """Return what was written to a box that said it was another: {"changes", "complete"}."""
        return {"changes": wrong_box(self._changes()), "complete": self._site.ledger.complete}

    def contradicted(
        self, published: Sequence[Mapping[str, Any]], sigmas: float = 5.0
    ) -> dict[str, Any]:
        """Hold published values against the truth of their times; see `audit.contradicted`."""
        return contradicted(published, self._site.world.truth, sigmas)

    def _changes(self) -> list[dict[str, Any]]:
        return self._site.ledger.whole()

    def _at_power_on(self) -> dict[Key, Any]:
        site = self._site
        boxes = (site.generators | site.sources | site.further).values()
        each = [box.power_on() for box in boxes if isinstance(box, ScpiInstrument)]
        return {key: value for settings in each for key, value in settings.items()}


def missed(unmet: Sequence[str], known: Sequence[str]) -> str:
    """Return what is to be said of patterns that meet no output; "" where there are none."""
    named = ", ".join(pattern + _nearest(pattern, known) for pattern in unmet)
    return f"no output has {named}: nothing is proved" if named else ""


def _nearest(pattern: str, known: Sequence[str]) -> str:
    """Return the nearest name of an output's level, or where none is near all short ones."""
    boxes, _, _ = pattern.rpartition(".")
    there_are = [name for name in known if boxes and fnmatchcase(name, f"{boxes}.*")]
    levels = [f"{boxes}.{name.rpartition('.')[2]}" for name in there_are]
    short = {name.rpartition(".")[2]: name for name in reversed(known) if name.count(".") == 1}
    there = ", ".join(sorted(short.values()))  # of each kind the first
    nothing = f"{boxes} has no outputs; " if boxes and not there_are else ""
    guess = near(pattern, known) or near(pattern, levels)
    return guess or f" ({nothing}there are {there}, others alike)"
