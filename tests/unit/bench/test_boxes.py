"""The serial number that lab.toml names is the only one that is written to."""

import asyncio
import tomllib
from dataclasses import dataclass, replace

import pytest

from kammerton.bench import open_bench, opening
from kammerton.bench.connect import connect
from kammerton.lab import InstrumentEntry, Limit
from kammerton.model import InstrumentError
from tests.unit.bench.test_bias import BiasedLab


@dataclass
class WholeLab(BiasedLab):
    @property
    def drivers(self):
        give = lambda name, address: self.instruments[name]  # noqa: E731
        return {**super().drivers, "bias": lambda: give}


@pytest.fixture
def fake():
    return WholeLab()


def lab_with(make, name, serial):
    """Return a laboratory whose lab.toml names a serial number; the fakes' is their name."""
    lab = make.lab()
    volts = {"volts": Limit(-1.0, 1.0, 0.5, 0.1)}
    bias = InstrumentEntry("bias", "bias", "addr-bias", volts, safe="zero")
    entries = {**lab.instruments, "bias": bias}
    return replace(lab, instruments={**entries, name: replace(entries[name], serial=serial)})


def opened(lab, fake, folder):
    async def main():
        async with open_bench(lab, fake.clock, drivers=fake.drivers, lock_folder=folder):
            pass

    asyncio.run(main())


def written(fake, name):
    reads = {"read", "close", "temperature"}
    return [entry for entry in fake.log.of(name) if entry[0] not in reads]


@pytest.mark.parametrize("name", ["awg", "lo", "dig", "fridge", "bias"])
def test_i6_a_first_box_of_another_serial_number_is_named_and_never_written_to(
    fake, make, tmp_path, name, caplog
):
    fake.lo.on = True
    head = f"{name} is not the instrument of lab.toml: none fake, serial {name}, firmware 0"
    words = f"{head} answers, but lab.toml names serial B42"
    with pytest.raises(InstrumentError, match=words):
        opened(lab_with(make, name, "B42"), fake, tmp_path)
    assert written(fake, name) == []
    assert "lab.toml names serial" not in caplog.text, "whoever catches it says it"
    assert fake.lo.on is (name == "lo"), "all others go off"
    assert not any("configure" in entry for entry in fake.log)


@pytest.mark.parametrize("serial", ["lo", " LO "])
def test_i6_the_serial_number_of_lab_toml_is_welcome(fake, make, tmp_path, serial):
    opened(lab_with(make, "lo", serial), fake, tmp_path)
    assert written(fake, "lo")


def test_i6_one_that_does_not_say_its_serial_number_is_not_taken_for_it(fake, make, tmp_path):
    async def silent():
        raise InstrumentError("lo gives no name")

    fake.lo.identity = silent
    with pytest.raises(InstrumentError, match=r"not the instrument of lab\.toml: lo gives no"):
        opened(lab_with(make, "lo", "lo"), fake, tmp_path)


def test_i6_another_box_is_not_even_switched_off_where_a_second_one_is_away(fake, make):
    def refuse(name, address):
        raise OSError("connection refused")

    drivers = {**fake.drivers, "fridge": lambda: refuse}
    with pytest.raises(InstrumentError, match=r"lab\.toml names serial B42"):
        asyncio.run(connect(lab_with(make, "lo", "B42"), drivers))
    assert written(fake, "lo") == []
    assert written(fake, "awg") == [("safe",)]


@pytest.mark.parametrize("name", ["awg", "lo", "dig", "bias"])
def test_i6_where_lab_toml_names_none_the_box_of_earlier_starts_is_the_only_one(
    fake, make, tmp_path, name
):
    fake.lo.on = True
    lab = lab_with(make, name, None)
    expected = replace(lab.instruments[name], before="B42")
    words = rf"serial {name}, .* answers, but serial B42 did before; .*\[instruments.{name}\] in "
    with pytest.raises(InstrumentError, match=rf'{words}lab.toml serial = "{name}"') as refused:
        opened(replace(lab, instruments={**lab.instruments, name: expected}), fake, tmp_path)
    assert str(refused.value).startswith(f"{name} is not the instrument of earlier starts: none ")
    assert written(fake, name) == []
    assert fake.lo.on is (name == "lo"), "all others go off"


def test_i6_lab_toml_has_the_last_word_on_what_answered_before(fake, make, tmp_path):
    lab = lab_with(make, "lo", "LO ")
    entry = replace(lab.instruments["lo"], before="B42")
    opened(replace(lab, instruments={**lab.instruments, "lo": entry}), fake, tmp_path)
    assert written(fake, "lo"), "it is used"


def test_i6_a_serial_number_that_tells_nothing_or_is_spelt_otherwise_is_not_another(
    fake, make, tmp_path
):
    """Where it is remembered: what a person declared is taken at their word."""
    lab = lab_with(make, "lo", None)
    whole = fake.lo.identity

    def told(number, **how):
        async def identity():
            return replace(await whole(), serial=number)

        fake.lo.identity = identity
        entry = replace(lab.instruments["lo"], **how)
        opened(replace(lab, instruments={**lab.instruments, "lo": entry}), fake, tmp_path)

    for serial in ("000101", "10 1", "", "0", "N/A"):
        told(serial, before="101")
    told(' 5"6\\', serial='5"6\\')
    for how in ({"before": "101"}, {"serial": "000102"}, {"serial": "1 02"}):
        with pytest.raises(InstrumentError):
            told("102", **how)
    with pytest.raises(InstrumentError) as refused:
        told('5"6\\', before="101")
    line = str(refused.value).partition("in lab.toml ")[2].partition(" and start")[0]
    assert tomllib.loads(line) == {"serial": '5"6\\'}
    with pytest.raises(InstrumentError):
        told("", serial="101")


@pytest.mark.parametrize(
    ("second", "same"),
    [
        ("lo is not known to be off: B42 answers", True),
        ("lo is not known to be off: no answer", False),
        ("lo2 is not known to be off: B42 answers", False),
        ("lo is not known to be off: B42 answers\nawg is not known to be off: it plays", False),
        ("lo: B42 answers", True),
    ],
)
def test_what_fails_on_the_way_out_is_not_said_again_where_it_failed_before(second, same):
    first = InstrumentError("lo is not the instrument of lab.toml: B42 answers")
    assert opening._same(InstrumentError(second), first) is same
    assert not opening._same(InstrumentError(second), asyncio.CancelledError())
