"""What a program leaves at the stages of a refrigerator: mean power, attenuator by attenuator.

A generator pair puts (I^2 + Q^2)/100 ohm into its mixer, averaged over a turn of its loop. A stage
takes of what comes down to it all that its own attenuation does not let through; what arrives at
the device is dissipated beside it, at the mixing chamber (Krinner et al., EPJ Quantum Technology 6,
2, 2019). What a mixer lets through of its carrier comes in all the time while the source is on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping

import numpy as np

from kammerton.bench.device_plane import OHM, lines
from kammerton.lab import Channel, IqLine, Lab
from kammerton.model.quantity import show
from kammerton.model.roles import Playlist
from kammerton.program.compiled import Compiled

Heat = dict[str, dict[str, float]]
"""Stage -> line -> W on average."""

DEVICE = "mxc"
ROOM = "room"


def heat(lab: Lab, playlists: Mapping[str, Playlist], sources: Collection[str]) -> Heat:
    """Return what playlists, one a generator, leave at each stage with these sources on."""
    if not lab.heat_budget:
        return {}
    found: Heat = {stage: {} for stage in lab.heat_budget}
    squares = {
        Channel(generator, number): square
        for generator, playlist in playlists.items()
        for number, square in mean_squares(playlist).items()
    }
    for name, line in lines(lab):
        watts = (squares.get(line.i, 0.0) + squares.get(line.q, 0.0)) / (2 * OHM)
        for stage, taken in _deposited(line, watts, line.source in sources):
            if taken and stage in found:
                found[stage][name] = found[stage].get(name, 0.0) + taken
    return found


def left_behind(lab: Lab, compiled: Compiled) -> dict[str, float]:
    """Return the W on average that a program leaves at each stage with a budget."""
    found = heat(lab, compiled.playlists, compiled.carriers)
    return {stage: sum(by_line.values()) for stage, by_line in found.items()}


def heat_offences(
    lab: Lab, playlists: Mapping[str, Playlist], sources: Collection[str]
) -> Iterator[str]:
    """Yield a line for each stage that would take more than its budget.

    And for each line that is driven though nobody knows where its power goes.
    """
    if not lab.heat_budget:
        return
    for name, line in lines(lab):
        if not line.stages and playlists.keys() & {line.i.instrument, line.q.instrument}:
            yield f"{name}: its attenuation by stages is not known, and heat_budget needs it"
    for stage, by_line in heat(lab, playlists, sources).items():
        total, most = sum(by_line.values()), lab.heat_budget[stage]
        if not total <= most:
            worst = max(by_line, key=lambda name: by_line[name])
            yield (
                f"{stage} would take {show(total, 'W')} on average, more than {show(most, 'W')}, "
                f"heat_budget.{stage} in {lab.path.name}: {worst} gives most, "
                f"{show(by_line[worst], 'W')}"
            )


def mean_squares(playlist: Playlist) -> dict[int, float]:
    """Return V^2 of each channel over a turn of the loop that the last step closes."""
    begin = playlist.steps[-1].goto
    turn = playlist.steps[begin - 1 if begin else 0 :]
    energy = {name: _energy(wave.volts) for name, wave in playlist.waves.items()}
    played = Counter[tuple[int, str]]()
    samples = 0
    for step in turn:
        samples += step.repeats * playlist.waves[step.waves[0]].volts.size
        for track, name in enumerate(step.waves):
            if energy[name] != 0.0:  # NaN too
                played[track, name] += step.repeats
    squares = dict.fromkeys(playlist.channels, 0.0)
    for (track, name), times in played.items():
        squares[playlist.channels[track]] += energy[name] * times / samples
    return squares


def _energy(volts: np.ndarray) -> float:
    exact = volts.astype(np.float64)
    return float(exact @ exact)


def _deposited(line: IqLine, watts: float, pumped: bool) -> Iterator[tuple[str, float]]:
    """Yield what each stage takes of `watts` at the generator, and of the leakage behind it."""
    inside = [(stage, loss) for stage, loss in line.stages if stage != ROOM]
    yield from _down(line.stages, watts)
    if pumped and line.leakage is not None:
        yield from _down(inside, 1e-3 * 10 ** (line.leakage / 10))


def _down(stages: Collection[tuple[str, float]], watts: float) -> Iterator[tuple[str, float]]:
    for stage, loss in stages:
        passed = watts * 10 ** (-loss / 10)
        yield stage, watts - passed
        watts = passed
    yield DEVICE, watts
