"""The step clamp of a cycle, and groups of a qubit that are published together (row P7)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kammerton.loop.beliefs import BeliefBook
from kammerton.loop.surprise import Surprises
from kammerton.model import Estimate
from tests.unit.loop.laboratory import two_qubits

NOW = datetime(2026, 1, 1, tzinfo=UTC)
UNITS = {"q0.f01": "Hz", "q0.pi_amplitude": "V", "q0.t1": "s"}


def estimate(name: str, value: float, stderr: float) -> Estimate:
    return Estimate(value, stderr, UNITS[name], NOW, "r000001")


@pytest.fixture
def book(tmp_path) -> BeliefBook:
    book = BeliefBook(two_qubits(tmp_path), NOW)
    book.update({
        "q0.f01": estimate("q0.f01", 4.9e9, 4e6),
        "q0.pi_amplitude": estimate("q0.pi_amplitude", 0.2, 0.02),
        "q0.t1": estimate("q0.t1", 50e-6, 20e-6),
    })  # fmt: skip
    return book


@pytest.mark.parametrize(
    ("name", "small", "large", "stderr"),
    [("q0.f01", 4.9049e9, 4.9051e9, 4e6), ("q0.pi_amplitude", 0.219, 0.221, 0.02)],
)
def test_a_leap_within_its_sigma_is_withheld_until_found_again(book, name, small, large, stderr):
    surprises = Surprises(book)
    assert surprises.among({name: estimate(name, small, stderr)}) == {}
    leap = estimate(name, large, stderr)
    assert surprises.among({name: leap}) == {name: leap}
    assert surprises.among({name: leap}) == {}
    assert surprises.withheld == {}


def test_a_second_leap_elsewhere_confirms_nothing(book):
    surprises = Surprises(book)
    up, down = (estimate("q0.f01", 4.9e9 + move, 0.1e6) for move in (8e6, -8e6))
    book.widen("q0.f01", 20e6)  # so that neither is far
    assert surprises.among({"q0.f01": up})
    assert surprises.among({"q0.f01": down})
    assert surprises.among({"q0.f01": up})
    assert surprises.among({"q0.f01": up}) == {}


def test_one_that_comes_back_by_itself_is_no_leap_and_forgets_the_first(book):
    surprises = Surprises(book)
    assert surprises.among({"q0.f01": estimate("q0.f01", 4.908e9, 2e6)})
    assert surprises.among({"q0.f01": estimate("q0.f01", 4.901e9, 2e6)}) == {}
    assert surprises.among({"q0.f01": estimate("q0.f01", 4.908e9, 2e6)})


def test_a_lifetime_may_move_as_far_as_its_sigma_allows(book):
    assert Surprises(book).among({"q0.t1": estimate("q0.t1", 120e-6, 20e-6)}) == {}


def test_a_design_is_no_measurement_to_leap_from(tmp_path):
    book = BeliefBook(two_qubits(tmp_path), NOW)
    assert Surprises(book).among({"q0.f01": estimate("q0.f01", 4.92e9, 1e6)}) == {}
