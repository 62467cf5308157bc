"""Outputs when the database does not open, and what an end by order says of them."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
from types import SimpleNamespace

import pytest

from kammerton.bench import OutputChange
from kammerton.model import InstrumentError, StoreError, StoreInUse, StoreUnavailable
from kammerton.model.alarm import left_on
from kammerton.serve import child, last, unrecorded
from kammerton.serve.opened import opened_store
from kammerton.serve.words import Code, Mode, Order
from kammerton.store import Store
from kammerton.store.caution import ALL
from tests.unit.loop.laboratory import two_qubits

UNHEARD = SimpleNamespace(say=lambda **_: None)


@pytest.fixture
def lab(tmp_path):
    lab = two_qubits(tmp_path)
    awg = dataclasses.replace(lab.instruments["awg1"], safe="zero")
    return dataclasses.replace(lab, instruments={"awg1": awg})


@pytest.fixture
def benches(monkeypatch):
    """The laboratories whose benches were opened, and how; a text added to `wrong` fails it."""
    opened, wrong = [], []

    @contextlib.asynccontextmanager
    async def bench(lab, _, *, configure):
        opened.append((lab, configure))
        if wrong:
            raise InstrumentError(wrong[0])
        yield

    monkeypatch.setattr(unrecorded, "open_bench", bench)
    return opened, wrong


def refused(lab, **how):
    """Open the database, which fails; return the error."""

    async def opening():
        async with opened_store(lab, **how):
            pass

    with pytest.raises(StoreError) as raised:
        asyncio.run(opening())
    return raised.value


def test_r2_a_broken_database_keeps_no_output_on_and_biases_hold(lab, benches):
    lab.database.write_bytes(b"no database at all" * 500)
    error = refused(lab)
    [(opened, configure)] = benches[0]
    assert opened.instruments["awg1"].safe is None
    assert not configure
    assert error.__notes__ == ["all outputs are known to be off; biases are as they were"]


def test_with_a_broken_database_an_output_that_may_be_on_is_named(lab, benches):
    lab.database.write_bytes(b"no database at all" * 500)
    benches[1].append("awg1 does not connect")
    assert refused(lab).__notes__ == ["outputs are not known to be off: awg1 does not connect"]


@pytest.mark.parametrize("wrong", [None, "awg1 does not connect"])
def test_what_was_seen_of_the_outputs_is_told_where_the_database_is_silent(lab, benches, wrong):
    """With `--once` no other process looks: one that only switches off must know that it has to."""
    lab.database.write_bytes(b"no database at all" * 500)
    benches[1].extend([wrong] if wrong else [])
    life = child.Life(UNHEARD, 1.0)
    refused(lab, known=life.known)
    assert life.off is (wrong is None)
    assert asyncio.run(last.known_off(lab, life.off)) is (wrong is None)


def test_an_output_that_was_seen_on_counts_though_the_database_never_heard_of_it(lab):
    """It was locked when it was to be told that there is work, and answers again at the end."""
    Store.open(lab.database, "two", data=lab.data).close()
    assert [asyncio.run(last.known_off(lab, seen)) for seen in (True, None, False)] == [
        True, True, False,
    ]  # fmt: skip


def test_s1_all_outputs_that_were_read_back_as_off_are_off_though_a_full_disk_did_not_take_it(
    lab, monkeypatch
):
    """The log would end with "outputs are not known to be off", 3 s after "all are off"."""
    life = child.Life(UNHEARD, 1.0)

    def full(*_):
        raise StoreUnavailable("the disk is full")

    async def work():
        async with opened_store(lab, known=life.known) as (store, outputs):
            store.activity("t1 on q0")
            outputs.changed(OutputChange(ALL, None, "off", "daemon"))
            monkeypatch.setattr(Store, "activity", full)

    with pytest.raises(StoreUnavailable):
        asyncio.run(work())
    assert asyncio.run(last.known_off(lab, life.off))
    assert not asyncio.run(last.known_off(lab, None)), "nobody saw it"


def test_what_the_work_saw_of_the_outputs_is_told_before_the_database_closes(lab):
    seen = []

    async def work(off):
        async with opened_store(lab, known=lambda off, tried: seen.append(off)) as (_, outputs):
            outputs.known_off = off

    for off in (True, False):
        asyncio.run(work(off))
    assert seen == [True, False]


def test_where_nothing_may_be_touched_a_broken_database_changes_nothing(lab, benches):
    lab.database.write_bytes(b"no database at all" * 500)
    assert "no instrument was touched" in refused(lab, touch=False).__notes__[0]
    assert benches[0] == []


def test_the_instruments_of_another_daemon_are_left_alone(lab, benches, monkeypatch):
    monkeypatch.setattr("kammerton.serve.opened.ORPHAN", 0.0)
    with Store.open(lab.database, "two", data=lab.data):
        assert isinstance(refused(lab), StoreInUse)
    assert benches[0] == []


def told(lab):
    return asyncio.run(last.told_to_end(lab, Mode.TUNE))


def test_told_to_end_before_anything_was_done_is_a_good_end(lab):
    assert told(lab) == (Code.DONE, "the process ends", True)
    Store.open(lab.database, "two", data=lab.data).close()
    assert told(lab) == (Code.DONE, "the process ends", True)


def test_told_to_end_without_a_database_that_can_be_read_is_a_failure(lab, benches):
    lab.database.write_bytes(b"no database at all" * 500)
    assert told(lab)[0] is Code.FAILED


@pytest.mark.parametrize("wrong", [None, "awg1 does not connect"])
def test_told_to_end_while_the_database_is_silent_it_says_of_outputs_what_it_saw(
    lab, benches, monkeypatch, wrong
):
    """Or the log would end with `all outputs are known to be off: outputs are not known to be`."""
    benches[1].extend([wrong] if wrong else [])

    async def silent(_):
        return "outputs are not known to be off", False

    monkeypatch.setattr(last, "_known", silent)
    code, why, off = told(lab)
    assert code is Code.FAILED, "the database is silent"
    assert off is (wrong is None)
    assert ("all outputs are known to be off" in why) is off


def test_what_nobody_foresaw_on_the_way_off_is_not_known_to_be_off(lab, monkeypatch):
    """With `--once` no other process would look."""
    lab.database.write_bytes(b"no database at all" * 500)
    life = child.Life(UNHEARD, 1.0)

    async def fails(_):
        raise ZeroDivisionError

    monkeypatch.setattr("kammerton.serve.opened.off_without_store", fails)

    async def opening():
        async with opened_store(lab, known=life.known):
            pass

    with pytest.raises(ZeroDivisionError):
        asyncio.run(opening())
    assert not asyncio.run(last.known_off(lab, life.off))


@pytest.mark.parametrize(
    ("state", "ramps"), [("zero", True), ("off", True), ("hold", False), (None, False)]
)
def test_a_bias_that_ramps_before_it_is_off_gets_the_time_for_it(lab, state, ramps):
    bias = dataclasses.replace(lab.instruments["awg1"], name="bias", safe=state)
    assert last.ramps(dataclasses.replace(lab, instruments={"bias": bias})) is ramps


def test_what_is_no_bias_gets_no_time_to_ramp_though_it_says_that_it_goes_off(tmp_path):
    """That is what `check` tells to write there; the end would have an hour, if it hangs."""
    lab = two_qubits(tmp_path)
    off = {n: dataclasses.replace(each, safe="off") for n, each in lab.instruments.items()}
    assert not last.ramps(dataclasses.replace(lab, instruments=off))


@pytest.mark.parametrize("connected", [True, False])
@pytest.mark.parametrize("warning", ["this SQLite has a race", None])
def test_the_log_says_once_of_a_database_what_is_wrong_with_the_library(
    lab, caplog, monkeypatch, warning, connected
):
    """A line at every start on which nobody acts hides those on which somebody should."""
    monkeypatch.setattr("kammerton.serve.opened.library_warning", lambda: warning)

    async def opening():
        async with opened_store(lab) as (_, outputs):
            if connected:
                outputs.changed(OutputChange("all outputs", None, "off", "opening"))

    for _ in range(2):
        asyncio.run(opening())
    said = [warning] * bool(warning)
    assert [r.message for r in caplog.records if "race" in r.message] == said


def test_r7_beside_another_daemon_it_says_whose_the_instruments_are_and_no_more(
    lab, monkeypatch, capsys
):
    """How the outputs are is for the one to say that has them."""
    monkeypatch.setattr("kammerton.serve.opened.ORPHAN", 0.0)
    life, order = child.Life(UNHEARD, 1.0), Order(lab.path, None, Mode.ONCE)
    with Store.open(lab.database, "two", data=lab.data) as store:
        store.activity("t1 on q0")
        code, why = asyncio.run(child._work(lab, order, life))
        assert (code, life.anothers) == (Code.FAILED, True)
        assert asyncio.run(last.told_to_end(lab, Mode.ONCE)) == (
            Code.DONE,
            "the process ends",
            True,
        )
    assert f"process {os.getpid()} (t1 on q0) has {lab.database} open for writing" in why
    assert "the instruments are of that process, and none was touched" in capsys.readouterr().err
    assert last._left(lab) == "t1 on q0", "once it is gone, that is nobody's word any more"


def test_r1_what_a_process_saw_of_its_outputs_counts_whatever_the_database_says(lab, monkeypatch):
    async def silent(_):
        return "the database said nothing for 2.5 s", False

    def told(off, tried=""):
        saw = SimpleNamespace(off=off, tried=tried)
        return asyncio.run(last.told_to_end(lab, Mode.TUNE, saw))

    monkeypatch.setattr(last, "_known", silent)
    code, why, off = told(True)
    assert (code, off) == (Code.FAILED, True)
    assert "all outputs were verified off" in why
    assert "not known" not in why
    lo = "lo is not known to be off: no answer"
    assert told(False, lo) == (Code.FAILED, f"the process ends; {lo}", False)


def test_that_outputs_are_not_known_to_be_off_is_said_once() -> None:
    why = "lo is not known to be off: no answer; awg is not known to be off: it plays"
    said = "outputs of hall are not known to be off: lo: no answer; awg: it plays"
    assert left_on("hall", why) == said
