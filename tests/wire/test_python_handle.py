"""The handle for tests: the lines of docs/laboratory.md, and what a slip in one of them says."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kammerton_sim.chip import chip_text, random_chip
from kammerton_sim.evidence.audit import AuditError
from kammerton_sim.evidence.limits import LimitError
from kammerton_sim.faults import FaultError
from kammerton_sim.laboratory import Laboratory
from kammerton_sim.world.errors import WorldError
from kammerton_sim.world.world import World

PAGE = (Path(__file__).parents[2] / "docs" / "laboratory.md").read_text(encoding="utf-8")


def test_the_lines_of_the_page_run(tmp_path):
    snippets = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (snippet,) = [each for each in snippets if "Laboratory(" in each]
    (tmp_path / "chip.toml").write_text(chip_text(random_chip(1, 3)), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-"], input=snippet, cwd=tmp_path, capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "'tls'" in done.stdout
    assert "'drive_lo.rf': None" in done.stdout


def test_a_pattern_that_meets_nothing_is_no_green_test(laboratory):
    with pytest.raises(
        AuditError, match=r"\*\.powr: no output has it \(did you mean '\*\.power'\?\)"
    ):
        laboratory.questions.unsafe({"*.powr": (-20, 5), "drive_lo.power": (-200, 50)})


def test_no_limit_and_no_value_are_no_green_test_either(laboratory):
    with pytest.raises(AuditError, match="there is no limit, so that nothing is proved"):
        laboratory.questions.unsafe({})
    with pytest.raises(AuditError, match="there is no value, so that nothing is proved"):
        laboratory.questions.contradicted([])


def test_limits_are_read_from_a_lab_toml_which_may_limit_what_no_box_has(laboratory, tmp_path):
    lab = tmp_path / "lab.toml"
    lab.write_text('[instruments.drive_lo]\nlimits.power = { max = "5 dBm" }\n'
                   'limits.volts = { max = "1 V" }\n')  # fmt: skip
    answer = laboratory.questions.unsafe(lab)
    assert answer["found"] == []
    nowhere = [{"name": "drive_lo.volts", "why": "no output has it"}]
    assert answer["not_judged"] == nowhere, "as lab.toml calls it, and as the command says it"
    assert answer["checked"] == 1  # the source's output
    laboratory.sources["drive_lo"].receive(b"POW 6;:OUTP 1")
    assert [span["value"] for span in laboratory.questions.unsafe(str(lab))["found"]] == [6]
    with pytest.raises(LimitError, match=r"absent\.toml: no such file"):
        laboratory.questions.unsafe(tmp_path / "absent.toml")


def test_nothing_is_put_on_a_laboratory_that_is_closed(world):
    with Laboratory(random_chip(1, 3), world=world) as laboratory:
        laboratory.faults.inject("trip")
    with pytest.raises(FaultError, match="the laboratory is closed: nothing can be put on it"):
        laboratory.faults.inject("trip")
    assert [each["state"] for each in laboratory.faults.told()] == ["cleared"]
    assert laboratory.questions.unsafe({"*.power": (-200, 50)})["found"] == []  # still to be asked
    for gone in (laboratory.ready, laboratory.__enter__, lambda: laboratory.power_cycle("fridge")):
        with pytest.raises(FaultError, match="the laboratory is closed: "):
            gone()


@pytest.mark.parametrize("published", ["values.json", {"name": "q0.t1"}, 3, None])
def test_what_is_no_list_of_values_is_refused(laboratory, published):
    with pytest.raises(AuditError, match="a list of values is wanted, not "):
        laboratory.questions.contradicted(published)


def test_values_of_before_the_laboratory_are_judged_and_it_is_said(laboratory):
    value = {"name": "q0.t1", "value": 1.0, "stderr": 1.0}
    began = laboratory.ledger.began
    answer = laboratory.questions.contradicted([value | {"time": began - 5}, value])
    assert answer["checked"] == 2
    (remark,) = answer["remarks"]
    assert remark.startswith("q0.t1: of before the laboratory began; ")
    assert laboratory.questions.contradicted([value])["remarks"] == []


def test_what_is_of_another_type_is_named(laboratory):
    with pytest.raises(WorldError, match=r"a parameter is a name such as q0\.t1, not 3"):
        World.truth(laboratory.world, 3)
    for never in (math.nan, 1e308):
        with pytest.raises(WorldError, match=r"q0\.t1: at is a time in unix s, not"):
            World.truth(laboratory.world, "q0.t1", at=never)
    with pytest.raises(WorldError, match=r"q0\.t1: at is a time in unix s, not '5h'"):
        World.truth(laboratory.world, "q0.t1", at="5h")
    with pytest.raises(WorldError, match="by a number of s, not by '5h'"):
        laboratory.world.clock.advance("5h")
    for limits in (3, {3: (0, 1)}):
        with pytest.raises(AuditError, match=r"or a lab\.toml, not "):
            laboratory.questions.unsafe(limits)
    with pytest.raises(AuditError, match="sigmas must be a number, not '5'"):
        laboratory.questions.contradicted([{"name": "q0.t1", "value": 1.0, "stderr": 1.0}], "5")


def test_a_fault_takes_its_parameters_in_order_as_on_the_command_line(laboratory):
    number = laboratory.faults.inject("trip", "turbo")
    assert laboratory.faults.active()[0]["given"] == {"machine": "turbo"}
    for ask, said in (
        (lambda: laboratory.faults.inject("trip", "turbo", machine="turbo"), "machine is given"),
        (lambda: laboratory.faults.inject("trip", "turbo", 3), "trip takes .*, not 2 values"),
        (lambda: laboratory.faults.inject(3), "a fault is a name such as tls, not 3"),
        (lambda: laboratory.faults.remark(number + 1), "no fault has the number 2"),
        (lambda: laboratory.power_cycle(3), "no instrument '3'; there are"),
    ):
        with pytest.raises(FaultError, match=said):
            ask()


def test_a_box_that_is_not_there_is_not_switched(laboratory):
    with pytest.raises(FaultError, match=r"no instrument 'drive_l' \(did you mean 'drive_lo'\?\)"):
        laboratory.power_cycle("drive_l")
    laboratory.power_cycle("digitizer")
