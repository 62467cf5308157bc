"""What `kammerton sim ctl` and the handle say is a sentence, true and with units."""

from __future__ import annotations

import math

import pytest

from kammerton_sim.ctl import words
from kammerton_sim.evidence.audit import AuditError
from kammerton_sim.faults import FaultError
from kammerton_sim.names import stranger
from kammerton_sim.quantities import quantity
from kammerton_sim.world.clock import LaboratoryClock
from kammerton_sim.world.errors import WorldError

FOUR = "identity must be vendor, model, serial number and firmware with commas between, such as"


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("frequency-hop", {"qubit": "q0", "hz": 0.0}),
        ("frequency-drift", {"qubit": "q0", "hz": 0.0}),
        ("heat", {"watts": 0.0}),
        ("garble", {"instrument": "awg1", "share": 0.0}),
        ("overload", {"gain": 1.0}),
        ("block", {"impedance": 1.0}),
        ("dead-qubit", {"qubit": "q0", "amplitude": 1.0}),
    ],
)
def test_what_would_change_nothing_is_no_fault(laboratory, name, given):
    with pytest.raises(FaultError, match=r"must be .*, not (0|1)"):
        laboratory.faults.inject(name, **given)


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("dead-qubit", {"qubit": "q0", "amplitude": 5.0},
         "dead-qubit: amplitude must be from 0 on and below 1, not 5"),
        ("heat", {"watts": 1e300}, "heat: watts must be above 0 W and at most 10 kW, not 1e+300 W"),
        ("temperature", {"kelvin": 500.0},
         "temperature: kelvin must be above 0 K and below 400 K, not 500 K"),
        ("temperature", {"kelvin": math.inf}, "temperature: kelvin must be finite, not inf"),
        ("frequency-drift", {"qubit": "q0", "records": 10},
         "frequency-drift: records must be at least the 20 steps, not 10: each step waits for a"
         " record"),
        ("byte-order", {"instrument": "awg1", "width": 3},
         "byte-order: width must be 2, 4 or 8 bytes, not 3"),
        ("api-error", {"instrument": "awg1", "code": 1},
         "api-error: no instrument with an API 'awg1'; there is only board"),
        ("clamped-setting", {"instrument": "drive_lo", "setting": "power", "largest": 900.0},
         "clamped-setting: power is never 900 dBm"),
        ("new-key", {"instrument": "awg1"},
         "new-key: no instrument with keys 'awg1'; there is none"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_in_a_sentence(laboratory, name, given, said):
    with pytest.raises(FaultError) as caught:
        laboratory.faults.inject(name, **given)
    assert str(caught.value) == said


@pytest.mark.parametrize("instrument", ["drive_lo", "fridge", "board"])
@pytest.mark.parametrize("identity", ["Acme", "a,b,c", "a,,1,2", "a,b,1,2,3"])
def test_an_identity_has_four_parts_whoever_tells_it(laboratory, instrument, identity):
    with pytest.raises(FaultError) as caught:
        laboratory.faults.inject("wrong-identity", instrument=instrument, identity=identity)
    assert str(caught.value).startswith(f"wrong-identity: {FOUR} ")


def test_a_box_that_says_what_it_is_is_not_the_wrong_one(laboratory):
    true = laboratory.sources["drive_lo"].identity
    with pytest.raises(FaultError, match="must be another than that of drive_lo"):
        laboratory.faults.inject("wrong-identity", instrument="drive_lo", identity=true)


def test_how_long_a_fault_waits_and_lasts_is_said(ctl):
    said = ctl("heat", "1uW", "--after", "1h", "--after-records", "10", "--for", "1.5min")[1]
    assert "comes in 1 h or after 10 records, whichever is first, and lasts 1.5 min; `kamm" in said
    assert "heat watts=1uW, is on for 2 h; `kammerton" in ctl("heat", "1uW", "--for", "2h")[1]
    assert ctl("late", "drive_lo", "seconds=1h")[0] == 0


def test_numbers_of_sigmas_and_of_seconds_are_named(laboratory):
    with pytest.raises(AuditError, match="sigmas must be above 0, not -1"):
        laboratory.questions.contradicted([], sigmas=-1)
    with pytest.raises(WorldError, match="only goes forward: by 0 s or more, not by nan s"):
        LaboratoryClock().advance(math.nan)


def test_no_name_one_name_and_many():
    assert stranger("qubit", "x", []) == "no qubit 'x'; there is none"
    assert stranger("qubit", "x", ["q0"]) == "no qubit 'x'; there is only q0"
    assert stranger("qubit", "x", ["q0", "q1"]) == "no qubit 'x'; there are q0, q1"


def test_a_number_that_no_prefix_fits_has_none():
    assert [quantity(x, "W") for x in (1e300, 1e-30, 2e-9)] == ["1e+300 W", "1e-30 W", "2 nW"]
    assert quantity(7261.5, "s") == "7261.5 s"


def test_a_fault_that_takes_nothing_is_one_word():
    told = {"number": 1, "name": "warm-up", "given": {}, "when": {}, "state": "on"}
    assert words.injected(told, "") == (
        "fault 1, warm-up, is on; `kammerton sim ctl clear 1` takes it off"
    )
