"""How long a broker is waited for."""

from __future__ import annotations

from kammerton.publish.patience import LONGEST, SHORTEST, Patience


def test_it_doubles_only_when_it_was_used_up() -> None:
    patience = Patience()
    patience.missed(SHORTEST / 2)
    assert patience.seconds == SHORTEST
    patience.missed(SHORTEST)
    assert patience.seconds == 2 * SHORTEST


def test_it_is_bounded_and_comes_back_when_answers_are_quick() -> None:
    patience = Patience()
    for _ in range(20):
        patience.missed(LONGEST)
    assert patience.seconds == LONGEST
    patience.answered(2.0)
    assert patience.seconds == 8.0
    patience.answered(0.01)
    assert patience.seconds == SHORTEST
