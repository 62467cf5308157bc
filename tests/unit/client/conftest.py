from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kammerton.model import Value, Verdict
from kammerton.store import Store
from tests.stored import estimate, fit, run

EXAMPLE = Path(__file__).parents[3] / "examples" / "two-qubits" / "lab.toml"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A laboratory's folder with lab.toml and a database of three runs; the daemon still writes."""
    shutil.copy(EXAMPLE, tmp_path / "lab.toml")
    now = datetime.now(UTC)
    hour = timedelta(hours=1)
    with Store.open(tmp_path / "kammerton.sqlite", "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate(4.2e-5, time=now - 2 * hour)})
        weak = fit("q1", Verdict.INSUFFICIENT, status="range too narrow", reason="widen [it]")
        store.commit(
            run(fits={"q0": fit("q0"), "q1": weak}),
            {"q0.t1": estimate(time=now - hour, valid_until=now + 3 * hour)},
        )
        found = fit("q1", kind="resonator", values={"frequency": Value(6.81e9, 900.0, "Hz")})
        store.commit(
            run(("q0", "q1"), {"q0": fit("q0"), "q1": found}, "resonator_spectroscopy"),
            {"r1.frequency": estimate(6.81e9, 900.0, "Hz", time=now, valid_until=now - hour)},
        )
        yield tmp_path
