"""What is not even TOML gets a clear word too."""

import re

import pytest

from kammerton.lab import examine
from kammerton.lab.document import LARGEST
from tests.unit.lab.example import DRIVERS, TEXT, spoilt


def test_no_such_file(tmp_path):
    file = tmp_path / "lab.toml"
    assert examine(file).problems == (f"{file}: there is no such file",)


def test_a_folder(tmp_path):
    assert examine(tmp_path).problems == (f"{tmp_path}: is a folder; name the lab.toml in it",)


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000])
def test_a_name_that_cannot_be_opened(name):
    (problem,) = examine(name).problems
    assert "cannot be read: " in problem


def test_a_file_too_large(tmp_path):
    file = tmp_path / "lab.toml"
    file.write_bytes(b"#" * (LARGEST + 1))
    assert examine(file).problems == (f"{file}: is larger than 4 MiB; is it a lab.toml?",)


def test_not_utf_8(examined):
    assert examined(b"# one\n# caf\xe9\n").problems == (
        "lab.toml:2: byte 0xe9 is not UTF-8; save the file as UTF-8",
    )


@pytest.mark.parametrize(
    ("begins", "what"),
    [
        (b"SQLite format 3\0\x10\xf6", "a database"),
        (b"\x89HDF\r\n", "a file of raw traces"),
        (b"\x89PNG\r\n", "a picture"),
    ],
)
def test_what_stands_beside_a_lab_toml_is_called_what_it_is(tmp_path, begins, what):
    """However large it is, and nobody is to save it as UTF-8."""
    file = tmp_path / "runs" / "kammerton.sqlite"
    file.parent.mkdir()
    file.write_bytes(begins + b"\0" * (LARGEST + 1))
    said = f"{file}: is {what}, no lab.toml; "
    assert examine(file).problems == (f"{said}name the lab.toml of this computer",)
    for meant in (tmp_path / "lab.toml", file.with_name("lab.toml")):
        meant.touch()
        assert examine(file).problems == (f"{said}did you mean {meant}?",)


QUOTES = "a text, and a quantity with its unit, stands in quotes"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("[sync] ", "[sync ", "Expected ']' at the end of a table declaration: [sync"),
        ('master = "awg1"', 'master "awg1"', 'a key needs "=" and a value after it: master "awg1"'),
        ('master = "awg1"', "master = awg1", f"this is no value: {QUOTES}: master = awg1"),
        (
            'carrier = "7.0 GHz"',
            "carrier = 7.0 GHz",
            f"the line goes on after its value: {QUOTES}: carrier = 7.0 GHz",
        ),
        (
            'carrier = "7.0 GHz"',
            'carrier = "7.0 GHz',
            'a text is not closed: its last quote is missing: carrier = "7.0 GHz',
        ),
        (
            'url = "mqtt://127.0.0.1:1883"',
            "url = mqtt://me:hush@127.0.0.1",
            f"this is no value: {QUOTES}",
        ),
        ("[sync]", "[computer]", "this table is there already: [computer]"),
        ('master = "awg1"', 'go = "awg1.1"', 'what it names has a value already: go = "awg1.1"'),
    ],
)
def test_a_syntax_error_has_its_line(examined, old, new, problem):
    findings = examined(spoilt(old, new))
    line = TEXT[: TEXT.index(old)].count("\n") + 1
    (found,) = findings.problems
    said = re.sub(r" +#.*", "", found)  # what stands behind it in its line
    assert said in (f"lab.toml:{line}: {problem}", f"lab.toml:{line + 1}: {problem}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = [", "lab.toml:1: a list is not closed: its last bracket, ], is missing: x = ["),
        ("x = [1, 2\n", "lab.toml:1: a list is not closed"),
        ("x = [1,\n2,\n", "lab.toml:2: a list is not closed"),
        ("x = [1,\ny = 2\n", "lab.toml:2: a list is not closed"),
        ("x = [1,\n[sync]\n", "lab.toml:2: a list is not closed"),
        ("x = [\n7 GHz,\n]\n", "lab.toml:2: "), ("x =", "lab.toml:1: this is no value"),
        ("x = [\nGHz,\n]\n", "lab.toml:2: this is no value"),
    ],
)  # fmt: skip
def test_a_list_that_is_not_closed_is_called_so(examined, text, said):
    (found,) = examined(text).problems
    assert found.startswith(said)


def test_an_end_too_early_is_on_the_last_line(examined):
    (found,) = examined('[sync]\nmaster = """a\n\n').problems
    assert found.startswith("lab.toml:2: ")


@pytest.mark.parametrize("bracket", ["[", "{a="])
def test_nested_too_deeply(examined, bracket):
    (found,) = examined("a = " + bracket * 100_000).problems
    assert "nested too deeply" in found


def test_an_empty_list_of_drivers(tmp_path):
    file = tmp_path / "lab.toml"
    file.write_text(TEXT, encoding="utf-8")
    problems = examine(file, drivers=()).problems
    assert len(problems) == 5
    assert all(problem.endswith("; there are none") for problem in problems)


def test_bytes_of_any_kind_are_no_traceback(examined):
    for text in (b"\xff\xfe[\0", b"\0", b"\r", b"=", b"[[qubits]]\n", b"qubits = [1]\n"):
        assert examined(text).problems


def test_the_drivers_of_the_example_are_those_of_the_test(tmp_path):
    assert all(f'driver = "{driver}"' in TEXT for driver in DRIVERS)


def test_a_number_too_long_to_read(examined):
    (found,) = examined("a = " + "9" * 5000).problems
    assert found == "lab.toml: holds a number that is too long to read"


@pytest.mark.parametrize("old", ["pictures = true", 'name = "two-qubits"', "[pulses.pi]"])
def test_a_number_too_long_to_show(examined, old):
    key = {"[pulses.pi]": "pi"}.get(old, old.split(" ")[0])
    text = spoilt(old, f"{key} = 0x{'f' * 5000}")
    if key == "pi":
        text = spoilt(old, f"[pulses]\npi = 0x{'f' * 5000}\n[spare]")
    assert any("not a number too long to show" in problem for problem in examined(text).problems)


def test_a_home_folder_that_is_not_there(examined):
    (found,) = examined(spoilt('"runs"', '"~nobody-of-this-name/runs"')).problems
    assert found.endswith("'~nobody-of-this-name/runs': there is no such home folder")


def test_the_home_folder(examined, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "me"))
    assert examined(spoilt('"runs"', '"~/runs"')).lab.data == tmp_path / "me" / "runs"
