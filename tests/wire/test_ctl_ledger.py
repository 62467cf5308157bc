"""`kammerton sim ctl ledger`: the questions about outputs, and the limits they are asked with."""

from __future__ import annotations

import json
import re

import pytest

from kammerton_sim.evidence.limits import LimitError, limits_of
from kammerton_sim.quantities import limits, measured, quantity
from kammerton_sim.world.errors import WorldError
from kammerton_sim.write_lab import write_lab
from tests.wire.conftest import settle
from tests.wire.test_laboratory import text_of
from tests.wire.told import SAID, signed


def test_limits_may_have_units(ctl, source):
    source.on()
    settle(source)
    assert ctl("ledger", "--unsafe", "*.power=-20dBm:inf")[0] == 3
    assert limits_of(["a=-500mV:0.5 V"]) == {"a": (-0.5, 0.5)}


def test_the_ledger_line_by_line(ctl, source):
    source.on()
    settle(source)
    lines = [json.loads(line) for line in ctl("ledger", "--json")[1].splitlines()]
    assert lines[-1]["what"] == "on"
    assert ctl("ledger")[1].splitlines()[-2].endswith("drive_lo.rf on: no -> yes")
    later = "--since", str(lines[-1]["index"] + 1)
    assert ctl("ledger", *later)[1].startswith(f"the ledger has no entry from {later[1]} on\n")
    assert ctl("ledger", *later, "--json")[1] == ""


def test_unsafe_outputs_are_exit_3(ctl, source, laboratory):
    limit = ["ledger", "--unsafe", "*.power=-40:10"]
    source.power(15)
    settle(source)
    which = signed(laboratory)
    assert ctl(*limit) == (0, f"unsafe outputs: 0 of 2 that have limits\n{which}\n", "")
    source.on()
    settle(source)
    code, said, _ = ctl(*limit)
    assert code == 3
    title, span, note = said.splitlines()
    assert (title, note) == ("unsafe outputs: 1 of 2 that have limits", which)
    said = "  drive_lo.rf: power was 15 dBm, not -40 dBm to 10 dBm, from 2001-09-09"
    assert span.startswith(said)
    told = json.loads(ctl(*limit, "--json")[1])
    (span,) = told["found"]
    assert (span["output"], span["what"], span["value"]) == ("drive_lo.rf", "power", 15)
    assert (told["question"], told["checked"], told["note"]) == ("unsafe", 2, SAID)


def test_values_of_another_computer_are_judged_and_it_is_said(tmp_path, ctl, world, laboratory):
    """lab.toml may call the computer otherwise, so that nothing can be refused."""
    world.truth = lambda name, **_: 5e9
    values = tmp_path / "values.json"
    held = {"parameters": {"q0.f01": {"value": 5e9, "stderr": 1e3, "time": 1e9 + 60}}}
    mine = re.search('name = "(.+)"', write_lab(laboratory.chip, laboratory.ports, 1)).group(1)
    for computer, said in (("other", 1), (mine, 0), (3, 1)):
        values.write_text(json.dumps({"computer": computer, **held}))
        told = json.loads(ctl("ledger", "--json", "--contradicted", str(values))[1])
        assert (told["checked"], len(told["remarks"])) == (1, said)
    values.write_text(json.dumps({"computer": "other", **held}))
    assert ctl("ledger", "--contradicted", str(values))[1].splitlines()[1] == (
        f"remark: {values} is of the computer other, and lab.toml of this laboratory is of {mine},"
        " unless its name was changed"
    )
    values.write_text(json.dumps(held))  # as over MQTT
    assert ctl("ledger", "--contradicted", str(values))[1].splitlines()[1] == (
        f"remark: {values} does not say of which computer it is: it is judged as if it were of"
        f" {mine}"
    )


def test_every_question_has_an_answer_of_one_shape(tmp_path, ctl, world, laboratory):
    """One JSON object a question, of the same keys, also where several are asked at once."""

    def true(name: str, **_: object) -> float:
        raise WorldError(f"no {name}")

    world.truth = true
    values = tmp_path / "values.json"
    values.write_text(
        json.dumps([{"name": "q0.charm", "value": 1.0, "stderr": 0.1, "time": 1e9 + 60}])
    )
    asked = "--unsafe", "*.power=-200:99", "--wrong-box", "--contradicted", str(values)
    told = [json.loads(line) for line in ctl("ledger", "--json", *asked)[1].splitlines()]
    assert [each["question"] for each in told] == ["unsafe", "wrong_box", "contradicted"]
    shape = {"question", "found", "checked", "not_judged", "complete", "note"}
    assert all(shape <= set(each) for each in told)
    lines = ctl("ledger", *asked)[1].splitlines()
    assert lines == [
        "unsafe outputs: 0 of 2 that have limits",
        "writes to the wrong box: 0 of 0 changes that were written",
        "values more than 5 standard errors off the truth: 0 of 0 values",
        "not judged: q0.charm: the laboratory has no truth of it",
        signed(laboratory),
    ]


