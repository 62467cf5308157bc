"""Every class of broken traces is drawn of every kind of fit, or it is said why not."""

from __future__ import annotations

import pytest

from tests.benchmarks import fits_verdicts
from tests.benchmarks.fits_common import Effort
from tests.benchmarks.fits_pieces import together
from tests.catalogue.absent import ABSENT, CLASSES, drawn, lines, reasons
from tests.catalogue.broken import BROKEN
from tests.catalogue.registry import plain, truths

NAMES = {b.name for b in BROKEN}


@pytest.mark.parametrize("truth", plain().values(), ids=lambda t: t.name)
def test_every_class_has_traces_or_a_reason(truth) -> None:
    made, why = drawn(truth), set(reasons(truth))
    assert made | why == set(CLASSES), set(CLASSES) - made - why
    assert not made & why


def test_classes_and_kinds_are_those_that_there_are() -> None:
    assert {part for parts in CLASSES.values() for part in parts} <= NAMES
    assert len(CLASSES) == 18
    kinds = {truth.kind for truth in truths().values()}
    assert {kind for _, of, _ in ABSENT for kind in of} <= kinds
    assert {name for name, _, _ in ABSENT} <= set(CLASSES)


def test_the_table_says_why_and_once_for_all_kinds() -> None:
    why = "- No *window too short* of allxy: its 21 pairs are given."
    assert why in list(lines())
    tiny = Effort(never=1, broken=1, success=1, honest=1, worst=1, peer_traces=1, kind="t1", seed=7)
    pieces = [list(fits_verdicts.lines(tiny.of(kind))) for kind in ("t1", "drag")]
    assert together(pieces).count(why) == 1


@pytest.mark.parametrize("kind", ["qubit_flux_map", "punch_out"])
def test_a_map_drifts_from_bias_to_bias(kind: str) -> None:
    """Its spectra are swept fastest: the first one shows the start, the last one the end."""
    truth = plain(kind)[kind]
    traces = next(b for b in BROKEN if b.name == "drift during the scan").traces(truth, 1, 20)
    still = truth.clean(traces.hidden)
    off = abs(traces.clean - still).max(axis=1)  # of each bias
    assert (off[:, 0] < 0.2 * off.max(axis=1)).all()
