"""Groups of what is held together, by a name of lab.toml."""

from __future__ import annotations

import pytest

from kammerton.lab import members
from tests.unit.lab.example import TEXT

GOOD = '\n[groups]\nleft = ["q0", "r0", "awg1"]\nright = ["q1"]\n'


def test_a_group_has_its_members_in_their_order(examined) -> None:
    lab = examined(TEXT + GOOD).lab
    assert lab.groups == {"left": ("q0", "r0", "awg1"), "right": ("q1",)}
    assert examined(TEXT).lab.groups == {}


def test_a_group_stands_for_its_members_each_of_which_is_named_once() -> None:
    groups = {"left": ("q0", "awg1")}
    assert members(groups, ["q1", "left", "q0", "left"]) == ["q1", "q0", "awg1"]
    assert members(groups, ["anything"]) == ["anything"]
    assert members({}, ["left"]) == ["left"]


@pytest.mark.parametrize(
    ("groups", "problem"),
    [
        ('Left = ["q0"]', "groups.Left: is not a name: a-z, 0-9 and _"),
        ('q0 = ["q1"]', "groups.q0: the name q0 is taken by qubits.q0"),
        ('r0 = ["q1"]', "groups.r0: the name r0 is taken by resonators.r0"),
        ('awg1 = ["q1"]', "groups.awg1: the name awg1 is taken by instruments.awg1"),
        ('feed0 = ["q1"]', "groups.feed0: the name feed0 is taken by feedlines.feed0"),
        ('computer = ["q1"]', "groups.computer: the name computer is taken by what can be held"),
        ('maintenance = ["q1"]', "the name maintenance is taken by what can be held"),
        ("left = []", "groups.left: names nothing that could be held"),
        ('left = ["q0", "q0"]', "groups.left: names q0 twice"),
        ('left = ["awg11"]', 'there is nothing called "awg11" to be held; did you mean "awg1"?'),
        ('left = ["feed0"]', 'there is nothing called "feed0" to be held'),
        ('left = ["q0"]\nall = ["left"]', 'there is nothing called "left" to be held'),
        ('left = "q0"', "groups.left: needs a list of names, not 'q0'"),
        ("left = [1]", "groups.left: needs a list of names"),
    ],
)
def test_what_is_wrong_with_a_group_is_said(examined, groups: str, problem: str) -> None:
    found = examined(TEXT + f"\n[groups]\n{groups}\n")
    assert found.lab is None
    assert any(problem in each for each in found.problems), found.problems


def test_all_that_is_wrong_is_said_at_once(examined) -> None:
    text = TEXT.replace('sample_rate = "', 'sample_rate = "-', 1)
    wrong = '\n[groups]\nq0 = []\nleft = ["q7", "awg9"]\n'
    problems = examined(text + wrong).problems
    for words in ("sample_rate", "taken by qubits.q0", "names nothing", '"q7"', '"awg9"'):
        assert sum(words in each for each in problems) == 1, (words, problems)


def test_groups_that_are_no_table_are_said_to_be_none(examined) -> None:
    (problem,) = examined("groups = 3\n" + TEXT).problems
    assert problem.endswith("groups: needs a table, not 3")
