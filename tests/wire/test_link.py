"""The cable: every way it can fail, seen from the client's end."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

import numpy as np
import pytest

from kammerton_sim.wire import link
from kammerton_sim.wire.lines import LineServer
from tests.wire.conftest import settle


@pytest.fixture
def server():
    server = LineServer("echo", 0, lambda line: f"<{line}>", "\n")
    yield server
    server.close()


class Client:
    def __init__(self, port: int, timeout: float = 0.3) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)

    def ask(self, text: str) -> bytes:
        self.socket.sendall(text.encode() + b"\n")
        return self.socket.recv(1000)


@pytest.fixture
def client(server):
    client = Client(server.port)
    with client.socket:
        yield client


def cable(server) -> link.Link:
    return server.server.link


def test_a_sound_cable_changes_nothing(client):
    assert client.ask("x") == b"<x>\n"


def test_a_swallowed_answer_never_comes_and_the_next_one_does(server, client):
    cable(server).spoil(link.swallowed, 1)
    with pytest.raises(TimeoutError):
        client.ask("lost")
    assert client.ask("x") == b"<x>\n"


def test_a_late_answer_comes_late(server, client):
    cable(server).spoil(link.late(0.15, threading.Event()), 1)
    began = time.monotonic()
    assert client.ask("x") == b"<x>\n"
    assert time.monotonic() - began > 0.14


@pytest.mark.parametrize(
    ("how", "seen"),
    [
        (link.truncated(0.5), b"<wo\n"),
        (link.shifted, b"\x00<word>\n"),
        (link.oversized(3), b"<word>000\n"),
        (link.replaced("9.91E37"), b"9.91E37\n"),
    ],
)
def test_what_comes_instead(server, client, how, seen):
    cable(server).spoil(how, 1)
    assert client.ask("word") == seen
    assert client.ask("word") == b"<word>\n"


def test_only_the_block_of_an_answer_is_turned():
    turn = link.reversed_words(4)
    values = np.arange(5, dtype="<f4").tobytes()
    turned = turn(b"#220" + values)
    assert turned == b"#220" + np.arange(5, dtype=">f4").tobytes()
    assert turn(b"abcdefghi") == b"dcbahgfei"
    assert turn(b"") == b""
    assert turn(b"#0abcd") == b"ba0#cd"  # no length: no block that it could know


def test_garbling_hits_at_least_a_byte_and_repeats_with_its_seed():
    first, again, other = (link.garbled(0.3, seed) for seed in (1, 1, 2))
    word = bytes(100)
    spoilt = first(word)
    assert spoilt == again(word) != other(word)
    assert 10 < sum(byte != 0 for byte in spoilt) < 60
    assert link.garbled(0.0, 3)(b"x") != b"x"


def test_garbling_a_long_answer_takes_no_second():
    spoil, answer = link.garbled(0.05, 1), bytes(1 << 24)
    start = time.process_time()
    spoilt = np.frombuffer(spoil(answer), np.uint8)
    assert time.process_time() - start < 1.0
    assert np.mean(spoilt != 0) == pytest.approx(0.05, rel=0.01)


def test_who_sits_in_a_black_hole_is_hung_up_on_and_the_hole_stays(server, client):
    fill = cable(server).black_hole()
    client.socket.sendall(b"lost\n")
    deadline = time.monotonic() + 5
    while not (waiting := list(server.server._open.values())) and time.monotonic() < deadline:
        time.sleep(0.01)
    server.server.drop()
    assert [thread.is_alive() for thread in waiting] == [False]
    later = Client(server.port)
    with later.socket, pytest.raises(TimeoutError):
        later.ask("lost as well")
    fill()
    sound = Client(server.port, 5.0)
    with sound.socket:
        assert sound.ask("word") == b"<word>\n"


def test_faults_are_served_in_order_and_can_be_taken_off(server, client):
    cable(server).spoil(link.replaced("a"), 2)
    mend = cable(server).spoil(link.replaced("b"), 5)
    assert [client.ask("x") for _ in range(3)] == [b"a\n", b"a\n", b"b\n"]
    mend()
    assert client.ask("x") == b"<x>\n"


def test_a_black_hole_swallows_what_is_sent_and_hangs_up_when_it_ends(server, client):
    asked = []
    server._answer = lambda line: asked.append(line) or "seen"
    cable(server).black_hole()
    with pytest.raises(TimeoutError):
        client.ask("lost")
    with Client(server.port).socket as late:  # the connection itself is accepted
        late.sendall(b"lost too\n")
        with pytest.raises(TimeoutError):
            late.recv(10)
        cable(server).restore()
        with contextlib.suppress(ConnectionError):
            assert client.socket.recv(10) == b""
    assert asked == []
    with Client(server.port).socket as fresh:
        fresh.sendall(b"x\n")
        assert fresh.recv(10) == b"seen\n"


def test_a_server_ends_within_a_black_hole(server, client):
    cable(server).black_hole()
    client.socket.sendall(b"lost\n")
    began = time.monotonic()
    server.close()
    assert time.monotonic() - began < 10


def test_a_box_that_is_off_refuses_and_listens_again(server, client):
    admit = server.server.refuse()
    assert client.socket.recv(10) == b""
    with pytest.raises(ConnectionRefusedError):
        Client(server.port)
    admit()
    admit()  # does nothing
    with Client(server.port).socket as fresh:
        fresh.sendall(b"x\n")
        assert fresh.recv(10) == b"<x>\n"


def test_a_server_that_ends_while_it_refuses_leaves_nothing_and_stays_ended(server):
    admit = server.server.refuse()
    server.close()
    with pytest.raises(ConnectionRefusedError):
        Client(server.port)
    admit()
    server.server.refuse()()
    with pytest.raises(ConnectionRefusedError):
        Client(server.port)
    socket.create_server(("127.0.0.1", server.port)).close()  # the port is free


def test_a_write_is_carried_out_though_its_answer_is_lost(laboratory, source):
    """HiSLIP and the upstream driver: the query times out, the setting was made."""
    import pyvisa

    source.timeout(0.2)
    cable(laboratory.servers["drive_lo"]).spoil(link.swallowed, 1)
    with pytest.raises(pyvisa.VisaIOError):
        source.ask(":POW -12;:POW?")
    source.device_clear()
    settle(source)
    assert source.power() == -12


def test_hislip_answers_can_be_cut(laboratory, source):
    cable(laboratory.servers["drive_lo"]).spoil(link.truncated(0.5), 1)
    assert source.ask("*IDN?") == "Rohde&Schwarz,SGS100A,1416.0505"
    assert source.ask("*OPT?").startswith("SGS-B112")
