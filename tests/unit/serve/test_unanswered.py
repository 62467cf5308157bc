"""An instrument that was told to be away is back once it is reached, whichever process does it."""

from __future__ import annotations

from kammerton.model.alarm import Alarm
from kammerton.serve.unanswered import ANSWER, Unanswered
from kammerton.store import Store


def test_neither_a_hold_nor_a_restart_ends_the_alarm_but_the_next_connection(tmp_path):
    told: list[Alarm] = []
    with Store.open(tmp_path / "two.sqlite", "two", data=tmp_path / "runs") as store:
        first = Unanswered(store, store.audit, told.append)
        first.answered()
        assert told == [], "nobody was told to be away"
        first.tell(Alarm("instrument", "awg1", "no answer"))
        first.tell(Alarm("refrigerator", "triton", "warm"))
        first.tell(Alarm("instrument", "lo", "no answer"))
        first.tell(Alarm("instrument", "lo", "it works again", on=False))
        told.clear()
        for _ in range(2):
            Unanswered(store, store.audit, told.append).answered()
    assert told == [Alarm("instrument", "awg1", ANSWER, on=False, earlier=True)]
