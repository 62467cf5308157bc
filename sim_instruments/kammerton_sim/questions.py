"""The three questions that the ledger answers about a laboratory; see `audit`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kammerton_sim.audit import (
    Key,
    Limits,
    contradicted,
    known_outputs,
    unmet,
    unsafe,
    wrong_box,
)
from kammerton_sim.wire.instrument import ScpiInstrument

if TYPE_CHECKING:
    from kammerton_sim.site import Site


class Questions:
    """The handle for tests; the control socket and `kammerton sim ctl ledger` ask the same.

    "complete" says whether the ledger still holds its first entry.
    """

    def __init__(self, site: Site) -> None:
        self._site = site

    def unsafe(self, limits: Limits) -> dict[str, Any]:
        """Return the spans in which an output put out a level outside its limits.

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
