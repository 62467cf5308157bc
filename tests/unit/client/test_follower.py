"""The consumer's rules: over losses, doubles, delays the copy ends right, and never goes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kammerton.client import Follower
from kammerton.client.epochs import KNOWN
from kammerton.client.follower import KEPT
from kammerton.model import BrokerError
from kammerton.publish.received import ParameterSet, Received, Status

NAMES = ("q0.f01", "q1.f01", "q2.f01")
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def value(number: float, revision: int) -> Received:
    return Received(
        revision=revision, value=number, stderr=1.0, unit="Hz", time=NOON,
        valid_until=None, quality="good", run=f"r{revision:06d}",
    )  # fmt: skip


def document(epoch: str, revision: int, **values: float) -> ParameterSet:
    parameters = {f"{name}.f01": value(number, revision) for name, number in values.items()}
    return ParameterSet(schema=1, epoch=epoch, revision=revision, parameters=parameters)


def status(epoch: str, at: float = 0.0, word: str = "online", **more: float) -> Status:
    time = NOON + timedelta(seconds=at)
    return Status(schema=1, epoch=epoch, status=word, time=time, **more)  # type: ignore[arg-type]


def following(epoch: str = "a") -> Follower:
    follower = Follower()
    follower.status(status(epoch), retained=True)
    return follower


def held(follower: Follower) -> dict[str, float]:
    return {name.split(".")[0]: each.value for name, each in follower.parameters.items()}


def test_a_snapshot_then_deltas() -> None:
    follower = following()
    assert follower.snapshot(document("a", 3, q0=1, q1=1))[0].name == "q0.f01"
    (update,) = follower.delta(document("a", 4, q1=2))
    assert (update.name, update.estimate.value, update.epoch, update.revision) == (
        "q1.f01", 2, "a", 4,
    )  # fmt: skip
    assert held(follower) == {"q0": 1, "q1": 2}


def test_each_value_has_the_note_that_came_with_it() -> None:
    follower = following()
    noted = document("a", 3, q0=1, q1=1).model_copy(update={"note": "simulated device"})
    assert [each.estimate.note for each in follower.snapshot(noted)] == ["simulated device"] * 2
    (update,) = follower.delta(document("a", 4, q1=2).model_copy(update={"note": "another seed"}))
    assert update.estimate.note == "another seed"
    assert {each.note for each in follower.parameters.values()} == {"another seed"}
    follower.snapshot(document("a", 4, q0=1, q1=2))
    assert {each.note for each in follower.parameters.values()} == {""}, "lab.toml has none now"


def test_past_its_end_of_validity_a_value_is_stale_though_nobody_says_so() -> None:
    hour = timedelta(hours=1)
    ends = {"q0.f01": NOON + hour, "q1.f01": NOON + 2 * hour, "q2.f01": None}
    values = {name: value(1, 3).model_copy(update={"valid_until": e}) for name, e in ends.items()}
    values["q3.shots"] = value(1, 3).model_copy(update={"quality": "setting"})
    follower = following()
    follower.snapshot(ParameterSet(schema=1, epoch="a", revision=3, parameters=values))
    found = [follower.qualities(NOON + n * hour) for n in (0.5, 1.5, 2.5)]
    assert [tuple(each.values()) for each in found] == [
        ("good", "good", "good", "setting"),
        ("stale", "good", "good", "setting"),
        ("stale", "stale", "good", "setting"),
    ]


def test_s6_what_is_of_a_time_to_come_is_not_good() -> None:
    """A clock was wrong: how old it is nobody knows, and how long it holds neither."""
    follower = following()
    updates = follower.snapshot(document("a", 1, q0=1).model_copy(update={"ahead": 0.0}))
    for back, quality in ((30, "good"), (90, "stale"), (365 * 86400, "stale")):
        now = NOON - timedelta(seconds=back)
        assert follower.qualities(now) == {"q0.f01": quality}
        assert follower.as_heard(updates[0], now).quality == quality


def test_who_says_nothing_of_its_clock_is_believed() -> None:
    """A daemon of before, whose laboratory may be ahead."""
    follower = following()
    follower.snapshot(document("a", 1, q0=1))
    assert follower.qualities(NOON - timedelta(days=1)) == {"q0.f01": "good"}


def test_how_far_a_laboratory_is_ahead_is_what_was_said_last() -> None:
    follower = following()
    follower.snapshot(document("a", 1, q0=1).model_copy(update={"ahead": 10.0}))
    follower.delta(document("a", 2, q0=2).model_copy(update={"ahead": 20.0}))
    assert follower.ahead == 20.0
    follower.status(status("a", 1.0, "offline", ahead=5.0), retained=False)
    assert follower.ahead == 20.0, "a last will is of long ago"
    follower.status(status("a", 1.0, revision=2, ahead=30.0), retained=False)
    assert follower.ahead == 30.0


def test_what_is_not_newer_is_ignored() -> None:
    follower = following()
    follower.snapshot(document("a", 3, q0=1))
    assert follower.delta(document("a", 3, q0=9)) == []
    assert follower.delta(document("a", 2, q0=9)) == []
    assert follower.snapshot(document("a", 2, q0=9)) == []
    assert held(follower) == {"q0": 1}


def test_a_gap_is_kept_until_a_snapshot_fills_it() -> None:
    follower = following()
    follower.snapshot(document("a", 3, q0=1))
    assert follower.delta(document("a", 5, q0=5)) == []
    assert follower.delta(document("a", 6, q1=6)) == []
    assert held(follower) == {"q0": 1}
    updates = follower.snapshot(document("a", 4, q0=4))
    assert [each.estimate.value for each in updates] == [4, 5, 6]
    assert (follower.revision, held(follower)) == (6, {"q0": 5, "q1": 6})


def test_a_late_delta_fills_the_gap_too() -> None:
    follower = following()
    follower.snapshot(document("a", 3))
    follower.delta(document("a", 5, q0=5))
    assert [each.revision for each in follower.delta(document("a", 4, q0=4))] == [4, 5]


def test_another_epoch_replaces_everything() -> None:
    follower = following()
    follower.snapshot(document("a", 30, q0=1, q1=1))
    follower.delta(document("a", 32, q0=9))
    assert follower.delta(document("b", 31, q0=7)) == []
    follower.status(status("b", 1), retained=True)
    follower.snapshot(document("b", 2, q0=3))
    assert (follower.epoch, follower.revision, held(follower)) == ("b", 2, {"q0": 3})


def test_b7_no_snapshot_of_another_epoch_counts_by_itself() -> None:
    """What a broker keeps from before a restored backup, and what somebody forges."""
    follower = following("old")
    follower.snapshot(document("old", 57, q0=4.9))
    follower.status(status("new", 60), retained=False)
    follower.snapshot(document("new", 58, q0=4.8))
    for epoch, revision in (("old", 57), ("old", 99), ("forged", 1)):
        with pytest.raises(BrokerError, match="the daemon's status names new"):
            follower.snapshot(document(epoch, revision, q0=6.66))
        assert follower.delta(document(epoch, revision + 1, q0=6.66)) == []
    assert (follower.epoch, follower.revision, held(follower)) == ("new", 58, {"q0": 4.8})


@pytest.mark.parametrize(
    ("epoch", "at", "word", "retained"),
    [
        ("old", 0, "online", True),  # from the broker's disk
        ("old", 0, "online", False),  # the same, handed on by another broker
        ("old", 0, "offline", False),  # a last will, told late
        ("older", -9, "online", True),
        ("older", -9, "offline", False),
    ],
)
def test_b7_a_status_from_before_names_no_epoch(
    epoch: str, at: float, word: str, retained: bool
) -> None:
    follower = following("old")
    follower.snapshot(document("old", 57, q0=4.9))
    follower.status(status("new", 60), retained=True)
    follower.snapshot(document("new", 58, q0=4.8))
    with pytest.raises(BrokerError, match="is not newer than what is known of 'new'"):
        follower.status(status(epoch, at, word), retained=retained)
    with pytest.raises(BrokerError):
        follower.snapshot(document(epoch, 57, q0=4.9))
    assert (follower.epoch, held(follower)) == ("new", {"q0": 4.8})


@pytest.mark.parametrize(
    ("at", "word", "retained"),
    [
        (60, "online", True),  # a backup was restored while we were away
        (60, "offline", True),  # and the daemon has ended since
        (-9, "safe mode", False),  # a simulated laboratory whose time begins anew
    ],
)
def test_another_epoch_counts_with_what_the_daemon_says(
    at: float, word: str, retained: bool
) -> None:
    follower = following("old")
    follower.snapshot(document("old", 57, q0=4.9))
    follower.status(status("new", at, word), retained=retained)
    follower.snapshot(document("new", 3, q0=4.8))
    assert (follower.epoch, held(follower)) == ("new", {"q0": 4.8})


def test_an_old_database_that_is_put_back_counts_again() -> None:
    follower = following("old")
    follower.snapshot(document("old", 57, q0=4.9))
    follower.status(status("new", 60), retained=False)
    follower.snapshot(document("new", 58, q0=4.8))
    follower.status(status("old", 120), retained=False)
    follower.snapshot(document("old", 59, q0=4.7))
    assert (follower.epoch, follower.revision, held(follower)) == ("old", 59, {"q0": 4.7})


def test_who_knows_nothing_takes_what_is_retained_also_of_a_daemon_that_is_away() -> None:
    follower = Follower()
    follower.status(status("a", word="offline"), retained=True)
    follower.snapshot(document("a", 3, q0=1))
    assert held(follower) == {"q0": 1}


def test_who_was_away_while_laboratory_time_fell_back_follows_the_repeated_status() -> None:
    follower = following("a")
    follower.snapshot(document("a", 3, q0=1))
    follower.status(status("a", 200.0), retained=False)
    with pytest.raises(BrokerError, match="not newer"):
        follower.status(status("b", 150.0), retained=True)
    with pytest.raises(BrokerError, match=r"status names a$"):
        follower.snapshot(document("b", 1, q0=2))
    follower.status(status("b", 160.0), retained=False)
    assert held(follower) == {"q0": 2}


@pytest.mark.parametrize(
    ("said", "taken"), [({}, True), ({"revision": 3}, True), ({"revision": 4}, False)]
)
def test_a_snapshot_that_comes_before_its_status_waits_for_it(
    said: dict[str, int], taken: bool
) -> None:
    """A broker may send in any order what it retains; an older one that waits is old news."""
    follower = Follower()
    with pytest.raises(BrokerError, match=r"names none yet .*allowed to read status"):
        follower.snapshot(document("a", 3, q0=1))
    assert held(follower) == {}
    updates = follower.status(status("a", **said), retained=True)  # type: ignore[arg-type]
    assert [each.revision for each in updates] == ([3] if taken else [])
    follower.snapshot(document("a", 4, q0=2))
    assert held(follower) == {"q0": 2}


def test_the_epochs_that_are_remembered_are_bounded() -> None:
    follower = following("0")
    for n in range(1, 2 * KNOWN):
        follower.status(status(str(n), n), retained=False)
    assert len(follower._epochs._latest) == KNOWN
    follower.status(status(str(2 * KNOWN - 1), 3 * KNOWN), retained=True)


def test_a_parameter_that_is_gone_is_gone() -> None:
    follower = following()
    follower.snapshot(document("a", 1, q0=1, q1=1))
    follower.snapshot(document("a", 2, q0=1))
    assert held(follower) == {"q0": 1}


def test_a_flood_behind_a_gap_is_bounded() -> None:
    follower = following()
    follower.snapshot(document("a", 0))
    for revision in range(2, KEPT + 100):
        follower.delta(document("a", revision, q0=revision))
    assert len(follower._kept) == KEPT
    follower.snapshot(document("a", KEPT + 98, q0=1))
    assert held(follower) == {"q0": KEPT + 99}


@given(st.data())
def test_any_order_any_loss_any_repetition_ends_at_the_head(data: st.DataObject) -> None:
    sets = st.dictionaries(st.sampled_from(["q0", "q1", "q2"]), st.integers(0, 9), min_size=1)
    history = data.draw(st.lists(sets, min_size=1, max_size=8))
    states: list[dict[str, int]] = [{}]
    for changed in history:
        states.append(states[-1] | changed)
    heard = data.draw(st.lists(st.tuples(st.booleans(), st.integers(1, len(history))), max_size=20))
    follower = following()
    last = -1
    for whole, revision in heard:
        if whole:
            follower.snapshot(document("a", revision, **states[revision]))
        else:
            follower.delta(document("a", revision, **history[revision - 1]))
        assert follower.revision >= last, "never back"
        last = follower.revision
        if last >= 0:
            assert held(follower) == states[last], "always a state that once was"
    follower.snapshot(document("a", len(history), **states[-1]))
    assert held(follower) == states[-1]
