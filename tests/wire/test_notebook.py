"""The notebook's lines of docs/laboratory.md, word for word, on a laboratory in this process."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from kammerton_sim.chip import random_chip
from kammerton_sim.chip.further import FurtherInstrument
from kammerton_sim.laboratory import Laboratory
from kammerton_sim.ports import consecutive_ports
from tests.wire.conftest import CountingWorld

PAGE = (Path(__file__).parents[2] / "docs" / "laboratory.md").read_text(encoding="utf-8")
FURTHER = {
    "bias_q0": FurtherInstrument("yokogawa_gs200"),
    "vna": FurtherInstrument("rohde_schwarz_znb20"),
}


CLOSE = "for each in (source, bias, vna, board): each.close()\n"


def test_upstream_drivers_connect_as_the_page_says() -> None:
    snippets = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (snippet,) = [each for each in snippets if "YokogawaGS200(" in each]
    chip = random_chip(1, 3)
    chip = replace(chip, wiring=replace(chip.wiring, instruments=FURTHER))
    said = consecutive_ports(chip, 4881)
    with Laboratory(chip, world=CountingWorld()) as laboratory:  # type: ignore[arg-type]
        for name, port in said.items():
            snippet = re.sub(rf"\b{port}\b", str(laboratory.ports[name]), snippet)
        done = subprocess.run(
            [sys.executable, "-"],
            input=snippet + CLOSE,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        assert {c["what"] for c in laboratory.ledger.since()} == {"connection"}
    printed = done.stdout.splitlines()[-1]
    assert printed.startswith("-30.0 0.0 {'vendor': 'Rohde-Schwarz', 'model': 'ZNB20-2Port'")
    assert "ATS9360" in printed
