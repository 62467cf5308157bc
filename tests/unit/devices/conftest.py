"""A small made-up table, and where the tables of real devices are."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

HEADER = (
    "qubit,T1 [s],T2 [s],f01 [Hz],anharmonicity [Hz],readout_error,"
    "p_read0_prepared1,p_read1_prepared0,readout_length [s]"
)
ROWS = (
    "0,1.2e-4,9e-5,5.1e9,-3.4e8,0.02,0.03,0.01,1e-6",
    "1,8e-5,1.1e-4,4.95e9,-3.3e8,0.05,0.06,0.04,1e-6",
    "2,2e-4,5e-5,5.25e9,-3.5e8,,,,",
)
PAIRS = "qubit_a,qubit_b\n0,1\n1,2\n"

REAL = Path(
    os.environ.get("KAMMERTON_REAL_DEVICES", Path(__file__).parents[4] / "shared" / "real-devices")
)


@pytest.fixture
def table(tmp_path) -> Callable[..., Path]:
    """Write a table; `rows` replace the made-up ones, `pairs` the couplings."""

    def write(*rows: str, header: str = HEADER, pairs: str | None = PAIRS) -> Path:
        path = tmp_path / "made-up.csv"
        path.write_text("\n".join((header, *(rows or ROWS), "")), encoding="utf-8")
        if pairs is not None:
            (tmp_path / "made-up.couplings.csv").write_text(pairs, encoding="utf-8")
        return path

    return write
