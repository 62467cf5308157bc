"""`status` and `why` say what is doubted, and why."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kammerton.cli import app
from kammerton.store import Doubt, Store
from tests.stored import estimate, run
from tests.unit.lab.example import FILE

WHY = "drive_lo was given back by anna (new cable)"


def said(*words: str) -> str:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, done.stderr
    return " ".join(done.stdout.split())


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    shutil.copy(FILE, tmp_path / "lab.toml")
    with Store.open(tmp_path / "kammerton.sqlite", "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate(), "q1.t1": estimate(), "q1.t2_echo": estimate()})
        store.doubt({"q0.t1": Doubt("r000001", 4e-6, "ramsey found things otherwise, run r000001")})
        store.doubt({name: Doubt("r000001", 1e-5, WHY) for name in ("q1.t1", "q1.t2_echo")})
    return tmp_path / "lab.toml"


def test_what_is_doubted_is_told_with_its_reason(lab: Path) -> None:
    status, place = said("status", str(lab)), ("--lab", str(lab))
    assert "q0.t1 is doubted since " in status
    assert "UTC: ramsey found things otherwise, run r000001" in status
    assert "q1.t1, q1.t2_echo are doubted since " in status
    assert f"UTC: {WHY}" in status
    assert " doubted r000001" in status, "instead of how long it holds"
    why = said("why", "q1.t1", *place)
    assert "believed to ± 10 µs only, since " in why
    assert WHY in why
    told = json.loads(said("status", "--json", str(lab)))["parameters"]
    assert told["q1.t1"]["doubted"]["why"] == WHY
    assert json.loads(said("why", "--json", "q0.t1", *place))["doubted"]["stderr"] == 4e-6


def test_that_all_is_known_well_does_not_stand_above_what_is_doubted(lab: Path) -> None:
    """The loop looks again 2 s later; `status` reads at once what was doubted meanwhile."""
    with Store.open(lab.parent / "kammerton.sqlite", "two-qubits") as store:
        store.activity("idle: q0.t1 is stale; everything else is known well enough")
        status = " ".join(said("status", str(lab)).split())
        assert "well enough; since then q1.t1, q1.t2_echo are stale or doubted" in status
        store.commit(run(), {name: estimate() for name in store.parameters()})
        assert "since then" not in said("status", str(lab))


def test_what_was_measured_since_is_not_doubted(lab: Path) -> None:
    with Store.open(lab.parent / "kammerton.sqlite", "two-qubits") as store:
        store.commit(run(), {name: estimate() for name in store.parameters()})
    place = ("--lab", str(lab))
    assert "doubted" not in said("status", str(lab)) + said("why", "q1.t1", *place)
    assert json.loads(said("why", "--json", "q0.t1", *place))["doubted"] is None


def test_a_doubt_within_the_tolerance_is_told_as_that(lab: Path) -> None:
    """Nothing is measured again for it: the loop says that all is known well enough."""
    place = ("--lab", str(lab))
    with Store.open(lab.parent / "kammerton.sqlite", "two-qubits") as store:
        value = replace(estimate(0.1), unit="V")
        store.commit(run(), {"r0.readout_amplitude": value})
        store.doubt({"r0.readout_amplitude": Doubt("r000002", 0.00288889, WHY)})
    status = said("status", str(lab))
    assert "r0.readout_amplitude is doubted, but within tolerance, since " in status
    assert "q1.t1, q1.t2_echo are doubted since " in status
    assert " doubted, within tolerance r000002" in status
    assert " doubted r000001" in status
    why = said("why", "r0.readout_amplitude", *place)
    assert "believed to ± 2.9 mV only (within tolerance), since " in why
    assert "within tolerance" not in said("why", "q1.t1", *place)
    told = json.loads(said("status", "--json", str(lab)))["parameters"]
    assert told["r0.readout_amplitude"]["doubted"]["within_tolerance"] is True
    assert told["q1.t1"]["doubted"]["within_tolerance"] is False


def test_status_as_json_tells_its_time_and_that_of_each_value(lab: Path) -> None:
    """An age alone is no time: it says nothing to who reads the file tomorrow."""
    told = json.loads(said("status", "--json", str(lab)))
    now = datetime.fromisoformat(told["time"])
    for each in told["parameters"].values():
        age = now - datetime.fromisoformat(each["time"])
        assert age.total_seconds() == pytest.approx(each["age_seconds"])


def test_a_first_look_is_coarse_and_not_expired_and_a_forecast_is_assumed(lab: Path) -> None:
    now = datetime.now(UTC)
    line = estimate(5e9, 15e3, "Hz", time=now, valid_until=now)
    lasting = estimate(time=now, valid_until=now + timedelta(days=1157))
    aged = estimate(time=now - timedelta(hours=2), valid_until=now - timedelta(hours=1))
    with Store.open(lab.parent / "kammerton.sqlite", "two-qubits") as store:
        assert "assumed drift" not in said("status", str(lab)), "there is no forecast"
        store.commit(run(), {"q0.f01": line, "q1.t1": lasting, "q1.t2_echo": aged})
    status, place = said("status", str(lab)), ("--lab", str(lab))
    assert "q0.f01 is coarse until a Ramsey: not within its tolerance" in status
    assert re.search(r"q0\.f01 5\S* GHz \d+ s coarse r000002", status)
    assert re.search(r"q1\.t2_echo .* 2 h stale r000002", status)
    assert "how long a value holds is by an assumed drift, not learned from its history" in status
    assert "valid coarse: not within its tolerance" in said("why", "q0.f01", *place)
    assert re.search(r"valid for \d+ d( \d+ h)?, by an assumed drift", said("why", "q1.t1", *place))
    assert "valid expired 1 h ago" in said("why", "q1.t2_echo", *place)
