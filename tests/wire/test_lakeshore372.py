"""The simulated Lake Shore 372: readings, statuses, scanner, no error queue, two clients."""

from __future__ import annotations

import socket
import time

import pytest

from kammerton_sim.evidence.ledger import Ledger
from kammerton_sim.fridge import Refrigerator, Status
from kammerton_sim.instruments.lakeshore372 import CONNECTIONS, Lakeshore372
from kammerton_sim.wire.sockets import ScpiSocketServer


class Clock:
    def __init__(self) -> None:
        self.time = 1e9

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def refrigerator(clock: Clock) -> Refrigerator:
    return Refrigerator(clock)


@pytest.fixture
def bridge(clock: Clock, refrigerator: Refrigerator) -> Lakeshore372:
    return Lakeshore372("bridge", Ledger(clock), clock, refrigerator)


def told(bridge: Lakeshore372, message: str) -> str:
    return bridge.receive(message.encode()).decode()


def test_it_reads_every_stage(bridge, refrigerator):
    true = refrigerator.temperatures()
    for number, stage in ((1, "50K"), (2, "4K"), (3, "cold_plate"), (5, "still"),
                          (6, "mixing_chamber")):  # fmt: skip
        assert float(told(bridge, f"KRDG? {number}")) == pytest.approx(true[stage], rel=0.02)
        assert told(bridge, f"RDGST? {number}") == "000"
    assert told(bridge, "KRDG? 4;RDGST? 4") == "+0.00000E+00;016"


@pytest.mark.parametrize(
    ("status", "bits"),
    [(Status.NO_NUMBER, "004"), (Status.OVER_RANGE, "064"), (Status.DISCONNECTED, "016")],
)
def test_a_bad_sensor_reads_zero_kelvin_and_says_why(bridge, refrigerator, status, bits):
    refrigerator.thermometer("mixing_chamber").fail(status)
    assert told(bridge, "KRDG? 6;RDGST? 6;SRDG? 6") == f"+0.00000E+00;{bits};+0.00000E+00"


@pytest.mark.parametrize(("kelvin", "bits"), [(41.0, "064"), (0.004, "128"), (39.0, "000")])
def test_a_curve_has_two_ends(bridge, refrigerator, kelvin, bits):
    refrigerator.hold(kelvin)
    assert told(bridge, "RDGST? 6") == bits


def test_a_scanned_input_keeps_its_reading_until_it_was_visited_again(bridge, refrigerator, clock):
    cycle = 5 * (2 + 3)
    first = told(bridge, "KRDG? 6")
    clock.time += cycle - 1
    refrigerator.hold(0.2)
    assert told(bridge, "KRDG? 6") == first
    clock.time += 1
    assert float(told(bridge, "KRDG? 6")) == pytest.approx(0.2, rel=0.02)


def test_the_scanner_goes_round_and_can_be_held(bridge, clock):
    seen = []
    for _ in range(6):
        seen.append(told(bridge, "SCAN?"))
        clock.time += 5
    assert seen == ["01,1", "02,1", "03,1", "05,1", "06,1", "01,1"]
    told(bridge, "SCAN 6,0")
    clock.time += 60
    assert told(bridge, "SCAN?") == "06,0"
    assert told(bridge, "KRDG? 6") != told(bridge, "KRDG? 6")  # measured anew each time
    assert told(bridge, "KRDG? 1") == told(bridge, "KRDG? 1")


def test_what_is_not_understood_is_not_answered(bridge):
    told(bridge, "*CLS")
    assert told(bridge, "NONSENSE?;\xff\x00;KRDG? 99;*ESR?") == "48"
    assert told(bridge, "*ESR?") == "0"


@pytest.mark.parametrize(
    ("message", "bits"),
    [("KRDG?", 32), ("INSET 1,1", 32), ("SETP 0,banana", 32), ("SETP 0,500", 16), ("SCAN 17,0", 16),
     ("RANGE 3,1", 16), ("INNAME 6,MXC", 32), ("*ESE 256", 16)],
)  # fmt: skip
def test_faulty_commands_set_a_bit(bridge, message, bits):
    told(bridge, "*CLS")
    assert told(bridge, message + ";*ESR?") == str(bits)


def test_settings_stay_through_a_power_cycle_and_heaters_go_off(bridge):
    told(bridge, 'INNAME 4,"Magnet";INSET 4,1,7,4,21,1;RANGE 0,5;RANGE 1,2;OUTMODE 1,2,6,1,0,0,5')
    assert bridge.levels()["bridge.heater0"] == {"range": 5}
    bridge.power_cycle()
    assert told(bridge, "INNAME? 4;INSET? 4").split(";") == [f"{'Magnet':<15}", "1,7,4,21,1"]
    assert told(bridge, "RANGE? 0;RANGE? 1;*ESR?") == "0;2;128"
    changes = [(c["output"], c["what"]) for c in bridge._ledger.since()]
    assert ("heater0", "range") in changes


def test_a_third_client_is_hung_up_on(bridge):
    server = ScpiSocketServer(bridge, 0, CONNECTIONS, b"\r\n")
    clients = [socket.create_connection(("127.0.0.1", server.port), 5) for _ in range(3)]
    try:
        for client in clients[:2]:
            client.sendall(b"*IDN?\r\n")
            assert client.recv(100).endswith(b"1.4\r\n")
        assert clients[2].recv(100) == b""
        clients[0].close()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with socket.create_connection(("127.0.0.1", server.port), 5) as again:
                again.sendall(b"*OPC?\r\n")
                try:
                    if again.recv(100) == b"1\r\n":
                        break
                except ConnectionError:
                    pass
        else:
            pytest.fail("the place of a client that left stays taken")
    finally:
        for client in clients:
            client.close()
        server.close()
