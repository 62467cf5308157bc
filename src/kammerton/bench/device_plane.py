"""Power at the device: what an output puts out, less the line's attenuation."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from kammerton.lab import IqLine, Lab
from kammerton.model.quantity import show
from kammerton.model.roles import Playlist

OHM = 50.0


def power_at_device(peak: float, attenuation: float) -> float:
    """Return the power in dBm behind `attenuation` dB of an envelope with a peak in V.

    A wave of amplitude V into 50 ohm carries V^2/(2 x 50 ohm).
    """
    milliwatts = 1e3 * peak * peak / (2 * OHM)
    return 10 * math.log10(milliwatts) - attenuation if milliwatts else -math.inf


def at_device(quantity: str, value: float, attenuation: float) -> float:
    """Return the dBm behind `attenuation` dB of a power in dBm, or of a level or pulse in V.

    A level V into 50 ohm carries V^2/50 ohm, twice what a wave of that amplitude does.
    """
    if quantity == "power":
        return value - attenuation
    return power_at_device(math.sqrt(2.0) * value, attenuation)


def volts_for(power: float) -> float:
    """Return the level or pulse in V that is a power in dBm into 50 ohm; see `at_device`."""
    return math.sqrt(1e-3 * 10 ** (power / 10) * OHM)


def device_offences(lab: Lab, generator: str, playlist: Playlist) -> Iterator[str]:
    """Yield a line for each line of this generator that would put too much on the device."""
    for name, line in lines(lab):
        if line.max_at_device is None or generator not in (line.i.instrument, line.q.instrument):
            continue
        if line.i.instrument != line.q.instrument:
            apart = f"{line.i} and {line.q} are on two generators"
            yield f"{name}: max_at_device cannot be checked: {apart}"
            continue
        power = power_at_device(envelope(playlist, line), line.attenuation)
        if not power <= line.max_at_device:
            yield (
                f"{name}: {show(power, 'dBm')} would arrive at the device (peak of {generator}, "
                f"less {line.attenuation:g} dB), more than {show(line.max_at_device, 'dBm')}, "
                f"max_at_device of {name} in {lab.path.name}"
            )


def arriving(lab: Lab, generator: str, playlist: Playlist) -> Iterator[tuple[IqLine, float]]:
    """Yield each line of this generator that a playlist drives, and the dBm that arrive there."""
    for _, line in lines(lab):
        if generator == line.i.instrument == line.q.instrument:
            power = power_at_device(envelope(playlist, line), line.attenuation)
            if power > -math.inf:
                yield line, power


def lines(lab: Lab) -> Iterator[tuple[str, IqLine]]:
    """Yield every line by its place in lab.toml."""
    for qubit in lab.qubits.values():
        yield f"qubits.{qubit.name}.drive", qubit.drive
    for feedline in lab.feedlines.values():
        yield f"feedlines.{feedline.name}", feedline.line


def envelope(playlist: Playlist, line: IqLine) -> float:
    """Return the largest sqrt(I^2 + Q^2) in V; a channel that is not played is quiet."""
    tracks = {number: track for track, number in enumerate(playlist.channels)}
    i, q = tracks.get(line.i.number), tracks.get(line.q.number)
    pairs = {(_of(step.waves, i), _of(step.waves, q)) for step in playlist.steps}
    return math.sqrt(max((_largest(playlist, *pair) for pair in pairs), default=0.0))


def _of(waves: tuple[str, ...], track: int | None) -> str | None:
    return None if track is None else waves[track]


def _largest(playlist: Playlist, i: str | None, q: str | None) -> float:
    squares = [np.square(playlist.waves[name].volts, dtype=np.float64) for name in (i, q) if name]
    return float(np.max(sum(squares))) if squares else 0.0
