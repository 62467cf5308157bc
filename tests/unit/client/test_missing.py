"""Why a parameter is not there, as `kammerton why` and `kammerton status` say it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from kammerton.cli import app
from kammerton.client.hindrance import hindrances
from kammerton.lab import load
from kammerton.model import Value, Verdict
from kammerton.store import Store
from tests.stored import estimate, fit, run
from tests.unit.lab.example import TEXT

SWAPPED = "swapped preparation: a 1 is purer than the 0"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "lab.toml").write_text(TEXT, encoding="utf-8")
    return tmp_path / "db.sqlite"


def measure(store: Store, calibration: str, good: bool, target: str = "q1") -> str:
    status, _, reason = SWAPPED.partition(": ")
    bad = fit(target, Verdict.REJECTED, status=status, reason=reason)
    fits = {target: fit(target) if good else bad}
    return store.commit(run((target,), fits, calibration), {}).run_id


def filled(place: Path, *steps: tuple[str, bool]) -> Path:
    with Store.open(place, "two-qubits") as store:
        store.commit(run(("q0",), {"q0": fit()}), {"q0.t1": estimate(), "q1.f01": estimate()})
        for calibration, good in steps:
            measure(store, calibration, good)
    return place


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})


def test_why_of_a_missing_parameter_names_what_failed_and_how_often(place: Path) -> None:
    filled(place, ("readout", False), ("rabi_amplitude", True), ("readout", False))
    result = call("why", "q1.t1", place)
    assert result.exit_code == 2
    assert result.stderr == (
        "q1.t1 was never measured: readout of q1 was rejected 2 times in a row, "
        f"last in r000004: {SWAPPED}\n"
    )


@pytest.mark.parametrize("name", ["q9", "xyz"])
def test_a_name_that_nothing_is_near_is_answered_with_what_there_is(place: Path, name: str) -> None:
    said = call("why", name, filled(place)).stderr
    assert said == f"there is no parameter {name}; there are q0, q1\n"


def test_a_parameter_that_there_is_not_is_answered_with_those_of_its_element(place: Path) -> None:
    said = call("why", "q0.nope", filled(place)).stderr
    assert said.startswith("there is no parameter q0.nope; q0 has anharmonicity, ")
    assert "q1" not in said


def test_i9_an_instrument_that_complains_is_named_until_it_succeeds(place: Path) -> None:
    with Store.open(place, "two-qubits") as store:
        store.commit(run(("q0",), {"q0": fit()}), {"q0.t1": estimate(), "q1.f01": estimate()})
        attempt = store.begin("t1", ["q1"])
        store.end(attempt, "aborted: awg1 has errors in its queue: -222 Data out of range")
        away = store.begin("t1", ["q1"])
        store.end(away, "aborted: awg1: no answer")
    said = call("why", "q1.t1", place).stderr
    assert "t1 of q1 was aborted: awg1 has errors in its queue: -222" in said
    with Store.open(place, "two-qubits") as store:
        measure(store, "t1", good=True)
        assert hindrances(store) == {}


def test_one_failure_is_not_called_a_row(place: Path) -> None:
    filled(place, ("readout", False), ("readout", True), ("readout", False))
    said = call("why", "q1.t1", place).stderr
    assert f"readout of q1 was rejected in r000004: {SWAPPED}" in said


def test_what_succeeded_since_hinders_nothing(place: Path) -> None:
    filled(place, ("readout", False), ("readout", True))
    with Store.read(place) as store:
        assert hindrances(store) == {}
    assert call("why", "q1.t1", place).stderr == "q1.t1 was not measured yet\n"
    assert "readout" not in call("status", place).stdout


def test_a_program_that_was_refused_hinders_too(place: Path) -> None:
    filled(place)
    with Store.open(place, "two-qubits") as store:
        store.end(store.begin("ramsey", ["q1"]), "refused: too much power")
    said = call("why", "q1.t2_star", place).stderr
    assert said == "q1.t2_star was never measured: ramsey of q1 was refused: too much power\n"


def test_a_name_of_lab_toml_is_no_misspelling_and_a_misspelt_one_finds_it(place: Path) -> None:
    lab = place.with_name("lab.toml")
    database = load(lab).database
    assert isinstance(database, Path)
    filled(database)
    assert call("why", "q1.t2_echo", lab).stderr == "q1.t2_echo was not measured yet\n"
    assert 'did you mean "q1.t2_echo"?' in call("why", "q1.t2_eco", lab).stderr


def test_what_was_found_and_not_proved_says_where_and_what_it_waits_for(place: Path) -> None:
    lab = place.with_name("lab.toml")
    database = load(lab).database
    assert isinstance(database, Path)
    line = {"frequency": Value(4.91072e9, 2.1e3, "Hz")}
    found = fit("q1", kind="qubit_spectroscopy", values=line)
    with Store.open(filled(database), "two-qubits") as store:
        store.commit(run(("q1",), {"q1": found}, "qubit_spectroscopy"), {})
        store.commit(run(("q0",), {"q0": fit()}), {})
    known = "q0.f01 was not measured yet\n"
    assert call("why", "q0.f01", lab).stderr == known
    assert call("why", "q1.t2_echo", lab).stderr == "q1.t2_echo was not measured yet\n"
    with Store.open(database, "two-qubits") as store:
        store.commit(run(("q0",), {"q0": replace(found, target="q0")}, "qubit_spectroscopy"), {})
    assert call("why", "q0.f01", lab).stderr == (
        "q0.f01 was found at 4.9107200 GHz ± 2.1 kHz in r000004; "
        "it waits for the Rabi that proves it\n"
    )
    with Store.open(database, "two-qubits") as store:
        measure(store, "rabi_amplitude", good=False, target="q0")
    assert "q0.f01 was never measured: rabi_amplitude of q0" in call("why", "q0.f01", lab).stderr


def test_status_says_what_hinders_when_no_daemon_runs(place: Path) -> None:
    filled(place, ("readout", False), ("readout", False))
    said = "readout of q1 was rejected 2 times in a row, last in r000003"
    assert said in call("status", place).stdout
    with Store.open(place, "two-qubits") as store:
        store.activity("t1 on q0")
        assert said not in call("status", place).stdout
