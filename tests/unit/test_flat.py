"""When a soak says that memory is flat, that it grows, and that it cannot tell."""

from __future__ import annotations

from collections import Counter

import numpy as np

from tests.prove.flat import Look, grown, new_files, verdict


def looks(hours: float, slope: float, noise: float = 0.0, files: int = 3) -> list[Look]:
    """Return looks every 5 s at a process that grows by so many MB/h, with 12 s of memory."""
    at = np.arange(0, hours, 5 / 3600)
    rng = np.random.default_rng(1)
    walk = np.repeat(rng.normal(0, noise, at.size // 12 + 1), 12)[: at.size]
    return [
        Look(h, 400 + slope * h + w, Counter(db=files), 9) for h, w in zip(at, walk, strict=True)
    ]


def test_a_long_one_that_is_flat_is_told() -> None:
    assert verdict(looks(2.0, 0.1, noise=0.5)).flat


def test_one_that_grows_is_told() -> None:
    found = verdict(looks(2.0, 8.0, noise=0.5))
    assert found.grows
    assert not found.flat


def test_one_that_is_too_short_is_neither_flat_nor_growing_and_says_so() -> None:
    """Three errors below the slope it may have been anything: that is no pass."""
    for short in (looks(0.02, 8.0), looks(0.5, 0.5, noise=2.0)):
        found = verdict(short)
        assert not found.flat
        assert not found.grows
        assert "too short to tell" in str(found)


def test_neighbouring_looks_are_not_counted_as_independent() -> None:
    """Of 200 flat processes whose memory comes and goes over a minute few seem to grow."""
    rng = np.random.default_rng(3)
    at = np.arange(0, 1, 5 / 3600)
    seem = 0
    for _ in range(200):
        walk = np.convolve(rng.normal(0, 1, at.size + 12), np.ones(12) / 12, "valid")[: at.size]
        found = verdict([Look(h, m, Counter(), 9) for h, m in zip(at, 10 * walk, strict=True)])
        seem += abs(found.steep) > 2 * found.error
    assert seem < 40, seem


def test_a_file_that_comes_to_stay_is_named() -> None:
    before, after = looks(0.5, 0.0), looks(0.5, 0.0, files=4)
    assert grown(before + before, "files") == 0
    assert grown(before + after, "files") == 1
    assert new_files(before + after) == ["db +1"]
    assert new_files(before + before) == []
