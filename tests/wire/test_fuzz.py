"""Whatever bytes come, no server crashes, hangs for a second or forgets its manners."""

from __future__ import annotations

import json
import os
import socket
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kammerton_sim.chip import random_chip
from kammerton_sim.chip.flaws import flawed
from kammerton_sim.chip.further import FurtherInstrument
from kammerton_sim.evidence.ledger import Ledger
from kammerton_sim.fridge import Refrigerator
from kammerton_sim.further import MODELS
from kammerton_sim.instruments.awg5208 import Awg5208
from kammerton_sim.instruments.gs200 import Gs200
from kammerton_sim.instruments.k33522b import Keysight33522b
from kammerton_sim.instruments.lakeshore372 import Lakeshore372
from kammerton_sim.instruments.lakeshore372_tables import arguments
from kammerton_sim.instruments.sgs100a import Sgs100a
from kammerton_sim.instruments.znb20 import Znb20
from kammerton_sim.laboratory import Laboratory
from kammerton_sim.signals import Carrier, ChannelOutput, Segment, Wave
from kammerton_sim.wire.hislip import HEADER
from kammerton_sim.wire.instrument import ScpiInstrument
from kammerton_sim.wire.lines import LineServer
from kammerton_sim.wire.sockets import LONGEST, InputBuffer, end_of_message
from kammerton_sim.world import World, WorldError

BUSY, IDLE = 1.0, 20.0
"""s: the longest that a server may work on what it was sent, or be silent about it.

What passes takes milliseconds: a busy machine does not matter.
"""

SERVERS = ("awg1", "drive_lo", "board", "fridge", "control", *MODELS)
HISLIP = ("awg1", "drive_lo", "rohde_schwarz_znb20")


@pytest.fixture(scope="module")
def laboratory() -> Iterator[Laboratory]:
    chip = random_chip(1, 3)
    every = {model: FurtherInstrument(model) for model in MODELS}
    chip = replace(chip, wiring=replace(chip.wiring, instruments=every))
    with Laboratory(flawed(chip, 3)) as laboratory:
        yield laboratory


FRAME = st.builds(
    lambda kind, control, parameter, length, payload: HEADER.pack(
        b"HS", kind, control, parameter, length if length is not None else len(payload)
    ) + payload,
    st.integers(0, 30), st.integers(0, 255), st.integers(0, 2**32 - 1),
    st.none() | st.integers(0, 2**64 - 1), st.binary(max_size=40),
)  # fmt: skip
VALUE = st.none() | st.integers() | st.floats() | st.text(max_size=8) | st.lists(st.integers())
REQUEST = st.dictionaries(st.sampled_from(["op", "id", "size", "name", "samples", "board"]), VALUE)
OPERATION = st.sampled_from(["arm", "map", "unmap", "post", "wait", "finish", "truth", "states"])
WORDS = st.sampled_from(
    [b"*IDN?\r\n", b"*RST\n", b"READ:SYS:DR:CHAN\r\n", b"GET /values/ HTTP/1.1\r\n\r\n",
     b"POST /values/ HTTP/1.1\r\nContent-Length: 5\r\n\r\n", b"HS", b"#0", b"#9999999999", b'"',
     b"[" * 3000 + b"\n", b'{"op":' * 3000 + b"\n", b"1" * 5000 + b"\n", b";" * 200 + b"\n",
     b"KRDG? 6;" * 100 + b"\r\n", b"SYST:ERR?;" * 100 + b"\n", b"\x00" * 500]
)  # fmt: skip
BOARD = st.fixed_dictionaries(
    {"op": st.sampled_from(["arm", "post", "wait", "abort", "map", "unmap", "lock"])},
    optional={
        **dict.fromkeys(["samples", "per_buffer", "records", "delay", "number", "memory", "size"],
                        st.sampled_from([0, 1, -1, 2400, 2400.5, 1e300, 1 << 60, "x", None, []])),
        **dict.fromkeys(["triggered", "locked"], st.booleans()),
        "timeout": st.sampled_from([0, 1e-3, -1, "x"]), "name": st.text(max_size=8),
    },
)  # fmt: skip
CHUNK = st.one_of(
    BOARD.map(lambda r: json.dumps(r).encode() + b"\n"),
    st.binary(max_size=200),
    FRAME,
    st.builds(lambda r: json.dumps(r).encode() + b"\n", REQUEST),
    st.builds(lambda o, r: json.dumps({**r, "op": o}).encode() + b"\n", OPERATION, REQUEST),
    st.text(max_size=60).map(lambda t: t.encode() + b"\n"),
    WORDS,
)


