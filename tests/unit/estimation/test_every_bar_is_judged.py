"""Every value that a fit gives with an error bar has a truth by which the bar is judged."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import FIT_KINDS
from tests.catalogue.readout import READOUTS
from tests.catalogue.registry import truths
from tests.catalogue.truth import Truth

GIVEN = "was told to the fit, and is handed back"
COUNT = "is a count, without an error"
EXCEPTIONS = {
    ("t1, readout known", "amplitude"): GIVEN, ("t1, readout known", "offset"): GIVEN,
    **{(f"ramsey{two}, readout known", name): GIVEN
       for two in ("", ", two frequencies") for name in ("amplitude", "offset")},
    ("fine_amplitude", "amplitude"): GIVEN, ("fine_amplitude", "offset"): GIVEN,
    ("qubit_flux_map", "asymmetry"): GIVEN,
    **{(name, "lines"): COUNT for name in truths("qubit_spectroscopy")},
}  # fmt: skip
ALL = truths()


def barred(truth: Truth) -> set[str]:
    """Return the values that most traces of a truth have with an error bar."""
    rng = np.random.default_rng(3)
    p = truth.draw(rng, 4 if isinstance(truth.axis, tuple) else 40)
    found = truth.fit(truth.measured(rng, p, max(truth.snrs) if truth.shots is None else None))
    return {name for name, error in found.stderr.items() if np.isfinite(error).mean() > 0.5}


def judged(truth: Truth) -> set[str]:
    """Return the values of which the table of honesty has a row."""
    found, rng = set(), np.random.default_rng(3)
    for each in filter(None, (truth, truth.aside())):
        low = each.measured(rng, truth.draw(rng, 50), max(truth.snrs)).low
        found |= {name for name, value in low.items() if np.isfinite(value).any()}
    return found


@pytest.mark.parametrize("name", ALL)
def test_every_bar_of_a_truth_is_judged(name):
    """Of a power that a punch-out gave, the bar for 68 % held 28 %, and no row said so."""
    left = barred(ALL[name]) - judged(ALL[name]) - {v for t, v in EXCEPTIONS if t == name}
    assert not left, f"no truth says what {', '.join(sorted(left))} should be"


def test_every_kind_has_a_truth():
    kinds = {truth.kind for truth in ALL.values()} | {each.kind for each in READOUTS.values()}
    assert kinds == set(FIT_KINDS)


def test_what_one_truth_gives_to_the_fit_another_asks_of_it():
    for (name, value), why in EXCEPTIONS.items():
        others = [truth for truth in ALL.values() if truth.kind == ALL[name].kind]
        assert why != GIVEN or any(value in judged(truth) for truth in others), (name, value)


def test_a_count_has_no_error():
    for name, value in (each for each, why in EXCEPTIONS.items() if why == COUNT):
        truth, rng = ALL[name], np.random.default_rng(3)
        found = truth.fit(truth.measured(rng, truth.draw(rng, 5), 100.0))
        assert (found.stderr[value] == 0.0).all()


def test_exceptions_are_still_needed():
    for truth, value in EXCEPTIONS:
        assert value in barred(ALL[truth]) - judged(ALL[truth]), (truth, value)
