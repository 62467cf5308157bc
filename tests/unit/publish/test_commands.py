"""Commands: what is done, and all that is not."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kammerton.lab import Broker
from kammerton.model import BrokerError
from kammerton.publish import Message, Topics, mqtt
from kammerton.publish.commands import KEPT, LARGEST, RATE, Command, Desk, Refused, keys, signature
from kammerton.publish.obeying import Obeying
from kammerton.publish.payloads import iso
from tests.yardstick import least, spent

TOPICS = Topics("two-qubits")
KEY = b"k" * 32
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def desk() -> Desk:
    return Desk(TOPICS, {"ada": KEY}, started=NOW - timedelta(hours=1))


def said(key: bytes = KEY, **changes: Any) -> dict[str, Any]:
    document = {
        "schema": 1, "computer": "two-qubits", "verb": "hold", "user": "ada", "nonce": "0" * 32,
        "arguments": {"scope": "q0", "why": "cool-down"},
        "issued": iso(NOW), "expires": iso(NOW + timedelta(minutes=2)),
    } | changes  # fmt: skip
    return document | {"mac": signature(document, key)}


def message(document: object, verb: str = "hold", *, retained: bool = False) -> Message:
    payload = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Message(TOPICS.command(verb), payload, retained)


def test_a_signed_command_is_taken_once():
    taken = desk()
    command = taken.take(message(said()), NOW)
    assert (command.verb, command.user) == ("hold", "ada")
    assert command.arguments == {"scope": "q0", "why": "cool-down"}
    with pytest.raises(Refused, match="seen before"):
        taken.take(message(said()), NOW)
    taken.take(message(said(nonce="1" * 32)), NOW)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"key": b"x" * 32}, "not signed"),
        ({"user": "eve"}, "not signed"),
        ({"computer": "other"}, "another computer"),
        ({"verb": "revert"}, "another computer or verb"),
        ({"issued": iso(NOW - timedelta(minutes=9)), "expires": iso(NOW - timedelta(minutes=5))},
         "expired"),
        ({"issued": iso(NOW + timedelta(minutes=9)), "expires": iso(NOW + timedelta(minutes=12))},
         "future"),
        ({"expires": iso(NOW + timedelta(hours=1))}, "lives longer"),
        ({"arguments": {"scope": "q0/#", "why": "x"}}, "scope"),
        ({"arguments": {"scope": "q0", "why": "a\nb"}}, "why"),
        ({"arguments": {"scope": "q0", "why": "x", "shell": "rm"}}, "extra_forbidden"),
        ({"arguments": {"scope": "q0", "why": "x" * 300}}, "why"),
        ({"arguments": {"scope": "q0", "why": "  "}}, "why: not_readable"),
        ({"arguments": {"scope": "q0", "why": "a\u202ecable"}}, "why: not_readable"),
        ({"arguments": {"scope": "q0", "why": "a\u2028cable"}}, "why: not_readable"),
        ({"nonce": "../../etc"}, "nonce"),
        ({"schema": 2}, "schema"),
        ({"schema": True}, "schema"),
        ({"schema": 1.0}, "schema"),
        ({"further": 1}, "extra_forbidden"),
        ({"arguments": {"scope": [[[["deep"]]]], "why": "x"}}, "deeper"),
        ({"arguments": {"scope": float("nan"), "why": "x"}}, "."),
    ],
)  # fmt: skip
def test_x2_what_is_wrong_in_one_thing_is_refused(changes, why):
    key = changes.pop("key", KEY) if "key" in changes else KEY
    document = {**said(), **changes}
    document.pop("mac")
    try:
        document["mac"] = signature(document, key)
    except ValueError:  # NaN
        document["mac"] = "0" * 64
    with pytest.raises(Refused, match=why):
        desk().take(message(document), NOW)


@pytest.mark.parametrize(
    ("arguments", "refused"),
    [
        ({"target": "q0", "calibration": "t1"}, None),
        ({"target": "q0", "calibration": "t1", "shots": 4000}, None),
        ({"target": "q0"}, "calibration: missing"),
        ({"target": "q0", "calibration": "t1", "shots": 0}, "shots: greater_than"),
        ({"target": "q0", "calibration": "t1", "shots": 1.5}, "shots: int_type"),
        ({"target": "q0", "calibration": "../t1"}, "calibration: string_pattern"),
    ],
)
def test_a_command_to_measure(arguments, refused):
    asked = message(said(verb="measure", arguments=arguments), "measure")
    if refused is None:
        assert desk().take(asked, NOW).arguments == arguments
        return
    with pytest.raises(Refused, match=refused):
        desk().take(asked, NOW)


@pytest.mark.parametrize(
    ("targets", "refused"),
    [
        ({"targets": ["q0", "drive_lo"]}, None),
        ({"targets": ["q0"] * 100}, None),
        ({"targets": []}, "targets: too_short"),
        ({"targets": ["q0"] * 101}, "targets: too_long"),
        ({"targets": "q0"}, "targets: list_type"),
        ({"targets": [0]}, "targets.0: string_type"),
        ({"targets": ["q0/#"]}, "targets.0: string_pattern"),
        ({"targets": ["q" * 65]}, "targets.0: string_pattern"),
        ({"targets": [["q0"]]}, "targets.0: string_type"),
        ({"targets": [["q0", ["q1"]]]}, "deeper"),
        ({"targets": ["q0"], "scope": "q1"}, "payload: scope_or_targets"),
        ({}, "payload: scope_or_targets"),
    ],
)
@pytest.mark.parametrize("verb", ["hold", "release"])
def test_x2_several_are_held_and_released_by_one_command(verb, targets, refused):
    arguments = targets | ({"why": "cool-down"} if verb == "hold" else {})
    asked = message(said(verb=verb, arguments=arguments), verb)
    if refused is None:
        assert desk().take(asked, NOW).arguments == arguments
        return
    with pytest.raises(Refused, match=refused):
        desk().take(asked, NOW)


@pytest.mark.parametrize("issued", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59-01:00"])
def test_x2_the_first_and_the_last_day_are_refused(issued):
    with pytest.raises(Refused, match=r"lives longer|future"):
        desk().take(message(said(issued=issued)), NOW)
    with pytest.raises(Refused, match=r"lives longer|expired"):
        desk().take(message(said(expires=issued)), NOW)


def test_x2_a_bracket_in_a_text_is_no_depth_and_hides_none():
    why = ']]]] \\ "[[[[ }'
    assert desk().take(message(said(arguments={"scope": "q0", "why": why})), NOW)
    for hidden in (b"]]]]]" + b"[" * 5, rb'"\\"' + b"[" * 5, b'"[' + b"[" * 5):
        with pytest.raises(Refused, match="deeper"):
            desk().take(message(hidden), NOW)


class Unwritten:
    """An audit log that keeps nothing."""

    async def accept(self, command):
        pass

    def refuse(self, user, why):
        pass


@pytest.mark.parametrize("breaks", ["take", "obey"])
def test_x2_an_error_that_nobody_foresaw_ends_no_publishing(breaks, monkeypatch):
    alarms, answers = [], []

    async def obey(command):
        raise OverflowError

    class Wire:
        async def publish(self, topic, payload, **_):
            answers.append(json.loads(payload))

    async def main():
        obeying = Obeying(TOPICS, obey, alarms.append, Unwritten())
        obeying._desk = desk()
        monkeypatch.setattr(obeying._desk, "take", taken)
        obeying.heard(message(said()))
        serving = asyncio.create_task(obeying.serve(Wire()))
        await asyncio.sleep(0.05)
        assert not serving.done()
        serving.cancel()

    def taken(message):
        if breaks == "take":
            raise OverflowError
        later = datetime.now(UTC) + timedelta(minutes=1)
        return Command("hold", {}, "ada", "0" * 32, NOW, later)

    asyncio.run(main())
    if breaks == "take":
        assert [alarm.text for alarm in alarms] == ["refused: OverflowError while it was read"]
    else:
        assert [(a["done"], a["words"]) for a in answers] == [(False, "failed: OverflowError")]


def test_keys_that_cannot_be_read_are_an_alarm_of_their_own_until_they_can(tmp_path: Path):
    """Nobody has sent anything: it was told as a command that is not valid."""
    alarms, file = [], tmp_path / "keys"

    class Wire:
        async def subscribe(self, topic):
            pass

    class Log(Unwritten):
        async def newest(self):
            return NOW

    async def main():
        obeying = Obeying(TOPICS, None, alarms.append, Log())
        for text in ("ada short", f"ada {'a' * 40}"):
            file.write_text(text)
            await obeying.begin(Wire(), SimpleNamespace(commands=file))

    asyncio.run(main())
    assert [(a.kind, a.on) for a in alarms] == [("command keys", True), ("command keys", False)]
    assert "keys:1: this is no user and a key" in alarms[0].text
    assert "Nobody may command" in alarms[0].what_to_do


def test_x2_what_was_changed_on_the_way_is_refused():
    document = said() | {"arguments": {"scope": "q1", "why": "cool-down"}}
    with pytest.raises(Refused, match="not signed"):
        desk().take(message(document), NOW)


def test_x2_a_retained_command_is_refused_and_so_is_an_unknown_verb():
    with pytest.raises(Refused, match="retained"):
        desk().take(message(said(), retained=True), NOW)
    for verb in ("set", "measure/x", "", "hold/../revert", "+"):
        with pytest.raises(Refused, match="none of hold"):
            desk().take(message(said(), verb), NOW)


def test_x2_after_a_restart_nothing_from_before_is_done():
    fresh = Desk(TOPICS, {"ada": KEY}, started=NOW)
    with pytest.raises(Refused, match="older than this process"):
        fresh.take(message(said(issued=iso(NOW - timedelta(seconds=1)))), NOW)


def test_x2_what_is_not_newer_than_an_accepted_one_is_refused_whatever_the_clock_says():
    """The clock was set back, and the nonces are gone."""
    copied = said(issued=iso(NOW + timedelta(seconds=20)))
    back = Desk(TOPICS, {"ada": KEY}, NOW, newest=NOW + timedelta(seconds=20))
    with pytest.raises(Refused, match="not newer than one that was accepted"):
        back.take(message(copied), NOW)
    newer = said(issued=iso(NOW + timedelta(seconds=21)))
    assert back.take(message(newer), NOW)


@pytest.mark.parametrize("later", [0.0, KEPT + 1, 10 * KEPT], ids=["at once", "kept", "forgotten"])
def test_x2_the_same_bytes_are_not_done_again_where_the_clock_is_set_back(later):
    """Within one process: `later` s pass, in which another command was taken half an hour on."""
    passed = [0.0]
    taken = Desk(TOPICS, {"ada": KEY}, NOW - timedelta(hours=1), monotonic=lambda: passed[0])
    taken.take(message(said()), NOW)
    on = NOW + timedelta(minutes=30)
    other = said(nonce="1" * 32, issued=iso(on), expires=iso(on + timedelta(minutes=2)))
    passed[0] += later / 2
    taken.take(message(other), on)
    passed[0] += later / 2
    for copied in (said(), said(nonce="1" * 32)):
        with pytest.raises(Refused, match=r"seen before|not newer than one that was accepted"):
            taken.take(message(copied), NOW + timedelta(seconds=30))


def test_what_comes_in_another_order_than_it_was_issued_is_done():
    taken = desk()
    taken.take(message(said()), NOW)
    early = iso(NOW - timedelta(seconds=20))
    assert taken.take(message(said(nonce="1" * 32, issued=early)), NOW)


def test_nonces_are_not_kept_for_ever():
    passed = [0.0]
    taken = Desk(TOPICS, {"ada": KEY}, NOW - timedelta(hours=1), monotonic=lambda: passed[0])
    for n in range(50):
        passed[0] += 60
        at = NOW + timedelta(minutes=n)
        word = said(nonce=f"{n:032x}", issued=iso(at), expires=iso(at + timedelta(minutes=5)))
        taken.take(message(word), at)
    assert len(taken._seen) <= 7


def test_who_signed_what_is_refused_is_known_and_who_did_not_is_not():
    with pytest.raises(Refused) as refusal:
        desk().take(message(said(arguments={"scope": "q0"})), NOW)
    assert refusal.value.user == "ada"
    with pytest.raises(Refused) as refusal:
        desk().take(message(said(key=b"x" * 32)), NOW)
    assert refusal.value.user is None


def test_x2_too_many_are_refused():
    taken = desk()
    for n in range(RATE):
        taken.take(message(said(nonce=f"{n:032x}")), NOW)
    with pytest.raises(Refused, match="more than 10"):
        taken.take(message(said(nonce="f" * 32)), NOW)


@pytest.mark.parametrize(
    "payload",
    [b"x" * 100_000_000, b"[" * 100_000, b"{" + b'"a":{' * 1000, b"\xff\xfe", b"", b"null"],
    ids=["100 MB", "100,000 deep", "1,000 deep", "no text", "empty", "null"],
)
def test_x3_the_huge_and_the_deep_cost_nothing(payload):
    tracemalloc.start()
    try:
        with pytest.raises(Refused):
            desk().take(message(payload), NOW)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("piece", [b'\\"', b'"\\', b'"', b"\\", b'""\\', b'"a\\\\'])
def test_x3_no_payload_takes_longer_than_its_size(piece):
    """Quotes that nothing closes took 135 ms: twenty unsigned commands held a loop for seconds."""
    payload = message((piece * LARGEST)[: LARGEST - 1])

    def refused():
        for _ in range(10):
            with pytest.raises(Refused):
                desk().take(payload, NOW)

    assert least(lambda: spent(refused), 0.05) < 0.05


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(st.binary(max_size=LARGEST + 10) | JSON.map(lambda j: json.dumps(j).encode()))
def test_x2_no_bytes_are_done_or_break_anything(payload):
    with pytest.raises(Refused) as refusal:
        desk().take(message(payload), NOW)
    assert refusal.value.__cause__ is None


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e400"])
@pytest.mark.parametrize("place", ["arguments", "further"])
def test_x2_a_number_that_is_none_is_refused(number, place):
    text = json.dumps(said() | {place: {"scope": "q0", "why": "x", "until": "0"}})
    with pytest.raises(Refused):
        desk().take(message(text.replace('"0"', f"[{number}]").encode()), NOW)


@given(st.sampled_from(sorted(said())), JSON)
def test_x2_no_signed_nonsense_breaks_anything(field, value):
    document = said() | {field: value}
    document.pop("mac", None)
    try:
        document["mac"] = signature(document, KEY)
    except ValueError:
        return
    try:
        command = desk().take(message(document), NOW)
    except Refused:
        return
    assert command.arguments["scope"] == "q0"


ARGUMENTS = ("scope", "targets", "why", "until", "to", "names", "target", "calibration", "shots")


@given(
    st.sampled_from(["hold", "release", "revert", "measure"]),
    st.dictionaries(st.sampled_from(ARGUMENTS), JSON | st.text(max_size=30), max_size=4),
)
def test_x2_no_signed_arguments_of_any_verb_break_anything(verb, arguments):
    document = said() | {"verb": verb, "arguments": arguments}
    document.pop("mac", None)
    try:
        document["mac"] = signature(document, KEY)
        command = desk().take(message(document, verb), NOW)
    except (Refused, ValueError):
        return
    named = {"hold": {"scope", "targets"}, "release": {"scope", "targets"}, "revert": {"to"},
             "measure": {"target"}}  # fmt: skip
    assert named[verb] & command.arguments.keys()


@given(st.text(max_size=80))
def test_x2_no_topic_breaks_anything(topic):
    with pytest.raises(Refused):
        desk().take(Message(topic, json.dumps(said()).encode(), False), NOW)


def test_a_mark_that_editors_write_first_belongs_to_no_secret(tmp_path: Path):
    file = tmp_path / "secret"
    file.write_bytes(b"\xef\xbb\xbfada " + KEY + b"\r\n")
    assert keys(file) == {"ada": KEY}
    file.write_bytes(b"\xef\xbb\xbfpass word \r\n")
    assert mqtt._password(Broker("h", 1, password_file=file)) == "pass word "


def test_keys_are_lines_of_a_user_and_a_key_and_are_never_shown(tmp_path: Path):
    file = tmp_path / "keys"
    file.write_text(f"# who may\nada {KEY.decode()}\n\nbob {'b' * 40}\n")
    assert keys(file) == {"ada": KEY, "bob": b"b" * 40}
    assert "kkkk" not in repr(Desk(TOPICS, keys(file)))
    file.write_text("ada canary\n")
    with pytest.raises(BrokerError, match="keys:1") as short:
        keys(file)
    assert "canary" not in str(short.value)
    with pytest.raises(BrokerError, match="cannot be read"):
        keys(tmp_path / "none")
