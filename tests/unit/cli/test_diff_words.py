"""With how many digits `kammerton diff` shows a setting."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kammerton.cli.diff import _words
from tests.stored import estimate


@pytest.mark.parametrize(
    ("value", "other", "words"),
    [(1.2e-3, 1.0, "1.2 mV"), (1.0, 1.2e-3, "1.0 V"), (0.1234, 0.1235, "123.40 mV"),
     (0.0, 0.2, "0 mV")],
)  # fmt: skip
def test_a_setting_shows_itself_and_its_difference(value, other, words):
    one, two = (replace(estimate(v), stderr=0.0, unit="V") for v in (value, other))
    assert _words(one, two) == words
