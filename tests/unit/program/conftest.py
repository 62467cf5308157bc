from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kammerton.lab import (
    Channel,
    Feedline,
    Interlock,
    IqLine,
    Lab,
    PiPulse,
    QubitEntry,
    ReadoutPulse,
    ResonatorEntry,
    Sync,
)


def line(instrument: str, number: int, source: str, carrier: float) -> IqLine:
    return IqLine(
        Channel(instrument, number), Channel(instrument, number + 1), source, carrier, 13.0
    )


def make_lab() -> Lab:
    """Three qubits on one feedline, a fourth on another; two generators and a stray one."""
    drives = {
        "q0": line("awg1", 1, "drive_lo", 4.8e9),
        "q1": line("awg1", 3, "drive_lo", 4.8e9),
        "q2": line("awg2", 1, "drive_lo", 4.8e9),
        "q3": line("awg3", 1, "drive_lo", 4.8e9),
    }
    feeds = {q: "feed1" if q == "q3" else "feed0" for q in drives}
    readout = line("awg2", 5, "readout_lo", 7.0e9)
    return Lab(
        computer="bench",
        path=Path("lab.toml"),
        database=Path("kammerton.sqlite"),
        data=Path("runs"),
        sample_rate=1e9,
        instruments={},
        qubits={q: QubitEntry(q, f"r{q[1]}", drive, {}) for q, drive in drives.items()},
        resonators={f"r{q[1]}": ResonatorEntry(f"r{q[1]}", feed, {}) for q, feed in feeds.items()},
        feedlines={
            "feed0": Feedline("feed0", readout, "digitizer", Channel("awg2", 5), 64e-9),
            "feed1": Feedline(
                "feed1", line("awg2", 7, "readout_lo", 7.0e9), "other", Channel("awg2", 7), 0.0
            ),
        },
        sync=Sync("awg1", Channel("awg1", 1), ("awg2",)),
        pi_pulse=PiPulse(40e-9, 10e-9),
        readout=ReadoutPulse(1e-6, 300e-6),
        interlock=Interlock("fridge", 0.05, 0.1, 30.0),
    )


@pytest.fixture(scope="session")
def lab() -> Lab:
    return make_lab()


@pytest.fixture(scope="session")
def rewired(lab: Lab):
    """Return the laboratory with another line for a qubit: rewired("q1", i=Channel("awg1", 1))."""

    def change(qubit: str, **changes: object) -> Lab:
        entry = lab.qubits[qubit]
        drive = replace(entry.drive, **changes)
        return replace(lab, qubits={**lab.qubits, qubit: replace(entry, drive=drive)})

    return change
