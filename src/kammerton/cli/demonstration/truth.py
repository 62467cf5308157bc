"""The laboratory's hidden truth, asked for only by the comparison at the very end."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.lab import Lab
from kammerton.model import KammertonError, Pulse
from kammerton.program import pulse_samples
from kammerton.store import ReadStore, StoredRun
from kammerton.store.traces import open_traces


class Laboratory:
    """The control socket of the simulated laboratory (JSON lines)."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def ask(self, **question: Any) -> Any:
        """Ask one question; raises KammertonError with the laboratory's words."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 26)
        try:
            writer.write(json.dumps(question).encode() + b"\n")
            answer = json.loads(await reader.readline())
        finally:
            writer.close()
        if isinstance(answer, dict) and "error" in answer:
            raise KammertonError(f"the laboratory says: {answer['error']}")
        return answer


async def truth(laboratory: Laboratory, lab: Lab, name: str, at: datetime, f01: float) -> float:
    """Return the true value of a parameter at a laboratory time."""
    question: dict[str, Any] = {"op": "truth", "parameter": name, "at": at.timestamp()}
    element, parameter = name.split(".", 1)
    if parameter == "pi_amplitude":
        question |= _pulse(lab, element, f01)
    answer = await laboratory.ask(**question)
    return float(answer["value"])


def _pulse(lab: Lab, qubit: str, f01: float) -> dict[str, Any]:
    """Return the very pulse shape used, for one volt of peak amplitude, driven at f01."""
    entry = lab.qubits[qubit]
    pulse = Pulse(
        "drag", 1.0, lab.pi_pulse.length, f01, sigma=lab.pi_pulse.sigma,
        anharmonicity=entry.design["anharmonicity"].value,
    )  # fmt: skip
    samples = pulse_samples(pulse, entry.drive.carrier, lab.sample_rate)
    return {
        "re": samples.real.tolist(),
        "im": samples.imag.tolist(),
        "sample_rate": lab.sample_rate,
        "carrier": entry.drive.carrier,
    }


async def true_fidelity(laboratory: Laboratory, store: ReadStore, qubit: str, run_id: str) -> float:
    """Return 1 - (P(1|0) + P(0|1))/2 of the run's discriminator on the run's own shots.

    The laboratory recorded in which state each qubit was when each readout began; the daemon's
    file has the shots and the discriminator they gave. Neither saw the other.
    """
    run = store.run(run_id)
    values = run.fits[qubit].values
    shots = _shots(run, qubit)
    states = await _states(laboratory, shots.size, run.started, qubit)
    along = (shots * np.exp(-1j * values["readout_angle"].value)).real
    assigned = along > values["readout_threshold"].value
    wrong_0 = float(np.mean(assigned[states == 0]))
    wrong_1 = float(np.mean(~assigned[states == 1]))
    return 1 - (wrong_0 + wrong_1) / 2


def _shots(run: StoredRun, qubit: str) -> NDArray[np.complex128]:
    """Return a run's shots in the order in which the digitizer saw them: 0, 1, 0, 1, ..."""
    if run.data is None:
        raise KammertonError(f"{run.id} has no data file")
    with open_traces(run.data) as data:
        parts = data["shots"].sel(target=qubit).transpose("shot", "point", "part").to_numpy()
    return (parts[..., 0] + 1j * parts[..., 1]).reshape(-1)


async def _states(
    laboratory: Laboratory, records: int, started: datetime, qubit: str
) -> NDArray[np.uint8]:
    acquisitions = await laboratory.ask(op="acquisitions")
    fitting = [a for a in acquisitions if a["records"] == records]
    if not fitting:
        raise KammertonError(f"the laboratory has no acquisition of {records} records")
    nearest = min(fitting, key=lambda a: abs(a["time"] - started.timestamp()))
    states = await laboratory.ask(op="states", index=nearest["index"])
    return np.array(states[qubit], dtype=np.uint8)
