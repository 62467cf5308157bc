"""What the daemon would write to the instruments of a lab.toml, found out without any of them.

Every calibration is compiled once for all qubits, as if the design values were true; what later
beliefs make of it lies within the same limits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from kammerton.bench.connect import Factory, installed_drivers
from kammerton.bench.device_plane import arriving
from kammerton.bench.heat import heat
from kammerton.bench.limits import UNITS, check_compiled
from kammerton.bench.own_limits import allowed
from kammerton.bench.words import COLD, NEVER_REFUSED
from kammerton.lab import Lab
from kammerton.loop.beliefs import BeliefBook
from kammerton.loop.own_code import own_code
from kammerton.model import (
    Belief,
    Calibration,
    CalibrationError,
    Effort,
    NoSuchName,
    OutputRefused,
    ProgramError,
    Target,
)
from kammerton.model.parameter import RELATIVE
from kammerton.model.quantity import show
from kammerton.model.roles import Playlist
from kammerton.model.setup import own_limits_of, setup_of
from kammerton.program import compile as compile_program
from kammerton.program.compiled import Compiled

UNKNOWN = "unknown until read"
OWN = "its own limit, what lab.toml allows"
REFRIGERATOR = "refrigerator"
"""What stands as the output where heat is listed."""

STAND_IN = 1e-3  # for readout settings that no design gives; only their programs' shape matters


@dataclass(frozen=True)
class Write:
    """One planned write. refused: why the gate would not let it pass; None when it would."""

    when: str
    output: str
    quantity: str
    old: str
    new: str
    limit: str
    refused: str | None = None


def intended(
    lab: Lab,
    calibrations: Sequence[Calibration],
    now: datetime,
    drivers: Mapping[str, Callable[[], Factory]] | None = None,
) -> list[Write]:
    """Return every write that a start and one round of all calibrations would make, in order.

    drivers: by name, as for `connect`; they are imported, and nothing is connected.
    """
    found = [*_opening(lab, installed_drivers() if drivers is None else drivers)]
    return [*found, *played(lab, calibrations, now), *_closing(lab)]


def played(lab: Lab, calibrations: Sequence[Calibration], now: datetime) -> Iterator[Write]:
    """Yield what one round of all calibrations would write, and the heat that it would leave."""
    book = BeliefBook(lab, now)
    targets = [_whole(book.target(q, now, Effort()), now) for q in lab.qubits]
    for calibration in calibrations:
        yield from _of_calibration(lab, calibration, targets)


def _whole(target: Target, now: datetime) -> Target:
    """Give a target what only measurements know: the tone on the resonance, and stand-ins."""
    names = ("readout_frequency", "readout_angle", "readout_threshold", "readout_contrast")
    values = dict.fromkeys(names, STAND_IN) | {"readout_frequency": target["r.frequency"]}
    missing = {f"r.{n}": Belief(v, 0.0, now) for n, v in values.items()}
    sigmas = dict.fromkeys(missing, 0.0)
    return replace(
        target, beliefs={**missing, **target.beliefs}, sigmas={**sigmas, **target.sigmas}
    )


def _opening(lab: Lab, drivers: Mapping[str, Callable[[], Factory]]) -> Iterator[Write]:
    yield from (_off(lab, name, "start") for name in _outputs(lab))
    for name, entry in lab.instruments.items():
        yield from _limiting(lab, name, drivers.get(entry.driver))
    for name in dict.fromkeys([*_configured(lab), *lab.instruments]):
        yield from _configuring(lab, name, drivers.get(lab.instruments[name].driver))


def _configuring(lab: Lab, name: str, driver: Callable[[], Factory] | None) -> Iterator[Write]:
    """Yield what sets an instrument up; one that nothing uses is set up by its role as any other.

    What that is only its driver says, before it is connected.
    """
    used = name in _configured(lab)
    try:
        setup = None if driver is None else setup_of(driver())
    except Exception as problem:  # noqa: BLE001 - anybody's package, perhaps not on this computer
        words = f"not known, its driver cannot be loaded: {type(problem).__name__}: {problem}"
        if used:
            yield Write("start", name, "setup", UNKNOWN, words, "")
        return
    if setup is None:
        if used:
            yield Write("start", name, "setup", UNKNOWN, "not named by its driver", "")
        return
    for setting in setup(lab.sample_rate):
        yield Write("start", name, setting.quantity, UNKNOWN, str(setting), "by its driver")


def _limiting(lab: Lab, name: str, driver: Callable[[], Factory] | None) -> Iterator[Write]:
    """Yield the limits that an instrument is told to keep to itself."""
    try:
        own = None if driver is None else own_limits_of(driver())
    except Exception as problem:  # noqa: BLE001 - anybody's package, perhaps not on this computer
        said = name in _configured(lab)  # by `_configuring`
        if lab.instruments[name].limits and not said:
            words = f"not known, its driver cannot be loaded: {type(problem).__name__}: {problem}"
            yield Write("start", name, "own limits", UNKNOWN, words, "")
        return
    for setting in () if own is None else own(allowed(lab.instruments[name])):
        yield Write("start", name, setting.quantity, UNKNOWN, str(setting), OWN)


def _configured(lab: Lab) -> Iterator[str]:
    """Yield every instrument in use that a bench configures: generators, sources, digitizers."""
    lines = [qubit.drive for qubit in lab.qubits.values()]
    lines += [feedline.line for feedline in lab.feedlines.values()]
    digitizers = (feedline.digitizer for feedline in lab.feedlines.values())
    generators = [lab.sync.master, *lab.sync.followers]
    yield from dict.fromkeys([*generators, *(line.source for line in lines), *digitizers])


def _closing(lab: Lab) -> Iterator[Write]:
    yield from (_off(lab, name, "end") for name in _outputs(lab))


def _outputs(lab: Lab) -> Iterator[str]:
    """Yield every instrument that may have an output, generators first."""
    first = dict.fromkeys([lab.sync.master, *lab.sync.followers])
    silent = {f.digitizer for f in lab.feedlines.values()}
    silent |= {lab.interlock.fridge, lab.interlock.second or ""}
    yield from first
    yield from (name for name in lab.instruments if name not in first and name not in silent)


def _off(lab: Lab, name: str, when: str) -> Write:
    declared = lab.instruments[name].safe
    new = {"hold": "held, and read back", "zero": "ramped to 0 V"}.get(declared or "", "off")
    return Write(when, name, "output", UNKNOWN, new, NEVER_REFUSED)


def _of_calibration(
    lab: Lab, calibration: Calibration, targets: Sequence[Target]
) -> Iterator[Write]:
    try:
        with own_code(calibration, "program"):
            program = calibration.program(targets)
        compiled = compile_program(program, lab)
    except (CalibrationError, ProgramError) as problem:
        yield _unplanned(calibration.name, problem)
        return
    yield from _writes(lab, calibration.name, compiled)


def _unplanned(name: str, problem: CalibrationError | ProgramError) -> Write:
    """Say why there is no program: nothing is wrong where it is of what is not measured yet."""
    missing = problem.__cause__
    if isinstance(missing, NoSuchName) and missing.name in RELATIVE:
        words = f"cannot be planned before {missing.name} is measured"
        return Write(name, "program", "", "", words, "")
    return Write(name, "program", "", "", "", "", str(problem))


def _writes(lab: Lab, when: str, compiled: Compiled) -> Iterator[Write]:
    for source, (hz, dbm) in sorted(compiled.carriers.items()):
        yield _write(lab, when, source, "frequency", hz)
        yield _write(lab, when, source, "power", dbm)
        yield Write(when, source, "output", UNKNOWN, "on", COLD)
    for channel, peak in sorted(compiled.peaks.items()):
        written = _write(lab, when, channel.instrument, "volts", peak)
        level = f"waveforms up to ±{show(float(f'{peak:.4g}'), 'V')}" if peak else "0 V"
        yield replace(written, output=str(channel), new=f"{level}, output on")
    for name, playlist in sorted(compiled.playlists.items()):
        yield from _markers(when, name, playlist)
        yield from _at_the_device(lab, when, name, playlist)
    yield from _heat(lab, when, compiled)
    for name in dict.fromkeys(channel.instrument for channel in sorted(compiled.peaks)):
        yield Write(when, name, "playing", UNKNOWN, "begun, and stopped", COLD)
    try:
        check_compiled(lab, compiled)
    except OutputRefused as refusal:
        yield Write(when, "program", "", "", "", "", str(refusal))


def _markers(when: str, generator: str, playlist: Playlist) -> Iterator[Write]:
    marked = {name for name, wave in playlist.waves.items()
              if wave.marker is not None and np.any(wave.marker)}  # fmt: skip
    for track, number in enumerate(playlist.channels):
        if any(step.waves[track] in marked for step in playlist.steps):
            output = f"{generator}.{number}"
            yield Write(when, output, "marker 1", UNKNOWN, "pulses", "high or low, as it is set up")


def _at_the_device(lab: Lab, when: str, generator: str, playlist: Playlist) -> Iterator[Write]:
    for line, power in arriving(lab, generator, playlist):
        most = line.max_at_device
        limit = "no limit" if most is None else f"at most {show(most, 'dBm')}"
        limit, what = f"{limit}, behind {line.attenuation:g} dB", f"and {line.q}, at the device"
        yield Write(when, str(line.i), what, UNKNOWN, f"up to {power:.1f} dBm", limit)


def _heat(lab: Lab, when: str, compiled: Compiled) -> Iterator[Write]:
    for stage, by_line in heat(lab, compiled.playlists, compiled.carriers).items():
        limit = f"{show(lab.heat_budget[stage], 'W')} on average"
        taken = f"{sum(by_line.values()):.3g}"
        yield Write(when, REFRIGERATOR, f"heat of {stage}", "", show(float(taken), "W"), limit)


def _write(lab: Lab, when: str, instrument: str, quantity: str, value: float) -> Write:
    unit = UNITS[quantity]
    limit = lab.instruments[instrument].limits.get(quantity)
    words = "none"
    if limit is not None:
        rate = show(limit.max_rate, f"{unit.removesuffix('m')}/s")
        words = f"{show(limit.minimum, unit)} to {show(limit.maximum, unit)}, {rate}"
    return Write(when, instrument, quantity, UNKNOWN, show(value, unit), words)
