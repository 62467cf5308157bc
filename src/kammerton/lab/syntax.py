"""What tomllib cannot read, said so that whoever wrote it finds it."""

from __future__ import annotations

import re

_PLACE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)$")
OPEN = "a list is not closed: its last bracket, ], is missing"
_MEANT = (
    (re.compile(r"Unclosed array"), OPEN),
    (re.compile(r"Invalid value"),
     "this is no value: a text, and a quantity with its unit, stands in quotes"),
    (re.compile(r"Expected newline or end of document"),
     "the line goes on after its value: a text, and a quantity with its unit, stands in quotes"),
    (re.compile(r"Cannot overwrite a value|Cannot mutate"),
     "what it names has a value already"),
    (re.compile(r"Cannot declare .*twice"), "this table is there already"),
    (re.compile(r"Illegal character '\\n'|Unterminated string"),
     "a text is not closed: its last quote is missing"),
    (re.compile(r"Expected '=' after a key"), 'a key needs "=" and a value after it'),
)  # fmt: skip
_SECRET = re.compile(r"@|pass|secret|token|key", re.IGNORECASE)
LONG = 60


def syntax_error(name: str, text: str, message: str) -> str:
    """Return file, line, what was expected, and the line itself, for a message of tomllib."""
    match = _PLACE.search(message)
    said = message if match is None else message[: match.start()]
    lines = text.rstrip().split("\n")
    number = len(lines) if match is None or match[1] is None else int(match[1])
    meant = next((words for sign, words in _MEANT if sign.match(said)), said)
    if said.startswith("Invalid value") and _in_a_list(lines, number - 1):
        meant = OPEN
    shown = _shown(lines[number - 1].strip()) if number <= len(lines) else ""
    return f"{name}:{number}: {meant}{shown}"


def _in_a_list(lines: list[str], place: int) -> bool:
    """Whether a list goes on where its file ends, or where another key or table begins."""
    before, line = "\n".join(lines[:place]).rstrip(), lines[place].strip()
    if place == len(lines) - 1 and line.endswith(("[", ",")):
        return True
    return before.endswith(("[", ",")) and bool(re.match(r"\[|[\w.-]+\s*=", line))


def _shown(line: str) -> str:
    """Return a line as it may stand in a log: none that may hold a password, or moves a cursor."""
    if not line or not line.isprintable() or _SECRET.search(line):
        return ""
    return f": {line if len(line) <= LONG else line[: LONG - 3] + '...'}"
