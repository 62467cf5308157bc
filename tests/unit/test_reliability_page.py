"""docs/reliability.md: every row of the catalogue once; the tests and proofs it names exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.prove.__main__ import FAILED, PASSED, SHORT, code, outcome
from tests.prove.frame import HEADING, PROOFS, Row, chosen, load
from tests.prove.kill_loop import STAGES, but

ROOT = Path(__file__).parents[2]
COUNTS = {"I": 12, "D": 3, "F": 5, "P": 7, "B": 7, "S": 8, "R": 10, "C": 6, "X": 9}
CATALOGUE = [f"{letter}{n + 1}" for letter, count in COUNTS.items() for n in range(count)]
LINE = re.compile(r"^\| ([IDFPBSRCX]\d+) \| (.+?) \| (.*?) \| ?(.*?) ?\|$", re.MULTILINE)


def page() -> list[tuple[str, str, str, str]]:
    return LINE.findall((ROOT / "docs" / "reliability.md").read_text(encoding="utf-8"))


def known_tests() -> set[str]:
    files = (ROOT / "tests").rglob("test_*.py")
    return {
        name
        for path in files
        for name in re.findall(r"def (test_\w+)", path.read_text(encoding="utf-8"))
    }


def test_every_row_of_the_catalogue_stands_there_once():
    assert [row for row, *_ in page()] == CATALOGUE


def test_every_row_says_something():
    assert [row for row, fault, what, _ in page() if not (fault.strip() and what.strip())] == []


def test_a_row_that_applies_has_a_test_that_bears_its_name():
    """The name of its function begins so: `test_i7_...`; `test_r4_r5_...` is of both rows."""
    nameless = [
        row
        for row, _, what, _ in page()
        if not re.search(rf"`test_(?:[a-z]\d+_)*{row.lower()}_", what)
        and "does not apply" not in what
    ]
    assert nameless == []


def test_every_test_that_is_named_exists():
    known = known_tests()
    named = {(row, n) for row, _, what, _ in page() for n in re.findall(r"`(test_\w+)`", what)}
    assert [(row, name) for row, name in named if name not in known] == []


def test_every_proof_that_is_named_exists():
    load()
    named = {(row, n) for row, _, _, proof in page() for n in re.findall(r"`([\w-]+)`", proof)}
    assert [(row, name) for row, name in named if name not in PROOFS] == []


def test_a_row_has_as_many_cells_as_the_heading():
    row = Row("S4 SIGKILL", 20, t_rec=1.234, lost=0, unsafe=0)
    assert str(row) == "| S4 SIGKILL | 20 | — | 1.23 | 0 | — | 0 | — |"
    assert str(row).count("|") == HEADING.count("|")
    assert row.good


@pytest.mark.parametrize(
    "harm",
    [
        {"lost": 1}, {"wrong": 1}, {"unsafe": 2}, {"stuck": 1}, {"injected": 0},
        {"t_rec": 31.0, "within": 30.0},
    ],
)  # fmt: skip
def test_a_row_with_harm_or_without_injections_is_not_good(harm):
    assert not Row(**{"fault": "S4", "injected": 1, "lost": 0, **harm}).good


def test_the_kill_loop_names_the_stages_that_it_missed():
    assert but(set(STAGES)) == "any stage"
    assert but(set(STAGES) - {"t1", "readout"}) == "any stage but readout, t1"


def test_an_unknown_proof_is_named():
    with pytest.raises(ValueError, match="no proof nonsense"):
        chosen(["nonsense"])


@pytest.mark.parametrize(
    ("rows", "word"),
    [
        ([], FAILED),
        ([Row("S4", 1, lost=0)], PASSED),
        ([Row("R6", 1, undecided=True), Row("S4", 1)], SHORT),
        ([Row("R6", 1, undecided=True, unsafe=1)], FAILED),
        ([Row("R6", 1, undecided=True), Row("S4", 0)], FAILED),
    ],
)
def test_what_is_too_short_to_tell_has_a_word_of_its_own(rows, word):
    assert outcome(rows) == word
    assert all(row.good for row in rows) is (word == PASSED) or not rows


def test_too_short_to_tell_is_a_pass_of_nothing_and_no_failure():
    assert code([PASSED, PASSED], quick=False) == code([PASSED, SHORT], quick=True) == 0
    assert code([PASSED, SHORT], quick=False) == 3
    assert code([SHORT, FAILED], quick=True) == code([FAILED], quick=False) == 1
