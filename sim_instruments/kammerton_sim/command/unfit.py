"""What of a chip no lab.toml can say, or no box of it reach: told before anything is written."""

from __future__ import annotations

from collections.abc import Iterator

from kammerton_sim.chip import Chip
from kammerton_sim.devices.names import is_name
from kammerton_sim.write_lab import SOURCE_REACH

_HALF_A_BAND = 0.5e9
"""Hz from its carrier that a generator at 1 GS/s plays at most."""


def unfit(chip: Chip) -> Iterator[str]:
    """Name each name that the daemon refuses, and each frequency out of reach."""
    feedlines = [f.name for f in chip.feedlines]
    names = [*(q.name for q in chip.qubits), *(r.name for r in chip.resonators), *feedlines]
    for name in dict.fromkeys([*names, *chip.wiring.generators, *chip.wiring.carriers]):
        if not is_name(name):
            yield f"{name!r} is no name for it: a-z, 0-9 and _, beginning with a letter"
        if names.count(name) > 1:
            yield f"{name!r} is the name of two things"
    least, most = SOURCE_REACH
    for source, hertz in chip.wiring.carriers.items():
        if not least <= hertz / 1e9 <= most:
            yield f"{source} at {hertz / 1e9:g} GHz, not between {least} and {most} GHz"
    for qubit in chip.qubits:
        carrier = chip.wiring.carriers[chip.wiring.drive[qubit.name].source]
        if abs(qubit.f01 - carrier) > _HALF_A_BAND:
            yield f"{qubit.name} is {abs(qubit.f01 - carrier) / 1e9:.4g} GHz from its carrier"
