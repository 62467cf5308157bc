"""Snapshots of IBM devices from the optional package qiskit-ibm-runtime (Apache-2.0)."""

from __future__ import annotations

import warnings
from difflib import get_close_matches
from typing import Any

from kammerton_sim.chip import ChipError
from kammerton_sim.devices.checks import QUBIT, Checker, finished
from kammerton_sim.devices.words import Device

_PROPERTIES = {
    "T1 [s]": "T1",
    "T2 [s]": "T2",
    "f01 [Hz]": "frequency",
    "anharmonicity [Hz]": "anharmonicity",
    "readout_error": "readout_error",
}


def ibm_device(name: str, mend: bool = False) -> Device:
    """Return the snapshot of an IBM device by name, such as "brisbane"; see `read_device`.

    Raises
    ------
    ChipError
        The package is not installed, has no such device, or holds values no qubit can have.
    """
    backend = _backend(_plain(name))
    checker = Checker(mend)
    properties = backend.properties()
    rows = [(f"qubit {n}", _cells(properties, n)) for n in range(backend.num_qubits)]
    qubits = checker.device(name, rows)
    edges = backend.coupling_map.get_edges() if backend.coupling_map else []
    pairs = [(f"coupling {a}-{b}", str(a), str(b)) for a, b in edges]
    couplings = checker.couplings(pairs, qubits)
    if checker.problems:
        raise ChipError(tuple(checker.problems), name)
    return finished(name, qubits, couplings, checker)


def _plain(name: str) -> str:
    """A device's name as its maker calls it: FakeLagosV2 and fake_lagos are lagos."""
    small = name.lower().removeprefix("fake").removeprefix("_")
    return small.removesuffix("v2") if "_" not in name else small


def _cells(properties: Any, number: int) -> dict[str, str]:
    """Cells as a table would have them."""
    known = properties.qubit_property(number)
    cells = {key: repr(float(known[word][0])) for key, word in _PROPERTIES.items() if word in known}
    return {QUBIT: str(number), **cells}


def _backend(name: str) -> Any:
    try:
        from qiskit_ibm_runtime.fake_provider import FakeProviderForBackendV2
    except ImportError:
        said = "qiskit-ibm-runtime is not installed: pip install 'kammerton[ibm]'"
        said += ", or in a checkout pip install -e '.[ibm]'"
        raise ChipError((said,), "--from-ibm") from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some snapshots warn that they are not typical
        backends = {b.name.removeprefix("fake_"): b for b in FakeProviderForBackendV2().backends()}
    if name not in backends:
        near = get_close_matches(name, backends, 3)
        hint = f" (did you mean {', '.join(near)}?)" if near else ""
        raise ChipError((f"there is no device {name!r}{hint}",), "--from-ibm")
    return backends[name]
