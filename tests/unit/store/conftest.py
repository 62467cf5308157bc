from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kammerton.store import Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "two qubits #1 ü.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store.open(path, "two-qubits", busy=0.3) as opened:
        yield opened
