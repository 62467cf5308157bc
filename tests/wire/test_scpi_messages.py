"""Program messages: units, blocks, quotes, headers; whatever comes, nothing breaks."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kammerton_sim.evidence.ledger import Ledger
from kammerton_sim.instruments.awg5208 import Awg5208
from kammerton_sim.instruments.sgs100a import Sgs100a
from kammerton_sim.instruments.triton import Triton
from kammerton_sim.wire.commands import Call, Command, CommandTable
from kammerton_sim.wire.errors import ErrorQueue, ScpiError
from kammerton_sim.wire.scpi import block_of, parts, string, units
from kammerton_sim.wire.settings import Choice, Number, Switch

WORD = st.text("ABCDEFGhijk*:_#?\"';, \n\r\t0123456789.-+eE", max_size=40)


def simple(message: bytes) -> list[tuple[str, bool, str]]:
    return [(u.header, u.query, u.text) for u in units(message)]


def test_a_message_falls_into_units():
    assert simple(b'VOLT 1.5;:OUTP2 ON ; *OPC?\nFREQ? MAX;NAME "a;b",\'c"d\'\r\n') == [
        ("VOLT", False, "1.5"),
        (":OUTP2", False, "ON"),
        ("*OPC", True, ""),
        ("FREQ", True, "MAX"),
        ("NAME", False, '"a;b",\'c"d\''),
    ]


def test_which_units_begin_a_message():
    assert [u.first for u in units(b"A;B\nC;;D")] == [True, False, True, False]


@given(st.binary(max_size=300), st.binary(max_size=50).filter(lambda b: b"\n" not in b))
def test_a_block_goes_by_its_length_alone(payload, name):
    message = b'MMEM:DATA "x",' + block_of(payload) + b";*OPC?\n"
    first, second = units(message)
    assert first.block is not None
    assert bytes(first.block) == payload
    assert (first.text, second.header, second.query) == ('"x",', "*OPC", True)


def test_an_indefinite_block_ends_with_the_message():
    (unit,) = units(b"DATA #0ab;c\n")
    assert unit.block is not None
    assert bytes(unit.block) == b"ab;c"


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        (b"DATA #15abc", -161),  # shorter than it says
        (b"DATA #9zzz", -161),  # no length
        (b"DATA #3", -161),
        (b"DATA #12abc;X", -161),  # something after the block
        (b'NAME "open', -151),
    ],
)
def test_broken_blocks_and_strings(message, fault):
    assert next(iter(units(message))).fault == fault


@given(st.binary(max_size=400))
def test_any_bytes_can_be_split(message):
    found = list(units(message))
    assert len(found) <= len(message)


@given(st.lists(st.text("ab \"'", max_size=6).filter(lambda t: "'" not in t and '"' not in t)))
def test_parameters_split_at_commas_outside_quotes(words):
    text = ",".join(f'"{w},x"' for w in words)
    assert [string(p) for p in parts(text, 99)] == [f"{w},x" for w in words]


def test_a_string_needs_quotes():
    for text in ("bare", '"', "\"a'", ""):
        with pytest.raises(ScpiError, match="-104"):
            string(text)


def table(*patterns: str) -> CommandTable:
    return CommandTable({p: Command(ask=lambda call, p=p: p) for p in patterns})  # type: ignore[misc]


@pytest.mark.parametrize(
    "header",
    ["SOUR2:VOLT", "SOURce2:VOLTage", ":source2:voltage:level:immediate:amplitude",
     "SOUR2:VOLT:LEV:AMPL", "Sour2:Volt:Imm"],
)  # fmt: skip
def test_every_allowed_spelling_is_found(header):
    found = table("[SOURce#]:VOLTage[:LEVel][:IMMediate][:AMPLitude]").find(header)
    assert found[1] == (2,)


def test_suffixes_left_out_are_one():
    both = table("[SOURce#]:MARKer#:VOLTage")
    assert both.find("MARK3:VOLT")[1] == (1, 3)
    assert both.find("SOUR4:MARK:VOLT")[1] == (4, 1)
    assert both.find("SOUR:MARK:VOLT")[1] == (1, 1)


@pytest.mark.parametrize(
    "header", ["SOU:VOLT", "VOLTA", "VOLT2", "SOUR1:VOLT:NEXT", "", ":", "*IDN"]
)
def test_anything_else_is_undefined(header):
    with pytest.raises(ScpiError, match="-113"):
        table("[SOURce#]:VOLTage").find(header)


def test_numbers_have_limits_words_and_units():
    volts, hertz = Number(0.5, 0.025, 1.5, "V"), Number(1e9, 1e6, 20e9, "HZ")
    assert [volts.parse(t) for t in ("500 mV", "MAX", "def", "2.5E-1", ".5V")] == [
        0.5, 1.5, 0.5, 0.25, 0.5,
    ]  # fmt: skip
    assert hertz.parse("4.9 GHz") == 4.9e9
    assert hertz.parse("10MHZ") == 10e6
    for text, code in (("2", -222), ("0.5 A", -131), ("x", -104), ("1 QV", -131), ("1 2", -104)):
        with pytest.raises(ScpiError, match=str(code)):
            volts.parse(text)


def test_choices_and_switches():
    source = Choice(("INTernal", "EXTernal"), "INT")
    assert [source.parse(t) for t in ("int", "INTERNAL", "Ext")] == ["INT", "INT", "EXT"]
    assert [Switch().parse(t) for t in ("ON", "0", "off", "1")] == [True, False, False, True]
    for kind in (source, Switch()):
        with pytest.raises(ScpiError, match="-224"):
            kind.parse("INTE")


@given(st.text(max_size=40))
def test_what_a_client_sent_is_told_in_printable_ascii(sent):
    queue = ErrorQueue()
    queue.push(ScpiError(-113, sent))
    _, text = queue.pop()
    assert text.isascii()
    assert text.isprintable()


def test_the_error_queue_overflows_as_the_standard_says():
    queue = ErrorQueue(3)
    for _ in range(5):
        queue.push(ScpiError(-113, "X"))
    assert [queue.pop()[0] for _ in range(4)] == [-113, -113, -350, 0]


def test_missing_and_surplus_parameters():
    with pytest.raises(ScpiError, match="-109"):
        Call((), "").parts(1, 2)
    with pytest.raises(ScpiError, match="-108"):
        Call((), "1,2,3").parts(1, 2)


def devices() -> list[Awg5208 | Sgs100a]:
    ledger = Ledger(lambda: 0.0)
    return [Awg5208("awg", ledger), Sgs100a("lo", ledger)]


HEADERS = sorted(h for d in devices() for h in d._table._entries)
ARGUMENT = st.one_of(
    st.sampled_from(['"w"', '"s"', "2400", "1", "0", "-1", "8", "1e99", "nan", "ALL", "ON", "INF",
                     "NEXT", "ATR", '"', "'", "#", "MIN", "0.5 V", "3,4", ""]),
    WORD,
    st.binary(max_size=20).map(lambda b: block_of(b).decode("latin-1")),
)  # fmt: skip
COMMAND = st.builds(
    lambda h, n, q, a: f"{h.replace('#', str(n))}{q} {','.join(a)}",
    st.sampled_from(HEADERS), st.integers(0, 9), st.sampled_from(["", "?"]),
    st.lists(ARGUMENT, max_size=4),
)  # fmt: skip
PREPARED = b'WLIST:WAV:NEW "w",2400;:SLIST:SEQ:NEW "s",2,1;:SOUR1:CASS:SEQ "s",1\n'


@given(st.lists(st.one_of(COMMAND, WORD), max_size=12), st.binary(max_size=40))
def test_no_message_breaks_an_instrument(commands, garbage):
    for device in devices():
        device.receive(PREPARED)
        for command in commands:
            device.receive(command.encode("latin-1", "replace"))
        device.receive(garbage)
        device.receive(b"*CLS")
        assert device.receive(b"SYST:ERR?;:SYST:ERR:COUN?") == b'0,"No error";0'
        assert device.receive(b"*IDN?").count(b",") == 3


def test_garbage_leaves_an_error_and_the_rest_of_the_message_works():
    for device in devices():
        answer = device.receive(b"\xff\x00bogus 1;*IDN?;OUTP banana;:SYST:ERR:COUN?")
        assert answer.endswith(b";2")
        assert device.receive(b"SYST:ERR?").startswith(b'-113,"Undefined header; ')
        assert device.receive(b"SYST:ERR?").startswith(b'-224,"Illegal parameter value; banana')
        assert int(device.receive(b"*ESR?")) & 48 == 48


def test_headers_of_a_compound_message_continue_where_the_last_one_was():
    awg = devices()[0]
    awg.receive(b"SOUR3:VOLT 0.6;OFFS 0.1;*OPC;DAC:RES 12;:SOUR2:DAC:RES 13")
    assert awg.receive(b"SOUR3:VOLT?;VOLT:OFFS?;:SOUR3:DAC:RES?;:SOUR2:DAC:RES?") == b"0.6;0;12;13"
    assert awg.receive(b"SYST:ERR?").startswith(b"-113")  # SOUR3:OFFS is none


def test_service_request_bits():
    source = devices()[1]
    source.receive(b"*ESE 32;*SRE 4;NONSENSE")
    assert source.status_byte() == 36
    assert source.receive(b"*ESE?;*SRE?;*STB?;*OPC?;*TST?;*OPT?;:SYST:VERS?").count(b";") == 6
    source.receive(b"*ESE 256")
    assert source.receive(b"SYST:ERR?").startswith(b"-113")
    assert source.receive(b"SYST:ERR?").startswith(b"-222")


@pytest.mark.parametrize(
    ("mask", "code"),
    [(b"*ESE \xb2", b"-104"), (b"*SRE \xb9", b"-104"), (b"OUTP1:PATH \xb3", b"-224")],
)
def test_a_superscript_is_no_number(mask, code):
    awg = devices()[0]
    assert awg.receive(mask + b";*ESE?;*SRE?") == b"0;0"
    assert awg.receive(b"SYST:ERR?").startswith(code)


def test_masks_are_numbers_of_any_form_rounded_to_a_byte():
    """IEEE 488.2, 10.10: decimal numeric program data, rounded to a whole number."""
    awg = devices()[0]
    assert awg.receive(b"*ESE 3.2E1;*ESE?;*SRE 31.7;*SRE?") == b"32;32"
    awg.receive(b"*ESE -1;*SRE 255.6")
    assert awg.receive(b"*ESE?;*SRE?;:SYST:ERR:CODE?;:SYST:ERR:CODE?") == b"32;32;-222;-222"


def test_an_underscore_is_in_no_number():
    awg = devices()[0]
    awg.receive(b'WLIS:WAV:NEW "w",2_400')
    assert awg.receive(b"WLIS:SIZE?;:SYST:ERR?").startswith(b"0;-104")


@given(st.text(max_size=60))
def test_no_line_breaks_the_refrigerator(line):
    triton = Triton("fridge", Ledger(lambda: 0.0), lambda: 0.01)
    for text in (line, "READ:" + line, "SET:" + line, "READ:DEV:" + line):
        assert triton.answer(text).startswith("STAT:" if text.upper() != "*IDN?" else "IDN:")


def test_a_message_of_many_commands_gives_way_to_other_clients():
    source = Sgs100a("lo", Ledger(lambda: 0.0))
    long = threading.Thread(target=source.receive, args=(b":FOO 0.5;" * 100_000,))
    long.start()
    while not source.errors:
        time.sleep(0)
    assert source.receive(b"*IDN?").count(b",") == 3
    assert long.is_alive()  # a second and more of work, of which nobody has to wait for the end
    long.join()


def test_a_power_cycle_loses_the_rest_of_a_message():
    source = Sgs100a("lo", Ledger(lambda: 0.0))
    message = b"*IDN?;" + b":FOO 0.5;" * 100_000 + b":OUTP 1"
    answers: list[bytes] = []
    long = threading.Thread(target=lambda: answers.append(source.receive(message)))
    long.start()
    while not source.errors:
        time.sleep(0)
    source.power_cycle()
    long.join()
    assert (answers, source.receive(b"OUTP?;:SYST:ERR?")) == ([b""], b'0;0,"No error"')