@pytest.mark.parametrize("name", SERVERS)
@settings(max_examples=25, deadline=None)
@given(chunks=st.lists(CHUNK, max_size=6))
def test_no_bytes_break_a_server(laboratory, name, chunks):
    start = time.process_time()
    with socket.create_connection(("127.0.0.1", laboratory.ports[name]), IDLE) as client:
        try:
            for chunk in chunks:
                client.sendall(chunk)
            client.shutdown(socket.SHUT_WR)
            while client.recv(1 << 16):
                pass  # answers, and then the end
        except TimeoutError:
            raise
        except OSError:
            pass  # it hung up on us first
    assert time.process_time() - start < BUSY
    assert greeted(laboratory, name)


def greeted(laboratory: Laboratory, name: str) -> bytes:
    """Return what a well-mannered client gets afterwards."""
    greetings = {
        "control": b'{"op": "time"}\n',
        "board": b'{"op": "hello"}\n',
        "fridge": b"*IDN?\r\n",
        "bluefors_api": b"GET /system/ HTTP/1.1\r\n\r\n",
        **dict.fromkeys(HISLIP, HEADER.pack(b"HS", 0, 0, 1 << 24, 0)),
    }
    deadline = time.monotonic() + IDLE
    while time.monotonic() < deadline:  # a place for two clients takes a moment to be free again
        with (
            suppress(ConnectionError),
            socket.create_connection(("127.0.0.1", laboratory.ports[name]), IDLE) as client,
        ):
            client.sendall(greetings.get(name, b"*IDN?\r\n"))
            if answer := client.recv(1000):
                return answer
    return b""


# ---------------------------------------------------------------- instruments without their servers


WORLD = World(flawed(random_chip(1, 3), 3))


def scpi() -> list[ScpiInstrument]:
    ledger = Ledger(lambda: 0.0)
    return [
        Awg5208("awg1", ledger),
        Gs200("bias", ledger, lambda: 0.0),
        Keysight33522b("fg", ledger),
        Znb20("vna", ledger, WORLD.scattering, lambda _: None),
    ]


HEADERS = sorted({header for device in scpi() for header in device._table._entries})
ARGUMENT = st.sampled_from(
    ["1", "0", "-1", "1e99", "nan", "ON", "INF", "MIN", "MAX", "0.5 V", "'Trc1'", "'Trc1','S21'",
     '"x"', "x", "#14abcd", "#0ab", "1,2", "", "SDAT", "FDAT", "CURR", "PULS", "LOG", "CW", "ARB"]
)  # fmt: skip
COMMAND = st.builds(
    lambda header, number, query, arguments: (
        f"{header.replace('#', str(number))}{query} {','.join(arguments)}"
    ),
    st.sampled_from(HEADERS), st.integers(0, 3), st.sampled_from(["", "?"]),
    st.lists(ARGUMENT, max_size=3),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(COMMAND | st.text(max_size=30), max_size=12), st.binary(max_size=60))
def test_no_message_breaks_an_instrument(commands, garbage):
    for device in scpi():
        for command in commands:
            start = time.process_time()
            device.receive(command.encode("latin-1", "replace"))
            assert time.process_time() - start < BUSY
        device.receive(garbage)
        device.receive(b"*CLS")
        assert device.receive(b"SYST:ERR?").endswith(b'0,"No error"')
        assert device.receive(b"*IDN?").count(b",") == 3
        device.levels()
        device.power_cycle()
        assert device.receive(b"*ESR?") == b"128"


WAVE = st.builds(
    lambda level, size, markers: Wave(
        "w", np.full(size, level, np.float32), np.full(size, markers, np.uint8)
    ),
    st.sampled_from([0.0, 1e-6, 0.3, 1.0, -1.0]), st.sampled_from([1, 17, 2400, 9601]),
    st.sampled_from([0, 1, 15]),
)  # fmt: skip
OUTPUT = st.builds(
    lambda *words: ChannelOutput((), *words),
    st.lists(st.builds(Segment, WAVE, st.sampled_from([1, 3, 40])), max_size=5).map(tuple),
    st.sampled_from([0.25, 1.5]), st.sampled_from([12, 15, 16]), st.booleans(),
    st.sampled_from([298.0, 1e9, 2.5e9]),
)  # fmt: skip
CARRIER = st.builds(
    Carrier, st.sampled_from([1e6, 4.9e9, 12.75e9]), st.sampled_from([-120.0, 13.0]), st.booleans()
)


