"""The notebooks' lines of docs/laboratory.md, word for word, on a laboratory in this process."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from kammerton_sim.chip import Chip, random_chip
from kammerton_sim.chip.further import FurtherInstrument
from kammerton_sim.laboratory import Laboratory
from kammerton_sim.ports import consecutive_ports
from tests.wire.conftest import CountingWorld

PAGE = (Path(__file__).parents[2] / "docs" / "laboratory.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
(CONNECT,) = [each for each in SNIPPETS if "YokogawaGS200(" in each]
(RECORD,) = [each for each in SNIPPETS if "board.acquire(" in each]
FURTHER = {
    "bias_q0": FurtherInstrument("yokogawa_gs200"),
    "vna": FurtherInstrument("rohde_schwarz_znb20"),
}


def _printed(snippet: str, laboratory: Laboratory, chip: Chip) -> list[str]:
    """Run a snippet at this laboratory's ports in a process of its own; return what it prints."""
    for name, port in consecutive_ports(chip, 4881).items():
        snippet = re.sub(rf"\b{port}\b", str(laboratory.ports[name]), snippet)
    done = subprocess.run(
        [sys.executable, "-"], input=snippet, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_upstream_drivers_connect_as_the_page_says() -> None:
    chip = random_chip(1, 3)
    chip = replace(chip, wiring=replace(chip.wiring, instruments=FURTHER))
    more = """vna.add_channel("S21")
print(vna.rf_power(), vna.channels[0].sweep_type())
for each in (source, bias, vna, board): each.close()
"""
    with Laboratory(chip, world=CountingWorld()) as laboratory:  # type: ignore[arg-type]
        *_, printed, swept = _printed(CONNECT + more, laboratory, chip)
        changes = [c["what"] for c in laboratory.ledger.since()]
        assert set(changes) <= {"connection", "sweep_from", "sweep_to"}
    assert printed.startswith("-30.0 0.0 {'vendor': 'Rohde-Schwarz', 'model': 'ZNB20-2Port'")
    assert "ATS9360" in printed
    assert swept == "True Linear"


def test_upstream_drivers_upload_play_and_record_as_the_page_says() -> None:
    chip = random_chip(1, 1)
    with Laboratory(chip) as laboratory:
        *_, printed = _printed(RECORD, laboratory, chip)
    found = re.fullmatch(r"(\S+) V with the tone, (\S+) V without", printed)
    assert found is not None, printed
    tone, silence = map(float, found.groups())
    sent = abs(chip.wiring.gain) * 0.045
    assert 0.8 * sent < tone < 1.3 * sent
    assert silence < 0.5 * sent  # 36 mV of noise, of which 100 records leave a tenth
