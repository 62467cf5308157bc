"""Limits of lab.toml: what an output may be set to. Pure; what has no limit is refused."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from kammerton.lab import InstrumentEntry, Lab
from kammerton.model.errors import OutputRefused
from kammerton.model.quantity import show
from kammerton.model.roles import Playlist
from kammerton.program.compiled import Compiled

UNITS = {"volts": "V", "frequency": "Hz", "power": "dBm"}


def check_value(lab: Lab, instrument: str, quantity: str, value: float, where: str = "") -> None:
    """Refuse a value (SI, or dBm) that is not finite, has no limit, or lies outside it.

    `where` says which output of the instrument is meant, e.g. "channel 3".

    Raises
    ------
    OutputRefused
        Names instrument, quantity, value, limit and the line of lab.toml.
    """
    entry = lab.instruments.get(instrument)
    if entry is None:
        raise OutputRefused(f"{instrument} is not in {lab.path.name}: its {quantity} is not set")
    unit, output = UNITS.get(quantity, ""), f"{instrument} {where}".strip()
    if not math.isfinite(value):
        raise OutputRefused(f"{output}: {quantity} = {value} is not a number that can be set")
    limit = entry.limits.get(quantity)
    rule = f"limits.{quantity} of instruments.{instrument} in {_place(lab, entry)}"
    if limit is None:
        raise OutputRefused(f"{output}: {quantity} cannot be set without {rule}")
    if not limit.minimum <= value <= limit.maximum:
        allowed = f"{show(limit.minimum, unit)} to {show(limit.maximum, unit)}"
        raise OutputRefused(
            f"{output}: {quantity} = {show(value, unit)} is outside {allowed}, {rule}"
        )


def check_playlist(lab: Lab, instrument: str, playlist: Playlist) -> None:
    """Refuse a playlist with a sample outside the generator's limits.

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


def check_compiled(lab: Lab, compiled: Compiled) -> None:
    """Refuse a compiled program that asks for anything outside a limit; names every offence.

    Raises
    ------
    OutputRefused
        One line for each output that may not be set.
    """
    offences = list(_offences(lab, compiled))
    if offences:
        raise OutputRefused("\n".join(offences))


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


def _place(lab: Lab, entry: InstrumentEntry) -> str:
    return f"{lab.path.name}, line {entry.line}" if entry.line else lab.path.name
