"""`kammerton sim ctl ledger --contradicted`: published values beside the truth."""

from __future__ import annotations

import json
import math

import pytest

from kammerton_sim.ctl.asked import asked
from kammerton_sim.world.errors import WorldError
from tests.wire.told import SAID, signed

TIMES = "unix seconds, or ISO 8601 with its zone (2026-01-31T12:00:00Z)"
VALUE = {"name": "q0.t1", "value": 1.0, "stderr": 0.1, "time": 1e9 + 60}
OF_A_SETTING = '(of a setting, "quality" must be "setting")'


def test_values_are_held_against_the_truth(tmp_path, ctl, laboratory):
    path = tmp_path / "values.json"
    time = "1970-01-01T00:00:00.000050Z"  # the counting world's T1 is the time itself
    good = {"value": 51e-6, "stderr": 1e-6, "time": time, "quality": "good"}
    path.write_text(json.dumps({"parameters": {"q0.t1": good}}))
    assert ctl("ledger", "--contradicted", str(path))[0] == 0
    setting = {"name": "q0.x", "value": 1, "stderr": 0, "quality": "setting"}
    path.write_text(json.dumps([{"name": "q0.t1", **good, "value": 60e-6}, setting]))
    code, said, _ = ctl("ledger", "--contradicted", str(path), "--sigmas", "4")
    assert code == 3
    assert "q0.t1: 60.0 ± 1.0 µs, truth 50.0 µs: +10.0 standard errors off" in said
    assert "not judged: q0.x: a setting, which claims nothing" in said
    aged = {"value": 1.0, "stderr": 0.1, "age_seconds": 5}
    path.write_text(json.dumps({"time": 900, "computer": "x", "parameters": {"q0.t1": aged}}))
    code, said, _ = ctl("ledger", "--contradicted", str(path), "--json")  # its truth is its time
    told = json.loads(said)
    (off,) = told["found"]
    assert off["truth"] == 895
    assert (told["checked"], told["not_judged"], told["note"]) == (1, [], SAID)
    assert ctl("ledger", "--contradicted", str(path))[1].splitlines()[-1] == signed(laboratory)
    path.write_text("3")
    assert ctl("ledger", "--contradicted", str(path))[0] == 2
    path.write_text("")
    assert ctl("ledger", "--contradicted", str(path))[2].startswith(f"{path}: not JSON: ")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"age_seconds": "x"}, 'age_seconds must be a number, not "x"'),
        ({"time": "yesterday"}, f'time must be {TIMES}, not "yesterday"'),
        ({"time": [1]}, f"time must be {TIMES}, not [1]"),
        ({"time": True}, f"time must be {TIMES}, not true"),
        ({"time": math.nan}, f"time must be {TIMES}, not NaN"),
        ({"time": "2026-01-01T00:00:00"}, f'time must be {TIMES}, not "2026-01-01T00:00:00"'),
        ({"value": True}, "value must be a number, not true"),
        ({"value": None}, "value must be a number, not null"),
        ({"stderr": math.inf}, f"stderr must be a number above 0, not Infinity {OF_A_SETTING}"),
        ({"stderr": [0]}, f"stderr must be a number above 0, not [0] {OF_A_SETTING}"),
        ({"stderr": 0}, f"stderr must be a number above 0, not 0 {OF_A_SETTING}"),
        ({"stderr": None}, f"stderr must be a number above 0, not null {OF_A_SETTING}"),
        ({"unit": "us"}, 'unit must be s, not "us"'),
        ({"unit": "Hz"}, 'unit must be s, not "Hz"'),
        ({"extra": 3}, "extra must be a table, not 3"),
    ],
)
def test_a_value_of_another_kind_is_named(tmp_path, ctl, entry, said):
    path = tmp_path / "values.json"
    path.write_text(json.dumps([VALUE | entry]))
    assert ctl("ledger", "--contradicted", str(path)) == (2, "", f"{path}: q0.t1: {said}\n")
    path.write_text(json.dumps({"parameters": {"q0.t1": 3}}))
    assert ctl("ledger", "--contradicted", str(path))[0] == 2


