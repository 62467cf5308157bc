"""Names become parts of topics, files and pages: one grammar, at the load of lab.toml."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kammerton.lab import load
from kammerton.model import LabError
from kammerton.model.parameter import ELEMENT
from tests.unit.lab.example import TEXT

HOSTILE = [
    "a/b", "+", "#", "q0/#", "$SYS", "a\0b", "..", "../../etc/passwd", "a b", "a.b", "ü", "Q0",
    "<script>", "a\n", "", "q" * 33, "con ", "q0;rm", "`id`", "%s", "{x}",
]  # fmt: skip


def refused(folder: Path, text: str) -> bool:
    path = folder / "lab.toml"
    path.write_text(text, encoding="utf-8")
    try:
        load(path)
    except LabError:
        return True
    return False


def renamed(old: str, name: str) -> str:
    kind, plain = old.split(".")
    quoted = json.dumps(name)
    return TEXT.replace(f"[{old}]", f"[{kind}.{quoted}]").replace(f'"{plain}"', quoted)


NAMED = ["qubits.q0", "resonators.r0", "instruments.drive_lo"]


@pytest.mark.parametrize("section", NAMED)
def test_a_clean_name_is_taken(tmp_path, section):
    assert not refused(tmp_path, renamed(section, "x_7"))


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("section", NAMED)
def test_x9_a_hostile_name_of_an_element_is_refused(tmp_path, section, name):
    assert f"[{section}]" in TEXT
    assert refused(tmp_path, renamed(section, name))


@pytest.mark.parametrize("name", HOSTILE)
def test_x9_a_hostile_name_of_a_group_is_refused(tmp_path, name):
    assert not refused(tmp_path, f'{TEXT}\n[groups]\nx_7 = ["q0"]\n')
    assert refused(tmp_path, f'{TEXT}\n[groups]\n{json.dumps(name)} = ["q0"]\n')


@pytest.mark.parametrize("name", [*HOSTILE, "-a", "a" * 33])
def test_x9_a_hostile_name_of_a_computer_is_refused(tmp_path, name):
    line = next(x for x in TEXT.splitlines() if x.startswith("name ="))
    assert refused(tmp_path, TEXT.replace(line, f"name = {json.dumps(name)}", 1))


@given(st.text(max_size=40))
def test_x9_what_the_grammar_lets_through_is_one_clean_level_of_a_topic(name):
    if ELEMENT.fullmatch(name):
        assert name.isascii()
        assert not set(name) & set("/+#$.\0 \n\\\"'<>")
