"""Another box answers: at the address, or in the slot, of the one that was there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from kammerton_sim.faults.amounts import Bound
from kammerton_sim.faults.course import Undo
from kammerton_sim.faults.refusal import require
from kammerton_sim.faults.words import Fault, Known

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
    """Each box puts the four parts into its own form."""
    if not identity:
        return
    true, parts = _named(site)[instrument].identity, [part.strip() for part in identity.split(",")]
    require(
        len(parts) == 4 and all(parts),
        "identity must be vendor, model, serial number and firmware with commas between, such as"
        f" {true}, not {identity!r}",
    )
    require(identity != true, f"identity must be another than that of {instrument}, {true}")
    if instrument in site.boards:
        serial = parts[2]
        require(
            serial.isdecimal(), f"the serial number of a digitizer must be whole, not {serial!r}"
        )


_NAMED: Mapping[str, Bound | Known] = {
    "instrument": Known("instrument", lambda site, _: _named(site))
}

FAULTS = (
    Fault(
        "wrong-identity", "I6", "it says it is another box", wrong_identity, _NAMED,
        ("identity {instrument}",), check=_check,
    ),
)  # fmt: skip
