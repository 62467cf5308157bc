"""Topics and payloads: one grammar in, one grammar out."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kammerton.model import Belief, BrokerError
from kammerton.publish import Topics, payloads, received
from kammerton.publish.alarms import Notice
from kammerton.store import Change, Handover, Snapshot
from tests.stored import NOON, estimate

LATER = NOON.replace(microsecond=123000) + timedelta(hours=1)
names = st.from_regex(r"[a-z][a-z0-9_]{0,6}\.[a-z][a-z0-9_]{0,6}", fullmatch=True)
floats = st.floats(allow_nan=False, allow_infinity=False)
changes = st.builds(
    lambda name, revision, value, stderr, unit, until: Change(
        name, revision, estimate(value, abs(stderr), unit, run="r000001", valid_until=until)
    ),
    names,
    st.integers(0, 10**9),
    floats,
    floats,
    st.text(max_size=5),
    st.none() | st.just(LATER),
)


def snapshot_of(*changes: Change) -> Snapshot:
    return Snapshot("c", "e", 7, {each.name: each for each in changes})


@pytest.mark.parametrize("name", ["", "a/b", "+", "#", "a\0", "$SYS", "ü", "a" * 65, "-a", "a\n"])
def test_a_computer_that_is_no_topic_level_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be part of a topic"):
        Topics(name)


def test_the_tree() -> None:
    topics = Topics("two-qubits")
    assert topics.status == "kammerton/v1/two-qubits/status"
    assert topics.snapshot == "kammerton/v1/two-qubits/snapshot"
    assert topics.delta == "kammerton/v1/two-qubits/delta"
    assert topics.run == "kammerton/v1/two-qubits/run"
    assert topics.parameter("q0.f01") == "kammerton/v1/two-qubits/param/q0/f01"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_json_never_holds_what_is_no_number(value: float) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        payloads.encode({"value": value})


def test_quality_tells_measured_chosen_and_stale() -> None:
    measured, chosen = estimate(), estimate(stderr=0.0)
    expired = estimate(valid_until=NOON)
    assert payloads.quality(measured, LATER) == "good"
    assert payloads.quality(chosen, LATER) == "setting"
    assert payloads.quality(expired, LATER) == "stale"
    assert payloads.quality(expired, NOON) == "good"
    for back, quality in ((4, "good"), (6, "stale")):  # measured in a time to come
        assert payloads.quality(measured, measured.time - timedelta(seconds=back)) == quality


@pytest.mark.parametrize(("stderr", "quality"), [(15e3, "stale"), (2e3, "stale"), (170.0, "good")])
def test_what_is_coarser_than_its_tolerance_comes_as_stale(stderr: float, quality: str) -> None:
    """Such as the first f01, of spectroscopy: its validity ends where it begins."""
    until = Belief(4.9e9, stderr, NOON, drift=60.0).valid_until(tolerance=2e3)
    found = estimate(4.9e9, stderr, "Hz", time=NOON, run="r000002", valid_until=until)
    told = payloads.parameter("e", Change("q0.f01", 1, found), NOON + timedelta(seconds=5))
    assert told["quality"] == quality
    assert (told["valid_until"] == told["time"]) == (quality == "stale")


@given(st.lists(changes, max_size=4, unique_by=lambda each: each.name))
def test_what_is_sent_can_be_read(sent: list[Change]) -> None:
    document = payloads.snapshot(snapshot_of(*sent), NOON)
    read = received.parameter_set(payloads.encode(document))
    assert (read.epoch, read.revision) == ("e", 7)
    for change in sent:
        got, was = read.parameters[change.name].estimate(), change.estimate
        assert (got.value, got.stderr, got.unit, got.run) == (
            was.value, was.stderr, was.unit, was.run,
        )  # fmt: skip
        assert payloads.iso(got.time) == payloads.iso(was.time)
        assert got.valid_until == was.valid_until


PARSERS = (received.parameter_set, received.seal, received.status, received.alarm)

NOT_FINITE = ("NaN", "Infinity", "-Infinity", "1e400", "-1e400")
"""As a sender writes them in JSON that is none; the last two are JSON, of a number that is none."""


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(payload: bytes) -> None:
    for read in PARSERS:
        with contextlib.suppress(BrokerError):
            read(payload)
    assert received.names(payload, {"e"}) == frozenset()


def _sent() -> dict[str, dict]:
    """Return one document for each parser, which takes it."""
    told = Notice("outputs", True, ("c",), ("not known to be off",), "look", 0)
    return {
        "parameter_set": _good(),
        "seal": _good(),
        "status": payloads.status(snapshot_of(), "online", NOON),
        "alarm": payloads.alarm("e", told, NOON),
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


def _holds_no_number(part: object) -> bool:
    """Say whether a part of a document is, or holds, a number that is not finite."""
    if isinstance(part, float):
        return not math.isfinite(part)
    inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    return any(_holds_no_number(each) for each in inner)


@pytest.mark.parametrize("read", PARSERS, ids=lambda read: read.__name__)
@given(further=JSON, large=st.booleans())
def test_what_is_further_said_is_ignored_or_refused_and_breaks_no_parser(
    read: Callable[[bytes], object], further: object, large: bool
) -> None:
    """Also nested, and as a number that is too large instead of a word."""
    text = json.dumps(_sealed(_sent()[read.__name__] | {"further": further}, anyhow=True))
    text = text.replace("Infinity", "1e400") if large else text
    if _holds_no_number(further):
        with pytest.raises(BrokerError, match="no finite number"):
            read(text.encode())
    else:
        read(text.encode())


@pytest.mark.parametrize("read", PARSERS, ids=lambda read: read.__name__)
@pytest.mark.parametrize("number", NOT_FINITE)
@pytest.mark.parametrize("place", ["1", "[[1]]", '{"a":{"b":[1]}}'])
def test_a_number_that_is_not_finite_is_refused_where_nobody_reads_it(
    read: Callable[[bytes], object], number: str, place: str
) -> None:
    text = json.dumps(_sent()[read.__name__])
    read(text.encode())
    with pytest.raises(BrokerError, match="no finite number"):
        read(f'{text[:-1]}, "x": {place.replace("1", number)}}}'.encode())


def _good() -> dict:
    change = Change("q0.t1", 7, estimate(run="r000001"))
    return json.loads(payloads.encode(payloads.snapshot(snapshot_of(change), NOON)))


def _with(**changed: object) -> dict:
    return _good() | changed


def _value(**changed: object) -> dict:
    document = _good()
    document["parameters"]["q0.t1"] |= changed
    return _sealed(document)


def _sealed(document: dict, *, anyhow: bool = False) -> dict:
    """Return a document with its hash. anyhow: with any, where it has none."""
    bare = {name: part for name, part in document.items() if name != "sha256"}
    try:
        return bare | {"sha256": payloads.digest(bare)}
    except ValueError:
        if not anyhow:
            raise
        return bare | {"sha256": "0" * 64}


WRONG = {
    "later schema": _with(schema=2),
    "schema a truth": _with(schema=True),
    "no epoch": {key: value for key, value in _good().items() if key != "epoch"},
    "negative revision": _with(revision=-1),
    "revision in words": _with(revision="many"),
    "name with a slash": _with(parameters={"q0/+.t1": _good()["parameters"]["q0.t1"]}),
    "value in words": _value(value="high"),
    "value in quotes": _value(value="5.1e-5"),
    "value a truth": _value(value=True),
    "time a number": _value(time=1.7e9),
    "negative stderr": _value(stderr=-1.0),
    "time without zone": _value(time="2026-11-21T12:00:00"),
    "a list": [1],
}


@pytest.mark.parametrize("document", WRONG.values(), ids=WRONG.keys())
def test_what_we_would_not_send_is_refused(document: object) -> None:
    received.parameter_set(json.dumps(_good()).encode())
    with pytest.raises(BrokerError, match="unreadable payload"):
        received.parameter_set(json.dumps(document).encode())


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"1e999"])
def test_a_number_that_is_not_finite_is_refused(number: bytes) -> None:
    payload = json.dumps(_value(value=123.5)).encode().replace(b"123.5", number)
    with pytest.raises(BrokerError, match="unreadable payload"):
        received.parameter_set(payload)


def test_a_name_that_is_none_makes_no_line_of_a_log() -> None:
    name = "\x1b[2J\nE all is well " + "!" * 100_000
    payload = json.dumps({"schema": 1, "epoch": "e", "revision": 1, "parameters": {name: {}}})
    with pytest.raises(BrokerError) as refusal:
        received.parameter_set(payload.encode())
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 500


def test_what_a_later_version_adds_is_ignored() -> None:
    assert received.parameter_set(json.dumps(_value(colour="blue")).encode()).revision == 7


def _changed(document: dict) -> dict:
    document["parameters"]["q0.t1"]["value"] *= 1.0000001
    return document


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (_changed(_good()), "sha256 of revision 7 of epoch 'e' is not that of its content"),
        (_with(revision=8), "sha256 of revision 8 of epoch 'e' is not that of its content"),
        (_with(parameters={}), "sha256 of revision 7"),
        (_with(sha256="0" * 64), "sha256 of revision 7"),
        (_with(sha256=1), "sha256 of revision 7"),
        ({k: v for k, v in _good().items() if k != "sha256"}, "revision 7 of epoch 'e' has no"),
    ],
)  # fmt: skip
def test_b7_what_was_changed_on_the_way_is_refused(document: dict, why: str) -> None:
    with pytest.raises(BrokerError, match=why):
        received.parameter_set(json.dumps(document).encode())


def test_a_delta_is_sealed_as_a_snapshot_is() -> None:
    handover = Handover(3, None, 8, (Change("q0.t1", 8, estimate(run="r000001")),))
    payload = payloads.encode(payloads.delta("e", handover, NOON))
    assert received.parameter_set(payload).revision == 8
    with pytest.raises(BrokerError, match="not that of its content"):
        received.parameter_set(payload.replace(b'"revision":8', b'"revision":9', 1))


def test_a_deep_payload_is_refused() -> None:
    with pytest.raises(BrokerError):
        received.parameter_set(b"[" * 100_000)


def test_a_huge_payload_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(received, "LARGEST", 10)
    with pytest.raises(BrokerError, match="refused unread"):
        received.parameter_set(b" " * 11)


@pytest.mark.parametrize(
    ("read", "largest"),
    [(received.parameter_set, 2**22), (received.seal, 2**22), (received.status, 2**16)],
)
def test_x3_nothing_is_read_that_would_hold_up_all_else(
    read: Callable[[bytes], object], largest: int
) -> None:
    """Six seconds of the daemon's one loop were 15 MB of brackets; now a second is 4 MiB."""
    with pytest.raises(BrokerError, match="refused unread"):
        read(b"[" * (largest + 1))
    with pytest.raises(BrokerError, match="unreadable"):
        read(b"[" * largest)


def test_one_value_is_one_flat_object() -> None:
    change = Change("q0.f01", 812, estimate(4.91072e9, 2.1e3, "Hz", run="r000017"))
    assert payloads.parameter("ab12", change, NOON) == {
        "schema": 1, "epoch": "ab12", "revision": 812, "value": 4.91072e9, "stderr": 2.1e3,
        "unit": "Hz", "time": "2026-01-21T12:00:00.123Z", "valid_until": None,
        "quality": "good", "run": "r000017",
    }  # fmt: skip
