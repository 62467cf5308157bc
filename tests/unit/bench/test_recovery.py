"""After a failure, with fakes: who is asked, who is switched off, and who is left alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kammerton.bench import Bench
from kammerton.lab import InstrumentEntry
from kammerton.model import InstrumentError, LastingFault
from kammerton.model.roles import Identity
from tests.unit.bench.test_bench import use
from tests.unit.bench.test_bias import LIMIT, BiasedLab

LOST = InstrumentError("lo: no answer", instrument="lo")


def settings_of(fake, name: str) -> list[str]:
    return [what[0] for what in fake.log.of(name)]


def test_only_the_one_that_failed_is_switched_off_and_set_up_anew(fake, make, tmp_path):
    async def body(bench: Bench) -> None:
        await bench.acquire(make.program())
        fake.log.clear()
        await bench.recover(LOST)
        assert settings_of(fake, "lo") == ["safe", "configure"]
        assert settings_of(fake, "awg") == settings_of(fake, "dig") == []
        fake.log.clear()
        await bench.acquire(make.program())
        assert settings_of(fake, "lo") == ["power", "frequency", "enable"]
        assert ("awg", "load", "t1") not in fake.log

    use(fake, make, tmp_path, body)


def test_a_generator_that_failed_is_loaded_anew(fake, make, tmp_path):
    async def body(bench: Bench) -> None:
        await bench.acquire(make.program())
        await bench.recover(InstrumentError("awg: reset", instrument="awg"))
        fake.log.clear()
        await bench.acquire(make.program())
        assert ("awg", "load", "t1") in fake.log
        assert ("awg", "enable", "[5, 6]", "True") in fake.log

    use(fake, make, tmp_path, body)


def test_when_nobody_knows_which_one_failed_all_are_verified(fake, make, tmp_path):
    async def body(bench: Bench) -> None:
        await bench.acquire(make.program())
        fake.log.clear()
        await bench.recover(InstrumentError("no triggers"))
        assert settings_of(fake, "lo") == settings_of(fake, "awg") == ["safe", "configure"]
        assert not fake.anything_on

    use(fake, make, tmp_path, body)


def test_a_setting_that_somebody_turned_is_told_of_once(fake, make, tmp_path, caplog):
    """It was told as somebody else's; that it is set anew is no power cycle."""
    turned = {"frequency": 4.9e9}

    async def state() -> dict[str, float]:
        return {"power": 13.0, **turned}

    fake.instruments["lo"].state = state

    async def body(bench: Bench) -> None:
        bench._read_back._last["lo"] = {"frequency": 4.9e9, "power": 13.0}
        turned["frequency"] = 4.95e9
        with pytest.raises(InstrumentError, match="lo is not set as it was") as change:
            bench._read_back._as_set("lo", bench._read_back._last["lo"], await state())
        await bench.recover(change.value)

    use(fake, make, tmp_path, body)
    assert "power cycle" not in caplog.text


@pytest.mark.parametrize(("cycled", "what"), [(True, "was switched off and on"),
                                              (False, "is not set as it was left")])  # fmt: skip
def test_what_an_instrument_has_lost_is_named_and_a_power_cycle_only_where_it_tells_one(
    fake, make, tmp_path, caplog, cycled, what
):
    async def state() -> dict[str, object]:
        return {"power": 10.0, "power_on": cycled}

    fake.instruments["lo"].state = state

    async def body(bench: Bench) -> None:
        bench._read_back._last["lo"] = {"power": 13.0}
        await bench.recover(LOST)

    use(fake, make, tmp_path, body)
    said = f"lo {what}: power is 10 dBm, not 13 dBm; all its settings are set anew"
    assert said in caplog.text


def away(fake, name: str, answer: InstrumentError | None) -> None:
    """Let an instrument give no name any more; None: it is back."""
    box = fake.instruments[name]

    async def silent() -> None:
        raise answer

    if answer is None:
        del box.identity
    else:
        box.identity = silent


