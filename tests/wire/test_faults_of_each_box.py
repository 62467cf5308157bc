"""The faults inside a box that the refrigerator's instruments and the digitizer have, too."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from qcodes.instrument_drivers.AlazarTech.constants import ERROR_CODES, ReturnCode

from kammerton.bench import NoTriggers
from kammerton.bench.boxes import Boxes
from kammerton.lab.serials import simulated
from kammerton.model import InstrumentError, LastingFault
from kammerton.model.roles import Capture, FridgeMonitor, Identity
from kammerton_drivers import alazar_ats9360, bluefors_api, lakeshore_372, oxford_triton
from kammerton_sim import board_link
from kammerton_sim.chip import random_chip
from kammerton_sim.chip.further import FurtherInstrument
from kammerton_sim.faults import FaultError
from kammerton_sim.instruments.ats9360 import Ats9360 as Board
from kammerton_sim.laboratory import Laboratory
from tests.wire.conftest import CountingWorld

CONNECTS: dict[str, tuple[Callable[[str, str], Any], str]] = {
    "fridge": (oxford_triton.connect, "tcp://127.0.0.1:{}"),
    "bridge": (lakeshore_372.connect, "TCPIP0::127.0.0.1::{}::SOCKET"),
    "api": (bluefors_api.connect, "http://127.0.0.1:{}"),
    "board": (alazar_ats9360.connect, "sim://127.0.0.1:{}"),
}


@pytest.fixture
def laboratory() -> Iterator[Laboratory]:
    chip = random_chip(1, 3)
    models = {"bridge": "lakeshore_372", "api": "bluefors_api"}
    instruments = {name: FurtherInstrument(model) for name, model in models.items()}
    wired = replace(chip, wiring=replace(chip.wiring, instruments=instruments))
    with Laboratory(wired, world=CountingWorld()) as made:  # type: ignore[arg-type]
        yield made


@pytest.fixture
def connect(laboratory: Laboratory) -> Iterator[Callable[[str], Any]]:
    """Connect our adapter to an instrument."""
    made = []

    def connect(name: str) -> Any:
        connecting, address = CONNECTS[name]
        made.append(connecting(name, address.format(laboratory.ports[name])))
        return made[-1]

    yield connect
    for adapter in made:
        asyncio.run(adapter.close())


def line(laboratory: Laboratory, name: str, sent: bytes) -> bytes:
    """Send a line to a box and return what it answers."""
    with socket.create_connection(("127.0.0.1", laboratory.ports[name]), 5) as client:
        client.sendall(sent)
        return client.recv(1000)


# ---------------------------------------------------------------- I6


def test_numbers_of_generators_and_sources_are_known_to_be_simulated(laboratory):
    """Laboratories side by side repeat them: no lock goes by them."""
    boxes = laboratory.generators | laboratory.sources
    assert boxes
    assert all(simulated(box.identity.split(",")[2]) for box in boxes.values())


@pytest.mark.parametrize("name", CONNECTS)
def test_another_box_answers_and_the_daemon_names_both(laboratory, connect, name):
    adapter, boxes = connect(name), Boxes(SimpleNamespace(instruments={}))  # type: ignore[arg-type]

    async def main() -> list[Identity]:
        told = [await adapter.identity()]
        await boxes.same(name, adapter)
        number = laboratory.faults.inject("wrong-identity", instrument=name)
        told.append(await adapter.identity())
        both = rf"{name}: another .*: serial {told[1].serial} instead of {told[0].serial}; "
        with pytest.raises(InstrumentError, match=both):
            await boxes.same(name, adapter)
        laboratory.faults.clear(number)
        return [*told, await adapter.identity()]

    true, false, again = asyncio.run(main())
    assert isinstance(adapter, FridgeMonitor) or simulated(true.serial), "a lock goes by it"
    assert false == replace(true, serial=true.serial + "9")
    assert again == true


@pytest.mark.parametrize(
    ("name", "told"),
    [("fridge", Identity("ACME", "Toaster", "12", "3")),
     ("api", Identity("Bluefors", "Toaster", "12", "3")),  # it tells no vendor
     ("board", Identity("AlazarTech", "Toaster", "12", "21.07"))],  # nor this, and no such firmware
)  # fmt: skip
def test_what_it_says_then_can_be_chosen(laboratory, connect, name, told):
    adapter = connect(name)
    laboratory.faults.inject("wrong-identity", instrument=name, identity="ACME,Toaster,12,3")
    assert asyncio.run(adapter.identity()) == told


def test_the_adapter_of_a_bridge_refuses_another_model(laboratory, connect):
    laboratory.faults.inject("wrong-identity", instrument="bridge", identity="LSCI,MODEL224,1,2")
    with pytest.raises(InstrumentError, match="this is no Model 372 but LSCI MODEL224"):
        connect("bridge")


def test_a_serial_number_that_no_digitizer_can_have_is_refused(laboratory):
    with pytest.raises(FaultError, match="serial number of a digitizer must be whole, not 'B7'"):
        laboratory.faults.inject("wrong-identity", instrument="board", identity="A,ATS9360,B7,1")
    assert laboratory.ledger.since() == []


@pytest.mark.parametrize(
    ("name", "sent", "noted"),
    [
        ("fridge", b"SET:DEV:T8:TEMP:LOOP:TSET:1\r\n", "SET:DEV:T8:TEMP:LOOP:TSET:1"),
        ("bridge", b"PID 0,1,2,3;*IDN?\n", "PID 0,1,2,3"),
        ("bridge", b"NONSENSE 3;*IDN?\n", "NONSENSE 3"),
        ("api", b"POST /values/map HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "POST /values/map"),
        ("api", b"DELETE /v HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "DELETE /v"),
        ("fridge", b"FOO:1\r\n", "FOO:1"),
        ("board", b'{"op": "arm", "samples": 8, "per_buffer": 1, "records": 5, "delay": 0, '
                  b'"triggered": true}\n', "arm 5 records of 8 samples"),
    ],
)  # fmt: skip
def test_what_is_written_to_the_other_box_is_known(laboratory, name, sent, noted):
    number = laboratory.faults.inject("wrong-identity", instrument=name)
    line(laboratory, name, sent)
    laboratory.faults.clear(number)
    line(laboratory, name, sent)
    (found,) = laboratory.questions.wrong_box()["found"]
    assert (found["instrument"], found["what"], found["new"]) == (name, "written", noted)


def test_a_heater_of_another_bridge_is_one_write_and_its_power_switch_none(laboratory):
    laboratory.faults.inject("wrong-identity", instrument="bridge")
    line(laboratory, "bridge", b"*CLS;RANGE 0,3;*IDN?\n")
    laboratory.power_cycle("bridge")
    (found,) = laboratory.questions.wrong_box()["found"]
    assert (found["output"], found["what"], found["new"]) == ("heater0", "range", "3")


# ---------------------------------------------------------------- I5


@pytest.mark.parametrize(
    ("name", "setting"), [("fridge", "T8"), ("bridge", "krdg"), ("api", "tmixing")]
)
@pytest.mark.parametrize("text", ["9.91E+37", "9.91E+37K", "NAN", "1,5", "-0.01"])
def test_a_false_reading_is_no_temperature(laboratory, connect, name, setting, text):
    adapter = connect(name)
    number = laboratory.faults.inject("false-reading", instrument=name, setting=setting, text=text)
    with pytest.raises(InstrumentError, match=name):
        asyncio.run(adapter.temperature())
    laboratory.faults.clear(number)
    assert asyncio.run(adapter.temperature()) == pytest.approx(0.012, rel=0.1)


@pytest.mark.parametrize(
    ("name", "gauge", "setting", "text", "pascal"),
    [("fridge", "p2", "P2", "7.5mB", 750.0), ("api", "p3", "p3", "7.5", 750.0)],
)
def test_a_false_reading_of_one_gauge_leaves_the_others(
    laboratory, connect, name, gauge, setting, text, pascal
):
    adapter = connect(name)
    others = {"p1", "p2", "p3", "p4", "p5", "p6"} - {gauge}
    before = asyncio.run(adapter.gauges(others))
    laboratory.faults.inject("false-reading", instrument=name, setting=setting, text=text)
    assert asyncio.run(adapter.gauges([gauge])) == {gauge: pytest.approx(pascal)}
    assert asyncio.run(adapter.gauges(others)) == pytest.approx(before, rel=1e-3)


def test_a_setting_of_a_bridge_can_be_told_falsely(laboratory):
    given = {"instrument": "bridge", "setting": "range", "text": "8"}
    number = laboratory.faults.inject("false-reading", **given)
    assert line(laboratory, "bridge", b"RANGE 0,3;RANGE? 0;RANGE? 1\n") == b"8;8\r\n"
    laboratory.faults.clear(number)
    assert line(laboratory, "bridge", b"RANGE? 0;RANGE? 1\n") == b"3;0\r\n"


@pytest.mark.parametrize(
    ("fault", "given", "said"),
    [
        ("false-reading", {"instrument": "fridge", "setting": "T9"},
         "no setting or reading 'T9'; there are T1, T2, "),
        ("false-reading", {"instrument": "api", "setting": "tmixin"}, "did you mean 'tmixing'?"),
        ("false-reading", {"instrument": "board", "setting": "a"}, "instrument with readings 'bo"),
        ("lost-setting", {"instrument": "bridge", "setting": "krdg"}, "no setting 'krdg'; there "),
        ("lost-setting", {"instrument": "fridge", "setting": "T8"}, "no instrument with settings"),
        ("lost-setting", {"instrument": "board", "setting": "range"},
         "no setting 'range'; there are clock, trigger, delay"),
        ("front-panel", {"instrument": "board", "setting": "delay", "value": "9"},
         "no instrument with settings 'board'"),
        ("front-panel", {"instrument": "bridge", "setting": "range", "value": "9"},
         "range cannot be '9'; it takes 0 to 8"),
        ("front-panel", {"instrument": "bridge", "setting": "pid", "value": "1,2"},
         "pid cannot be '1,2'"),
        ("front-panel", {"instrument": "bridge", "setting": "range", "value": "0,5"},
         "range cannot be '0,5'; it takes 0 to 8"),
        ("front-panel", {"instrument": "bridge", "setting": "pid", "value": "1"},
         "it takes 3 numbers with commas between: 0 to 1000, 0 to 10000, 0 to 2500"),
        ("front-panel", {"instrument": "bridge", "setting": "range", "value": "1", "output": "3"},
         "no output '3'; there are 0, 1, 2"),
        ("clamped-setting", {"instrument": "bridge", "setting": "pid", "largest": 3},
         "pid is never 3"),
        ("api-error", {"instrument": "api", "code": 582},
         "code must be one that api has, 1001, 1002, 1008, 2001, 2002, 2003, 2004, 3001, not 582"),
        ("api-error", {"instrument": "board", "code": 512}, "one that board has, 513,"),
        ("api-error", {"instrument": "fridge", "code": 1}, "no instrument with an API 'fridge'"),
        ("error", {"instrument": "api"}, "no instrument with an error queue or error bit 'api'"),
    ],
)  # fmt: skip
def test_what_a_box_does_not_have_is_named(laboratory, fault, given, said):
    with pytest.raises(FaultError) as caught:
        laboratory.faults.inject(fault, **given)
    assert said in str(caught.value)


# ---------------------------------------------------------------- I8, I9, I10


@pytest.mark.parametrize(
    ("fault", "given", "sent", "kept"),
    [
        ("lost-setting", {"setting": "setp"}, "SETP 0,1.5;SETP? 0", "+0.00000E+00"),
        ("lost-setting", {"setting": "pid"}, "PID 1,7,8,9;PID? 1",
         "+1.00000E+01,+2.00000E+01,+0.00000E+00"),
        ("clamped-setting", {"setting": "range", "largest": 2.5}, "RANGE 0,7;RANGE? 0", "2"),
        ("rounded-setting", {"setting": "tlimit", "step": 2}, "TLIMIT 6,3.3;TLIMIT? 6",
         "+4.00000E+00"),
    ],
)  # fmt: skip
def test_a_setting_of_a_bridge_does_not_take_and_nobody_says_so(
    laboratory, fault, given, sent, kept
):
    number = laboratory.faults.inject(fault, instrument="bridge", **given)
    asked = f"*CLS;{sent};*ESR?\n".encode()
    assert line(laboratory, "bridge", asked) == f"{kept};0\r\n".encode()
    laboratory.faults.clear(number)
    answer = line(laboratory, "bridge", asked)
    assert answer != f"{kept};0\r\n".encode()
    assert answer.endswith(b";0\r\n")


@pytest.mark.parametrize(("code", "events"), [(-222, 16), (-113, 32), (-350, 16)])
def test_an_error_of_a_bridge_is_a_bit_and_no_entry(laboratory, code, events):
    line(laboratory, "bridge", b"*CLS;*IDN?\n")
    laboratory.faults.inject("error", instrument="bridge", code=code, count=3)
    assert line(laboratory, "bridge", b"*ESR?;*ESR?\n") == f"{events};0\r\n".encode()


@pytest.mark.parametrize(
    ("code", "said"),
    [(2003, "HTTP 403: Access denied .2003"), (3001, "HTTP 404: Value not found .3001"),
     (1002, "HTTP 400: Invalid JSON .1002")],
)  # fmt: skip
def test_errors_of_the_control_software_are_named(laboratory, connect, code, said):
    adapter = connect("api")
    number = laboratory.faults.inject("api-error", instrument="api", code=code, count=1000)
    with pytest.raises(InstrumentError, match=said):
        asyncio.run(adapter.temperature())
    laboratory.faults.clear(number)
    assert asyncio.run(adapter.temperature()) == pytest.approx(0.012, rel=0.1)


def test_errors_of_an_api_come_in_turn_and_are_counted(laboratory):
    ask = partial(laboratory.further["api"].answer, "GET", "/system/", {}, b"")
    laboratory.faults.inject("api-error", instrument="api", code=2003, count=2)
    laboratory.faults.inject("api-error", instrument="api", code=3001)
    assert [ask()[0] for _ in range(3)] == [403, 403, 404]
    assert [(f["state"], f["struck"], f["of"]) for f in laboratory.faults.active()] == [
        ("done", 2, 2), ("done", 1, 1)]  # fmt: skip
    assert ask()[0] == 200


@pytest.mark.parametrize("code", sorted(Board.codes))
def test_every_code_of_the_digitizer_has_a_name_upstream(code):
    assert ReturnCode(code) in ERROR_CODES


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [(582, InstrumentError, "error 582: ApiBufferOverflow"), (590, LastingFault, "590"),
     (579, NoTriggers, "no triggers within 2 s"),
     (552, InstrumentError, "error 552: ApiNoActiveDriver")],
)  # fmt: skip
def test_an_error_of_the_digitizer_is_told_by_its_kind(laboratory, connect, code, kind, said):
    adapter = connect("board")

    async def main() -> None:
        await adapter.configure(1e9)
        number = laboratory.faults.inject("api-error", instrument="board", code=code, count=5)
        with pytest.raises(kind, match=said):
            await adapter.acquire(Capture(256, 10, 2, 2.0), nothing, lambda a, b, n: None)
        laboratory.faults.clear(number)
        await adapter.configure(1e9)

    asyncio.run(main())


async def nothing() -> None:
    """Start no generator."""


def test_somebody_turns_a_heater_on_at_the_bridge_and_back(laboratory):
    knob = {"instrument": "bridge", "setting": "range", "value": "3"}
    # one client: a third that comes before the bridge knows that the first has gone is hung up on
    with socket.create_connection(("127.0.0.1", laboratory.ports["bridge"]), 20) as client:

        def ranges() -> bytes:
            client.sendall(b"RANGE? 0;RANGE? 1;RANGE? 2\n")
            return client.recv(1000)

        one = laboratory.faults.inject("front-panel", **knob, output="0")
        assert ranges() == b"3;0;0\r\n"
        all_of_them = laboratory.faults.inject("front-panel", **{**knob, "value": "5"})
        assert ranges() == b"5;5;5\r\n"
        assert laboratory.outputs()["bridge.heater1"] == {"range": 5}
        laboratory.faults.clear(all_of_them)
        laboratory.faults.clear(one)
        assert ranges() == b"0;0;0\r\n"
    turned = [c for c in laboratory.ledger.since() if c["what"] == "range"]
    assert {c["by"] for c in turned} == {"front panel"}
    assert {c["output"] for c in turned} == {"heater0", "heater1", "heater2"}


# ---------------------------------------------------------------- I3 of the digitizer


def test_a_digitizer_that_answers_too_late_is_given_up_and_taken_up_anew(
    laboratory, connect, monkeypatch
):
    adapter = connect("board")
    laboratory.faults.inject("late", instrument="board", seconds=1.0)
    monkeypatch.setattr(board_link, "_PATIENCE", 0.2)

    async def main() -> None:
        with pytest.raises(InstrumentError, match="board"):
            await adapter.configure(1e9)
        monkeypatch.undo()
        await adapter.configure(1e9)
        assert (await adapter.identity()).model == "ATS9360"

    asyncio.run(main())


def test_a_digitizer_that_was_silent_once_says_so_from_then_on(laboratory, monkeypatch):
    link = board_link.BoardLink("127.0.0.1", laboratory.ports["board"])
    number = laboratory.faults.inject("late", instrument="board", seconds=3600)
    monkeypatch.setattr(board_link, "_PATIENCE", 0.1)
    for _ in range(2):
        with pytest.raises(RuntimeError, match=r"no answer within 0\.1 s"):
            link.ask("AlazarAbortAsyncRead", op="abort")
    laboratory.faults.clear(number)
    link.close()


def test_an_answer_of_the_digitizer_comes_as_the_fault_is_taken_off(laboratory):
    number = laboratory.faults.inject("late", instrument="board", seconds=3600)
    with socket.create_connection(("127.0.0.1", laboratory.ports["board"]), 20) as client:
        client.sendall(b'{"op": "identity", "number_of_request": 1}\n')
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(100)
        laboratory.faults.clear(number)
        client.settimeout(20)
        assert b"ATS9360" in client.recv(200)


@pytest.mark.parametrize(
    ("setting", "value", "output", "stays"),
    [("inset", "1,50,3,21,1", "6", True), ("range", "3", "0", False)],
)
def test_a_hand_at_the_bridge_outlives_a_power_cycle_as_the_setting_does(
    laboratory, setting, value, output, stays
):
    box, place = laboratory.further["bridge"], int(output)
    before = box.value(setting, place)
    knob = {"setting": setting, "value": value, "output": output}
    number = laboratory.faults.inject("front-panel", instrument="bridge", **knob)
    laboratory.power_cycle("bridge")
    assert (box.value(setting, place) != before) is stays
    laboratory.faults.clear(number)
    assert box.value(setting, place) == before