def test_a_pattern_that_meets_nothing_is_refused_with_the_nearest(ctl, laboratory):
    code, out, err = ctl("ledger", "--unsafe", "awg*.peek=-0.5:0.5", "--unsafe", "x=0:1")
    assert (code, out) == (2, "")
    assert "awg*.peek: no output has it (did you mean 'awg1.peak'?); x: no output has" in err
    assert "nothing is proved" in err
    err = ctl("ledger", "--unsafe", "fridge.*=0:1")[2]
    assert "fridge.*: no output has it (fridge has no outputs; there are awg1." in err
    assert "did you mean" not in err
    assert ctl("ledger", "--unsafe", "awg*.peak=-0.5:0.5") == (
        0,
        f"unsafe outputs: 0 of 8 that have limits\n{signed(laboratory)}\n",
        "",
    )


def test_limits_come_from_a_lab_toml(tmp_path, ctl, source):
    path = tmp_path / "lab.toml"
    path.write_text(text_of(1), encoding="utf-8")
    limits = limits_of([str(path)])
    assert limits["awg1.peak"] == (-0.5, 0.5)
    assert limits["drive_lo.frequency"] == (4e9, 6e9)
    assert limits["readout_lo.power"] == (-20, 16)
    source.on()  # at 1 GHz and -30 dBm, as it is switched on
    settle(source)
    code, said, _ = ctl("ledger", "--json", "--unsafe", str(path))
    assert code == 3
    assert {span["what"] for span in json.loads(said)["found"]} == {"frequency", "power"}


def test_a_limit_of_a_lab_toml_that_meets_nothing_is_said(tmp_path, ctl):
    """A slip in a name; and what the box of that name has no such output for."""
    path = tmp_path / "lab.toml"
    path.write_text('[instruments.awgg1]\nlimits.volts = { max = "1 V" }\n'
                    '[instruments.awg1]\nlimits.volts = { max = "9 V" }\n'
                    'limits.power = { max = "1 dBm" }\n')  # fmt: skip
    code, said, err = ctl("ledger", "--unsafe", str(path))
    assert (code, err) == (0, "")
    heading, nowhere, _ = said.splitlines()
    assert heading == "unsafe outputs: 0 of 8 that have limits"
    assert nowhere == "not judged: awgg1.volts, awg1.power: no output has it"


@pytest.mark.parametrize(
    ("span", "said"),
    [
        ('{ min = "1 parsec" }', "'1 parsec' has an unknown unit"),
        ("{ max = 3 }", "3 is no quantity"),
        ('{ max = "much" }', "'much' is no quantity"),
        ('{ max = "1.2.3 V" }', "'1.2.3 V' is no quantity"),
        ("3", r"instruments.a.limits.volts is no table"),
    ],
)
def test_limits_that_cannot_be_read_are_named(tmp_path, span, said):
    path = tmp_path / "lab.toml"
    path.write_text(f"[instruments.a]\nlimits.volts = {span}\n")
    with pytest.raises(LimitError, match=said):
        limits_of([str(path)])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("instruments = 3", "instruments is no table"),
        ("[instruments]\na = 3", "instruments.a is no table"),
        ("[instruments.a]\nlimits = [1]", "instruments.a.limits is no table"),
    ],
)
def test_a_lab_toml_of_another_shape_is_named(tmp_path, ctl, text, said):
    path = tmp_path / "lab.toml"
    path.write_text(text + "\n")
    assert ctl("ledger", "--unsafe", str(path)) == (2, "", f"{path}: {said}\n")


def test_all_bad_limits_are_named_at_once(tmp_path):
    empty = tmp_path / "empty.toml"
    empty.write_text("")
    with pytest.raises(LimitError) as caught:
        limits_of(["a=b", str(empty), str(tmp_path / "absent.toml")])
    assert len(str(caught.value).splitlines()) == 3


def test_writes_to_the_wrong_box_are_exit_3(ctl, laboratory, source):
    said = f"writes to the wrong box: 0 of 0 changes that were written\n{signed(laboratory)}\n"
    assert ctl("ledger", "--wrong-box") == (0, said, "")
    ctl("wrong-identity", "drive_lo")
    source.power(-5)
    settle(source)
    ctl("clear")
    source.power(-6)
    settle(source)
    code, said, _ = ctl("ledger", "--wrong-box")
    assert code == 3
    assert said.startswith("writes to the wrong box: 1 of 2 changes that were written\n")
    assert "drive_lo.rf power: -30 dBm -> -5 dBm, while it said it was 'Rohde" in said
    (write,) = json.loads(ctl("ledger", "--wrong-box", "--json")[1])["found"]
    assert (write["what"], write["new"]) == ("power", -5)


def test_units_are_those_of_the_level():
    assert limits(4e9, 6e9, "Hz") == "4 GHz to 6 GHz"
    assert limits(-1e300, 0.5, "V") == "at most 500 mV"
    assert limits(-0.5, 1e300, "V") == "at least -500 mV"
    assert quantity(15, "dBm") == "15 dBm"
    assert quantity(0.0, "V") == "0 V"
    assert measured(1.56e-5, 1.16e-6, "s") == "15.6 ± 1.2 µs"
    assert measured(0.95, 0.012, "") == "0.950 ± 0.012"
