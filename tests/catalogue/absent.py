"""Classes of broken traces that a kind of fit does not have, and why."""

from __future__ import annotations

from collections.abc import Iterator

from tests.catalogue.broken import BROKEN
from tests.catalogue.truth import Truth

CLASSES: dict[str, tuple[str, ...]] = {
    "flat noise": ("flat noise",),
    "line": ("line",),
    "random walk": ("random walk and noise", "random walk alone"),
    "step": ("step",),
    "one outlier": ("one outlier",),
    "clipped": ("clipped",),
    "saturated": ("saturated",),
    "aliased": ("aliased",),
    "window too short": ("window too short",),
    "window too long": ("window too long",),
    "wrong peak": ("wrong peak", "wrong peak, expected given"),
    "neighbour's peak": ("neighbour's peak below", "neighbour's peak above"),
    "two tones": ("two tones",),
    "warm chip": ("warm chip", "warm chip, readout known"),
    "dropped shots": ("dropped shots",),
    "stuck data": ("held from some point on", "repeated block"),
    "drift during the scan": ("drift during the scan",),
    "spur": ("spur",),
}
"""What every kind of fit has a class of, or a reason why not."""

LINES = ("qubit_spectroscopy", "resonator_spectroscopy", "dispersive_shift")
MAPS = ("avoided_crossing", "qubit_flux_map", "resonator_flux_map", "punch_out")
DECAYS = ("t1", "t2_echo", "cpmg", "randomized_benchmarking", "interleaved_randomized_benchmarking")
SWINGS = ("ramsey", "rabi_amplitude", "rabi_length")
GATES = ("drag", "drag_repetitions", "drag_sequences", "fine_amplitude", "allxy")

NO_LINE = "its law has no line that could be another's"
SECOND = "a second line through the map is its class of two tones"

ABSENT: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("aliased", (*DECAYS, *LINES, *MAPS, "drag_sequences", "allxy"), "nothing in its law repeats"),
    (
        "aliased", ("cz_chevron", "drag_repetitions", "fine_amplitude"),
        "one sweep's alias is not that of the others, or of a gate more: what swings faster than "
        "the sampling is its class of a window too long",
    ),
    (
        "window too short", ("fine_amplitude",),
        "an error too small to be seen is a result: none, within its bar",
    ),
    ("window too short", ("allxy",), "its 21 pairs are given"),
    ("window too long", ("allxy",), "its 21 pairs are given"),
    ("window too long", ("drag_sequences",), "straight lines have no length of their own"),
    ("wrong peak", (*DECAYS, *SWINGS, *GATES, "cz_chevron"), NO_LINE),
    ("neighbour's peak", (*DECAYS, *SWINGS, *GATES, "cz_chevron"), NO_LINE),
    ("wrong peak", MAPS, "an element's line is told from another's by how it moves"),
    ("neighbour's peak", MAPS, SECOND),
    (
        "warm chip", ("drag", "drag_repetitions", "drag_sequences"),
        "upside down, its minimum is a maximum: who has a warm chip has to say which is meant",
    ),
    (
        "warm chip", ("resonator_spectroscopy", "dispersive_shift", "punch_out",
                      "resonator_flux_map"),
        "shots of a qubit that is in 1 show another line: of resonators that is two tones",
    ),
    (
        "warm chip", ("cz_chevron", "avoided_crossing", "qubit_flux_map"),
        "contrast of any size and sign is drawn for every map",
    ),
)  # fmt: skip
"""Classes, kinds, and why there is no such trace of them."""


def reasons(truth: Truth) -> dict[str, str]:
    """Return why classes are absent, by name."""
    return {name: why for name, kinds, why in ABSENT if truth.kind in kinds}


def drawn(truth: Truth) -> set[str]:
    """Return the classes that there are of a truth."""
    made = {b.name for b in BROKEN if b.traces(truth, 1, 1) is not None}
    return {name for name, parts in CLASSES.items() if made & set(parts)}


def lines() -> Iterator[str]:
    """Yield a sentence for each reason, with the kinds that it holds for."""
    for name, kinds, why in ABSENT:
        yield f"- No *{name}* of {', '.join(kinds)}: {why}."
