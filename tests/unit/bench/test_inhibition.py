"""What is said of outputs while the interlock switches them off."""

from __future__ import annotations

from types import SimpleNamespace

from kammerton.bench.inhibition import Inhibition
from kammerton.bench.interlock import COOLER
from kammerton.model.alarm import Alarm, Tell, unheard


def inhibition(told: Tell = unheard, cold: SimpleNamespace | None = None) -> Inhibition:
    guard = SimpleNamespace(cold=cold or warm(), held=lambda scope: False)
    return Inhibition(guard, "fridge", told)


def warm() -> SimpleNamespace:
    words = "the mixing chamber reads 4 K"
    return SimpleNamespace(
        objection=lambda: words, arming=False, allowed=False, causes={"warm": words}
    )


def test_that_an_output_is_not_known_to_be_off_is_said_once_an_attempt_has_failed():
    mine = inhibition()
    mine.switching()
    assert mine.words() == "drive is being switched off: the mixing chamber reads 4 K"
    mine.tripped(RuntimeError("no answer"))
    mine.switching()
    assert "not every output is known to be off" in mine.words()
    mine.tripped(None)
    assert mine.words() == "drive is off: the mixing chamber reads 4 K"


def test_what_is_only_waiting_for_a_reading_is_not_called_off():
    cold = warm()
    cold.allowed = True
    assert (inhibition(cold=cold).words() or "").startswith("drive waits for the next reading")


def test_or_once_it_takes_long():
    mine = inhibition()
    mine.switching()
    mine.look(late=True)
    assert "not every output is known to be off" in mine.words()
    mine.tripped(None)
    mine.switching()
    assert "being switched off" in mine.words()


def test_another_reason_is_another_alarm_and_what_gets_better_is_none():
    told, cold = list[Alarm](), warm()
    mine = inhibition(told.append, cold)
    both = ("warm", "turbo")
    for causes in (("turbo",), ("turbo",), both, ("turbo",), ("warm",), (COOLER,)):
        cold.causes = dict.fromkeys(causes, "")
        mine.look()
    assert [alarm.causes for alarm in told] == [("turbo",), both]
    cold.objection = lambda: None
    mine.look()
    cold.objection = lambda: "turbo of the refrigerator stopped"
    cold.causes = {"turbo": "turbo of the refrigerator stopped"}
    mine.look()
    assert [(alarm.on, alarm.causes) for alarm in told[2:]] == [(False, ("",)), (True, ("turbo",))]
