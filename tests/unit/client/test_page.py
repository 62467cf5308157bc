"""docs/mqtt.md: the lines of a subscriber are a script."""

from __future__ import annotations

import textwrap
from pathlib import Path

PAGE = (Path(__file__).parents[3] / "docs" / "mqtt.md").read_text(encoding="utf-8")


def test_the_lines_of_a_subscriber_are_a_script() -> None:
    start = PAGE.index("    import asyncio\n")
    lines = PAGE[start:].splitlines()
    end = next(n for n, line in enumerate(lines) if line and not line.startswith("    "))
    script = textwrap.dedent("\n".join(lines[:end]))
    assert "Subscriber(" in script
    assert "asyncio.run(" in script
    compile(script, "docs/mqtt.md", "exec")
