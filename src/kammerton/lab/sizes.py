"""Quantities of lab.toml that must agree with each other."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from kammerton.lab.document import Document, Problem, shown
from kammerton.lab.heat import heat_unknown, total_loss
from kammerton.lab.lines import Path
from kammerton.lab.wiring import BIAS, channel_at, lines_in, uses
from kammerton.model.parameter import KINDS, ElementKind
from kammerton.model.quantity import show

LIMITS = {"volts": "V", "frequency": "Hz", "power": "dBm"}
ABSOLUTE = {"readout_angle", "readout_threshold"}
"""Parameters around 0, whose tolerance may exceed their value."""


def check_sizes(document: Document) -> Iterator[Problem]:
    """Yield quantities that contradict each other."""
    yield from _reversed_limits(document)
    yield from _safe_states(document)
    yield from _zero_is_outside(document)
    yield from _interlock(document)
    yield from _pi_pulse(document)
    yield from _tolerances(document)
    yield from _one_setting_a_source(document)
    yield from _within_limits(document)
    yield from _at_the_device(document)
    yield from heat_unknown(document)
    yield from _within_band(document)


def _reversed_limits(document: Document) -> Iterator[Problem]:
    for name in document.names("instruments"):
        for quantity, unit in LIMITS.items():
            path = ("instruments", name, "limits", quantity)
            low, high = document.si(unit, *path, "min"), document.si(unit, *path, "max")
            if low is not None and high is not None and low > high:
                yield Problem(path, f"min {show(low, unit)} is above max {show(high, unit)}")


def _safe_states(document: Document) -> Iterator[Problem]:
    """Only a bias may stay on when everything is made safe."""
    for name, role, _ in uses(document):
        state = document.text("instruments", name, "safe")
        if state in ("hold", "zero") and role != BIAS:
            path = ("instruments", name, "safe")
            yield Problem(path, f'must be "off": {name} is a {role}, and only a bias source stays')


def _zero_is_outside(document: Document) -> Iterator[Problem]:
    """What is ramped to 0 V to be safe, or plays pulses, passes 0 V: its limits must hold it."""
    players = {name for name, role, _ in uses(document) if role != BIAS}
    for name in document.names("instruments"):
        path = ("instruments", name, "limits", "volts")
        low, high = document.si("V", *path, "min"), document.si("V", *path, "max")
        ends_there = document.text("instruments", name, "safe") in ("zero", "off")
        if low is None or high is None or low > high or low <= 0.0 <= high:
            continue
        if ends_there or name in players:
            end = "where it ends when it is made safe" if ends_there else "where pulses begin"
            yield Problem(path, f"{show(low, 'V')} to {show(high, 'V')} excludes 0 V, {end}")


def _interlock(document: Document) -> Iterator[Problem]:
    on = document.si("K", "interlock", "drive_below")
    off = document.si("K", "interlock", "drive_off_above")
    if on is not None and off is not None and on > off:
        yield Problem(
            ("interlock", "drive_below"),
            f"{show(on, 'K')} is above drive_off_above, {show(off, 'K')}",
        )
    fridge, second = document.text("interlock", "fridge"), document.text("interlock", "second")
    if second is not None and fridge == second:
        yield Problem(("interlock", "second"), f"{second} is the first already")
    yield from _gauges(document)


def _gauges(document: Document) -> Iterator[Problem]:
    pressures = document.names("interlock", "pressures")
    for name in pressures:
        if not re.fullmatch(r"p[1-9]", name):
            words = f"{name} is no gauge: they are called p1, p2 ..."
            yield Problem(("interlock", "pressures", name), words)
    bands: list[tuple[Path, str]] = [(("interlock", "pressures", n), "Pa") for n in pressures]
    if document.value("interlock", "flow") is not None:
        bands.append((("interlock", "flow"), "mol/s"))
    for path, unit in bands:
        low, high = document.si(unit, *path, "min"), document.si(unit, *path, "max")
        if document.value(*path, "min") is None and document.value(*path, "max") is None:
            yield Problem(path, "needs min, max or both")
        if low is not None and high is not None and low > high:
            yield Problem(path, f"min {show(low, unit)} is above max {show(high, unit)}")


def _pi_pulse(document: Document) -> Iterator[Problem]:
    length = document.si("s", "pulses", "pi", "length")
    sigma = document.si("s", "pulses", "pi", "sigma")
    if length is not None and sigma is not None and sigma > length:
        yield Problem(
            ("pulses", "pi", "sigma"),
            f"{show(sigma, 's')} is longer than the pulse, {show(length, 's')}",
        )


def _tolerances(document: Document) -> Iterator[Problem]:
    """A design known no better than its own size is a misplaced prefix."""
    elements: tuple[tuple[str, ElementKind], ...] = (
        ("qubits", "qubit"), ("resonators", "resonator"),
    )  # fmt: skip
    for section, element in elements:
        for name in document.names(section):
            for kind in (k for k in KINDS.values() if k.element == element):
                path = (section, name, kind.name)
                value = document.si(kind.unit, *path, "value")
                sigma = document.si(kind.unit, *path, "tolerance")
                if value is None or sigma is None or kind.name in ABSOLUTE:
                    continue
                if sigma > abs(value):
                    yield Problem(
                        (*path, "tolerance"),
                        f"{show(sigma, kind.unit)} is more than the value itself, "
                        f"{show(value, kind.unit)}",
                    )


def _one_setting_a_source(document: Document) -> Iterator[Problem]:
    """A source has one frequency and one power, whoever uses it."""
    first: dict[tuple[str, str], tuple[float, Path]] = {}
    for line in lines_in(document):
        source = document.text(*line, "source")
        for key, unit in (("carrier", "Hz"), ("power", "dBm")):
            value, path = document.si(unit, *line, key), (*line, key)
            if source is None or value is None:
                continue
            other, where = first.setdefault((source, key), (value, path))
            if other != value:
                yield Problem(
                    path,
                    f"{source} cannot be at {show(value, unit)} here and at "
                    f"{show(other, unit)} for {shown(where)}",
                )


def _within_limits(document: Document) -> Iterator[Problem]:
    """What the file asks of an output must lie within the limits that the file sets."""
    for line in lines_in(document):
        source = document.text(*line, "source")
        if source is not None:
            yield from _beyond(document, source, "frequency", (*line, "carrier"))
            yield from _beyond(document, source, "power", (*line, "power"))
    for peak, line, _ in _peaks(document):
        found = channel_at(document, (*line, "i"))
        if found is not None:
            yield from _beyond(document, found.instrument, "volts", peak)


def too_slow(document: Document) -> Iterator[Problem]:
    """A generator must come to a pulse's peak while the pulse lasts, or every run is refused."""
    for peak, line, pulse in _peaks(document):
        found = channel_at(document, (*line, "i"))
        if found is None:
            continue
        path = ("instruments", found.instrument, "limits", "volts", "max_rate")
        volts, rate = document.si("V", *peak), document.si("V/s", *path)
        length = document.si("s", "pulses", pulse, "length")
        if volts and length and rate is not None and rate < volts / length:
            yield Problem(
                path,
                f"{show(rate, 'V/s')} is too slow for {shown(peak)}, "
                f"{show(volts, 'V')} within {show(length, 's')}: every run would be refused",
            )


