"""One box, one daemon, also where it is known by addresses that nobody can tell are the same."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import uuid
from dataclasses import replace

import pytest

from kammerton.bench import OutputChange, open_bench, taken
from kammerton.bench.boxes import Boxes, named
from kammerton.bench.locks import canonical, held_boxes, held_locks, on_this_computer
from kammerton.lab import Lab
from kammerton.model import InstrumentError, InstrumentInUse, LabClock
from kammerton.model.roles import Identity

AWG = Identity("TEKTRONIX", "AWG5208", "B050007", "7.2")


def elsewhere(lab: Lab, prefix: str) -> Lab:
    """Return a lab whose instruments are the same boxes at other addresses."""
    entries = lab.instruments.items()
    return replace(
        lab, instruments={n: replace(e, address=f"{prefix}-{e.address}") for n, e in entries}
    )


def test_r7_one_box_at_two_addresses_is_refused_before_anything_is_written(fake, make, tmp_path):
    """The first keeps playing: the second writes nothing, not even off."""

    async def second() -> None:
        lab = elsewhere(make.lab(), "second")
        async with open_bench(lab, LabClock(), drivers=fake.drivers, lock_folder=tmp_path):
            pytest.fail("two have the same boxes")

    async def first() -> None:
        lab = make.lab()
        async with open_bench(lab, LabClock(), drivers=fake.drivers, lock_folder=tmp_path):
            del fake.log[:]
            with pytest.raises(InstrumentError) as caught:
                await second()
            assert {what for name, what, *_ in fake.log if name != "fridge"} == {"close"}
            lines = str(caught.value).splitlines()
            assert [line.split(" ")[0] for line in lines] == ["awg", "lo", "dig"]
            assert all("is in use by process" in line for line in lines)

    asyncio.run(first())


def test_r7_a_second_that_cannot_reach_all_does_not_switch_off_what_the_first_has(
    fake, make, tmp_path
):
    def away(name: str, address: str) -> None:
        raise InstrumentError(f"{name}: nobody answers")

    async def opened(lab: Lab, **drivers: object) -> None:
        every = fake.drivers | drivers
        async with open_bench(lab, LabClock(), drivers=every, lock_folder=tmp_path):
            del fake.log[:]
            with pytest.raises(InstrumentInUse, match="nobody answers") as caught:
                await opened(elsewhere(make.lab(), "second"), digitizer=lambda: away)
            assert {what for name, what, *_ in fake.log if name != "fridge"} == {"close"}
            assert str(caught.value).count("is in use by process") == 2

    asyncio.run(opened(make.lab()))


def test_r7_where_another_has_one_box_the_rest_goes_off(fake, make, tmp_path):
    """After an unclean end, say: what is ours must not stay on for what is not."""
    fake.lo.on = True
    others = {"awg": asyncio.run(fake.awg.identity())}

    async def second() -> None:
        lab = make.lab()
        with held_boxes(lab, others, tmp_path), pytest.raises(InstrumentError, match="in use"):
            async with open_bench(lab, LabClock(), drivers=fake.drivers, lock_folder=tmp_path):
                pytest.fail("another has the generator")

    asyncio.run(second())
    assert not fake.lo.on
    assert {what for name, what, *_ in fake.log if name == "awg"} == {"close"}


@pytest.mark.parametrize("away", [False, True])
def test_r7_a_box_that_a_daemon_on_another_computer_has_is_never_written_to(
    fake, make, tmp_path, away
):
    """The rest is ours, and goes off; also where one of the rest cannot be reached."""

    def nobody(name: str, address: str) -> None:
        raise InstrumentError(f"{name}: nobody answers")

    fake.lo.on = True
    who = asyncio.run(fake.awg.identity())
    key = f"{who.vendor} {who.model} serial {who.serial}".lower()
    drivers = fake.drivers | ({"digitizer": lambda: nobody} if away else {})

    async def second() -> None:
        claimed = {key: "the daemon of large-chip on pc7/41 (host/process)"}
        async with open_bench(
            make.lab(), LabClock(), drivers=drivers, lock_folder=tmp_path, claimed=claimed
        ):
            pytest.fail("another has the generator")

    with pytest.raises(InstrumentInUse, match=r"awg .* is in use by the daemon of large-chip on p"):
        asyncio.run(second())
    assert not fake.lo.on
    assert {what for name, what, *_ in fake.log if name == "awg"} == {"close"}


def test_r7_what_is_ours_and_stays_on_is_doubt_though_another_has_the_rest(fake, make, tmp_path):
    others, heard = {"awg": asyncio.run(fake.awg.identity())}, list[OutputChange]()

    async def stays() -> None:
        raise InstrumentError("lo: it stays on after it was told off")

    async def second() -> None:
        lab, how = make.lab(), {"lock_folder": tmp_path, "on_change": heard.append}
        with held_boxes(lab, others, tmp_path), pytest.raises(InstrumentInUse) as caught:
            async with open_bench(lab, LabClock(), drivers=fake.drivers, **how):
                pytest.fail("another has the generator")
        assert [(each.what, each.refused) for each in heard] == [("all outputs", str(caught.value))]

    fake.lo.safe = stays
    asyncio.run(second())


def test_r7_who_is_too_busy_to_say_who_it_is_is_waited_for(fake, make, tmp_path, monkeypatch):
    """Another daemon uploads to it."""
    monkeypatch.setattr("kammerton.bench.boxes.PATIENCE", 0.01)
    identity = fake.awg.identity

    async def late() -> Identity:
        await asyncio.sleep(0.1)
        return await identity()

    async def second() -> None:
        lab, others = make.lab(), {"awg": await identity()}
        monkeypatch.setattr(fake.awg, "identity", late)
        with held_boxes(lab, others, tmp_path), pytest.raises(InstrumentError, match="in use"):
            async with open_bench(lab, LabClock(), drivers=fake.drivers, lock_folder=tmp_path):
                pytest.fail("another has the generator")

    asyncio.run(second())
    assert {what for name, what, *_ in fake.log if name == "awg"} == {"close"}


def test_one_box_that_is_named_twice_is_named_so(make, tmp_path):
    with pytest.raises(InstrumentError, match="awg and lo are one box"):  # noqa: SIM117
        with held_boxes(make.lab(), {"awg": AWG, "lo": AWG}, tmp_path):
            pass


def test_a_driver_that_breaks_when_asked_who_it_is_keeps_no_other_on(fake, make):
    async def breaks() -> Identity:
        raise ValueError("no comma in *IDN?")

    fake.awg.identity = breaks
    found = asyncio.run(named({"awg": fake.awg, "lo": fake.lo}))
    assert set(found) == {"lo"}


def test_a_driver_that_breaks_when_asked_who_it_is_is_switched_off(fake, make):
    async def breaks() -> Identity:
        raise ValueError("no comma in *IDN?")

    fake.lo.on, fake.lo.identity = True, breaks
    asyncio.run(Boxes(make.lab()).guarded("lo", fake.lo, fake.lo.safe)())
    assert not fake.lo.on


def test_a_box_is_free_again_afterwards(fake, make, tmp_path):
    async def opened(lab: Lab) -> None:
        async with open_bench(lab, LabClock(), drivers=fake.drivers, lock_folder=tmp_path):
            pass

    asyncio.run(opened(make.lab()))
    asyncio.run(opened(elsewhere(make.lab(), "later")))


@pytest.mark.parametrize(
    "serial", ["", "0", "000000", " ", "N/A", "None", "Unknown", "-", "1", "SN0", "SN000", "123456"]
)
def test_what_has_no_serial_number_is_held_by_its_address_alone(make, tmp_path, serial):
    who = {"awg": replace(AWG, serial=serial)}
    with held_boxes(make.lab(), who, tmp_path), held_boxes(make.lab(), who, tmp_path):
        pass


def test_one_serial_number_of_two_makers_is_two_boxes(make, tmp_path):
    one, other = {"awg": AWG}, {"awg": replace(AWG, vendor="another")}
    with held_boxes(make.lab(), one, tmp_path), held_boxes(make.lab(), other, tmp_path):
        pass


def test_simulated_laboratories_beside_each_other_repeat_their_serial_numbers(make, tmp_path):
    lab = make.lab()
    here = replace(lab.instruments["awg"], address="TCPIP::localhost::hislip0,4881::INSTR")
    lab = replace(lab, instruments={"awg": here})
    who = {"awg": replace(AWG, serial="B050001")}
    with held_boxes(lab, who, tmp_path), held_boxes(lab, who, tmp_path):
        pass


def test_r7_two_forwards_on_this_computer_to_one_box_exclude_each_other(make, tmp_path):
    """Such as `ssh -L`: what answers there is not simulated by that alone."""
    lab = make.lab()

    def forwarded(port: int) -> Lab:
        entry = replace(lab.instruments["awg"], address=f"TCPIP::localhost::hislip0,{port}::INSTR")
        return replace(lab, instruments={"awg": entry})

    real = {"awg": replace(AWG, serial="B051234")}
    with held_boxes(forwarded(4881), real, tmp_path), pytest.raises(InstrumentInUse):  # noqa: SIM117
        with held_boxes(forwarded(4882), real, tmp_path):
            pytest.fail("both have the box")


@pytest.mark.parametrize(
    ("address", "here"),
    [
        ("TCPIP0::127.0.0.1::hislip0,4881::INSTR", True),
        ("sim://localhost:4884", True),
        ("TCPIP::127.0.0.1::5025::SOCKET", True),
        ("tcp://0.0.0.0:5025", True),
        ("tcp://[::1]:5025", True),
        ("tcp://[::]:5025", True),
        ("TCPIP0::[::1]::hislip0,4881::INSTR", True),
        ("TCPIP0::10.0.0.4::hislip0::INSTR", False),
        ("ats://1/1", False),
        ("USB0::0x0699::0x0503::B050007::INSTR", False),
    ],
)
def test_what_answers_on_this_computer_itself(address, here):
    assert on_this_computer(address) is here


@pytest.mark.parametrize("host", ["0.0.0.0", "0", "[::]", "[::1]", "127.1", "localhost"])
def test_r7_whatever_this_computer_is_called_it_is_one_address(host):
    assert canonical(f"tcp://{host}:5025") == "tcp://127.0.0.1:5025"


def test_r7_a_number_of_its_own_is_this_computer(monkeypatch):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        try:
            link.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this computer has no network")
        own = link.getsockname()[0]
    assert canonical(f"tcp://{own}:5025") == "tcp://127.0.0.1:5025"


def test_r7_boxes_of_a_network_stay_apart():
    assert canonical("tcp://[fe80::4]:5025") == "tcp://[fe80::4]:5025"
    assert canonical("tcp://127.0.0.2:5025") != canonical("tcp://127.0.0.3:5025")


@pytest.mark.skipif(sys.platform != "linux", reason="abstract sockets are Linux's own")
def test_r7_a_daemon_of_another_user_is_refused_and_named(make, tmp_path, monkeypatch):
    lab = make.lab()
    number = uuid.uuid4().hex  # no other run of this test has it
    entries = {n: replace(e, address=f"usb::{number}::{n}") for n, e in lab.instruments.items()}
    lab = replace(lab, instruments=entries)
    who = {"awg": Identity("Maker", "AWG", number, "1.0")}
    homes = iter(tmp_path / name for name in ("anna", "anna", "ben", "ben", "ben"))
    monkeypatch.setattr(taken, "user_state_path", lambda *_, **__: next(homes))
    with held_locks(lab), held_boxes(lab, who):
        with pytest.raises(InstrumentError, match=rf"in use by process {os.getpid()} of user "):
            held_locks(lab).__enter__()
        with pytest.raises(InstrumentError, match=rf"in use by process {os.getpid()} of user "):
            held_boxes(lab, who).__enter__()
    with held_locks(lab):
        pass


def test_a_folder_of_its_own_keeps_to_itself(make, tmp_path):
    with held_locks(make.lab(), tmp_path / "one"), held_locks(make.lab(), tmp_path / "other"):
        pass
