"""What the README promises: one command, every parameter within 4 sigma of the hidden truth."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import pytest
import xarray

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

QUBIT = ("f01", "pi_amplitude", "t1", "t2_star", "t2_echo", "assignment_fidelity")
UNITS = {"f01": "Hz", "pi_amplitude": "V", "t1": "s", "assignment_fidelity": "", "linewidth": "Hz"}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "kept here"
    command = [sys.executable, "-m", "kammerton", "demo", "--once", "--json", "--qubits", "2"]
    command += ["--seed", "3", "--keep", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    return done, folder


def test_it_ends_well_and_prints_one_object(demo):
    done, _ = demo
    assert done.returncode == 0, done.stderr[-3000:]
    outcome = json.loads(done.stdout, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    assert outcome["qubits"] == ["q0", "q1"]
    assert outcome["failed"] == []
    assert outcome["note"] == "simulated device, hidden truth, seed 3"


def test_every_parameter_is_there_with_its_error_and_near_the_truth(demo):
    outcome = json.loads(demo[0].stdout)
    expected = {f"q{k}.{n}" for k in range(2) for n in QUBIT}
    expected |= {f"r{k}.{n}" for k in range(2) for n in ("frequency", "linewidth")}
    assert set(outcome["parameters"]) == expected
    for name, entry in outcome["parameters"].items():
        assert entry["stderr"] > 0
        assert abs(entry["pull"]) <= 4, (name, entry)
        assert entry["pull"] == pytest.approx((entry["value"] - entry["truth"]) / entry["stderr"])
        assert entry["unit"] == UNITS.get(name.split(".")[1], entry["unit"])


def test_times_are_told(demo):
    outcome = json.loads(demo[0].stdout)
    assert 0 < outcome["first_published_seconds"] < outcome["wall_seconds"]
    assert outcome["instrument_seconds"] > 0
    assert all(math.isfinite(outcome[k]) for k in ("wall_seconds", "instrument_seconds"))


def test_what_stays_in_the_folder(demo):
    _, folder = demo
    assert (folder / "lab.toml").exists()
    assert (folder / "kammerton.sqlite").exists()
    pictures = sorted((folder / "runs").glob("*.png"))
    files = sorted((folder / "runs").glob("*.nc"))
    assert len(pictures) == len(files) >= 7
    with xarray.open_dataset(files[0], engine="h5netcdf") as data:
        assert data.sizes["target"] == 2


def test_the_daemon_is_never_told_the_truth(demo):
    _, folder = demo
    text = (folder / "lab.toml").read_text()
    for entry in json.loads(demo[0].stdout)["parameters"].values():
        assert repr(entry["truth"]) not in text


def test_it_refuses_a_folder_that_is_not_its_own(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    command = [sys.executable, "-m", "kammerton", "demo", "--once", "--keep", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "thesis.tex" in done.stderr
    assert (tmp_path / "thesis.tex").read_text() == "years of work"
