"""The registry of parameters."""

import pytest

from kammerton.model import KINDS, QUBIT, RESONATOR, kind_of
from kammerton.model.parameter import ELEMENT
from kammerton.model.quantity import PLAIN, SCALED


def test_an_elements_name_decides_between_qubit_and_resonator():
    assert kind_of("q3.f01", {"r3"}) is QUBIT["f01"]
    assert kind_of("r3.frequency", {"r3"}) is RESONATOR["frequency"]


@pytest.mark.parametrize("name", ["q3.frequency", "r3.f01", "q3.", "q3", "", "q3.f01.f01"])
def test_an_unknown_name_is_a_key_error(name):
    with pytest.raises(KeyError):
        kind_of(name, {"r3"})


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: f"{kind.element}.{kind.name}")
def test_every_kind_has_a_unit_a_meaning_and_a_tolerance(kind):
    assert kind.unit in (*SCALED, *PLAIN)
    assert kind.meaning
    assert kind.tolerance > 0
    assert kind.drift >= 0
    assert ELEMENT.fullmatch(kind.name)


def test_relative_drift_and_tolerance_scale_with_the_value():
    t1 = QUBIT["t1"]
    assert t1.relative
    assert t1.drift_of(-50e-6) == pytest.approx(t1.drift * 50e-6)
    assert t1.tolerance_of(50e-6) == pytest.approx(t1.tolerance * 50e-6)


def test_absolute_drift_and_tolerance_do_not():
    f01 = QUBIT["f01"]
    assert f01.drift_of(5e9) == f01.drift
    assert f01.tolerance_of(5e9) == f01.tolerance


@pytest.mark.parametrize("name", ["q0", "r12", "coupler_1", "a" * 32])
def test_a_name_by_the_grammar(name):
    assert ELEMENT.fullmatch(name)


@pytest.mark.parametrize("name", ["", "Q0", "0q", "q-0", "q.0", "q/0", "q+", "q#", "a" * 33, "q\n"])
def test_no_name_by_the_grammar(name):
    assert ELEMENT.fullmatch(name) is None
