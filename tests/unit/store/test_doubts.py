"""What is doubted of present values, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError

from kammerton.model import StoreError
from kammerton.store import Doubt, Store, schema
from tests.stored import estimate, run


def doubted(run_id: str, sigma: float = 1e-5) -> dict[str, Doubt]:
    return {"q0.t1": Doubt(run_id, sigma, "r000009 ramsey")}


def test_the_widest_doubt_of_a_value_counts(store: Store) -> None:
    store.commit(run(), {"q0.t1": estimate(), "q1.t1": estimate()})
    assert store.doubts() == {}
    for sigma in (1e-5, 4e-5, 2e-5):
        store.doubt(doubted("r000001", sigma))
    assert store.doubts() == {"q0.t1": 4e-5}


def test_a_new_value_is_not_doubted_for_what_the_old_one_was(store: Store) -> None:
    store.commit(run(), {"q0.t1": estimate()})
    store.doubt(doubted("r000001"))
    store.commit(run(), {"q1.t1": estimate()})
    assert store.doubts() == {"q0.t1": 1e-5}
    store.commit(run(), {"q0.t1": estimate(6e-5)})
    store.doubt(doubted("r000001"))  # too late: it is of the value before
    assert store.doubts() == {}


def test_what_a_person_sets_back_is_not_doubted_any_more(store: Store) -> None:
    store.commit(run(), {"q0.t1": estimate()})
    store.doubt(doubted("r000001"))
    store.commit(run(), {"q0.t1": estimate(6e-5)})
    store.revert(1, ["q0"], who="anna")
    assert store.doubts() == {}


def test_what_was_never_stored_cannot_be_doubted(store: Store) -> None:
    store.doubt(doubted("r000001"))
    assert store.doubts() == {}


@pytest.mark.parametrize("sigma", [float("nan"), float("inf"), 0.0, -1.0])
def test_a_doubt_is_a_number_above_zero(store: Store, sigma: float) -> None:
    store.commit(run(), {"q0.t1": estimate()})
    with pytest.raises(StoreError):
        store.doubt(doubted("r000001", sigma))
    assert store.doubts() == {}


def test_doubts_are_history(store: Store) -> None:
    store.commit(run(), {"q0.t1": estimate()})
    store.doubt(doubted("r000001"))
    for change in (schema.doubt.update().values(sigma=1e-9), schema.doubt.delete()):
        with pytest.raises(SQLAlchemyError, match="append-only"), store._writer.begin() as line:
            line.execute(change)


def test_many_doubts_keep_nobody_waiting(store: Store) -> None:
    names = [f"q{n}.t1" for n in range(60)]
    store.commit(run(), {name: estimate() for name in names})
    statements: list[str] = []

    def note(line, cursor, statement, *more):
        statements.append(statement)

    event.listen(store._writer, "before_cursor_execute", note)
    store.doubt({name: Doubt("r000001", 1e-5 + n * 1e-9, "x") for n, name in enumerate(names)})
    assert store.doubts() == {name: 1e-5 + n * 1e-9 for n, name in enumerate(names)}
    assert len(statements) < 10
