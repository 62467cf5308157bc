"""Words for what is wrong with cables, mixers and amplifiers.

A drive line bears the name of its qubit, a readout line that of its feedline ("feed0" ...).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from kammerton_sim.chip.keys import ANY, FRACTION, NOT_NEGATIVE, up_to, within
from kammerton_sim.chip.section import number, text

_BITS = within(1.0, 12.0, "1 and 12")
_RATIO = within(-1.0, 1.0, "-1 and 1")


@dataclass(frozen=True)
class Mixer:
    """An I/Q mixer: (1 + gain_error) I cos(w t) - Q sin(w t + phase_error), and leakage of the LO.

    phase_error: rad. leakage: V, as if so much came from the generator at zero intermediate
    frequency; leakage_phase: rad.
    """

    gain_error: float = number("gain_error", _RATIO, 0.0)
    phase_error: float = number("phase_error_rad", ANY, 0.0)
    leakage: float = number("leakage_v", within(0.0, 1.0, "0 and 1 V"), 0.0)
    leakage_phase: float = number("leakage_phase_rad", ANY, 0.0)


@dataclass(frozen=True)
class Ripple:
    """A standing wave on a line: what arrives comes once more, `delay` s later."""

    amplitude: float = number("amplitude", FRACTION)
    delay: float = number("delay_s", up_to(10e-6, "10 us"))


@dataclass(frozen=True)
class Crosstalk:
    """What a qubit sees of the drive of another: volts at its line per volt on the other."""

    source: str = text("from")
    target: str = text("to")
    level: float = number("level_db", within(-200.0, 20.0, "-200 and 20 dB"))
    phase: float = number("phase_rad", ANY, 0.0)


@dataclass(frozen=True)
class Amplifier:
    """What amplifies a feedline on its way to the digitizer.

    noise_temperature: K, of the whole chain, at the chip. gain: dB of power from the chip to the
    digitizer. saturation: V at the digitizer that are never exceeded (0: none). sharpness: of
    the knee (Rapp's p).
    """

    noise_temperature: float = number("noise_temperature_k", NOT_NEGATIVE)
    gain: float = number("gain_db", within(-200.0, 200.0, "-200 and 200 dB"))
    saturation: float = number("saturation_v", NOT_NEGATIVE, 0.0)
    sharpness: float = number("sharpness", within(0.1, 100.0, "0.1 and 100"), 1.0)


@dataclass(frozen=True)
class Receiver:
    """The mixer before the digitizer and its two inputs.

    It makes z + offsets out of z, with the errors of `Mixer`: V, V, ratio, rad.
    """

    offset_a: float = number("offset_a_v", ANY, 0.0)
    offset_b: float = number("offset_b_v", ANY, 0.0)
    gain_error: float = number("gain_error", _RATIO, 0.0)
    phase_error: float = number("phase_error_rad", ANY, 0.0)


@dataclass(frozen=True)
class Digitizer:
    """How good the converter of a feedline is.

    effective_bits: an ideal converter of so many bits and this range adds as much noise; 12 is
    what the board's step of 12 bits alone adds.
    """

    effective_bits: float = number("effective_bits", _BITS, 12.0)


@dataclass(frozen=True)
class Settling:
    """One exponential of a flux line's step response 1 + sum of amplitude exp(-t / time)."""

    line: str = text("line")
    amplitude: float = number("amplitude", ANY)
    time: float = number("time_s", up_to(1e-3, "1 ms"))


@dataclass(frozen=True)
class FluxCrosstalk:
    """What one loop sees of the flux that belongs to another.

    fraction: quanta here per quantum that the voltages of the other thread through their own.
    """

    source: str = text("from")
    target: str = text("to")
    fraction: float = number("fraction", ANY)


def strangers(
    sections: Mapping[str, Any], qubits: Collection[str], feedlines: Collection[str]
) -> list[str]:
    """What is wrong with the names of the lines that effects belong to."""
    lines = [*qubits, *feedlines]
    known = dict.fromkeys(("amplifiers", "receivers", "digitizers"), feedlines)
    known |= {"mixers": lines, "ripples": lines}
    named = [(effect, line, known[effect]) for effect in known for line in sections.get(effect, ())]
    ends = [end for c in sections.get("drive_crosstalk", ()) for end in (c.source, c.target)]
    named += [("drive_crosstalk", end, qubits) for end in ends]
    return [
        f"wiring.{effect}: there is no line {line!r}"
        for effect, line, lines in named
        if line not in lines
    ]
