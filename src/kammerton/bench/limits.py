"""Limits of lab.toml: what an output may be set to. Pure; what has no limit is refused."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from itertools import chain

import numpy as np

from kammerton.bench.device_plane import at_device, device_offences
from kammerton.bench.heat import heat_offences
from kammerton.bench.slew import too_fast
from kammerton.lab import InstrumentEntry, Lab, Limit
from kammerton.model.errors import OutputRefused
from kammerton.model.quantity import show
from kammerton.model.roles import Playlist
from kammerton.program.compiled import Compiled

UNITS = {"volts": "V", "frequency": "Hz", "power": "dBm"}


def limit_of(lab: Lab, instrument: str, quantity: str, where: str = "") -> Limit:
    """Return the limit of a quantity.

    Raises
    ------
    OutputRefused
        There is no such instrument, or it has no such limit: the output stays as it is.
    """
    entry = lab.instruments.get(instrument)
    if entry is None:
        raise OutputRefused(f"{instrument} is not in {lab.path.name}: its {quantity} is not set")
    limit = entry.limits.get(quantity)
    if limit is None:
        output = f"{instrument} {where}".strip()
        rule = _rule(lab, entry, quantity)
        raise OutputRefused(f"{output}: {quantity} cannot be set without {rule}")
    return limit


def check_value(lab: Lab, instrument: str, quantity: str, value: float, where: str = "") -> Limit:
    """Refuse a value (SI, or dBm) that is not finite, has no limit, or lies outside it.

    `where` says which output of the instrument is meant, e.g. "channel 3". Returns the limit.

    Raises
    ------
    OutputRefused
        Names instrument, quantity, value, limit and the line of lab.toml.
    """
    unit, output = UNITS[quantity], f"{instrument} {where}".strip()
    if instrument in lab.instruments and not math.isfinite(value):
        raise OutputRefused(f"{output}: {quantity} = {value} is not a number that can be set")
    limit = limit_of(lab, instrument, quantity, where)
    if not limit.minimum <= value <= limit.maximum:
        allowed = f"{show(limit.minimum, unit)} to {show(limit.maximum, unit)}"
        rule = _rule(lab, lab.instruments[instrument], quantity)
        raise OutputRefused(
            f"{output}: {quantity} = {show(value, unit)} is outside {allowed}, {rule}"
        )
    _check_at_device(lab, lab.instruments[instrument], quantity, value, output)
    return limit


def check_pulse(lab: Lab, instrument: str, volts: float, edge: float) -> None:
    """Refuse a pulse outside its limits, or whose edges may be steeper than they let it.

    edge: s of the fastest one; 0: nobody knows.

    Raises
    ------
    OutputRefused
        As `check_value`, or names the rate and its limit.
    """
    limit = check_value(lab, instrument, "volts", volts)
    rate = abs(volts) / edge if edge > 0 else math.inf
    if not rate <= limit.max_rate:
        how = (
            f"at up to {show(float(f'{rate:.3g}'), 'V/s')}" if edge > 0 else "nobody knows how fast"
        )
        moving = f"{instrument}: a pulse of {show(volts, 'V')} moves {how}"
        raise OutputRefused(_faster(lab, lab.instruments[instrument], moving, limit))


def _faster(lab: Lab, entry: InstrumentEntry, moving: str, limit: Limit) -> str:
    allowed = show(limit.max_rate, "V/s")
    return f"{moving}, faster than {allowed}, max_rate of {_rule(lab, entry, 'volts')}"


def _check_at_device(
    lab: Lab, entry: InstrumentEntry, quantity: str, value: float, output: str
) -> None:
    """Refuse what would put too much on the device behind an instrument with a line of its own."""
    if entry.max_at_device is None or quantity not in ("power", "volts"):
        return
    power = at_device(quantity, value, entry.attenuation)
    if not power <= entry.max_at_device:
        raise OutputRefused(
            f"{output}: {quantity} = {show(value, UNITS[quantity])} puts {show(power, 'dBm')} on "
            f"the device, more than {show(entry.max_at_device, 'dBm')}, "
            f"{_place(lab, entry, 'max_at_device')}"
        )


def check_playlist(lab: Lab, instrument: str, playlist: Playlist) -> None:
    """Refuse a playlist with a sample outside the generator's limits, at its output or the device.

    Raises
    ------
    OutputRefused
        Names the first waveform that may not be played, and why.
    """
    if not playlist.waves:
        raise OutputRefused(f"{instrument}: playlist {playlist.name} has no waveforms")
    for name, wave in playlist.waves.items():
        for extreme in (np.min(wave.volts), np.max(wave.volts)):  # NaN passes through min and max
            check_value(lab, instrument, "volts", float(extreme), f"waveform {name}")
    offences = chain(
        _of_playlist(lab, instrument, playlist), heat_offences(lab, {instrument: playlist}, ())
    )
    for offence in offences:
        raise OutputRefused(offence)


def check_compiled(lab: Lab, compiled: Compiled, on: Collection[str] = ()) -> None:
    """Refuse a compiled program that asks for anything outside a limit; names every offence.

    on: sources that are on already: what leaks of their carriers heats beside what is played.

    Raises
    ------
    OutputRefused
        One line for each output that may not be set.
    """
    offences = list(_offences(lab, compiled))
    for instrument, playlist in compiled.playlists.items():
        offences += _of_playlist(lab, instrument, playlist)
    offences += heat_offences(lab, compiled.playlists, {*compiled.carriers, *on})
    if offences:
        raise OutputRefused("\n".join(offences))


def _of_playlist(lab: Lab, instrument: str, playlist: Playlist) -> Iterator[str]:
    """Yield what a playlist asks for too fast, or of the device too much."""
    entry = lab.instruments.get(instrument)
    limit = entry.limits.get("volts") if entry else None
    if entry is not None and limit is not None and (rate := too_fast(playlist, limit)) is not None:
        moving = f"{instrument}: playlist {playlist.name} moves at {show(rate, 'V/s')}"
        yield _faster(lab, entry, moving, limit)
    yield from device_offences(lab, instrument, playlist)


def _offences(lab: Lab, compiled: Compiled) -> Iterator[str]:
    asked = [
        (channel.instrument, "volts", sign * peak, f"channel {channel.number}")
        for channel, peak in compiled.peaks.items()
        for sign in (-1.0, 1.0)
    ]
    for source, (hz, dbm) in compiled.carriers.items():
        asked += [(source, "frequency", hz, ""), (source, "power", dbm, "")]
    seen: set[tuple[str, str, str]] = set()
    for instrument, quantity, value, where in asked:
        try:
            check_value(lab, instrument, quantity, value, where)
        except OutputRefused as refusal:
            if (instrument, quantity, where) not in seen:
                seen.add((instrument, quantity, where))
                yield str(refusal)


def _rule(lab: Lab, entry: InstrumentEntry, quantity: str) -> str:
    return _place(lab, entry, f"limits.{quantity}")


def _place(lab: Lab, entry: InstrumentEntry, key: str) -> str:
    place = f"{lab.path.name}, line {entry.line}" if entry.line else lab.path.name
    return f"{key} of instruments.{entry.name} in {place}"


def is_within(limit: Limit, value: float) -> bool:
    """Say whether a value lies within a limit."""
    return limit.minimum <= value <= limit.maximum
