"""docs/laboratory.md: the tests and faults it names exist; no instrument, no row is missing."""

from __future__ import annotations

import re
from pathlib import Path

from kammerton_sim.faults import CATALOGUE
from tests.unit.test_reliability_page import CATALOGUE as ROWS
from tests.unit.test_reliability_page import known_tests

PAGE = (Path(__file__).parents[2] / "docs" / "laboratory.md").read_text(encoding="utf-8")
NINE = ("AWG5208", "SGS100A", "ATS9360", "Triton", "GS200", "ZNB20", "Lake Shore 372",
        "Bluefors API", "33522B")  # fmt: skip


def table(heading: str) -> list[list[str]]:
    """Return the cells of the table that begins so, without heading and rule."""
    lines = PAGE[PAGE.index(heading) :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def named(cell: str, kind: str = r"test_\w+") -> list[str]:
    return re.findall(f"`({kind})`", cell)


def test_every_test_that_is_named_exists():
    known = known_tests()
    assert [name for name in named(PAGE) if name not in known] == []


def test_every_instrument_has_every_property():
    rows = table("| instrument | a power cycle returns")
    assert [row[0] for row in rows] == list(NINE)
    assert {len(row) for row in rows} == {6}
    for name, *properties in rows:
        told = [bool(named(cell)) or cell == "it is only read" for cell in properties]
        assert all(told), name


def test_every_row_that_lives_in_a_device_has_its_faults_and_their_tests():
    rows = table("| row | faults | tests |")
    wanted = [row for row in ROWS if row[0] in "IDFP"]
    assert sorted(r for row in rows for r in row[0].split(", ")) == sorted(wanted)
    for row, faults, tests in rows:
        if faults.startswith("none"):
            continue
        for name in named(faults, r"[a-z][a-z-]+"):
            of = CATALOGUE[name].row.split(", ")
            assert row in of, (row, name)
        assert named(tests), row


def test_every_fault_stands_in_its_rows():
    listed = {(row[0], name) for row in table("| row | faults | tests |")
              for name in named(row[1], r"[a-z][a-z-]+")}  # fmt: skip
    missing = {(row, f.name) for f in CATALOGUE.values() for row in f.row.split(", ")} - listed
    assert missing == set()
