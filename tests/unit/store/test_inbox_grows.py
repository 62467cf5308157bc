"""Requests do not pile up: a look costs what waits, and what was answered long ago is forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, inspect, select, update

from kammerton.model import StoreError, StoreUnavailable
from kammerton.store import Inbox, Store, attend, inbox
from kammerton.store.rows import micros

Where = Path | str


@pytest.fixture
def box(store: Store, place: Where) -> Iterator[Inbox]:
    with Inbox(place) as opened:
        yield opened


def _asked(box: Inbox, count: int) -> list[int]:
    """Leave requests that are answered."""
    numbers = [box.ask("release", {"scope": "q3"}, "anna") for _ in range(count)]
    for number in numbers:
        box.answer(number, "q3 is released", done=True)
    return numbers


def _aged(box: Inbox, days: float) -> None:
    ago = micros(datetime.now(UTC) - timedelta(days=days))
    with box._engine.begin() as connection:
        connection.execute(update(inbox.table).values(asked=ago))


def _numbers(box: Inbox, table: str = "request") -> list[int]:
    column = inbox.metadata.tables[table].c.number
    with box._engine.begin() as connection:
        return list(connection.execute(select(column).order_by(column)).scalars())


def _without_index(box: Inbox) -> None:
    """Leave the table as older versions made it."""
    with box._engine.begin() as connection:
        inbox.waits.drop(connection)


def test_an_older_table_gets_its_index(box: Inbox, place: Where) -> None:
    _without_index(box)
    with Inbox(place) as later:
        assert [each["name"] for each in inspect(later._engine).get_indexes("request")] == [
            "request_waits"
        ]


def test_a_look_costs_what_waits(store: Store, path: Path) -> None:
    steps = [0]

    def step() -> None:
        steps[0] += 1

    with Inbox(path) as box:
        _without_index(box)
        _asked(box, 1)
        with box._engine.begin() as connection:
            (row,) = connection.execute(select(inbox.table)).mappings()
            more = [{**row, "number": row["number"] + n} for n in range(1, 20_000)]
            connection.execute(insert(inbox.table), more)
        waits = box.ask("hold", {"scope": "q3"}, "anna")
    with Inbox(path) as box:
        with box._engine.connect() as connection:  # the only one of its pool
            connection.connection.driver_connection.set_progress_handler(step, 1)
        assert [each.number for each in box.waiting()] == [waits]
    assert 0 < steps[0] < 200, "instructions of SQLite"


def test_a_hold_is_heard_where_there_is_no_room_for_an_index(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Inbox(path) as box:
        _without_index(box)

    def full(*_: object, **__: object) -> None:
        raise StoreUnavailable("database or disk is full")

    monkeypatch.setattr(inbox.waits, "create", full)
    with Inbox(path) as box:
        number = box.ask("hold", {"scope": "q3"}, "anna")
        attend(store, box)
        assert box.request(number).done


def test_what_was_answered_long_ago_is_forgotten(
    box: Inbox, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "NEWEST", 2)
    monkeypatch.setattr(inbox, "BATCH", 3)
    answered = _asked(box, 5)
    for number in answered:
        assert box.take(number)
    waits, kept = (box.ask("hold", {"scope": each}, "anna") for each in ("q0", "q1"))
    box.keep(kept)
    _aged(box, 31)
    newest = [box.ask("release", {"scope": "q9"}, "anna", f"anna {n}") for n in range(2)]
    for number in newest:
        box.answer(number, "no", done=False)
    box.forget()
    assert _numbers(box) == [*answered[3:], waits, kept, *newest], "a few at each look"
    box.forget()
    assert _numbers(box) == [waits, kept, *newest]
    assert _numbers(box, "taken") == []
    assert [(each.number, each.kept) for each in box.waiting()] == [(waits, False), (kept, True)]


def test_what_is_young_or_among_the_last_stays_and_so_do_the_words(
    box: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "NEWEST", 2)
    answered = _asked(box, 4)
    _aged(box, 29)
    box.forget()
    assert _numbers(box) == answered
    told = box.ask("release", {"scope": "q3"}, "ada", "ada 1")
    box.answer(told, "no", done=False)
    _aged(box, 31)
    monkeypatch.setattr(box, "_due", 0.0)
    box.forget()
    assert _numbers(box) == [answered[-1], told], "no number comes twice"
    assert box.request(told).answer == "no"
    with pytest.raises(StoreError, match="seen before"):
        box.ask("release", {"scope": "q3"}, "ada", "ada 1")
    assert box.ask("release", {"scope": "q3"}, "ada", "ada 2") > told


def test_a_daemon_forgets_at_a_look_and_then_not_for_an_hour(
    box: Inbox, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "NEWEST", 1)
    (_, newest) = _asked(box, 2)
    _aged(box, 31)
    attend(store, box)
    assert _numbers(box) == [newest]
    later = box.ask("release", {"scope": "q3"}, "anna")
    box.answer(later, "no", done=False)
    attend(store, box)
    assert _numbers(box) == [newest, later]


def test_what_cannot_be_forgotten_stops_no_look(
    box: Inbox, store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> int:
        raise StoreUnavailable("database or disk is full")

    monkeypatch.setattr(inbox, "_forget", full)
    number = box.ask("hold", {"scope": "q3"}, "anna")
    attend(store, box)
    attend(store, box)
    assert box.request(number).done
    assert caplog.text.count("disk is full") == 1, "said once an hour"