def _peaks(document: Document) -> Iterator[tuple[Path, Path, str]]:
    """Yield where each pulse's peak stands, the line that it is played on, and its kind."""
    for name in document.names("qubits"):
        yield ("qubits", name, "pi_amplitude", "value"), ("qubits", name, "drive"), "pi"
    for name in document.names("resonators"):
        feedline = document.text("resonators", name, "feedline") or ""
        peak = ("resonators", name, "readout_amplitude", "value")
        yield peak, ("feedlines", feedline), "readout"


def _at_the_device(document: Document) -> Iterator[Problem]:
    """The amplitudes of the file, behind each line's attenuation, within its `max_at_device`."""
    every = [("instruments", name) for name in document.names("instruments")]
    for line in (*lines_in(document), *every):
        rated = document.names(*line)
        if "max_at_device" in rated and "attenuation" not in rated:
            yield Problem((*line, "attenuation"), "missing: max_at_device needs it")
    yield from _rated_elsewhere(document)
    for peak, line, _ in _peaks(document):
        played = channel_at(document, (*line, "i"))
        if played is None or not [*_beyond(document, played.instrument, "volts", peak)]:
            yield from _too_much(document, peak, line)  # else that it is too much is said already


def _rated_elsewhere(document: Document) -> Iterator[Problem]:
    """A generator has many lines, and each its attenuation."""
    said = set[str]()
    for name, role, _ in uses(document):
        rated = "max_at_device" in document.names("instruments", name)
        if name in said or not rated or role == BIAS:
            continue
        said.add(name)
        where = "stands with each line" if role in ("generator", "source") else "limits nothing"
        path = ("instruments", name, "max_at_device")
        yield Problem(path, f"{where}: {name} is used as a {role}")


def _too_much(document: Document, path: Path, line: Path) -> Iterator[Problem]:
    peak, most = document.si("V", *path), document.si("dBm", *line, "max_at_device")
    loss = total_loss(document, line)
    if peak and most is not None and loss is not None:
        power = 10 * math.log10(10 * peak * peak) - loss  # V^2/(2 x 50 ohm), in mW
        if power > most:
            yield Problem(
                path,
                f"puts {show(power, 'dBm')} on the device, more than max_at_device of "
                f"{shown(line)}, {show(most, 'dBm')}",
            )


def _beyond(document: Document, instrument: str, quantity: str, path: Path) -> Iterator[Problem]:
    unit, limits = LIMITS[quantity], ("instruments", instrument, "limits", quantity)
    value = document.si(unit, *path)
    low, high = document.si(unit, *limits, "min"), document.si(unit, *limits, "max")
    if value is None or low is None or high is None or low > high or low <= value <= high:
        return
    yield Problem(
        path,
        f"{show(value, unit)} is outside limits.{quantity} of {instrument}, "
        f"{show(low, unit)} to {show(high, unit)}",
    )


def _within_band(document: Document) -> Iterator[Problem]:
    """A tone is made of a carrier and an intermediate frequency below half the sample rate."""
    rate = document.si("Hz", "computer", "sample_rate")
    if rate is None:
        return
    for name in document.names("qubits"):
        yield from _too_far(
            document, rate, ("qubits", name, "f01", "value"), ("qubits", name, "drive", "carrier")
        )
    for name in document.names("resonators"):
        feedline = document.text("resonators", name, "feedline")
        if feedline is not None:
            path = ("resonators", name, "frequency", "value")
            yield from _too_far(document, rate, path, ("feedlines", feedline, "carrier"))


def _too_far(document: Document, rate: float, path: Path, carrier: Path) -> Iterator[Problem]:
    tone, centre = document.si("Hz", *path), document.si("Hz", *carrier)
    if tone is not None and centre is not None and abs(tone - centre) >= rate / 2:
        yield Problem(
            path,
            f"is {show(abs(tone - centre), 'Hz')} from the carrier, more than half the "
            f"sample rate ({show(rate, 'Hz')}) can make",
        )
