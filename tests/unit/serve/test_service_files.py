"""What examples/service promises to service managers is what the daemon does."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from kammerton.serve.rules import Rules
from kammerton.serve.words import Code

SERVICE = Path(__file__).parents[3] / "examples" / "service"


@pytest.fixture(scope="module")
def unit():
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str
    parser.read(SERVICE / "kammerton.service", encoding="utf-8")
    return parser["Service"]


def test_the_daemon_notifies_its_manager_itself(unit):
    assert (unit["Type"], unit["NotifyAccess"]) == ("notify", "main")
    assert unit["ExecStart"].split()[:2] == ["/opt/kammerton/bin/kammerton", "run"]


def test_r5_the_manager_waits_until_the_daemon_has_replaced_what_hangs(unit):
    rules = Rules()
    replaced = rules.hang + rules.ask + 2 * rules.insist + rules.pause(1)
    assert float(unit["WatchdogSec"]) > 3 * replaced


def test_r1_the_manager_waits_until_the_daemon_has_ended_in_order(unit):
    rules = Rules()
    longest = rules.stop + rules.insist
    assert longest < 10, "the daemon promises to be gone within 10 s"
    loads = (
        longest + rules.another
    )  # then it is killed, and another, that may load too, switches off
    assert float(unit["TimeoutStopSec"]) > 2 * (loads + rules.insist)
    assert unit["KillMode"] == "control-group", "mixed kills the processes when the daemon dies"


def test_what_ends_by_itself_is_begun_again_however_often(unit):
    """Outputs may be on: only the next daemon switches them off."""
    assert (unit["Restart"], int(unit["RestartSec"])) == ("on-failure", 5)
    text = (SERVICE / "kammerton.service").read_text(encoding="utf-8")
    assert "\nStartLimitIntervalSec=0\n" in text.partition("[Service]")[0]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_has_nothing_to_say_of_the_unit(unit, tmp_path):
    """But that the program is not installed there, so that another stands in for it."""
    text = (SERVICE / "kammerton.service").read_text(encoding="utf-8")
    program = unit["ExecStart"].split()[0]
    copy = tmp_path / "kammerton.service"
    copy.write_text(text.replace(f"ExecStart={program}", f"ExecStart={sys.executable}"))
    said = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (said.returncode, said.stdout + said.stderr) == (0, "")


def test_a_lab_toml_with_mistakes_is_not_started_again(unit):
    assert int(unit["RestartPreventExitStatus"]) == Code.BAD_INPUT


def test_the_windows_service_is_well_formed_and_gives_time_to_switch_off():
    service = ElementTree.parse(SERVICE / "kammerton-winsw.xml").getroot()
    assert service.findtext("arguments", "").startswith("run ")
    assert float(service.findtext("stoptimeout", "").split()[0]) >= 50
