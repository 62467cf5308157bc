"""Devices drawn from published distributions.

Log-normal T1, T2/T1 and readout error, normal f01 and anharmonicity, with median and spread (half
the distance of the 16th and 84th percentile) of the 127 qubits of IBM's device brisbane: snapshot
of 2025 in qiskit-ibm-runtime (fake_provider, Apache-2.0), which holds no linewidths or shifts.
"""

from __future__ import annotations

import numpy as np

from kammerton_sim.devices.words import Device, DeviceQubit

T1 = 232e-6, 0.29
T2_OVER_T1 = 0.69, 0.64
F01 = 4.906e9, 107e6
ANHARMONICITY = -308.4e6, 1.75e6
READOUT_ERROR = 0.020, 0.62
"""Median, and spread (of the logarithm for times, ratios and errors)."""

_MOST_QUBITS = 1000


def drawn_device(qubits: int, seed: int) -> Device:
    """Return a device of so many qubits; the same seed gives the same device."""
    if not 1 <= qubits <= _MOST_QUBITS:
        raise ValueError(f"a chip has 1 to {_MOST_QUBITS} qubits, not {qubits}")
    rng = np.random.default_rng((seed, 1))
    drawn = tuple(_qubit(rng, n) for n in range(qubits))
    return Device(f"drawn-{qubits}", drawn)


def _qubit(rng: np.random.Generator, number: int) -> DeviceQubit:
    t1, ratio, error = (
        median * float(np.exp(spread * rng.standard_normal()))
        for median, spread in (T1, T2_OVER_T1, READOUT_ERROR)
    )
    f01, anharmonicity = (
        middle + spread * float(np.clip(rng.standard_normal(), -2.5, 2.5))
        for middle, spread in (F01, ANHARMONICITY)
    )
    t2 = t1 * min(ratio, 1.95)
    return DeviceQubit(f"q{number}", t1, t2, f01, anharmonicity, min(error, 0.4))
