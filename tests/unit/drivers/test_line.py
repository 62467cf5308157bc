"""The line below a driver: what was not sent when it was hung up on is never sent."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from types import SimpleNamespace

import pytest
import pyvisa

from kammerton_drivers.line import hang_up, sockets

COMMAND = b"OUTPut ON\n" * 1000


def fill(line: socket.socket) -> None:
    while True:
        line.send(COMMAND)


def read_on(line: socket.socket) -> None:
    while line.recv(1 << 16):
        pass


def test_what_waits_to_be_sent_when_it_is_hung_up_on_is_dropped() -> None:
    """It would come behind what the next connection had verified, when the path is back."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        server.bind(("127.0.0.1", 0))
        server.listen()
        line = socket.create_connection(server.getsockname())
        box, _ = server.accept()
        with box:
            line.setblocking(False)
            with pytest.raises(BlockingIOError):
                fill(line)  # the box reads nothing: the path is as good as cut
            hang_up(SimpleNamespace(_socket=line))  # by another than who hangs, and may for good
            box.settimeout(10)
            with pytest.raises(ConnectionResetError):
                read_on(box)


@pytest.fixture
def line() -> Iterator[socket.socket]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        connected = socket.create_connection(server.getsockname())
        yield connected
        connected.close()


@pytest.mark.skipif(sys.platform == "win32", reason="there sockets have no descriptors")
def test_no_other_line_gets_the_number_of_one_that_a_call_may_still_use(line) -> None:
    """A thread that is about to send has read it: its bytes would go to another instrument."""
    call, number, driver = Future[None](), line.fileno(), SimpleNamespace(_socket=line)
    hang_up(driver, call)
    line.close()  # as the driver does when its call comes back
    hang_up(driver)
    with socket.socket() as other:
        assert other.fileno() != number
        with pytest.raises(OSError, match=r"pipe|not connected"):
            os.write(number, b"OUTPut ON\n")
    call.set_result(None)
    with socket.socket() as next_one:
        assert next_one.fileno() == number


@pytest.mark.skipif(sys.platform == "win32", reason="there sockets have no descriptors")
def test_a_line_that_cannot_even_be_closed_keeps_nobody_from_going_on(line, monkeypatch) -> None:
    """What hangs on it is left behind all the same."""
    call, number = Future[None](), line.fileno()

    def short(*_: object, **__: object) -> None:
        os.close(number)
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(os, "dup2", short)
        hang_up(SimpleNamespace(_socket=line), call)
    call.set_result(None)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(number)


def test_the_number_of_a_line_that_nothing_uses_is_free_at_once(line) -> None:
    number = line.fileno()
    hang_up(SimpleNamespace(_socket=line))
    with socket.socket() as next_one:
        assert next_one.fileno() == number


class Closed:
    """The handle of a driver that has closed it: pyvisa has no session for it any more."""

    visalib = SimpleNamespace(sessions={})

    @property
    def session(self) -> int:
        raise pyvisa.errors.InvalidSession


def test_a_driver_that_has_closed_its_handle_has_no_line() -> None:
    driver = SimpleNamespace(visa_handle=Closed())
    assert list(sockets(driver)) == []
    hang_up(driver)
