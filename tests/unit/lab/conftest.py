"""A folder with a lab.toml in it."""

from collections.abc import Callable

import pytest

from kammerton.lab import Findings, examine
from tests.unit.lab.example import DRIVERS


@pytest.fixture
def examined(tmp_path) -> Callable[[str | bytes], Findings]:
    """Write a text as lab.toml and examine it."""

    def examined(text: str | bytes) -> Findings:
        file = tmp_path / "lab.toml"
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return examine(file, drivers=DRIVERS)

    return examined
