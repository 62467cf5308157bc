"""A device as a table tells of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DeviceQubit:
    """One row: s, s, Hz, Hz (negative), and the mean probability of a wrong readout.

    What is None the table does not tell. t2 is that of an echo. wrong_one, wrong_zero: P(0|1) and
    P(1|0), where the table has both.
    """

    name: str
    t1: float | None = None
    t2: float | None = None
    f01: float | None = None
    anharmonicity: float | None = None
    readout_error: float | None = None
    wrong_one: float | None = None
    wrong_zero: float | None = None


@dataclass(frozen=True)
class Device:
    """Qubits and which of them are coupled, by place; `mended`: what was changed to be possible.

    unused: columns of its table that nothing of a chip is made of.
    """

    name: str
    qubits: tuple[DeviceQubit, ...]
    couplings: tuple[tuple[int, int], ...] = ()
    mended: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
