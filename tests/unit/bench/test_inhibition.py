"""What is said of outputs while the interlock switches them off."""

from __future__ import annotations

from types import SimpleNamespace

from kammerton.bench.inhibition import Inhibition


def inhibition() -> Inhibition:
    cold = SimpleNamespace(objection=lambda: "the mixing chamber reads 4 K", arming=False)
    return Inhibition(SimpleNamespace(cold=cold, held=lambda scope: False), "fridge")


def test_that_an_output_is_not_known_to_be_off_is_said_once_an_attempt_has_failed():
    mine = inhibition()
    mine.switching()
    assert mine.words() == "drive is being switched off: the mixing chamber reads 4 K"
    mine.tripped(RuntimeError("no answer"))
    mine.switching()
    assert "not every output is known to be off" in mine.words()
    mine.tripped(None)
    assert mine.words() == "drive is off: the mixing chamber reads 4 K"


def test_or_once_it_takes_long():
    mine = inhibition()
    mine.switching()
    mine.look(late=True)
    assert "not every output is known to be off" in mine.words()
    mine.tripped(None)
    mine.switching()
    assert "being switched off" in mine.words()
