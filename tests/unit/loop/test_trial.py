"""Whether a set goes on trial, and whether its qubit goes back: each reason not to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from kammerton.loop.beliefs import BeliefBook
from kammerton.loop.last_good import LastGood
from kammerton.loop.planner import Plan
from kammerton.loop.trial import HOUR, Against, Trial, why_no_trial, why_not
from kammerton.model import Estimate, Fit, Give, Need, Verdict
from kammerton.store.rows import Change
from tests.unit.loop.laboratory import two_qubits

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER, SOON = NOW + timedelta(minutes=5), NOW + timedelta(minutes=15)
F01, PI = "q0.f01", "q0.pi_amplitude"
OLD = Estimate(4.9e9, 200.0, "Hz", NOW, "r000001", SOON)
WRONG = Estimate(4.9045e9, 15e3, "Hz", LATER, "r000008", LATER)
PULSE = Estimate(0.2, 1e-3, "V", NOW, "r000002", SOON)
AGAINST = Against("ramsey", "r000011", "model does not fit")


def known(**values: Estimate) -> dict[str, Change]:
    return {f"q0.{n}": Change(f"q0.{n}", 5, each) for n, each in values.items()}


@pytest.fixture
def book(tmp_path) -> BeliefBook:
    return BeliefBook(two_qubits(tmp_path), NOW)


def test_what_would_surprise_who_has_no_doubts_is_on_trial(book):
    assert why_no_trial(book, {F01: WRONG}, known(f01=OLD), ()) is None


@pytest.mark.parametrize(
    ("new", "before", "tainted", "why"),
    [
        ({F01: WRONG, PI: PULSE}, known(f01=OLD), (), "nothing was known before"),
        ({F01: WRONG}, known(f01=OLD), (F01,), "what was before was not to be trusted"),
        ({F01: WRONG}, known(f01=replace(OLD, valid_until=LATER)), (),
         "what was before had expired"),
        (
            {F01: WRONG, PI: replace(PULSE, value=0.25, run="r000009")},
            known(f01=OLD, pi_amplitude=PULSE), (), "two runs have found it",
        ),
        ({F01: replace(WRONG, value=4.90007e9)}, known(f01=OLD), (),
         "it agrees with what was before"),
        (  # within its tolerance, however well it is known
            {F01: replace(WRONG, value=OLD.value + 1.9e3, stderr=1.0)},
            known(f01=replace(OLD, stderr=1.0, time=LATER)), (), "it agrees with what was before",
        ),
        ({F01: replace(WRONG, stderr=0.0)}, known(f01=OLD), (), "it agrees with what was before"),
    ],
)  # fmt: skip
def test_what_is_not_on_trial(book, new, before, tainted, why):
    assert why_no_trial(book, new, before, tainted) == why


@pytest.fixture
def trial() -> Trial:
    on = Trial("q0", "r000008", 5, frozenset({F01}), {F01: OLD}, {F01: 6})
    on = on.joined([PI], known(pi_amplitude=PULSE), 7)
    return on.contradicted(AGAINST).contradicted(replace(AGAINST, run="r000012"))


HEAD = {F01: Change(F01, 6, WRONG), PI: Change(PI, 7, PULSE)}
FINE = {"now": LATER, "head": HEAD, "held": (), "waits": (), "last": None}


def test_a_set_that_two_runs_contradict_goes_back(trial):
    assert why_not(trial, **FINE) is None
    assert why_not(trial, **FINE | {"last": HOUR, "held": ("q1", "r1"), "waits": ("q1",)}) is None


@pytest.mark.parametrize(
    ("changed", "facts", "why"),
    [
        ({"against": (AGAINST,)}, {}, "two runs in a row have not contradicted it"),
        ({}, {"held": ("q0",)}, "a person holds it"),
        ({"made": {"r0.readout_angle": 7}, "qubit": "q0"}, {"held": ("r0",)}, "a person holds it"),
        ({}, {"head": HEAD | {PI: Change(PI, 8, PULSE)}}, "somebody has changed it since"),
        ({"before": {F01: OLD}}, {}, "not all that was measured with it was known before"),
        ({"tainted": frozenset({PI})}, {}, "what was before was not to be trusted"),
        ({}, {"now": SOON}, "what was before has expired"),
        ({}, {"waits": ("q0",)}, "something of it waits for a pulse"),
        ({}, {"last": HOUR - timedelta(seconds=1)}, "it went back within the hour"),
        ({}, {"last": -HOUR}, "it went back within the hour"),
    ],
)
def test_what_does_not_go_back(trial, changed, facts, why):
    assert why_not(replace(trial, **changed), **FINE | facts) == why


def test_what_was_measured_with_a_set_is_kept_as_it_was_before_both(trial):
    assert trial.before == {F01: OLD, PI: PULSE}
    again = trial.joined([PI], known(pi_amplitude=replace(PULSE, value=0.25)), 9)
    assert again.before == trial.before
    assert again.made == {F01: 6, PI: 9}
    between = known(t1=replace(PULSE, unit="s"))
    assert (
        "q0.t1"
        not in trial.joined(["q0.t1"], {"q0.t1": replace(between["q0.t1"], revision=6)}, 9).before
    )


def plan(name: str, gives: list[str], needs: list[str]) -> Plan:
    made = SimpleNamespace(
        name=name, gives=[Give(n, 1.0) for n in gives], needs=[Need(n, 1.0) for n in needs]
    )
    return Plan(made, (), 1.0, 1.0)  # type: ignore[arg-type]


SPECTROSCOPY = plan("qubit_spectroscopy", ["f01"], ["r.readout_frequency", "f01"])
RAMSEY = plan("ramsey", ["f01", "t2_star"], ["f01", "pi_amplitude"])
RABI = plan("rabi_amplitude", ["pi_amplitude"], ["f01"])
T1 = plan("t1", ["t1"], ["f01", "pi_amplitude"])


def fit(status: str = "", verdict: Verdict = Verdict.REJECTED, target: str = "q0") -> Fit:
    return Fit("k", target, {}, verdict, status, "", 1.0)


@pytest.fixture
def good(book) -> LastGood:
    good = LastGood(book)
    good.take(SPECTROSCOPY, {F01: WRONG}, known(f01=OLD), 5)
    assert [t.core for t in good._trials] == [{F01}]
    return good


def bad(good: LastGood, plan: Plan, status: str, *, quick: bool = False) -> None:
    good.check(plan, "r000011", fit(status), {}, quick=quick)


def test_two_traces_that_were_played_with_it_and_do_not_fit_are_due(good):
    bad(good, RAMSEY, "model does not fit")
    assert not good.any_due()
    bad(good, T1, "no signal")
    assert good.any_due()
    (due,) = good.due()
    assert [each.calibration for each in due.against] == ["ramsey", "t1"]
    assert good.due() == [], "once"


@pytest.mark.parametrize(
    "status",
    ["stray point", "stuck data", "saturated", "overload", "drift during scan"],
)
def test_what_blames_the_record_or_the_moment_is_not_against_it(good, status):
    for _ in range(3):
        bad(good, RAMSEY, status)
    assert not good.any_due()


def test_what_was_insufficient_or_asked_for_with_few_shots_is_not_against_it(good):
    for _ in range(3):
        bad(good, RAMSEY, "no signal", quick=True)
        good.check(RAMSEY, "r1", fit("signal too weak", Verdict.INSUFFICIENT), {}, quick=False)
    assert not good.any_due()


def test_what_was_not_played_with_it_or_is_another_qubits_is_not_against_it(good):
    for _ in range(3):
        bad(good, plan("resonator_spectroscopy", ["r.frequency"], ["r.frequency"]), "no signal")
        good.check(RAMSEY, "r1", fit("no signal", target="q1"), {}, quick=False)
    assert not good.any_due()


def test_of_two_sets_on_trial_nobody_knows_which_is_wrong(good):
    contrast = Estimate(0.01, 1e-5, "V", NOW, "r000003", SOON)
    there = {"r0.readout_contrast": Change("r0.readout_contrast", 4, contrast)}
    new = {"r0.readout_contrast": replace(contrast, value=0.02, run="r000010", time=LATER)}
    good.take(plan("readout", [], ["pi_amplitude"]), new, there, 6)
    assert len(good._trials) == 2
    both = plan("t1", ["t1"], ["f01", "r.readout_contrast"])
    for _ in range(2):
        bad(good, both, "no signal")
    assert not good.any_due()


def test_what_is_found_as_it_was_before_is_against_it_and_a_third_thing_ends_the_trial(good):
    found = replace(OLD, stderr=12e3, run="r000012", time=LATER)
    good.check(SPECTROSCOPY, "r000012", fit("", Verdict.ACCEPTED), {F01: found}, quick=False)
    assert [len(t.against) for t in good._trials] == [1]
    third = replace(found, value=4.89e9)
    good.check(SPECTROSCOPY, "r000013", fit("", Verdict.ACCEPTED), {F01: third}, quick=False)
    assert good._trials == []


def test_p2_what_its_own_calibration_finds_again_is_proved(good):
    bad(good, RAMSEY, "no signal")
    good.check(RAMSEY, "r000012", fit("", Verdict.ACCEPTED), {}, quick=False)
    for _ in range(2):
        bad(good, RAMSEY, "no signal")
    assert not good.any_due()


def test_what_others_make_of_it_proves_nothing_and_is_on_trial_with_it(good):
    """A pi pulse is found 4.5 MHz beside its qubit, too."""
    good.check(RABI, "r000009", fit("", Verdict.ACCEPTED), {}, quick=False)
    pulse = replace(PULSE, value=0.25, run="r000009", time=LATER)
    good.take(RABI, {PI: pulse}, known(pi_amplitude=PULSE), 6)
    assert [t.made for t in good._trials] == [{F01: 6, PI: 7}]


def test_what_a_run_has_contradicted_is_nothing_to_go_back_to(book):
    for again in (
        lambda good: bad(good, RAMSEY, "drift during scan"),
        lambda good: good.check(RAMSEY, "r7", fit("", Verdict.ACCEPTED), {F01: WRONG}, quick=False),
        lambda good: good.forget([F01]),
    ):
        good = LastGood(book)
        again(good)
        good.take(SPECTROSCOPY, {F01: WRONG}, known(f01=OLD), 5)
        assert good._trials == []
        assert F01 not in good.tainted, "what replaced it is"


def test_what_is_somebodys_ends_the_trial_it_belongs_to(good):
    good.forget(["q1.f01"])
    assert len(good._trials) == 1
    good.forget([F01])
    assert good._trials == []
