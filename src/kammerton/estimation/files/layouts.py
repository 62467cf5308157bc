"""How the data of each kind stand in a file: what is swept, in which units, under which names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from kammerton.estimation.files.text import nearest
from kammerton.estimation.files.titles import Heading
from kammerton.estimation.files.units import si
from kammerton.estimation.kinds import FIT_KINDS
from kammerton.estimation.resonances.resonator import GEOMETRIES
from kammerton.model import TraceError

_PART = re.compile(r"[^a-z]+")
_MANY = re.compile(r"^(n|num|nr|no|number)( of|\.)? +")


class Form(Enum):
    """The shape of a measurement."""

    SWEEP = "a sweep"
    SERIES = "several sweeps over one axis"
    MAP = "a map over two axes"
    SHOTS = "single shots"


@dataclass(frozen=True)
class Axis:
    """What is swept: its name, its SI unit (None for any), other words for it in a header.

    alone: words that say nothing beside others (the n of n1, the length of a pulse).
    """

    name: str
    unit: str | None
    words: tuple[str, ...] = ()
    alone: tuple[str, ...] = ()

    @property
    def all_words(self) -> tuple[str, ...]:
        """Return the name and the other words."""
        return (self.name, *self.words)


def named_after(title: Heading, axis: Axis) -> bool:
    """Return whether a column is named after an axis."""
    name = title.name.casefold()
    parts = [part for part in _PART.split(name) if part]
    return any(word.casefold() == name or word in parts for word in axis.all_words)


def measured_in(title: Heading, axis: Axis) -> bool:
    """Return whether a column has the unit of an axis."""
    if not axis.unit or title.unit is None:
        return False
    try:
        return si(title.unit)[0] == axis.unit
    except ValueError:
        return False


def named_wholly(title: Heading, axis: Axis) -> bool:
    """Return whether the whole name of a column is that of an axis, but for what says how many."""
    name = _MANY.sub("", title.name.strip().casefold().replace("_", " "))
    words = (*axis.all_words, *axis.alone)
    return any(_MANY.sub("", word.casefold()) == name for word in words)


@dataclass(frozen=True)
class Layout:
    """How the data of one kind stand in a file.

    axes: in the order of the fit. found: what comes out, in a few words. phase: whether a phase
    column makes the signal complex. labels: what each of the series may be called, in the order
    of the fit; empty where the label is a number. own: values that depend on the axis that may
    have any unit, and their unit with V for that of the axis and y for that of the signal.
    """

    form: Form
    axes: tuple[Axis, ...]
    found: str
    phase: bool = False
    labels: tuple[tuple[str, ...], ...] = ()
    own: Mapping[str, str] | None = None


DELAY = Axis(
    "delay", "s", ("time", "wait", "tau", "zeit", "wartezeit", "verzögerung", "verzoegerung")
)
FREQUENCY = Axis("frequency", "Hz", ("freq", "f", "detuning", "frequenz"))
BIAS = Axis("bias", None, ("flux", "current", "voltage", "dc", "coil"))
AMPLITUDE = Axis("amplitude", None, ("amp", "amps"))
LENGTH = Axis("length", "s", ("duration", "time", "width"))
POWER = Axis("power", "dBm", ("pow", "attenuation"))
COEFFICIENT = Axis("coefficient", None, ("drag", "beta", "motzoi", "alpha"))
CLIFFORDS = Axis(
    "number of Cliffords", "", ("cliffords", "clifford", "depth"),
    ("length", "lengths", "m", "n", "sequence length", "sequence lengths", "clifford length",
     "clifford lengths", "ncliffords"),
)  # fmt: skip
GATES = Axis("number of gates", "", (), ("ngates", "n"))
PAIR = Axis("number of the pair", "", ("pair", "pairs"))
STATE = Axis("state", "", ("prepared", "label", "level", "zustand"))
SERIES = Axis("series", "", ("sequence", "gate", "kind", "set"))
REPETITIONS = Axis("repetitions", "", ("repetition", "reps", "rep", "repeats"))

OF_Y = ("amplitude", "offset", "visibility")
"""Values in the unit of the signal, where the fit gives them none."""

GROUND = ("0", "g", "ground", "zero")
EXCITED = ("1", "e", "excited", "one")
SECOND = ("2", "f", "two")
REFERENCE = ("0", "reference", "ref", "standard", "rb")
WITH_GATE = ("1", "interleaved", "int", "irb", "gate")

OTHER_NAMES = {
    "t2": ("t2_echo", "ramsey"), "t2*": ("ramsey",), "t2star": ("ramsey",), "t2_star": ("ramsey",),
    "echo": ("t2_echo",), "hahn": ("t2_echo",), "rb": ("randomized_benchmarking",),
    "irb": ("interleaved_randomized_benchmarking",), "resonator": ("resonator_spectroscopy",),
    "qubit": ("qubit_spectroscopy",), "readout": ("single_shot_readout",),
    "single_shot": ("single_shot_readout",), "rabi": ("rabi_amplitude", "rabi_length"),
    "spectroscopy": ("resonator_spectroscopy", "qubit_spectroscopy"),
}  # fmt: skip
"""What kinds are called elsewhere: taken where one is meant, asked about where several may be."""

LAYOUTS: dict[str, Layout] = {
    "t1": Layout(Form.SWEEP, (DELAY,), "T1"),
    "t2_echo": Layout(Form.SWEEP, (DELAY,), "T2 of the echo"),
    "cpmg": Layout(Form.SWEEP, (DELAY,), "T2 under many echoes"),
    "ramsey": Layout(Form.SWEEP, (DELAY,), "detuning and T2*, one frequency or two"),
    "rabi_amplitude": Layout(
        Form.SWEEP, (AMPLITUDE,), "period and pi amplitude",
        own={"period": "V", "pi_amplitude": "V"},
    ),
    "rabi_length": Layout(Form.SWEEP, (LENGTH,), "Rabi frequency and length of a pi pulse"),
    "resonator_spectroscopy": Layout(
        Form.SWEEP, (FREQUENCY,), "frequency, linewidth, quality factors", phase=True
    ),
    "qubit_spectroscopy": Layout(
        Form.SWEEP, (FREQUENCY,), "f01, linewidth, two-photon line", phase=True
    ),
    "dispersive_shift": Layout(
        Form.SERIES, (STATE, FREQUENCY), "shift of the resonator between 0 and 1", phase=True,
        labels=(GROUND, EXCITED),
    ),
    "single_shot_readout": Layout(
        Form.SHOTS, (STATE,), "fidelity, thresholds, assignment of 2 or 3 states",
        labels=(GROUND, EXCITED, SECOND),
    ),
    "drag": Layout(
        Form.SWEEP, (COEFFICIENT,), "DRAG coefficient from one train of pulses",
        own={"drag_coefficient": "V", "period": "V"},
    ),
    "drag_sequences": Layout(
        Form.SERIES, (SERIES, COEFFICIENT), "DRAG coefficient where two sequences cross",
        labels=(("0",), ("1",)), own={"drag_coefficient": "V", "slope": "y/V"},
    ),
    "drag_repetitions": Layout(
        Form.SERIES, (REPETITIONS, COEFFICIENT), "DRAG coefficient from trains of several lengths",
        own={"drag_coefficient": "V", "period": "V"},
    ),
    "fine_amplitude": Layout(Form.SWEEP, (GATES,), "error of the angle of a gate, amplified"),
    "allxy": Layout(Form.SWEEP, (PAIR,), "which error the pulses have, and how large"),
    "randomized_benchmarking": Layout(Form.SWEEP, (CLIFFORDS,), "error per Clifford"),
    "interleaved_randomized_benchmarking": Layout(
        Form.SERIES, (SERIES, CLIFFORDS), "error of one gate", labels=(REFERENCE, WITH_GATE)
    ),
    "qubit_flux_map": Layout(
        Form.MAP, (FREQUENCY, BIAS), "arc of a transmon: sweet spot, period, curvature", phase=True,
        own={"sweet_spot": "V", "period": "V", "curvature": "Hz/V^2"},
    ),
    "resonator_flux_map": Layout(
        Form.MAP, (FREQUENCY, BIAS), "arc of a resonator: sweet spot and period", phase=True,
        own={"sweet_spot": "V", "period": "V"},
    ),
    "avoided_crossing": Layout(
        Form.MAP, (FREQUENCY, BIAS), "coupling of two levels", phase=True,
        own={"crossing_bias": "V", "slope_upper": "Hz/V", "slope_lower": "Hz/V"},
    ),
    "punch_out": Layout(
        Form.MAP, (FREQUENCY, POWER), "power at which a resonator leaves for its bare frequency",
        phase=True,
    ),
    "cz_chevron": Layout(
        Form.MAP, (AMPLITUDE, LENGTH), "coupling, amplitude and length of the exchange",
        own={"amplitude": "V", "slope": "Hz/V"},
    ),
}  # fmt: skip


def kind_named(text: str) -> str:
    """Return the kind that a text names in other letters or in short ("T1", "rb"), or the text."""
    plain = text.strip().casefold().replace("-", "_").replace(" ", "_")
    meant = OTHER_NAMES.get(plain, ())
    if len(meant) == 1:
        return meant[0]
    return plain if plain in LAYOUTS else text


def layout_of(kind: str) -> Layout:
    """Return how the data of `kind` stand in a file.

    Raises
    ------
    TraceError
        There is no such kind; the nearest is named.
    """
    if kind not in FIT_KINDS or kind not in LAYOUTS:
        raise TraceError(f"no kind {kind!r}{_meant(kind)}; the kinds are {', '.join(FIT_KINDS)}")
    return LAYOUTS[kind]


def _meant(kind: str) -> str:
    """Return what was perhaps meant: resonators are one kind, whatever their geometry."""
    geometry = kind.casefold().removeprefix("resonator").strip("_- ")
    if geometry in GEOMETRIES:
        return f" (did you mean 'resonator_spectroscopy' with geometry {geometry}?)"
    usual = OTHER_NAMES.get(kind.strip().casefold())
    if usual is not None:
        return f" (did you mean {' or '.join(map(repr, usual))}?)"
    return nearest(kind, FIT_KINDS)


def summary(kind: str) -> str:
    """Return in one line what is swept, what is found, what may be known, and its short names."""
    layout = LAYOUTS[kind]
    swept = " and ".join(
        axis.name + (f" ({axis.unit})" if axis.unit else "") for axis in layout.axes
    )
    known = ", ".join(dict.fromkeys(FIT_KINDS[kind].known))
    short = ", ".join(name for name, kinds in OTHER_NAMES.items() if kinds == (kind,))
    return (f"{swept}: {layout.found}" + (f"; known: {known}" if known else "")
            + (f"; short: {short}" if short else ""))  # fmt: skip
