"""R1, R2: outputs that the last process leaves on are told over MQTT, until they are off."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import publish

from kammerton.bench.locks import held_locks
from kammerton.lab import Broker, Lab
from kammerton.model import InstrumentError, InstrumentInUse, StoreError
from kammerton.serve import computer, last
from kammerton.serve.words import Code, Mode
from kammerton_sim.laboratory import Laboratory
from tests.brokers import BrokerProcess
from tests.prove.gate import site
from tests.prove.killing import wait_for
from tests.system.watched import Ear
from tests.wire.test_told_to_end import as_slow_as_the_machine, left_on, on

__all__ = ["as_slow_as_the_machine"]
NOT_KNOWN = "not known to be off"

pytestmark = [
    pytest.mark.usefixtures("as_slow_as_the_machine"),
    # pyvisa-py leaves sockets that could not connect to the collector
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def left(tmp_path: Path) -> Iterator[tuple[Laboratory, Lab, int]]:
    """A laboratory whose last process was killed with sources on, and the port of its broker."""
    process = BrokerProcess(tmp_path)
    process.start()
    with site() as (laboratory, lab):
        left_on(laboratory, lab)
        yield laboratory, replace(lab, broker=Broker("127.0.0.1", process.port)), process.port
    process.kill()
    gc.collect()


@contextmanager
def without(laboratory: Laboratory, name: str) -> Iterator[None]:
    number = laboratory.faults.inject("refuse", instrument=name)
    yield
    laboratory.faults.clear(number)


def told(ear: Ear) -> list[str]:
    return [each["status"] for each in ear.of("status")]


def joins_late(port: int, topic: str) -> dict[str, Any]:
    """Return what a subscriber hears who comes when nobody is there any more."""
    with Ear(port).listening() as ear:
        return wait_for(lambda: ear.of(topic) or None, f"a retained {topic}", 20)[-1]


def test_r2_what_the_last_process_could_not_switch_off_is_told_until_it_is_off(left) -> None:
    laboratory, lab, port = left
    with without(laboratory, "drive_lo"):
        code, *_ = asyncio.run(last.told_to_end(lab, Mode.TUNE))
        assert code is Code.FAILED
    alarm = joins_late(port, "alarm")
    assert (alarm["kind"], alarm["on"], alarm["subjects"]) == ("outputs", True, [lab.computer])
    assert alarm["texts"][0].startswith(f"outputs of {lab.computer} are {NOT_KNOWN}: drive_lo")
    assert joins_late(port, "status").items() >= {"status": "offline", "outputs": NOT_KNOWN}.items()
    assert on(laboratory) == {"drive_lo"}

    assert asyncio.run(last.told_to_end(lab, Mode.TUNE))[0] is Code.DONE
    assert not on(laboratory)
    over = joins_late(port, "alarm")
    assert (over["kind"], over["on"], over["subjects"]) == ("outputs", False, [lab.computer])
    assert joins_late(port, "status").items() >= {"status": "offline", "outputs": "off"}.items()


def test_r2_a_process_that_cannot_begin_after_a_kill_tells_it_before_it_ends_and_once(left) -> None:
    laboratory, lab, port = left
    with Ear(port).listening() as ear, without(laboratory, "drive_lo"):
        for ends in (1, 2):
            with pytest.raises(InstrumentError, match="drive_lo"):
                asyncio.run(computer.run_computer(lab))
            wait_for(lambda ends=ends: told(ear).count("offline") == ends or None, "a farewell", 20)
    assert [each["on"] for each in ear.of("alarm") if each["kind"] == "outputs"] == [True]
    assert NOT_KNOWN in ear.of("alarm")[0]["texts"][0]


def test_r2_without_a_database_it_is_told_once_and_retained_by_nobody(left) -> None:
    laboratory, lab, port = left
    lab.database.write_bytes(b"no database at all" * 500)
    with Ear(port).listening() as ear, without(laboratory, "drive_lo"):
        with pytest.raises(StoreError, match="database"):
            asyncio.run(computer.run_computer(lab))
        (alarm,) = wait_for(lambda: ear.of("alarm") or None, "an alarm", 20)
    assert (alarm["kind"], alarm["on"], alarm["epoch"]) == ("outputs", True, None)
    assert f"{NOT_KNOWN}: drive_lo" in alarm["texts"][0]
    assert retained(port) == set()


def test_r7_who_is_refused_the_instruments_says_nothing_under_the_topics_of_who_has_them(
    left,
) -> None:
    """Not even by its will; nor does the process that looks after it whether all is off."""
    laboratory, lab, port = left
    with Ear(port).listening() as ear, held_locks(lab):
        with pytest.raises(InstrumentInUse, match="in use by process"):
            asyncio.run(computer.run_computer(lab))
        assert asyncio.run(last.told_to_end(lab, Mode.TUNE))[0] is Code.FAILED
        assert topics(ear, port) == set()
    assert on(laboratory) == {"drive_lo", "readout_lo"}, "they are not ours to switch off"


def retained(port: int) -> set[str]:
    """Return the topics that the broker retains: what is published then comes behind them."""
    with Ear(port).listening() as ear:
        return topics(ear, port)


def topics(ear: Ear, port: int) -> set[str]:
    """Return the topics of all that was published before this."""

    def ended() -> Any:
        publish.single("kammerton/v1/x/end", "{}", hostname="127.0.0.1", port=port)
        return ear.of("end") or None

    wait_for(ended, "what was published behind them", 20)
    return {topic for _, topic, _ in ear.heard} - {"kammerton/v1/x/end"}
