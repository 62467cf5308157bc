"""A database that is moved away under the running daemon; outputs are read from the ledger."""

from __future__ import annotations

import os
import signal

import pytest

from kammerton.store import Store
from kammerton.verify import verify
from tests.system.laboratory import daemon, laboratory
from tests.system.test_daemon import outputs_on, wait_for
from tests.system.test_hold import runs

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(240),
    pytest.mark.skipif(os.name == "nt", reason="Windows moves no file that is open"),
]


def test_s3_a_database_that_is_moved_away_stops_everything_until_it_is_back(tmp_path):
    database, aside = tmp_path / "kammerton.sqlite", tmp_path / "aside"
    with laboratory(tmp_path) as lab, daemon(lab.lab) as process:
        wait_for(lambda: outputs_on(lab) and runs(lab) > 0, 120, "something being measured")
        database.replace(aside)
        wait_for(lambda: not outputs_on(lab), 20, "switching off")
        database.hardlink_to(aside)  # a name to read it by, of the same file
        with Store.read(database) as store:
            before = len(store.runs(100))
        aside.unlink()
        wait_for(lambda: runs(lab) > before, 90, "going on where it was")
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        assert not outputs_on(lab)
    assert verify(database).findings == ()


def test_s3_a_database_that_was_deleted_is_never_written_again_and_the_end_is_in_order(tmp_path):
    database = tmp_path / "kammerton.sqlite"
    with laboratory(tmp_path) as lab, daemon(lab.lab) as process:
        wait_for(lambda: outputs_on(lab) and runs(lab) > 0, 120, "something being measured")
        database.unlink()
        wait_for(lambda: not outputs_on(lab), 20, "switching off")
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        assert not outputs_on(lab)
    assert not database.exists()
