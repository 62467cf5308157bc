"""The locator must find what tomllib reads: every path, at the line where it stands."""

import tomllib

from hypothesis import given, settings
from hypothesis import strategies as st

from kammerton.lab.lines import lines_of

AWKWARD = '''
top = 1 # "not" = a [key]
"quoted key" = 'li"teral'
'single.quoted' = """
x = 1
[not.a.table]
"""""
a.b . "c.d" = { e = 1, f = { g = "}" , h = [ "]", '#' ] } }

  [ table . "sub table" ]
inner = [ # comment ]
  1,
  { deep = 2 }, # }
  [ 3, 4 ],
]
date = 1979-05-27 07:32:00
last = \'\'\'
y = 2\'\'\'\'

[[many]]
n = 1
[many.more]
n = 2
[[many]]
n = 3
[[many.inner]]
n = 4
[[many.inner]]
n = 5
'''


def paths_of(value, path=()):
    """Every path of what tomllib has read."""
    children = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in children:
        yield (*path, key)
        if isinstance(child, dict | list):
            yield from paths_of(child, (*path, key))


def test_every_awkward_key_is_found_where_it_stands():
    lines = lines_of(AWKWARD)
    assert set(lines) == set(paths_of(tomllib.loads(AWKWARD)))
    assert lines["top",] == 2
    assert lines["quoted key",] == 3
    assert lines["single.quoted",] == 4
    assert lines["a", "b", "c.d", "f", "h", 1] == 8
    assert lines["table", "sub table"] == 10
    assert lines["table", "sub table", "inner", 1, "deep"] == 13
    assert lines["table", "sub table", "inner", 2, 1] == 14
    assert lines["table", "sub table", "last"] == 17
    assert lines["many", 1, "inner", 1, "n"] == 29
    assert lines["many", 0, "more", "n"] == 23


BARE = st.from_regex(r"[A-Za-z0-9_-]{1,6}", fullmatch=True)
ANY_KEY = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), include_characters="\t"), min_size=1, max_size=6
)
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
LEAF = st.integers(-99, 99) | st.booleans() | TEXT
NESTED = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(BARE | ANY_KEY, inner, max_size=3),
    max_leaves=12,
)


def basic(text):
    """Write a basic string, escaping what must be."""
    escaped = "".join(
        f"\\U{ord(c):08x}" if c in '"\\' or (ord(c) < 32 and c != "\t") or ord(c) == 127 else c
        for c in text
    )
    return f'"{escaped}"'


@st.composite
def written(draw, value):
    """Write a value in one of the ways of TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return draw(texts(value))
    if isinstance(value, list):
        gap = draw(st.sampled_from([" ", "\n", " # ] } = \n\n", ""]))
        items = [draw(written(item)) + draw(st.sampled_from(["", " "])) for item in value]
        return "[" + gap + f",{gap}".join(items) + gap + "]"
    pairs = [f"{draw(keys(key))} = {draw(written(item))}" for key, item in value.items()]
    return "{ " + ", ".join(pairs) + " }"


@st.composite
def texts(draw, text):
    ways = [basic(text)]
    plain = all(ord(c) >= 32 and ord(c) != 127 for c in text.replace("\n", ""))
    if plain and "\\" not in text and '"' not in text:
        ways.append(f'"""\n{text}"""')
    if plain and "'" not in text:
        ways.append(f"'''\n{text}'''")
    return draw(st.sampled_from(ways))


@st.composite
def keys(draw, key):
    ways = [basic(key)]
    if key.isascii() and key.replace("_", "a").replace("-", "a").isalnum():
        ways.append(key)
    if "'" not in key:
        ways.append(f"'{key}'")
    return draw(st.sampled_from(ways))


@st.composite
def documents(draw):
    """Write a document, and note where each top key and each key of a table was put."""
    data = draw(st.dictionaries(BARE | ANY_KEY, NESTED, max_size=4))
    text, expected = "", {}
    tables = {k: v for k, v in data.items() if isinstance(v, dict) and draw(st.booleans())}
    for key, value in ((k, v) for k, v in data.items() if k not in tables):
        text += draw(st.sampled_from(["", "\n", "# [x]\n", "  "]))
        expected[key,] = text.count("\n") + 1
        text += f"{draw(keys(key))} = {draw(written(value))} # = [\n"
    for name, table in tables.items():
        expected[name,] = text.count("\n") + 1
        text += f"[ {draw(keys(name))} ]\n"
        for key, value in table.items():
            expected[name, key] = text.count("\n") + 1
            text += f"\t{draw(keys(key))}={draw(written(value))}\n"
    return data, text, expected


@settings(max_examples=150)
@given(documents())
def test_agrees_with_tomllib_on_any_document(document):
    data, text, expected = document
    assert tomllib.loads(text) == data
    lines = lines_of(text)
    assert set(lines) == set(paths_of(data))
    assert {path: lines[path] for path in expected} == expected
