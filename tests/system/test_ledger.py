"""What the laboratory's ledger says of a daemon that runs: asked through the CLI and the handle."""

from __future__ import annotations

import json
import re
import signal
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kammerton.cli import app
from kammerton.lab import load
from kammerton.loop import load_calibrations
from kammerton.loop.intended import intended
from kammerton.model.quantity import show
from kammerton_sim.chip import random_chip
from kammerton_sim.command import run as command
from kammerton_sim.ctl.published import published
from kammerton_sim.laboratory import Laboratory
from kammerton_sim.write_lab import write_lab
from tests.system.laboratory import daemon, laboratory, undrawn, unpublished
from tests.system.test_daemon import doing, stored, wait_for

SAID = "simulated device, hidden truth, seed 11"

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]


def status(lab):
    done = CliRunner().invoke(app, ["status", str(lab), "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


# ---------------------------------------------------------------- the command line


@pytest.fixture(scope="module")
def flawed(tmp_path_factory):
    """`kammerton sim --flaws`: every flaw and drift at its typical size, and a daemon's bring-up.

    Simulated device, hidden truth, seed 11.
    """
    folder = tmp_path_factory.mktemp("flawed")
    with laboratory(folder, qubits=1, seed=11, options=["--flaws"]) as lab:
        with daemon(lab.lab, "--once") as process:
            _, errors = process.communicate(timeout=200)
        yield lab, process.returncode, errors, status(lab.lab)


@pytest.fixture
def ledger(flawed, capsys):
    def ledger(*question: str) -> tuple[int, str]:
        code = command(["ctl", "--control", str(flawed[0].control), "ledger", *question])
        out, err = capsys.readouterr()
        assert err == ""
        return code, out

    return ledger


def test_a_daemon_brings_a_flawed_chip_up(flawed):
    _, code, errors, held = flawed
    assert code == 0, errors
    assert "Traceback" not in errors
    assert {f"q0.{n}" for n in ("f01", "t1", "t2_star", "t2_echo", "pi_amplitude")} <= set(
        held["parameters"]
    )


def test_no_sample_was_outside_the_limits_of_its_lab_toml(flawed, ledger):
    code, said = ledger("--unsafe", str(flawed[0].lab))
    assert (code, said.endswith(f": {SAID}\n")) == (0, True)
    assert re.match(r"unsafe outputs: 0 of \d+ that have limits\n", said)
    code, said = ledger("--unsafe", "awg*.peak=-1e-6:1e-6")  # it did drive
    assert code == 3
    assert " samples" in said


PLANNED = {
    "on": "output", "frequency": "frequency", "power": "power", "reference": "ref_osc_source",
    "clock_source": "clock_source", "clock_rate": "sample_rate", "run": "playing",
    "resolution": "channels.resolution", "amplitude": "channels.awg_amplitude",
    "power_limit": "power_limit", "waveform": "volts", "peak": "volts",
    "high": "volts", "low": "volts",
}  # fmt: skip
"""What a setting is called in the ledger, and in the dry run."""


def test_everything_that_was_changed_stands_in_the_dry_run(flawed):
    lab = flawed[0]
    planned = intended(load(lab.lab), load_calibrations(), datetime.now(UTC))
    names = {(write.output.partition(".")[0], write.quantity) for write in planned}
    changed = {
        (each["instrument"], PLANNED[each["what"]])
        for each in lab.ask(op="ledger", since=0)
        if each["what"] != "connection"
    }
    assert {"volts", "output", "channels.awg_amplitude"} <= {what for _, what in changed}
    assert changed - names == set()


FIXED = {
    "frequency": "Hz", "power": "dBm", "power_limit": "dBm", "clock_rate": "Hz",
    "amplitude": "Vpp", "resolution": "bit", "reference": "",
}  # fmt: skip
"""What lab.toml alone decides, and no measurement, in which unit."""


def test_what_no_measurement_decides_was_set_to_what_the_dry_run_shows(flawed):
    lab = flawed[0]
    planned = intended(load(lab.lab), load_calibrations(), datetime.now(UTC))
    shown = {(write.output.partition(".")[0], write.quantity, write.new) for write in planned}
    written = {
        (each["instrument"], PLANNED[what], show(each["new"], unit) if unit else each["new"])
        for each in lab.ask(op="ledger", since=0)
        if (what := each["what"]) in FIXED
        for unit in (FIXED[what],)
    }
    assert {PLANNED[what] for what in FIXED} == {quantity for _, quantity, _ in written}
    assert written - shown == set()


def test_nothing_was_written_to_a_wrong_box(ledger):
    code, said = ledger("--wrong-box")
    assert code == 0
    assert re.match(r"writes to the wrong box: 0 of \d+ changes that were written\n", said)


def test_only_what_a_flaw_is_known_to_shift_is_contradicted_and_a_planted_value_is_found(
    flawed, ledger, tmp_path
):
    """A resonator that punches out is read nearer to its bare frequency: see docs/laboratory.md."""
    path, held = tmp_path / "status.json", flawed[3]
    path.write_text(json.dumps(held))
    _, said = ledger("--contradicted", str(path), "--json")
    told = json.loads(said)
    assert {entry["name"] for entry in told["found"]} <= {"r0.frequency"}
    assert told["checked"] >= 5
    held = json.loads(path.read_text())
    held["parameters"]["q0.t1"]["value"] *= 3
    path.write_text(json.dumps(held))
    code, said = ledger("--contradicted", str(path), "--json")
    assert code == 3
    assert "q0.t1" in {entry["name"] for entry in json.loads(said)["found"]}


# ---------------------------------------------------------------- the handle


@dataclass
class Handled:
    """A laboratory in this process after a daemon's life, and what was asked meanwhile."""

    site: Laboratory
    lab: Path
    before: list[dict[str, object]]  # what was written to a wrong box while all were right
    held: dict[str, object]


@pytest.fixture(scope="module")
def handled(tmp_path_factory):
    """A daemon that has found a value; then a box becomes another one; then it is told to end."""
    chip, lab = random_chip(1, 3), tmp_path_factory.mktemp("handled") / "lab.toml"
    with Laboratory(replace(chip, seed=3)) as site:
        text = write_lab(chip, site.ports, 3, "mqtt://127.0.0.1:1")
        lab.write_text(undrawn(unpublished(text)), encoding="utf-8")
        told = Told(lab)
        with daemon(lab) as process:
            wait_for(lambda: stored(told, lambda s: s.parameters()), 100, "a value")
            wait_for(lambda: plays(site), 100, "a generator that plays")
            before = site.questions.wrong_box()["found"]
            away = site.faults.inject("refuse", instrument="awg1")  # nobody is just writing
            site.faults.inject("wrong-identity", instrument="awg1")
            site.faults.clear(away)
            wait_for(lambda: "awg1" in doing(told), 100, "the daemon waiting for its generator")
            time.sleep(1)
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)
        yield Handled(site, lab, before, status(lab))


@dataclass
class Told:
    """Where a daemon's database is, for those who ask it."""

    lab: Path


def plays(site):
    return any(level and level.get("run") == "running" for level in site.outputs().values())


def test_a_daemon_writes_nothing_to_a_box_that_becomes_another_one(handled):
    site, switched_off = handled.site, {"on": False, "run": "stopped"}
    assert handled.before == []
    for write in site.questions.wrong_box()["found"]:
        off = write["what"] == "written" and write["new"].startswith("OUTPut")  # off already
        assert off or switched_off.get(write["what"], "not") == write["new"], write
    site.generators["awg1"].receive(b"SOUR1:VOLT 0.3")
    assert 0.3 in [write["new"] for write in site.questions.wrong_box()["found"]]


def test_the_handle_finds_a_value_that_was_planted(handled, tmp_path):
    site, path = handled.site, tmp_path / "status.json"
    path.write_text(json.dumps(handled.held))
    values, _, _ = published(path)
    (frequency,) = [entry for entry in values if entry["name"] == "r0.frequency"]
    assert site.questions.contradicted([frequency])["found"] == []
    planted = {**frequency, "value": frequency["value"] + 50 * frequency["stderr"]}
    (found,) = site.questions.contradicted([planted])["found"]
    assert found["name"] == "r0.frequency"
    assert found["pull"] > 40


def test_the_handle_finds_a_limit_that_was_broken(handled):
    site = handled.site
    told = site.questions.unsafe(handled.lab)
    assert (told["found"], told["complete"]) == ([], True)
    site.sources["drive_lo"].receive(b"SOUR:POW 24;:OUTP 1")  # somebody else's hand
    assert site.questions.unsafe(handled.lab)["found"] == [], "the box keeps to its own limit"
    site.sources["drive_lo"].receive(b"SOUR:POW:LIM 25")
    (span,) = [s for s in site.questions.unsafe(handled.lab)["found"] if s["what"] == "power"]
    assert (span["output"], span["value"]) == ("drive_lo.rf", 24)
