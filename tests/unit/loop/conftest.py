"""What the tests of the loop share."""

from __future__ import annotations

import pytest


@pytest.fixture
def without_files(monkeypatch):
    """Store runs without their traces: most of the time would go into data files."""
    monkeypatch.setattr("kammerton.store.write.write_traces", lambda *_: None)
