"""Which qubits and resonators a program touches: a person may hold these, too."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kammerton.lab import Lab
from kammerton.model.roles import Playlist
from kammerton.program.compiled import Compiled


def touched(lab: Lab, compiled: Compiled) -> tuple[str, ...]:
    """Return the qubits that a program drives or reads out, with the resonators of the latter."""
    driven = [
        qubit.name
        for qubit in lab.qubits.values()
        if any(compiled.peaks.get(channel) for channel in (qubit.drive.i, qubit.drive.q))
    ]
    read = [name for name in compiled.window.targets if name in lab.qubits]
    resonators = [lab.qubits[name].resonator for name in read]
    return tuple(dict.fromkeys([*driven, *read, *resonators]))


def driven(lab: Lab, generator: str, playlist: Playlist) -> Iterator[str]:
    """Yield the qubits on whose channels a playlist puts anything but 0 V."""
    loud = {name for name, wave in playlist.waves.items() if np.any(wave.volts)}
    sounding = {
        number
        for track, number in enumerate(playlist.channels)
        if any(step.waves[track] in loud for step in playlist.steps)
    }
    for qubit in lab.qubits.values():
        channels = (qubit.drive.i, qubit.drive.q)
        if any(c.instrument == generator and c.number in sounding for c in channels):
            yield qubit.name
