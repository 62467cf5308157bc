"""Makes docs/demo.svg, the README's picture: python docs/picture.py."""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from kammerton.cli.demonstration.show import Demonstration
from kammerton.serve.events import run_until_signal

WIDTH = 84


def main() -> None:
    """Run the demonstration with seed 1 and keep what it shows."""
    sys.argv[0] = "kammerton"  # who reads the picture has no script
    console = Console(record=True, width=WIDTH, file=io.StringIO(), highlight=False)
    picture = Path(__file__).absolute().with_name("demo.svg")
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):  # for short paths
        run_until_signal(Demonstration(Path("kammerton-demo"), 5, 1, console, once=True).run())
        text = console.export_svg(title="kammerton demo --once")
    picture.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
