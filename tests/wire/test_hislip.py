"""The HiSLIP server, byte by byte."""

from __future__ import annotations

import itertools
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from kammerton_sim.evidence.ledger import Ledger
from kammerton_sim.instruments.znb20 import Znb20
from kammerton_sim.wire import hislip, slices
from kammerton_sim.wire.hislip import HEADER, LARGEST, HislipServer
from kammerton_sim.wire.lines import LineServer
from kammerton_sim.wire.server import PortInUse, TcpServer
from kammerton_sim.world import LaboratoryClock
from tests.wire.test_znb20 import Line

INIT, INIT_R, FATAL, ERROR, LOCK, LOCK_R, DATA, END = range(8)


class Echo:
    """Answers what it was sent; remembers its clients."""

    name = "echo"

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self.clients = 0

    def receive(self, message: bytes | bytearray) -> bytes:
        self.seen.append(bytes(message))
        return bytes(message) if message.endswith(b"?") else b""

    def overrun(self) -> None:
        self.seen.append(b"overrun")

    def status_byte(self) -> int:
        return 68

    def connected(self, peer: str) -> None:
        self.clients += 1

    def disconnected(self, peer: str) -> None:
        self.clients -= 1


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def server(echo: Echo) -> Iterator[HislipServer]:
    server = HislipServer(echo)
    yield server
    server.close()


