"""Nothing is acknowledged that lies in a file which no other process will find."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from kammerton.model import StoreError, StoreUnavailable
from kammerton.store import Inbox, Store, attend
from tests.stored import estimate, run

WRITES: dict[str, Callable[[Store], object]] = {
    "a run": lambda store: store.commit(run(), {"q0.t1": estimate()}),
    "a line of the audit log": lambda store: store.audit("daemon", "lo: power", 1, 2, "test"),
    "a hold": lambda store: store.hold("q0", "somebody", "by hand"),
    "what runs": lambda store: store.activity("t1 on q0"),
    "an attempt": lambda store: store.begin("t1", ["q0"]),
}
pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows moves no file that is open")


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("which", ["", ".lock"])
def test_s3_a_file_that_was_deleted_under_the_daemon_takes_nothing_more(store, path, write, which):
    Path(f"{path}{which}").unlink()
    with pytest.raises(StoreError, match="was deleted or moved while") as told:
        WRITES[write](store)
    assert not isinstance(told.value, StoreUnavailable)  # waiting does not mend it
    assert str(path) in str(told.value)


def test_s3_a_file_that_was_replaced_under_the_daemon_takes_nothing_more(store, path, tmp_path):
    store.commit(run(), {"q0.t1": estimate()})
    shutil.copy(path, tmp_path / "other")
    (tmp_path / "other").replace(path)
    with pytest.raises(StoreError, match="was replaced while"):
        store.commit(run(), {"q0.t1": estimate(6e-5)})


def test_s3_a_file_that_is_put_back_goes_on_where_it_was(store, path, tmp_path):
    store.commit(run(), {"q0.t1": estimate()})
    path.replace(tmp_path / "aside")
    with pytest.raises(StoreError):
        store.commit(run(), {"q0.t1": estimate(6e-5)})
    (tmp_path / "aside").replace(path)
    store.commit(run(), {"q0.t1": estimate(7e-5)})
    assert [each.estimate.value for each in store.history("q0.t1")] == [7e-5, 5.1e-5]


def test_s3_what_was_deleted_while_it_was_written_is_not_acknowledged(store, path, monkeypatch):
    """Between the look before a transaction and the word that it is stored."""
    real = store._files.demand

    class Late:
        def demand(self):
            real()
            path.unlink()

    monkeypatch.setattr(store, "_files", Late())
    with pytest.raises(StoreError, match="was deleted or moved"):
        store.commit(run(), {"q0.t1": estimate()})


def test_s3_a_folder_that_is_a_file_now_is_told_in_a_sentence(store, path, tmp_path):
    folder = tmp_path.rename(tmp_path.with_name("aside"))
    tmp_path.write_text("")
    with pytest.raises(StoreError, match="cannot look for"):
        store.activity("t1 on q0")
    tmp_path.unlink()
    folder.rename(tmp_path)


def test_s3_the_next_look_at_requests_tells_of_a_file_that_is_gone(store, path):
    with Inbox(store.place) as inbox:
        assert attend(store, inbox) == []
        path.unlink()
        with pytest.raises(StoreError, match="nothing is stored any more"):
            attend(store, inbox)