def test_every_value_of_another_kind_is_named_by_its_place_in_the_file(tmp_path, ctl):
    path = tmp_path / "values.json"
    setting = {"name": "q0.x", "value": 1, "stderr": 0, "quality": "setting"}
    nameless = {"value": 1.0, "stderr": 0.1}
    path.write_text(json.dumps([setting, nameless, {**nameless, "name": "q0.t1", "stderr": -3,
                                                    "time": "yesterday"}]))  # fmt: skip
    said = ctl("ledger", "--contradicted", str(path))[2].splitlines()
    assert said == [
        f"{path}: entry 2: name must be that of a parameter, such as q0.f01",
        f"{path}: q0.t1: stderr must be a number above 0, not -3 {OF_A_SETTING}",
        f'{path}: q0.t1: time must be {TIMES}, not "yesterday"',
    ]


def test_a_value_of_an_unknown_time_is_refused(tmp_path, ctl):
    """Else the answer would change with the time of asking."""
    path = tmp_path / "values.json"
    bare = {"value": 1.0, "stderr": 0.1}
    aged = bare | {"age_seconds": 5}
    for held in ([{"name": "q0.t1", **bare}, {"name": "q1.t1", **aged}, VALUE | {"name": "q0.f01"}],
                 {"time": "soon", "parameters": {"q0.t1": bare, "q1.t1": aged}},
                 {"parameters": {"q0.t1": aged, "q1.t1": aged}}):  # fmt: skip
        path.write_text(json.dumps(held))
        code, out, err = ctl("ledger", "--contradicted", str(path))
        assert (code, out) == (2, "")
        assert err.startswith(f"{path}: q0.t1, q1.t1: no time, so that ")


def test_no_value_proves_nothing(tmp_path, ctl):
    path = tmp_path / "values.json"
    path.write_text("[]")
    said = f"{path}: there is no value in it, so that nothing is proved\n"
    assert ctl("ledger", "--contradicted", str(path)) == (2, "", said)


def test_one_value_that_cannot_be_compared_does_not_hide_the_others(tmp_path, ctl, world):
    """One of tomorrow, and one of a pulse that is none: each is named, and why."""

    def true(name: str, **_: object) -> float:
        return 1 / 0 if name == "q0.pi_amplitude" else 50e-6

    world.truth = true
    path, values = tmp_path / "values.json", []
    for name, more in (
        ("q0.t1", {"time": 1e9 + 60}), ("q1.t1", {"time": 2e9}), ("q2.t1", {"time": 1e15}),
        ("q0.pi_amplitude", {"time": 1e9 + 60, "extra": {"sample_rate": 0}}),
    ):  # fmt: skip
        values.append({"name": name, "value": 1.0, "stderr": 0.1, **more})
    path.write_text(json.dumps(values))
    lines = ctl("ledger", "--contradicted", str(path))[1].splitlines()
    assert lines[0].endswith(": 1 of 1 values")
    assert lines[2:5] == [
        "not judged: q0.pi_amplitude: division by zero",
        "not judged: q1.t1: its time is yet to come on the laboratory's clock",
        "not judged: q2.t1: its time is yet to come on the laboratory's clock: 1e+15 s after 1970;"
        " is it in us? times are in s",
    ]


def test_values_with_the_samples_of_their_pulses_may_be_megabytes(laboratory):
    samples = {"re": [0.123456789012345] * 70_000, "im": [0.0] * 70_000}
    value = {"name": "q0.t1", "value": 1.0, "stderr": 0.1, "extra": samples}
    question = {"op": "contradicted", "published": [value]}
    assert len(json.dumps(question)) > 1 << 20
    assert "checked" in asked("127.0.0.1", laboratory.ports["control"], question)


def test_what_a_comparison_needs_beside_the_value_is_said(tmp_path, ctl, laboratory, world):
    def true(name: str, **_: object) -> float:
        raise WorldError(f"{name}: more is needed")

    world.truth = true
    path = tmp_path / "values.json"
    names = "q0.pi_amplitude", "q1.pi_amplitude", "q0.assignment_fidelity", "q0.t1"
    path.write_text(json.dumps([VALUE | {"name": n} for n in names]))
    said = ctl("ledger", "--contradicted", str(path))[1].splitlines()
    assert [line.partition(": it is")[0] for line in said[1:3]] == [
        "not judged: q0.pi_amplitude, q1.pi_amplitude", "not judged: q0.assignment_fidelity"
    ]  # fmt: skip
    assert said[3] == "not judged: q0.t1: the laboratory has no truth of it"
    assert '"extra": {"re": [...], "im": [...], "sample_rate": 1e9, "carrier": 4.9e9}' in said[1]
    code, out, err = ctl("truth", "q1.pi_amplitude", "q0.t1")
    assert (code, out) == (2, "")
    asked, other = err.splitlines()
    assert '"extra": {' in asked
    assert "extra" not in other