TRIGGER = Segment(Wave("t", np.full(2400, 0.3, np.float32), np.repeat([1, 0], 1200).astype("u1")))


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(st.tuples(st.just("awg1"), st.integers(1, 8)), OUTPUT),
    OUTPUT,
    st.dictionaries(st.sampled_from(list(WORLD.chip.wiring.carriers)), CARRIER),
    st.sampled_from([1, 1280, 9600]),
)
def test_nothing_that_is_played_breaks_the_physics(outputs, clocked, carriers, samples):
    box, channel, _ = WORLD.chip.wiring.trigger
    outputs[box, channel] = replace(
        clocked, loop=(*clocked.loop, TRIGGER), on=True, resolution=12, sample_rate=1e9
    )
    try:
        playback = WORLD.play(outputs, carriers, samples)
    except WorldError:
        return
    assert np.isfinite(playback.turn_seconds)
    if playback.triggers:
        a, b = np.empty((2, 3, samples), np.uint16)
        playback.records(0, a, b)
        assert not ((a | b) & 0xF).any()
        assert playback.states_of(0, 3).max() <= 2


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.builds(
            lambda word, query, rest: f"{word}{query} {rest}",
            st.sampled_from(["INSET", "INTYPE", "OUTMODE", "PID", "HTRSET", "RANGE", "SETP", "RAMP",
                             "KRDG", "SRDG", "RDGST", "INNAME", "SCAN", "TLIMIT", "*ESE", "HTR"]),
            st.sampled_from(["", "?"]),
            st.lists(st.sampled_from(["0", "1", "6", "16", "17", "-1", "1e99", "nan", '"x"', "x"]),
                     max_size=6).map(",".join),
        ) | st.text(max_size=30),
        max_size=12,
    )
)  # fmt: skip
def test_no_message_breaks_the_bridge(messages):
    bridge = Lakeshore372("bridge", Ledger(lambda: 0.0), lambda: 0.0, Refrigerator(lambda: 0.0))
    for message in messages:
        bridge.receive(message.encode("latin-1", "replace"))
    for number in range(1, 17):
        assert float(bridge.receive(f"KRDG? {number}".encode())) >= 0
    assert bridge.receive(b"*IDN?").count(b",") == 3


@given(st.binary(max_size=300))
def test_a_message_ends_behind_a_line_feed_or_has_not_come_yet(data):
    end = end_of_message(data)
    assert 0 <= end <= len(data)
    assert end == 0 or data[end - 1 : end] == b"\n"


PIECES = st.lists(st.sampled_from([b"\n", b'"', b"'", b"#1", b"x", b"\x00"]), max_size=12)


@given(st.binary(max_size=60), PIECES.map(b"".join))
def test_a_block_may_hold_line_feeds(before, payload):
    clean = before.translate(None, b"\n\"'#")
    block = b"#" + str(len(str(len(payload)))).encode() + str(len(payload)).encode() + payload
    message = clean + block + b"\n"
    assert end_of_message(message + b"*IDN?\n") == len(message)
    assert end_of_message(message[:-1]) == 0


@given(st.lists(st.binary(max_size=40) | PIECES.map(b"".join), max_size=8))
def test_messages_are_the_same_however_they_are_cut(pieces):
    data, at_once, bit_by_bit = b"".join(pieces), [], InputBuffer()
    while end := end_of_message(data[sum(map(len, at_once)) :]):
        start = sum(map(len, at_once))
        at_once.append(data[start : start + end])
    assert [m for piece in pieces for m in bit_by_bit.messages(piece)] == at_once


HOSTILE = {
    "no end": b"a" * (1 << 16),
    "a quote that is not closed": b'"' + b"a" * ((1 << 16) - 1),
    "number signs": b"#" * (1 << 16),
    "a broken block, then text": b"#x" + b"a" * ((1 << 16) - 2),
    "a block that promises more than fits": b"#9999999999" + b"\n" * ((1 << 16) - 11),
    "line feeds in a block behind much text": b"a" * 40_000 + b"#525529" + b"\n" * 25_529,
}


@pytest.mark.parametrize("chunk", HOSTILE.values(), ids=HOSTILE.keys())
def test_twenty_megabytes_cost_no_more_than_looking_at_them(chunk):
    buffer, start = InputBuffer(), time.process_time()
    for _ in range(320):
        for message in buffer.messages(chunk):
            assert message is not None
            assert message.endswith(b"\n")
        buffer.overrun()
    assert time.process_time() - start < BUSY


