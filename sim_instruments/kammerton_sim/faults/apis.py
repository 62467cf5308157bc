"""Errors of an API: of the refrigerator's control software, of the digitizer's driver."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import TYPE_CHECKING, Protocol

from kammerton_sim.faults.amounts import from_to
from kammerton_sim.faults.course import Course, Undo
from kammerton_sim.faults.refusal import require
from kammerton_sim.faults.words import Fault, Known
from kammerton_sim.instruments.bluefors_api import BlueforsApi
from kammerton_sim.wire.refusals import Refusals

if TYPE_CHECKING:
    from kammerton_sim.site import Site


class Api(Protocol):
    """What is called and answers with codes. codes: those that it has."""

    refusals: Refusals

    @property
    def codes(self) -> Collection[int]:
        """Return the error codes that it has."""


def _apis(site: Site) -> Mapping[str, Api]:
    further = {n: box for n, box in site.further.items() if isinstance(box, BlueforsApi)}
    return {**further, **site.boards}


def api_error(site: Site, seed: int, instrument: str, code: int, count: int = 1) -> Undo:
    """Let the next calls end with an error code."""
    box = _apis(site)[instrument]
    refusal = box.refusals.add(code, count)
    return Course(partial(box.refusals.drop, refusal), count, lambda: count - refusal.left)


def _check(site: Site, instrument: str, code: int, count: int) -> None:
    codes = _apis(site)[instrument].codes
    known = ", ".join(map(str, sorted(codes)))
    require(code in codes, f"code must be one that {instrument} has, {known}, not {code}")


FAULTS = (
    Fault(
        "api-error", "I9", "the next calls of its API end with this error code", api_error,
        {"instrument": Known("instrument with an API", lambda site, _: _apis(site)),
         "count": from_to(1, 10_000)},
        check=_check,
    ),
)  # fmt: skip
