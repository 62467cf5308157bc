"""Another box answers: at the address, or in the slot, of the one that was there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from kammerton_sim.faults.words import Bound, Fault, Known, Undo, require
from kammerton_sim.instruments.bluefors_api import BlueforsApi

if TYPE_CHECKING:
    from kammerton_sim.site import Site


class Named(Protocol):
    """What says who it is; each puts these four into its own form.

    identity: vendor, model, serial number, firmware, with commas between them. impostor: whether
    it says at present that it is another one.
    """

    identity: str
    impostor: bool


def _named(site: Site) -> Mapping[str, Named]:
    further: Mapping[str, Named] = site.further
    return {
        **site.generators, **site.sources, "fridge": site.fridge, **further, **site.boards
    }  # fmt: skip


def wrong_identity(site: Site, seed: int, instrument: str, identity: str = "") -> Undo:
    """Let it say it is another box: this identity, or another serial number."""
    box = _named(site)[instrument]
    maker, model, serial, *rest = box.identity.split(",")
    true, told = box.identity, identity or ",".join((maker, model, serial + "9", *rest))
    site.ledger.record(instrument, "all", "identity", true, told)
    box.identity, box.impostor = told, told != true

    def back() -> None:
        site.ledger.record(instrument, "all", "identity", told, true)
        box.identity, box.impostor = true, False

    return back


def _check(site: Site, instrument: str, identity: str) -> None:
    """An API tells the parts one by one, so that there have to be some."""
    parts = identity.split(",")
    if identity and isinstance(_named(site)[instrument], BlueforsApi):
        require(len(parts) == 4, f"identity: vendor, model, serial, firmware, not {identity!r}")
    if identity and instrument in site.boards:
        number = [*parts, "", ""][2]
        require(number.isdecimal(), f"a digitizer's serial number is whole, not {number!r}")


_NAMED: Mapping[str, Bound | Known] = {
    "instrument": Known("instrument", lambda site, _: _named(site))
}

FAULTS = (
    Fault(
        "wrong-identity", "I6", "it says it is another box", wrong_identity, _NAMED,
        ("identity {instrument}",), check=_check,
    ),
)  # fmt: skip
