"""What of a chip its table tells, and what is drawn from the seed instead: said as it is built."""

from __future__ import annotations

import math
from collections.abc import Iterator

from kammerton_sim.chip import Chip
from kammerton_sim.devices.readout import LENGTH, misread
from kammerton_sim.devices.words import Device

_TOLD = {"t1": "T1", "t2": "T2", "f01": "f01", "anharmonicity": "anharmonicity",
         "readout_error": "readout error"}  # fmt: skip
_FILLED = {
    "t1": "about the median of the others",
    "t2": "about the median of the others",
    "f01": "about the median of the others",
    "anharmonicity": "the median of the others",
    "readout_error": "whatever 1 us at a drawn notch gives",
}
_OF_NONE = {
    "t1": "about the median of published devices",
    "t2": "about the median of published devices",
    "f01": "about the median of published devices",
    "anharmonicity": "the median of published devices",
    "readout_error": _FILLED["readout_error"],
}
_ALWAYS = "resonators, chi, linewidths, slow noise, strength of the drive"
_AS_TOLD = 0.05
"""Part of a readout error by which a chip's may differ without a word."""

_ONE_SIDED = 0.02
"""How much more often one state may be misread than the other without a word."""

_MOST_NAMES = 6


def origin(device: Device, seed: int, coupled: bool) -> Iterator[str]:
    """Say of each column whether it is the table's, and where that leaves gaps what is drawn."""
    total = len(device.qubits)
    untold = {key: [q.name for q in device.qubits if getattr(q, key) is None] for key in _TOLD}
    told = [_share(_TOLD[key], total - len(names), total) for key, names in untold.items()]
    pairs = [f"{len(device.couplings)} coupled pairs"] if coupled else []
    yield f"from the table: {', '.join([*filter(None, told), *pairs]) or 'nothing but names'}"
    drawn = [_gap(key, names, total) for key, names in untold.items() if names]
    strengths = ["strength of the couplings"] if coupled else []
    yield f"drawn from seed {seed}: {', '.join([*drawn, _ALWAYS, *strengths])}"
    yield from _one_sided(device)
    if device.unused:
        yield f"columns that nothing is made of: {', '.join(device.unused)}"


def _one_sided(device: Device) -> Iterator[str]:
    """Name the qubits whose two readout errors differ by more than decay makes of it."""
    uneven = [
        f"{q.name} {q.wrong_one:.3g} and {q.wrong_zero:.3g}"
        for q in device.qubits
        if q.wrong_one is not None and q.wrong_zero is not None
        and abs(q.wrong_one - q.wrong_zero - LENGTH / (2 * (q.t1 or math.inf))) > _ONE_SIDED
    ]  # fmt: skip
    if uneven:
        more = f" and {len(uneven) - _MOST_NAMES} more" if len(uneven) > _MOST_NAMES else ""
        yield (
            "of P(0|1) and P(1|0) the mean is kept, for what they differ by is of the threshold"
            f" and the length of a readout: {'; '.join(uneven[:_MOST_NAMES])}{more}"
        )


def _share(what: str, count: int, total: int) -> str:
    """Return what is told, and of how many if not of all; "" of none."""
    return "" if not count else what if count == total else f"{what} of {count} of {total} qubits"


def _gap(key: str, names: list[str], total: int) -> str:
    if len(names) == total:
        return f"{_TOLD[key]} ({_OF_NONE[key]})"
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"{_TOLD[key]} of {', '.join(names[:_MOST_NAMES])}{more} ({_FILLED[key]})"


def misreading(device: Device, chip: Chip) -> str:
    """Name the qubits that cannot be read as badly, or as well, as the table says; or ""."""
    gain, noise = abs(chip.wiring.gain), chip.wiring.noise
    off = list[str]()
    for entry, qubit, r in zip(device.qubits, chip.qubits, chip.resonators, strict=True):
        told = entry.readout_error
        has = misread(r.visibility, qubit.t1, r.chi, r.linewidth, gain, noise)
        if told is not None and abs(has - told) > _AS_TOLD * told:
            off.append(f"{entry.name} {has:.3g}, not {told:.3g}")
    more = f" and {len(off) - _MOST_NAMES} more" if len(off) > _MOST_NAMES else ""
    said = f"readout errors that 1 us of readout cannot have: {'; '.join(off[:_MOST_NAMES])}{more}"
    return said if off else ""
