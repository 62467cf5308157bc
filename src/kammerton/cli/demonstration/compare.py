"""What the subscriber received, against what the laboratory hides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kammerton.cli.demonstration.truth import Laboratory, true_fidelity, truth
from kammerton.lab import load
from kammerton.model import Estimate
from kammerton.store import Store

SIGMAS = 4.0


@dataclass(frozen=True)
class Compared:
    """One parameter: received value and stderr, truth; None where there is none."""

    unit: str = ""
    value: float | None = None
    stderr: float | None = None
    truth: float | None = None

    @property
    def pull(self) -> float | None:
        """Return (value - truth)/stderr."""
        if self.value is None or self.truth is None or not self.stderr:
            return None
        return (self.value - self.truth) / self.stderr

    @property
    def good(self) -> bool:
        """Say whether the value is there and within four of its standard errors."""
        return self.pull is not None and abs(self.pull) <= SIGMAS


async def compare(
    folder: Path, port: int, names: Sequence[str], received: Mapping[str, Estimate]
) -> dict[str, Compared]:
    """Return every expected parameter beside the truth at the time it was measured."""
    laboratory = Laboratory(port)
    lab = load(folder / "lab.toml")
    rows = {}
    with Store.read(lab.database) as store:
        for name in names:
            estimate = received.get(name)
            if estimate is None:
                rows[name] = Compared()
                continue
            qubit, parameter = name.split(".", 1)
            if parameter == "assignment_fidelity":
                true = await true_fidelity(laboratory, store, qubit, estimate.run)
            else:
                f01 = received[f"{qubit}.f01"].value if parameter == "pi_amplitude" else 0.0
                true = await truth(laboratory, lab, name, estimate.time, f01)
            rows[name] = Compared(estimate.unit, estimate.value, estimate.stderr, true)
    return rows
