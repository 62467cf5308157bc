"""Why a parameter is not there: nobody has such a name, its qubit is stuck, or not yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kammerton.client.hindrance import hindrances
from kammerton.client.words import meant
from kammerton.model.parameter import QUBIT, RESONATOR

if TYPE_CHECKING:
    from kammerton.lab import Lab
    from kammerton.store import ReadStore


def missing(store: ReadStore, name: str, lab: Lab | None) -> str:
    """Return why a parameter was never measured. lab: None when only the database is known."""
    stuck, measured = hindrances(store), set(store.parameters())
    qubits, resonators = _elements(measured, lab)
    names = {f"{q}.{kind}" for q in {*qubits, *stuck} for kind in QUBIT}
    names |= {f"{r}.{kind}" for r in resonators for kind in RESONATOR}
    if name in {each.partition(".")[0] for each in names}:
        example = f"{name}.frequency" if name in resonators else f"{name}.f01"
        return f"{name} has many parameters; name one of them, such as {example}"
    if name not in names:
        return f"there is no parameter {name}{meant(name, sorted(names | measured))}"
    element = name.partition(".")[0]
    found = stuck.get(resonators.get(element, element))
    return f"{name} was never measured: {found}" if found else f"{name} was not measured yet"


def _elements(measured: set[str], lab: Lab | None) -> tuple[set[str], dict[str, str]]:
    """Return the qubits, and the qubit of each resonator where lab.toml tells it."""
    if lab is not None:
        return set(lab.qubits), {entry.resonator: name for name, entry in lab.qubits.items()}
    parts = [name.partition(".")[::2] for name in measured]
    resonators = {element: element for element, kind in parts if kind in RESONATOR}
    return {element for element, kind in parts if kind in QUBIT}, resonators
