"""Which lines, sources and generators of a laboratory a program uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kammerton.lab import Channel, Feedline, IqLine, Lab
from kammerton.model import Program, ProgramError


def check_targets(program: Program, lab: Lab) -> None:
    """Raise ProgramError unless every target exists, is read out and has an axis of one length."""
    if not program.readouts:
        raise ProgramError("the program reads nothing out")
    for target in (*program.readouts, *program.sequences):
        if target not in lab.qubits:
            known = ", ".join(sorted(lab.qubits))
            raise ProgramError(f"{target} is no qubit of {lab.computer}, which has {known}")
        if target not in program.readouts:
            raise ProgramError(f"{target} has a sequence but no readout")
        if target not in program.axis:
            raise ProgramError(f"{target} has no axis")
    for target, axis in program.axis.items():
        if axis.ndim != 1 or axis.size != program.points or axis.size < 1:
            raise ProgramError(
                f"{target}: its axis has shape {axis.shape}, but the sweep has"
                f" {program.points} points"
            )


def drive_lines(program: Program, lab: Lab) -> dict[str, IqLine]:
    """Return the drive line of every target that has something to play."""
    return {
        target: lab.qubits[target].drive
        for target, sequence in program.sequences.items()
        if sequence
    }


def feedline_of(program: Program, lab: Lab) -> Feedline:
    """Return the one feedline on which all targets are read."""
    names = {t: lab.resonators[lab.qubits[t].resonator].feedline for t in program.readouts}
    first, name = next(iter(names.items()))
    for target, other in names.items():
        if other != name:
            raise ProgramError(
                f"{first} is read on {name} and {target} on {other}: one program reads one feedline"
            )
    return lab.feedlines[name]


def check_lines(lines: Mapping[str, IqLine]) -> None:
    """Raise ProgramError when two lines share a channel; a line goes by who plays on it."""
    owners: dict[Channel, str] = {}
    for owner, line in lines.items():
        for channel in (line.i, line.q):
            if channel in owners:
                raise ProgramError(f"{owners[channel]} and {owner} both play on {channel}")
            owners[channel] = owner


def carriers_of(lines: Iterable[IqLine]) -> dict[str, tuple[float, float]]:
    """Return source -> (Hz, dBm) for all lines.

    Raises
    ------
    ProgramError
        Two lines want different settings of one source.
    """
    carriers: dict[str, tuple[float, float]] = {}
    for line in lines:
        wanted = (line.carrier, line.power)
        if carriers.setdefault(line.source, wanted) != wanted:
            hertz, dbm = carriers[line.source]
            raise ProgramError(
                f"{line.source} cannot give {line.carrier / 1e9:.9g} GHz at {line.power:g} dBm for"
                f" {line.i}/{line.q} and {hertz / 1e9:.9g} GHz at {dbm:g} dBm for another line"
            )
    return carriers


def check_start(lab: Lab, generators: Iterable[str], trigger: Channel) -> None:
    """Raise ProgramError unless all generators start together and only a readout triggers."""
    for generator in generators:
        if generator != lab.sync.master and generator not in lab.sync.followers:
            raise ProgramError(
                f"{generator} is neither the master {lab.sync.master} nor one of its followers"
            )
    if trigger == lab.sync.go:
        raise ProgramError(
            f"marker 1 of {trigger} starts the generators and cannot trigger the digitizer as well"
        )
