"""What is wrong with a plug-in is said at once, with its name, and before anything is run."""

from __future__ import annotations

import pytest

from kammerton.loop.catalogue import load_calibrations
from kammerton.model import PlugInError
from tests.plug_ins import changed, install

WHO = "plug-in my-cals 0.1, entry point t1_log: "


def refused(monkeypatch, tmp_path, code, points=None):
    """Install a plug-in; return its file and what is wrong with it."""
    file = install(monkeypatch, tmp_path / "site", code, points)
    with pytest.raises(PlugInError) as refusal:
        load_calibrations()
    return file, refusal.value.problems


def test_a_plug_in_that_is_well_is_loaded_beside_ours(monkeypatch, tmp_path):
    ours = len(load_calibrations())
    install(monkeypatch, tmp_path / "site", changed())
    names = [each.name for each in load_calibrations()]
    assert len(names) == ours + 1
    assert {"t1", "t1_log"} <= set(names)


def test_an_attribute_that_is_missing(monkeypatch, tmp_path):
    code = changed().replace("T1_LOG =", "T1LOG =").replace("import T1", "import T1 as _T1")
    points = {"t1_log": "my_cals:T1_LOG"}
    file, problems = refused(monkeypatch, tmp_path, code.replace("(T1,", "(_T1,"), points)
    assert problems == [f"{WHO}the module my_cals ({file}) has no T1_LOG; it has T1LOG, _T1"]


@pytest.mark.parametrize(
    ("code", "error", "line"),
    [
        ("\nimport numpyy\n", "ModuleNotFoundError: No module named 'numpyy'", 2),
        ("def f(:\n", "SyntaxError: invalid syntax", 1),
        ("import math\n\nmath.sqrt(-1)\n", "ValueError: ", 3),
        ("raise SystemExit(3)\n", "SystemExit: 3", 1),
    ],
)
def test_a_module_that_cannot_be_imported(monkeypatch, tmp_path, code, error, line):
    file, (problem,) = refused(monkeypatch, tmp_path, code)
    assert problem.startswith(f"{WHO}my_cals cannot be imported: {error}")
    assert problem.endswith(f" ({file}, line {line})")


def test_a_module_that_is_not_there(monkeypatch, tmp_path):
    _, problems = refused(monkeypatch, tmp_path, "", {"t1_log": "my_calls.t1_log:T1_LOG"})
    said = "my_calls.t1_log cannot be imported: ModuleNotFoundError: No module named 'my_calls'"
    assert problems == [WHO + said]


def test_an_entry_point_that_names_nothing(monkeypatch, tmp_path):
    _, problems = refused(monkeypatch, tmp_path, "", {"t1_log": "my cals/T1_LOG"})
    said = '"my cals/T1_LOG" is no "module:NAME", as "my_calibrations.t1_log:T1_LOG" is'
    assert problems == [WHO + said]


@pytest.mark.parametrize(
    ("value", "what"),
    [("my_cals:changed", "a function"), ("my_cals", "a module"), ("my_cals:NAME", "a str")],
)
def test_what_is_no_calibration(monkeypatch, tmp_path, value, what):
    code = changed() + "\nNAME = 't1_log'\ndef changed(): pass\n"
    _, problems = refused(monkeypatch, tmp_path, code, {"t1_log": value})
    said = f"{value} is {what}, and no kammerton.model.Calibration; it has T1, T1_LOG"
    assert problems == [WHO + said]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ('gives=(Give("t_1", 0.05),)',
         'gives names "t_1", and there is no such parameter; did you mean "t1"?'),
        ('needs=(Need("readout_contrast", 0.1),)',
         'needs names "readout_contrast", and there is no such parameter; '
         'did you mean "r.readout_contrast"?'),
        ('gives=(Give("t1", 0.05))', "gives is to be a tuple of Give, e.g. (Give(...),), with "
         "its last comma"),
        ('kind="t1x"', 'kind is "t1x", and there is no such kind of fit; did you mean "t1"?'),
        ('uses="populations"', 'uses is "populations", and data are prepared in no such way; '
         'did you mean "population"?'),
        ('known={"offsett": 1}', 'known has "offsett", of which a fit of kind t1 can make nothing; '
         'did you mean "offset"?'),
        ("known=None", "known is None, and is to be a Mapping"),
        ("kind=5", "kind is 5, and is to be a str"),
        ("uses=None", "uses is None, and is to be a str"),
        ("program=None", "program is None, and is to be a function"),
        ("gives=(Give(5, 0.05),)", "gives names 5, and a parameter is named by a str"),
        ('needs=(Need("r.readout_amplitude", 0.1, measured=True),)',
         "it needs r.readout_amplitude to be measured, and no calibration gives that: it would "
         "never run"),
    ],
)  # fmt: skip
def test_a_declaration_of_what_there_is_not(monkeypatch, tmp_path, changes, said):
    _, problems = refused(monkeypatch, tmp_path, changed(changes))
    assert problems == [WHO + said]


def test_a_name_that_another_has(monkeypatch, tmp_path):
    _, problems = refused(monkeypatch, tmp_path, changed().replace('"t1_log"', '"t1"'))
    ours = problems[1].partition("as is that of ")[2]
    assert problems[0] == (
        f'{WHO}its calibration is named "t1", the entry point "t1_log"; give both one name'
    )
    assert problems[1].startswith(f'{WHO}its calibration is named "t1"')
    assert ours.startswith("plug-in kammerton ")
    assert ours.endswith("entry point t1; give it a name of its own")


def test_a_name_that_is_none(monkeypatch, tmp_path):
    code = changed().replace('name="t1_log"', "name=[]")
    assert refused(monkeypatch, tmp_path, code)[1] == [f"{WHO}name is [], and is to be a str"]


def test_all_mistakes_are_said_at_once(monkeypatch, tmp_path):
    code = changed('kind="t1x", gives=(Give("t_1", 0.05),)')
    points = {"t1_log": "my_cals:T1_LOG", "other": "my_cals:OTHER"}
    _, problems = refused(monkeypatch, tmp_path, code, points)
    assert len(problems) == 3
    assert all(problem.startswith("plug-in my-cals 0.1, entry point ") for problem in problems)
