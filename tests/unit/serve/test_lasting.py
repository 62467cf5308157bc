"""What goes on fills no log."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace

import pytest

from kammerton.loop.saying import Saying
from kammerton.model import StoreUnavailable
from kammerton.model.lasting import DIFFERENT, Lasting
from kammerton.serve.holding import Holds


def test_what_lasts_is_said_at_growing_intervals_and_when_it_ends(caplog):
    caplog.set_level(logging.INFO)
    now = [0.0]
    lasting = Lasting(logging.getLogger("test"), lambda: now[0])
    for now[0] in range(0, 86400, 2):
        lasting.failed("no heartbeat: away")
    lasting.over("heartbeats again")
    lasting.over("heartbeats again")
    said = caplog.messages
    assert said[:3] == [
        "no heartbeat: away",
        "no heartbeat: away (6 times in 10 s)",
        "no heartbeat: away (16 times in 30 s)",
    ]
    assert len(said) < 40  # ten to the hour, then one an hour
    assert said[-1] == "heartbeats again, after 43200 failures in 86398 s"


def test_another_reason_is_said_at_once_and_a_new_failure_too(caplog):
    caplog.set_level(logging.WARNING, "test")
    lasting = Lasting(logging.getLogger("test"), lambda: 0.0)
    for words in ("one", "other", "one"):
        lasting.failed(words)
    lasting.over("over")
    lasting.failed("one")
    assert caplog.messages == ["one", "other", "one"]


def test_reasons_that_are_never_the_same_fill_no_log_either(caplog):
    now = [0.0]
    lasting = Lasting(logging.getLogger("test"), lambda: now[0])
    for now[0] in range(0, 86400, 2):
        lasting.failed(f"no heartbeat for {now[0]} s")
    assert len(caplog.messages) < 50
    assert caplog.messages[1] == "no heartbeat for 2 s"


def test_what_is_worse_and_comes_back_is_news_again(caplog):
    now = [0.0]
    lasting = Lasting(logging.getLogger("test"), lambda: now[0])
    lasting.failed("locked")
    for now[0] in range(5, 20_005, 2):
        lasting.failed("locked" if now[0] > 5 else "damaged")
    caplog.clear()
    for now[0] in range(20_005, 23_005, 2):
        lasting.failed("damaged")
    assert caplog.messages[:2] == ["damaged", "damaged (6 times in 10 s)"]
    assert len(caplog.messages) < 12


def test_reasons_that_take_turns_have_their_own_pauses(caplog):
    now = [0.0]
    lasting = Lasting(logging.getLogger("test"), lambda: now[0])
    for now[0] in range(0, 3600, 2):
        lasting.failed("damaged" if now[0] % 4 else "locked")
    for words in ("damaged", "locked"):
        said = [each for each in caplog.messages if each.startswith(words)]
        assert said[1] == f"{words} (4 times in 12 s)"
        assert 5 < len(said) < 12


@pytest.mark.parametrize(("reasons", "turn"), [(2, 20), (11, 2), (30, 60)])
def test_however_many_reasons_take_turns_they_fill_no_log(caplog, reasons, turn):
    now = [0.0]
    lasting = Lasting(logging.getLogger("test"), lambda: now[0])
    for now[0] in range(0, 86400, 2):
        lasting.failed(f"reason {now[0] // turn % reasons}")
    assert len(caplog.messages) < 400
    assert len(lasting._said) <= DIFFERENT


def _away(*what: object) -> None:
    raise StoreUnavailable("the server is away")


def test_heartbeats_that_are_not_written_are_said_once(caplog):
    store, wishes = SimpleNamespace(activity=_away), SimpleNamespace(doing="")
    saying = Saying(store, lambda _: None, wishes)  # type: ignore[arg-type]

    async def says() -> None:
        for _ in range(20):
            await saying("waiting")

    asyncio.run(says())
    assert caplog.text.count("no heartbeat") == 1


def test_leases_that_cannot_be_read_are_said_once(caplog):
    lab = SimpleNamespace(computer="c", instruments={})
    holds = Holds(lab, SimpleNamespace(leases=_away), lambda _: None)  # type: ignore[arg-type]

    async def looks() -> None:
        for _ in range(20):
            await holds._read()

    asyncio.run(looks())
    assert caplog.text.count("leases cannot be read") == 1