def test_one_that_stays_away_is_named_and_from_the_second_try_on_all_is_off(fake, make, tmp_path):
    async def body(bench: Bench) -> None:
        await bench.acquire(make.program())
        away(fake, "lo", InstrumentError("lo is unplugged"))
        with pytest.raises(InstrumentError, match="lo is unplugged") as missing:
            await bench.recover(LOST)
        assert missing.value.instrument == "lo"
        assert fake.awg.on
        with pytest.raises(InstrumentError, match="lo is unplugged"):
            await bench.recover(missing.value)
        assert not fake.awg.on
        away(fake, "lo", None)
        await bench.recover(missing.value)
        await bench.acquire(make.program())

    use(fake, make, tmp_path, body)


def test_what_went_on_is_not_known_to_be_off_until_it_was_read_back_as_off(fake, make, tmp_path):
    async def body(bench: Bench) -> None:
        assert "lo was off when it was last read back, at " in bench.seen.words("lo")
        await bench.acquire(make.program())
        assert bench.seen.may_be_on == {"awg", "lo"}, "between two runs they stay on"
        away(fake, "lo", LOST)
        fake.lo.fail["safe"] = LOST
        for _ in range(2):
            with pytest.raises(InstrumentError):
                await bench.recover(LOST)
        assert bench.seen.may_be_on == {"lo"}
        assert "lo is not known to be off: last switched on at " in bench.seen.words("lo")
        fake.lo.fail.clear()
        away(fake, "lo", None)
        await bench.recover(LOST)
        assert bench.seen.may_be_on == frozenset()

    use(fake, make, tmp_path, body)


def test_who_else_does_not_answer_is_found_too(fake, make, tmp_path):
    async def body(bench: Bench) -> None:
        away(fake, "awg", InstrumentError("awg is off"))
        with pytest.raises(InstrumentError, match="awg is off"):
            await bench.recover(LOST)
        away(fake, "awg", None)
        fake.log.clear()
        await bench.recover(LOST)
        assert settings_of(fake, "awg") == ["safe", "configure"]

    use(fake, make, tmp_path, body)


@pytest.mark.parametrize("name", ["lo", "awg", "dig"])
def test_another_box_at_the_address_is_not_back_and_gets_nothing(
    fake, make, tmp_path, monkeypatch, name
):
    async def somebody() -> Identity:
        return Identity("none", "fake", "another", "0")

    async def body(bench: Bench) -> None:
        await bench.acquire(make.program())
        with monkeypatch.context() as patch:
            patch.setattr(getattr(fake, name), "identity", somebody)
            fake.log.clear()
            with pytest.raises(InstrumentError, match="another instrument answers"):
                await bench.recover(InstrumentError("no answer", instrument=name))
            assert settings_of(fake, name) == []
        await bench.recover(InstrumentError("no answer", instrument=name))
        assert "configure" in settings_of(fake, name), "the one that was there before is back"

    use(fake, make, tmp_path, body)


def test_one_that_does_not_read_back_off_is_not_back(fake, make, tmp_path):
    async def body(bench: Bench) -> None:
        await bench.acquire(make.program())
        fake.lo.ignores_off = True
        with pytest.raises(InstrumentError, match="lo is not known to be off"):
            await bench.recover(LOST)
        fake.lo.ignores_off = False
        await bench.recover(LOST)

    use(fake, make, tmp_path, body)


def test_what_lasts_is_told_as_that_whoever_else_is_away(fake, make, tmp_path):
    async def body(bench: Bench) -> None:
        fake.lo.fail["configure"] = LastingFault("no reference", "see the cable", instrument="lo")
        away(fake, "awg", InstrumentError("awg is off"))
        with pytest.raises(LastingFault, match="lo says no reference; see the cable"):
            await bench.recover(LOST)
        del fake.lo.fail["configure"]
        away(fake, "awg", None)
        await bench.recover(LOST)

    use(fake, make, tmp_path, body)


def test_a_bias_that_moved_before_another_failed_has_changed_what_rests_on_it(make, tmp_path):
    """Where it is counts as meant from then on, so that nobody else would tell."""
    fake, lab = BiasedLab(), make.lab()
    bias = InstrumentEntry("bias", "source", "addr-bias", {"volts": LIMIT})

    async def body(bench: Bench) -> None:
        await bench.acquire(make.program())
        fake.bias.volts = 0.3
        assert await bench.recover(LOST) == {"bias"}
        assert await bench.look()

    use(fake, make, tmp_path, body, lab=replace(lab, instruments={**lab.instruments, "bias": bias}))