class Peer:
    """One connection, with a deadline."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 5)
        self.reader = self.socket.makefile("rb")

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *error: object) -> None:
        self.reader.close()
        self.socket.close()

    def send(self, kind: int, control: int = 0, parameter: int = 0, payload: bytes = b"") -> None:
        self.socket.sendall(HEADER.pack(b"HS", kind, control, parameter, len(payload)) + payload)

    def receive(self) -> tuple[int, int, int, bytes]:
        head = self.reader.read(HEADER.size)
        if not head:
            raise EOFError
        _, kind, control, parameter, length = HEADER.unpack(head)
        return kind, control, parameter, self.reader.read(length)

    def session(self) -> int:
        self.send(INIT, 0, 0x0100 << 16, b"hislip0")
        kind, overlap, parameter, _ = self.receive()
        assert (kind, overlap, parameter >> 16) == (INIT_R, 0, 0x0100)
        return parameter & 0xFFFF


def test_a_message_in_parts_is_one_message(server, echo):
    with Peer(server.port) as peer:
        peer.session()
        peer.send(DATA, 0, 2, b"one\r\n")
        peer.send(DATA, 0, 4, b"\n;two")
        peer.send(END, 0, 6, b"\n?")
        assert peer.receive() == (END, 0, 6, b"one\r\n\n;two\n?\n")


def test_a_message_that_never_ends_overruns_the_input_buffer_once(server, echo, monkeypatch):
    monkeypatch.setattr(hislip, "LONGEST", 1000)
    parts = (DATA, b"x" * 600), (DATA, b"x" * 600), (DATA, b"x" * 600), (END, b"?")
    with Peer(server.port) as peer:
        peer.session()
        for kind, payload in (*parts, (END, b"next?")):
            peer.send(kind, payload=payload)
        assert peer.receive()[-1].rstrip() == b"next?"
    assert echo.seen == [b"overrun", b"next?"]


def test_the_answer_carries_the_number_of_its_question(server):
    with Peer(server.port) as peer:
        peer.session()
        for number in (0xFFFFFF00, 2, 7):
            peer.send(END, 0, number, b"x?")
            assert peer.receive()[2] == number


def test_long_answers_keep_to_the_size_the_client_takes(server):
    with Peer(server.port) as peer, Peer(server.port) as control:
        control.send(17, 0, peer.session())
        assert control.receive()[0] == 18
        control.send(15, 0, 0, struct.pack("!Q", 256))
        kind, _, _, payload = control.receive()
        assert (kind, struct.unpack("!Q", payload)[0] >= 1 << 20) == (16, True)
        peer.send(END, 0, 2, b"a" * 999 + b"?")
        parts = []
        while not parts or parts[-1][0] != END:
            parts.append(peer.receive())
        assert all(len(p[3]) <= 240 for p in parts)
        assert b"".join(p[3] for p in parts) == b"a" * 999 + b"?\n"


def test_device_clear_forgets_half_a_message(server, echo):
    with Peer(server.port) as peer, Peer(server.port) as control:
        control.send(17, 0, peer.session())
        control.receive()
        peer.send(DATA, 0, 2, b"half")
        control.send(19)
        assert control.receive()[0] == 23
        peer.send(8)
        assert peer.receive()[0] == 9
        peer.send(END, 0, 2, b"whole?")
        assert peer.receive()[3] == b"whole?\n"


def test_a_device_clear_does_not_wait_for_a_sweep(monkeypatch):
    """What the client asked for before is forgotten, the rest of its message with it."""
    clock, sweeps, sleep = LaboratoryClock(), threading.Event(), slices.sleep
    box = Znb20("vna", Ledger(clock.now), Line(), clock.advance_to, pace=1.0)
    box.receive(b"OUTP 0;:INIT1:CONT 0;:SENS1:BAND 1 HZ")  # 201 s a sweep
    monkeypatch.setattr(slices, "sleep", lambda seconds: (sweeps.set(), sleep(seconds)))
    server = HislipServer(box)
    with closing(server), Peer(server.port) as peer, Peer(server.port) as control:
        control.send(17, 0, peer.session())
        control.receive()
        peer.send(END, 0, 2, b"INIT1;:SENS1:SWE:POIN 7;*OPC?")
        assert sweeps.wait(5)
        control.send(19)
        assert control.receive()[0] == 23
        peer.send(8)
        assert peer.receive()[0] == 9
        peer.send(END, 0, 4, b"SENS1:SWE:POIN?")
        assert peer.receive()[3] == b"201\n"


def test_status_lock_and_remote(server):
    with Peer(server.port) as peer, Peer(server.port) as control:
        control.send(17, 0, peer.session())
        control.receive()
        control.send(21)
        assert control.receive()[:2] == (22, 68)
        control.send(4, 1)
        assert control.receive()[:2] == (5, 1)
        for asked, answered in ((24, 25), (10, 11)):
            control.send(asked)
            assert control.receive()[0] == answered
        control.send(200)
        assert control.receive()[0] == ERROR


class Client:
    """Both connections of one client."""

    def __init__(self, server: HislipServer, stack: ExitStack) -> None:
        self.data, self.control = (stack.enter_context(Peer(server.port)) for _ in range(2))
        self.control.send(17, 0, self.data.session())
        self.control.receive()

    def lock(self, milliseconds: int = 0, key: bytes = b"") -> int:
        self.control.send(LOCK, 1, milliseconds, key)
        kind, answer, _, _ = self.control.receive()
        assert kind == LOCK_R
        return answer

    def release(self) -> int:
        self.control.send(LOCK, 0)
        return self.control.receive()[1]

    def info(self) -> tuple[int, int]:
        self.control.send(24)
        return self.control.receive()[1:3]

    def ask(self, text: bytes) -> None:
        self.data.send(END, 0, 2, text)


def test_two_clients_share_a_device_until_one_locks_it(server, echo):
    with ExitStack() as stack:
        one, two = Client(server, stack), Client(server, stack)
        two.ask(b"shared?")
        assert two.data.receive()[3] == b"shared?\n"
        assert (one.lock(), two.lock(milliseconds=50), one.info()) == (1, 0, (1, 1))
        two.ask(b"late?")
        one.ask(b"alone?")
        assert one.data.receive()[3] == b"alone?\n"
        time.sleep(0.05)
        assert b"late?" not in echo.seen
        assert one.release() == 1
        assert two.data.receive()[3] == b"late?\n"  # it waited, and was not lost
        assert (one.release(), two.info()) == (3, (0, 0))


def test_a_key_is_shared_by_those_who_know_it(server, echo):
    with ExitStack() as stack:
        one, two, three = (Client(server, stack) for _ in range(3))
        assert (one.lock(key=b"k"), two.lock(key=b"k"), three.lock(key=b"x")) == (1, 1, 0)
        assert three.info() == (0, 2)
        three.ask(b"stranger?")
        two.ask(b"friend?")
        assert two.data.receive()[3] == b"friend?\n"
        time.sleep(0.05)
        assert b"stranger?" not in echo.seen
        assert (one.release(), two.release()) == (2, 2)
        assert three.data.receive()[3] == b"stranger?\n"


def test_a_lock_ends_with_its_client(server):
    with ExitStack() as stack:
        two = Client(server, stack)
        with ExitStack() as short:
            assert Client(server, short).lock() == 1
            two.ask(b"waiting?")
        assert two.data.receive()[3] == b"waiting?\n"
        assert two.lock(milliseconds=2000) == 1


def test_a_server_ends_though_clients_wait_for_locks(server):
    with ExitStack() as stack:
        one, two = Client(server, stack), Client(server, stack)
        assert one.lock() == 1
        two.ask(b"never?")
        two.control.send(LOCK, 1, 3_600_000)
        start = time.monotonic()
        server.close()
        assert time.monotonic() - start < 25
    assert not [t for t in threading.enumerate() if t.name == "echo" and t.is_alive()]


def test_unknown_types_are_told_and_the_session_goes_on(server):
    with Peer(server.port) as peer:
        peer.session()
        peer.send(99)
        assert peer.receive()[:2] == (ERROR, 1)
        peer.send(12)  # a trigger becomes *TRG
        peer.send(END, 0, 2, b"x?")
        assert peer.receive()[3] == b"x?\n"


@pytest.mark.parametrize("start", [(17, 0, 999), (END, 0, 0), (99, 0, 0)])
def test_a_session_must_begin_properly(server, start):
    with Peer(server.port) as peer:
        peer.send(*start)
        assert peer.receive()[:2] == (FATAL, 3)


@pytest.mark.parametrize(
    "head", [b"XX" + bytes(14), HEADER.pack(b"HS", END, 0, 0, LARGEST + 1), b"GET / HTTP/1.1\r\n"]
)
def test_what_is_not_hislip_is_sent_away(server, echo, head):
    with Peer(server.port) as peer:
        peer.session()
        peer.socket.sendall(head)
        assert peer.receive()[:2] == (FATAL, 1)
        with pytest.raises(EOFError):
            peer.receive()
    with Peer(server.port) as peer:
        peer.session()


def test_a_session_keeps_its_number_however_many_come_after_it(server):
    with Peer(server.port) as first, Peer(server.port) as second:
        number = first.session()
        server._numbers = itertools.count(0x10000 + number)  # that many came and went
        assert second.session() != number


def test_clients_come_and_go(server, echo):
    with Peer(server.port) as one, Peer(server.port) as two:
        assert one.session() != two.session()
        assert echo.clients == 2
    server.close()
    assert echo.clients == 0


def test_closing_ends_every_thread(echo):
    before = set(threading.enumerate())
    server = HislipServer(echo)
    with Peer(server.port) as peer:
        peer.session()
        server.close()
        assert set(threading.enumerate()) <= before


def test_a_port_in_use_is_named(server):
    with pytest.raises(PortInUse, match=f"other: port {server.port} on 127.0.0.1 is in use"):
        TcpServer("other", server.port, lambda connection, peer: None)


def test_lines_are_answered_in_one_piece():
    seen: list[tuple[str, bool]] = []
    server = LineServer("l", 0, str.upper, watch=lambda peer, came: seen.append((peer, came)))
    with socket.create_connection(("127.0.0.1", server.port), 5) as connection:
        connection.sendall(b"one\r\n\r\ntwo\nth")
        with connection.makefile("rb") as reader:
            assert [reader.readline(), reader.readline()] == [b"ONE\r\n", b"TWO\r\n"]
            connection.sendall(b"r\xffee\n")
            assert reader.readline() == "THR\ufffdEE\r\n".encode()
    server.close()
    assert [came for _, came in seen] == [True, False]
