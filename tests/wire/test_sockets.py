"""Raw sockets and HTTP: messages in pieces, places for clients, faults on the cable."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Iterator

import pytest

from kammerton_sim.wire import link
from kammerton_sim.wire.http import HttpServer
from kammerton_sim.wire.sockets import ScpiSocketServer


class Echo:
    """Answers what ends in a question mark; remembers what it was sent, and its clients."""

    name = "echo"

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self.clients = self.overruns = 0

    def receive(self, message: bytes | bytearray) -> bytes:
        self.seen.append(bytes(message))
        text = bytes(message).strip()
        return text if text.endswith(b"?") else b""

    def overrun(self) -> None:
        self.overruns += 1

    def connected(self, peer: str) -> None:
        self.clients += 1

    def disconnected(self, peer: str) -> None:
        self.clients -= 1


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def server(echo: Echo) -> Iterator[ScpiSocketServer]:
    server = ScpiSocketServer(echo, 0, 2, b"\r\n")
    yield server
    server.close()


@pytest.fixture
def client(server: ScpiSocketServer) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), 0.5) as client:
        yield client


def test_a_message_may_come_in_pieces_and_several_in_one(client, echo):
    for piece in (b"on", b"e?", b"\ntwo;", b"three?\nfour\nfive?\n"):
        client.sendall(piece)
        time.sleep(0.01)
    said = b""
    while said.count(b"\n") < 3:
        said += client.recv(1000)
    assert said == b"one?\r\ntwo;three?\r\nfive?\r\n"
    assert echo.seen == [b"one?\n", b"two;three?\n", b"four\n", b"five?\n"]


def test_a_block_is_not_cut_at_its_line_feeds(client, echo):
    client.sendall(b"DATA 'a#1',#15ab\n")
    time.sleep(0.01)
    client.sendall(b"c\n\nnext?\n")
    assert client.recv(1000) == b"next?\r\n"
    assert echo.seen == [b"DATA 'a#1',#15ab\nc\n\n", b"next?\n"]


def test_clients_are_counted_and_one_too_many_is_hung_up_on(server, client, echo):
    with socket.create_connection(("127.0.0.1", server.port), 1) as second:
        second.sendall(b"x?\n")
        assert second.recv(10) == b"x?\r\n"
        client.sendall(b"y?\n")
        assert client.recv(10) == b"y?\r\n"
        assert echo.clients == 2
        with socket.create_connection(("127.0.0.1", server.port), 1) as third:
            assert third.recv(10) == b""


def test_dropping_hangs_up_and_goes_on_listening(server, client, echo):
    client.sendall(b"x?\n")
    client.recv(10)
    server.server.drop()
    assert client.recv(10) == b""
    assert echo.clients == 0
    with socket.create_connection(("127.0.0.1", server.port), 1) as again:
        again.sendall(b"x?\n")
        assert again.recv(10) == b"x?\r\n"


def test_a_bad_cable_swallows_and_spoils(server, client):
    server.server.link.spoil(link.swallowed, 1)
    client.sendall(b"lost?\n")
    with pytest.raises(TimeoutError):
        client.recv(10)
    server.server.link.spoil(link.shifted, 1)
    client.sendall(b"x?\ny?\n")
    said = b""
    while said.count(b"\n") < 2:
        said += client.recv(10)
    assert said == b"\x00x?\r\ny?\r\n"


def test_a_bad_cable_spoils_the_body_of_an_answer():
    server = HttpServer("api", 0, lambda *asked: (200, {"data": list(asked[:2])}))
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=0.3)
    try:
        client.request("GET", "/x")
        assert json.loads(client.getresponse().read()) == {"data": ["GET", "/x"]}
        server.server.link.spoil(link.truncated(0.5), 1)
        client.request("GET", "/x")
        with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
            json.loads(client.getresponse().read())
        server.server.link.spoil(link.swallowed, 1)
        client.request("GET", "/x")
        with pytest.raises(TimeoutError):
            client.getresponse()
    finally:
        client.close()
        server.close()
