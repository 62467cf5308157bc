"""The names that a notebook finds in `kammerton`."""

from __future__ import annotations

import kammerton


def test_each_public_name_is_offered_for_completion_and_can_be_had() -> None:
    assert set(dir(kammerton)) == set(kammerton.__all__)
    for name in kammerton.__all__:
        assert getattr(kammerton, name) is not None


def test_what_a_measurement_that_failed_raises_is_one_of_them() -> None:
    from kammerton.model import KammertonError

    assert issubclass(kammerton.NotMeasured, KammertonError)
