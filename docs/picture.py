"""Makes docs/demo.svg, the README's picture: python docs/picture.py."""

from __future__ import annotations

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
    with tempfile.TemporaryDirectory() as folder:
        shown = Path(folder) / "kammerton-demo"
        run_until_signal(Demonstration(shown, 5, 1, console, once=True).run())
        text = console.export_svg(title="kammerton demo --once").replace(f"{folder}/", "")
    Path(__file__).with_name("demo.svg").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
