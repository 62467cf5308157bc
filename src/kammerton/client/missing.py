"""Why a parameter is not there: no such name, a qubit that is stuck or not proved, or not yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kammerton.client.hindrance import LOOKED_AT, hindrances
from kammerton.client.numbered import pointed
from kammerton.client.words import meant
from kammerton.model import Verdict
from kammerton.model.parameter import QUBIT, RESONATOR
from kammerton.model.quantity import show

if TYPE_CHECKING:
    from kammerton.lab import Lab
    from kammerton.store import ReadStore


FOUND_BY = {"f01": "qubit_spectroscopy", "frequency": "resonator_spectroscopy"}
"""The kind of fit that finds a frequency, which waits until the qubit answers to a pulse."""


def missing(store: ReadStore, name: str, lab: Lab | None) -> str:
    """Return why a parameter was never measured. lab: None when only the database is known."""
    stuck, measured = hindrances(store), set(store.parameters())
    qubits, resonators = _elements(measured, lab)
    names = {f"{q}.{kind}" for q in {*qubits, *stuck} for kind in QUBIT}
    names |= {f"{r}.{kind}" for r in resonators for kind in RESONATOR}
    if name in {each.partition(".")[0] for each in names}:
        return f"{name} has many parameters: {', '.join(_of(name, names))}"
    if "." not in name and (words := pointed(store, name)):
        return words
    if same := sorted(each for each in names if each.endswith(f".{name}")):
        return f"{name} of which? {', '.join(same)}"
    if name not in names:
        element, _, kind = name.partition(".")
        of_it = [each.partition(".")[2] for each in _of(element, names)]
        if of_it and not meant(name, names):
            return f"there is no parameter {name}; {element} has {', '.join(of_it)}"
        known = sorted(names | measured)
        elements = sorted({each.partition(".")[0] for each in known})
        there = f"; there are {', '.join(elements)}" if elements else ""
        if kind in {*QUBIT, *RESONATOR} and element not in elements:
            return f"there is no {element}{meant(element, elements) or there}"
        return f"there is no parameter {name}{meant(name, known) or there}"
    element, _, kind = name.partition(".")
    target = resonators.get(element, element)
    if target in stuck:
        return f"{name} was never measured: {stuck[target]}"
    return f"{name} {_waiting(store, target, kind) or 'was not measured yet'}"


def _of(element: str, names: set[str]) -> list[str]:
    return sorted(each for each in names if each.startswith(f"{element}."))


def _waiting(store: ReadStore, target: str, kind: str) -> str | None:
    """Return where a frequency was found that is not proved yet."""
    for run in store.runs(LOOKED_AT):
        fit = run.fits.get(target)
        if fit and fit.verdict is Verdict.ACCEPTED and fit.kind == FOUND_BY.get(kind):
            value = fit.values["frequency"]
            at = show(value.value, value.unit, value.stderr)
            return f"was found at {at} in {run.id}; it waits for the Rabi that proves it"
    return None


def _elements(measured: set[str], lab: Lab | None) -> tuple[set[str], dict[str, str]]:
    """Return the qubits, and the qubit of each resonator where lab.toml tells it."""
    if lab is not None:
        return set(lab.qubits), {entry.resonator: name for name, entry in lab.qubits.items()}
    parts = [name.partition(".")[::2] for name in measured]
    resonators = {element: element for element, kind in parts if kind in RESONATOR}
    return {element for element, kind in parts if kind in QUBIT}, resonators