def test_ten_megabytes_of_parameters_are_one_error():
    source, start = Sgs100a("lo", Ledger(lambda: 0.0)), time.process_time()
    source.receive(b"*ESE " + b"," * 10_000_000 + b"\n")
    assert len(arguments("," * 10_000_000)) < 100
    assert time.process_time() - start < BUSY
    assert source.receive(b"SYST:ERR?").startswith(b"-363,")


@pytest.mark.parametrize("message", [b"*ESE %s\n", b"*ESE #11x%s\n", b"*ESE 1 %s;#11x\n"])
def test_ten_megabytes_of_quotes_are_few_errors(message):
    source, start = Sgs100a("lo", Ledger(lambda: 0.0)), time.process_time()
    tracemalloc.start()
    source.receive(message % (b'"' * 10_000_000))
    assert tracemalloc.get_traced_memory()[1] < 300e6
    tracemalloc.stop()
    assert time.process_time() - start < BUSY
    assert len(source.receive(b"SYST:ERR:ALL?").split(b"rrun")) < 20
    assert source.receive(b"*IDN?").count(b",") == 3


def test_headers_of_many_nodes_cost_no_more_than_others():
    source, start = Sgs100a("lo", Ledger(lambda: 0.0)), time.process_time()
    source.receive(b":SOUR:POW:SOUR:POW:SOUR:POW:SOUR:POW;" * 10_000)
    assert time.process_time() - start < BUSY


@pytest.mark.parametrize("mark", [b":", b"#", b";", b"*", b"\x00", b"A:"])
def test_ten_megabytes_of_one_mark_are_one_error(mark):
    source, start = Sgs100a("lo", Ledger(lambda: 0.0)), time.process_time()
    source.receive(mark * (10_000_000 // len(mark)) + b"\n")
    assert time.process_time() - start < BUSY
    assert source.receive(b"SYST:ERR:COUN?") == (b"0" if mark == b";" else b"1")
    assert source.receive(b"*IDN?").count(b",") == 3


def test_a_message_in_many_frames_is_put_together_in_place(laboratory):
    """Copied each time, they would be 4 GB."""
    frames = HEADER.pack(b"HS", 0, 0, 1 << 24, 0)
    frames += (HEADER.pack(b"HS", 6, 0, 2, 20) + b" " * 20) * 20_000
    frames += HEADER.pack(b"HS", 7, 0, 2, 5) + b"*IDN?"
    start = time.process_time()
    with socket.create_connection(("127.0.0.1", laboratory.ports["awg1"]), IDLE) as client:
        client.sendall(frames)
        said = b""
        while b"AWG5208" not in said:
            said += client.recv(1000)
    assert time.process_time() - start < BUSY


@pytest.mark.parametrize("name", SERVERS)
def test_hundreds_of_connections_lock_nobody_out_for_good(laboratory, name):
    with ExitStack() as stack:
        for _ in range(120):
            address = "127.0.0.1", laboratory.ports[name]
            stack.enter_context(socket.create_connection(address, IDLE))
    assert greeted(laboratory, name)


def test_connections_without_a_file_left_are_accepted_later():
    resource = pytest.importorskip("resource", reason="limits of a process are POSIX")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    server = LineServer("lines", 0, str.upper)
    used = max(int(name) for name in os.listdir("/dev/fd"))
    try:
        with ExitStack() as stack, suppress(OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (used + 20, hard))
            for _ in range(40):
                stack.enter_context(socket.create_connection(("127.0.0.1", server.port), IDLE))
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        with socket.create_connection(("127.0.0.1", server.port), IDLE) as client:
            client.sendall(b"hello\r\n")
            assert client.recv(100) == b"HELLO\r\n"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        server.close()


@pytest.mark.parametrize(
    ("box", "size"),
    [
        ("yokogawa_gs200", 70_000),
        ("yokogawa_gs200", 900_000),
        ("keysight_33522b", LONGEST + 300_000),
    ],
)
def test_what_overruns_the_input_buffer_is_lost_and_told(laboratory, box, size):
    device = laboratory.further[box]
    device.receive(b"*CLS")
    with socket.create_connection(("127.0.0.1", laboratory.ports[box]), 5) as client:
        client.sendall(b":FOO 0.5;" * (size // 9) + b"\nSYST:ERR?\nSYST:ERR?\n")
        client.settimeout(5)
        said = b""
        while said.count(b"\n") < 2:
            said += client.recv(1000)
    first, second, _ = said.split(b"\n")
    assert first == b'-363,"Input buffer overrun"'
    assert second.endswith(b'0,"No error"')  # nor is what comes behind it taken for a message
