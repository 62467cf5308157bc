"""Where lab.toml does not say how its generators start, it is said what to write."""

import re
import tomllib

import pytest

from kammerton.lab import examine
from tests.unit.lab.example import DRIVERS, FILE, TEXT, spoilt

TEN = FILE.parents[1].joinpath("ten-qubits", "lab.toml").read_text(encoding="utf-8")
SYNC = re.compile(r"^\[sync\].*\n(?:\w.*\n)+", flags=re.MULTILINE)


def problems(folder, text):
    file = folder / "lab.toml"
    file.write_text(text, encoding="utf-8")
    return examine(file, drivers=DRIVERS).problems


def pasted(words):
    """Return the section that a message says to write."""
    section, lines = re.search(r"write (\[sync\]) with (.*);", words).groups()
    return f"{section}\n" + lines.replace(" and ", "\n") + "\n"


def test_one_generator_is_told_what_to_write_and_why(tmp_path):
    (words,) = problems(tmp_path, SYNC.sub("", TEXT))
    assert words.endswith(
        'sync: missing: write [sync] with master = "awg1" and go = "awg1.1"; a run starts the '
        "master, also where it is the only generator, and go triggers no digitizer"
    )


@pytest.mark.parametrize("text", [TEXT, TEN], ids=["one", "three"])
def test_what_is_said_can_be_pasted(tmp_path, text):
    without = SYNC.sub("", text)
    assert "sync" not in tomllib.loads(without)
    (words,) = problems(tmp_path, without)
    assert problems(tmp_path, pasted(words) + without) == ()


def test_a_trigger_of_a_digitizer_is_not_advised(tmp_path):
    text = re.sub(r'trigger = "awg1\.\d"', 'trigger = "awg1.1"', SYNC.sub("", TEXT))
    assert 'go = "awg1.2"' in problems(tmp_path, text)[0]


@pytest.mark.parametrize("key", ["master", "go"])
def test_one_key_that_is_missing_is_said_alone(tmp_path, key):
    (words,) = problems(tmp_path, re.sub(rf"(\[sync\][^\[]*?)\n{key} = .*", r"\1", TEXT))
    assert f'sync.{key}: missing: write {key} = "awg1' in words


def test_a_file_without_lines_says_only_that_it_is_missing(tmp_path):
    said = problems(tmp_path, spoilt("[sync]", "[synk]", TEXT.partition("[feedlines")[0]))
    assert any(words.endswith('synk: unknown key; did you mean "sync"?') for words in said)
    assert any(
        words.endswith("sync: missing")
        for words in problems(tmp_path, '[computer]\nname = "a"\nsample_rate = "1 GHz"\n')
    )
