"""The proxy itself: every fault, seen from the client's end, and the same again for a seed."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.proxy import (
    Bandwidth,
    Blackhole,
    CutAfter,
    Duplicate,
    FlakyConnect,
    Flip,
    HalfOpen,
    Late,
    Latency,
    Proxy,
    Reset,
    Slices,
    Swallow,
)


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that answers with what it was told."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer(link: socket.socket) -> None:
        with link, contextlib.suppress(OSError):
            while said := link.recv(1 << 16):
                link.sendall(said)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    with listener:
        yield listener.getsockname()[1]


@pytest.fixture
def proxy(echo: int) -> Iterator[Proxy]:
    with Proxy(echo, seed=5) as proxy:
        yield proxy


def dial(proxy: Proxy, timeout: float = 20.0) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout)


def unanswered(link: socket.socket, text: bytes) -> None:
    """Ask what nobody answers soon."""
    link.settimeout(0.3)
    with pytest.raises(TimeoutError):
        ask(link, text)
    link.settimeout(20.0)


def ask(link: socket.socket, text: bytes) -> bytes:
    link.sendall(text)
    return link.recv(1000)


def test_a_sound_line_changes_nothing(proxy: Proxy) -> None:
    with dial(proxy) as link:
        assert ask(link, b"hello") == b"hello"
        assert ask(link, b"x" * 900) == b"x" * 900
    assert proxy.events == []


def test_a_late_answer_comes_in_place_of_the_next(proxy: Proxy) -> None:
    with dial(proxy) as link:
        proxy.put(Late(seconds=0.5))
        unanswered(link, b"first")
        got = ask(link, b"second")
        while len(got) < len(b"firstsecond"):
            got += link.recv(1000)
        assert got == b"firstsecond"


def test_a_swallowed_answer_never_comes(proxy: Proxy) -> None:
    with dial(proxy) as link:
        proxy.put(Swallow())
        unanswered(link, b"first")
        assert ask(link, b"second") == b"second"


def test_a_half_open_connection_is_dead_and_a_new_one_is_sound(proxy: Proxy) -> None:
    with dial(proxy) as link, dial(proxy) as other:
        proxy.put(HalfOpen())
        for _ in range(2):
            unanswered(link, b"x")
        assert ask(other, b"y") == b"y"


def test_a_black_hole_takes_new_connections_too_until_it_is_cleared(proxy: Proxy) -> None:
    proxy.put(Blackhole())
    with dial(proxy) as link:
        unanswered(link, b"x")
    proxy.clear()
    with dial(proxy) as link:
        assert ask(link, b"x") == b"x"


def test_a_cut_leaves_the_first_bytes(proxy: Proxy) -> None:
    with dial(proxy) as link:
        proxy.put(CutAfter(keep=3))
        assert ask(link, b"hello") == b"hel"
        assert link.recv(10) == b""


@pytest.mark.parametrize("fault", [Reset(), FlakyConnect(share=1.0)])
def test_a_reset(proxy: Proxy, fault: Reset | FlakyConnect) -> None:
    with dial(proxy) as link:
        proxy.put(fault)
        with pytest.raises(ConnectionError):
            ask(link, b"hello")


def test_a_flaky_line_lets_some_in(echo: int) -> None:
    with Proxy(echo, seed=1) as proxy:
        proxy.put(FlakyConnect(share=0.5, ways=("up",)))
        ends = 0
        for _ in range(20):
            try:
                with dial(proxy, timeout=1.0) as link:
                    link.recv(1)
            except ConnectionError:
                ends += 1
            except TimeoutError:
                break
        assert 0 < ends < 20


def test_a_flipped_bit(proxy: Proxy) -> None:
    with dial(proxy) as link:
        proxy.put(Flip())
        spoilt = ask(link, b"hello")
        changed = [a ^ b for a, b in zip(spoilt, b"hello", strict=True) if a != b]
        assert len(changed) == 1
        assert changed[0].bit_count() == 1
        assert ask(link, b"hello") == b"hello"


def test_slices_come_one_byte_at_a_time(proxy: Proxy) -> None:
    with dial(proxy) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        proxy.put(Slices())
        got = ask(link, b"hello")
        assert len(got) < 5
        while len(got) < 5:
            got += link.recv(1000)
        assert got == b"hello"


def test_a_duplicate(proxy: Proxy) -> None:
    with dial(proxy) as link:
        proxy.put(Duplicate())
        got = ask(link, b"hello")
        while len(got) < 10:
            got += link.recv(1000)
        assert got == b"hellohello"


@pytest.mark.parametrize("fault", [Latency(seconds=0.05), Bandwidth(rate=100.0)])
def test_what_is_slow_arrives_whole(proxy: Proxy, fault: Latency | Bandwidth) -> None:
    with dial(proxy) as link:
        proxy.put(fault)
        began = time.monotonic()
        got = ask(link, b"0123456789")
        while len(got) < 10:
            got += link.recv(1000)
        assert got == b"0123456789"
        assert time.monotonic() - began > 0.09


def test_hanging_up_ends_every_connection(proxy: Proxy) -> None:
    with dial(proxy) as link:
        ask(link, b"x")
        proxy.hang_up()
        with contextlib.suppress(ConnectionError):
            assert link.recv(10) == b""


def test_the_same_seed_spoils_the_same_bit(echo: int) -> None:
    def spoilt() -> list[bytes]:
        with Proxy(echo, seed=9) as proxy, dial(proxy) as link:
            proxy.put(Flip(count=3))
            return [ask(link, b"twelve bytes") for _ in range(3)]

    assert spoilt() == spoilt()
