"""Whatever a slip of the hand does to a lab.toml, the answer is a Lab or a list of places."""

import re
import tomllib

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from kammerton.lab.document import Document
from kammerton.lab.lines import lines_of
from kammerton.lab.reading import read
from kammerton.model.quantity import PLAIN, SCALED
from tests.unit.lab.example import DRIVERS, FILE, TEXT

DATA = tomllib.loads(TEXT)
PLACED = re.compile(r"lab\.toml:\d+: [\w.\"\\-]+: .+")


def leaves(table, path=()):
    for key, value in table.items():
        if isinstance(value, dict):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key)


def changed(table, path, change):
    """Return a copy of a nested table with what stands at a path changed, or gone (None)."""
    head, *rest = path
    if rest:
        return {**table, head: changed(table[head], rest, change)}
    return {k: v for old, value in table.items() for k, v in change(old, value, head).items()}


def examined(data):
    """Examine data as if it had been read from the example's text."""
    lab, problems, warnings = read(Document(FILE, data, lines_of(TEXT)), DRIVERS)
    assert (lab is None) == bool(problems)
    assert all(PLACED.fullmatch(line) for line in (*problems, *warnings)), problems
    return problems


def named(problems, path):
    return any(".".join(map(str, path)) in problem for problem in problems)


LEAVES = st.sampled_from(list(leaves(DATA)))
OPTIONAL = {"store", "broker", "limits"}
OPTIONAL_KEYS = {"attenuation", "max_at_device", "note", "serial"}


@given(LEAVES)
def test_a_deleted_key_is_named_unless_it_is_optional(path):
    problems = examined(changed(DATA, path, lambda k, v, at: {} if k == at else {k: v}))
    if path[-1] in OPTIONAL_KEYS:
        assert problems == () or named(problems, path)
    elif not OPTIONAL & set(path[:-1]) or path[-2] in ("volts", "frequency", "power"):
        assert named(problems, path)
    else:
        assert problems == () or named(problems, path)


@given(LEAVES, st.data())
def test_c1_a_misspelt_key_is_named_and_corrected(path, data):
    key = path[-1]
    place = data.draw(st.integers(0, len(key) - 1))
    letter = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz"))
    wrong = key[:place] + letter + data.draw(st.sampled_from([key[place:], key[place + 1 :]]))
    assume(wrong not in (*leaf(path[:-1]), "password"))
    problems = examined(changed(DATA, path, lambda k, v, at: {wrong if k == at else k: v}))
    assert named(problems, (*path[:-1], wrong))
    if len(key) > 3:
        assert any(f'did you mean "{key}"?' in problem for problem in problems)


@given(LEAVES, st.sampled_from([*(u for u in PLAIN if u), *SCALED, "GHz", "mV", "us", "mK", ""]))
def test_c3_a_wrong_unit_is_named(path, unit):
    def reunited(key, value, at):
        number = re.match(r"[-\d.]+(?= \S+$)", str(value))
        return {key: f"{number[0]} {unit}".rstrip() if number and key == at else value}

    data = changed(DATA, path, reunited)
    value = data
    for key in path:
        value = value[key]
    problems = examined(data)
    right = (re.search(r"[A-Za-z]+$", str(value)) or [""])[0]
    if not right.endswith(base_of(path)) and value != leaf(path):
        assert named(problems, path)


def leaf(path):
    value = DATA
    for key in path:
        value = value[key]
    return value


def base_of(path):
    """Return the base unit of the quantity at a path of the example."""
    text = str(leaf(path))
    units = ("Hz/s", "dB/s", "V/ns", "Hz", "dBm", "dB", "V", "K", "s")
    return next((u for u in units if text.endswith(u)), "")


JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20),
    st.lists(st.integers(), max_size=2), st.dictionaries(st.text(max_size=5), st.text(max_size=5)),
)  # fmt: skip


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(LEAVES, st.integers(1, 4), JUNK), min_size=1, max_size=4))
def test_c1_junk_anywhere_is_never_a_traceback(mutations):
    data = DATA
    for path, depth, junk in mutations:
        try:
            data = changed(data, path[:depth], lambda k, v, at, j=junk: {k: j if k == at else v})
        except (KeyError, TypeError, AttributeError):
            continue  # an earlier mutation has removed this place
    lab, problems, _ = read(Document(FILE, data, lines_of(TEXT)), DRIVERS)
    assert (lab is None) == bool(problems)
