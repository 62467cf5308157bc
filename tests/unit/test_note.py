"""What lab.toml says of a computer stands beside every result."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import xarray
from matplotlib.image import imread
from typer.testing import CliRunner

from kammerton import Client
from kammerton.cli import app
from kammerton.cli.measure import _document, _lines
from kammerton.client.measuring import Measured
from kammerton.estimation.pictures.picture import DPI, HEIGHT, NOTE, TITLE, draw
from kammerton.lab import load
from kammerton.model import LabError
from kammerton.store import Store
from kammerton_sim.chip import random_chip
from kammerton_sim.ports import consecutive_ports
from kammerton_sim.write_lab import write_lab
from tests.stored import estimate, run

SAID = "simulated device, hidden truth, seed 3"


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """A simulated laboratory's lab.toml, with a database of one run beside it."""
    file = tmp_path / "lab.toml"
    chip = random_chip(2, 3)
    text = write_lab(chip, consecutive_ports(chip, 4881), 1, "mqtt://127.0.0.1:1999")
    file.write_text(text, encoding="utf-8")
    known = load(file)
    with Store.open(known.database, known.computer, data=known.data, note=known.note) as store:
        store.commit(run(), {"q0.t1": estimate()})
    return file


def said(*words: str) -> str:
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_simulated_laboratory_says_what_it_is(lab: Path) -> None:
    assert load(lab).note == SAID


@pytest.mark.parametrize("command", [("status",), ("why", "q0.t1")])
def test_the_command_line_says_it(lab: Path, command: tuple[str, ...]) -> None:
    assert SAID in said(*command, str(lab))
    assert json.loads(said(*command, str(lab), "--json"))["note"] == SAID
    database = str(lab.with_name("kammerton.sqlite"))
    assert SAID not in said(*command, database)  # a database alone does not know


def test_a_notebook_says_it(lab: Path) -> None:
    client = Client(lab)
    assert repr(client).splitlines()[0] == f"chip-2-3, revision 1; {SAID}"
    for shown in (client["q0.t1"], client.why("q0.t1"), client.run("r000001"), client.runs()):
        assert SAID in repr(shown)
    assert client["q0.t1"] == replace(client["q0.t1"], note="")  # a note is no part of a value
    client.close()


def test_a_difference_says_it(lab: Path) -> None:
    with Store.open(lab.with_name("kammerton.sqlite"), "chip-2-3") as store:
        store.commit(run(), {"q0.t1": estimate(5e-5)})
    assert said("diff", "r1", str(lab)).splitlines()[-1] == SAID
    assert json.loads(said("diff", "r1", str(lab), "--json"))["q0.t1"]["note"] == SAID
    assert said("diff", "r1", str(lab.with_name("kammerton.sqlite"))).count("\n") == 2


def test_what_was_measured_says_it(lab: Path) -> None:
    with Store.read(lab.with_name("kammerton.sqlite")) as store:
        found = replace(store.run("r000001"), note=SAID)
    measured = Measured(found, "q0", {"q0.t1": estimate()}, None)
    assert repr(measured).splitlines()[-1] == SAID
    assert _lines(measured)[-1] == ("note", SAID)
    assert _document(measured)["note"] == SAID


def test_a_file_from_an_editor_that_marks_its_encoding_is_read(lab: Path) -> None:
    lab.write_bytes(b"\xef\xbb\xbf" + lab.read_bytes())
    assert SAID in said("status", str(lab))


@pytest.mark.parametrize("text", ["[computer", "computer = 3", "", "\0"])
def test_results_are_shown_while_the_file_is_edited(lab: Path, text: str) -> None:
    client = Client(lab)
    lab.write_text(text)
    assert repr(client).splitlines()[0] == "chip-2-3, revision 1"
    client.close()


def test_a_data_file_says_it(lab: Path) -> None:
    with xarray.open_dataset(lab.parent / "runs" / "r000001.nc") as data:
        assert data.attrs["note"] == SAID


def test_a_picture_has_a_line_for_it(tmp_path: Path) -> None:
    measured, file = run(), tmp_path / "a.png"
    for note, head in (("", TITLE), (SAID, TITLE + NOTE)):
        draw(measured.traces, measured.fits, file, "t1", note=note)
        picture = imread(file)
        assert picture.shape[0] == pytest.approx(DPI * (HEIGHT + head), abs=1)
    line = picture[int(0.30 * DPI) : int(0.45 * DPI)]
    assert (line[..., :3].min(axis=(0, 2)) < 0.5).any()  # something stands there


@pytest.mark.parametrize("note", ['"two\\nlines"', f'"{"x" * 81}"', '""', "3"])
def test_what_is_no_note_is_named(lab: Path, note: str) -> None:
    lab.write_text(lab.read_text().replace(f'note = "{SAID}"', f"note = {note}"))
    with pytest.raises(LabError, match=r"computer\.note"):
        load(lab)
