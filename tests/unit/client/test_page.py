"""docs/mqtt.md: the lines of a subscriber are a script."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from kammerton.model.alarm import WHAT_TO_DO

PAGE = (Path(__file__).parents[3] / "docs" / "mqtt.md").read_text(encoding="utf-8")


def test_the_lines_of_a_subscriber_are_a_script() -> None:
    start = PAGE.index("    import asyncio\n")
    lines = PAGE[start:].splitlines()
    end = next(n for n, line in enumerate(lines) if line and not line.startswith("    "))
    script = textwrap.dedent("\n".join(lines[:end]))
    assert "Subscriber(" in script
    assert "asyncio.run(" in script
    compile(script, "docs/mqtt.md", "exec")


def test_every_kind_of_alarm_has_a_line_that_says_when_it_is_on_and_over():
    lines = [line for line in PAGE.splitlines() if line.startswith("| `")]
    told = {kind for line in lines for kind in re.findall(r"`([^`]+)`", line.split("|")[1])}
    assert set(WHAT_TO_DO) <= told
