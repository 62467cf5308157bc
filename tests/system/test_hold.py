"""`kammerton hold` on a running daemon; who drives what is read from the laboratory's ledger."""

from __future__ import annotations

import re
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kammerton.cli import app
from kammerton.store import Change, Inbox, Store, change
from kammerton.verify import verify
from tests.system.laboratory import Laboratory, daemon, laboratory
from tests.system.test_daemon import outputs_on, wait_for
from tests.yardstick import stretch

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]


def said(lab: Path, *words: str) -> str:
    """What a command says, in this process: to start one costs seconds and shows nothing more."""
    done = CliRunner().invoke(app, [*words, "--lab", str(lab)])
    assert done.exit_code == 0, done.output
    return done.stdout


def driven(lab: Laboratory, since: int) -> list[object]:
    """What was changed at any output since an index of the ledger."""
    return [c for c in lab.ask(op="ledger", since=since) if c["what"] != "connection"]


def connected(lab: Laboratory, since: int) -> list[object]:
    """Who connected to an instrument since an index, not who hung up.

    But for the refrigerator's monitor, which is read under a hold, too: else a warm-up is not seen.
    """
    found = [c for c in lab.ask(op="ledger", since=since) if c["what"] == "connection"]
    return [c for c in found if c["new"] is not None and c["instrument"] != "fridge"]


def last(lab: Laboratory) -> int:
    return 1 + max(c["index"] for c in lab.ask(op="ledger", since=0))


def targets_since(lab: Laboratory, runs: int) -> set[str]:
    with Store.read(lab.lab.parent / "kammerton.sqlite") as store:
        return {t for run in store.runs(100)[::-1][runs:] for t in run.fits}


def open_with(lab: Laboratory, qubit: str) -> bool:
    with Store.read(lab.lab.parent / "kammerton.sqlite") as store:
        return any(a.outcome is None and qubit in a.targets for a in store.attempts(5))


def doing(lab: Laboratory) -> str | None:
    with Store.read(lab.lab.parent / "kammerton.sqlite") as store:
        found = store.current_activity()
        return found.what if found else None


def runs(lab: Laboratory) -> int:
    with Store.read(lab.lab.parent / "kammerton.sqlite") as store:
        return len(store.runs(100))


def history(lab: Laboratory) -> list[Change]:
    """What q1.f01 was, oldest first."""
    with Store.read(lab.lab.parent / "kammerton.sqlite") as store:
        return store.history("q1.f01")[::-1]


def goes_back(lab: Laboratory) -> None:
    """A revert beside the running daemon is a new revision, and the daemon goes on from it."""
    wait_for(lambda: len(history(lab)) > 1, 60, "a frequency found and refined")
    first = history(lab)[0]
    made = said(lab.lab, "revert", "q1.f01", "--to", f"r{first.revision}", "--why", "a test")
    back = int(made.removeprefix("revision ").split(":")[0])
    with Store.read(lab.lab.parent / "kammerton.sqlite") as store:
        assert store.parameters_at(back)["q1.f01"].estimate == first.estimate
    wait_for(lambda: history(lab)[-1].revision > back, 60, "measuring it again")
    assert verify(lab.lab.parent / "kammerton.sqlite").findings == ()


def is_asked(lab: Laboratory) -> None:
    """What a person asks for is measured next by the running daemon, and what came of it said."""
    told = said(lab.lab, "measure", "q1", "resonator_spectroscopy", "--shots", "300")
    assert "r1.frequency" in told
    assert "verdict" in told
    with Store.read(lab.lab.parent / "kammerton.sqlite") as store:
        asked = next(run for run in store.runs() if run.shots == 300)
        assert store.history("r1.frequency")[0].estimate.run == asked.id
        assert any(row.what == "measure" for row in store.log())


def test_a_person_takes_the_computer_keeps_it_over_a_restart_and_gives_it_back(tmp_path):
    with laboratory(tmp_path, qubits=2) as lab:
        with daemon(lab.lab) as process:
            wait_for(lambda: outputs_on(lab), 120, "an output going on")
            held = said(lab.lab, "hold", "computer", "--why", "swapping a cable", "--for", "2h")
            assert held.startswith("computer is held by ")
            wait_for(lambda: not outputs_on(lab), 10, "switching off")
            time.sleep(1.0)
            since = last(lab)
            time.sleep(2.0)
            assert driven(lab, since) == []
            process.send_signal(signal.SIGTERM)
            _, log = process.communicate(timeout=30)
            assert "hands off: computer is held by" in log
        with daemon(lab.lab) as process:
            wait_for(lambda: "hands off" in (doing(lab) or ""), 60, "keeping its hands off")
            time.sleep(1.0)
            assert driven(lab, since) == []
            assert connected(lab, since) == []
            with Store.read(lab.lab.parent / "kammerton.sqlite") as store:
                assert [(h.scope, h.why) for h in store.leases()] == [
                    ("computer", "swapping a cable")
                ]
            assert said(lab.lab, "release", "computer") == (
                "computer is released; the daemon measures again what rests on it\n"
            )
            wait_for(lambda: outputs_on(lab), 60, "the daemon going on")
            said(lab.lab, "hold", "q0", "--why", "two-tone by hand", "--now")
            wait_for(lambda: not open_with(lab, "q0"), 60, "the end of what plays on q0")
            before = runs(lab)
            goes_back(lab)
            is_asked(lab)
            assert targets_since(lab, before) == {"q1"}
    assert process.returncode is not None


def test_a_person_takes_the_computer_while_another_program_locks_the_database(tmp_path):
    database = tmp_path / "kammerton.sqlite"
    with laboratory(tmp_path) as lab, daemon(lab.lab) as process:
        wait_for(lambda: outputs_on(lab), 120, "an output going on")
        with closing(sqlite3.connect(database, isolation_level=None, timeout=20)) as other:
            other.execute("BEGIN IMMEDIATE")
            words = {"scope": "computer", "why": "a cable", "now": True}
            begun = time.monotonic()
            with Inbox(database) as inbox:
                number = inbox.ask("hold", words, "anna")
            wait_for(lambda: not outputs_on(lab), 5, "switching off")
            assert time.monotonic() - begun < 5 * stretch()
            kept = change(database, "hold", words, "anna")
            assert kept.startswith("computer is held by anna; that is recorded as soon as")
            process.send_signal(signal.SIGTERM)
            process.wait(60)
            assert not outputs_on(lab)
        since = last(lab)
        with daemon(lab.lab):
            wait_for(lambda: "hands off" in (doing(lab) or ""), 60, "keeping its hands off")
            with Inbox(database) as inbox:
                assert inbox.request(number).done
            with Store.read(database) as store:
                assert [(each.owner, each.why) for each in store.leases()] == [("anna", "a cable")]
            assert driven(lab, since) == []


def test_two_sources_are_held_by_one_name_go_off_and_come_back_together(tmp_path):
    with laboratory(tmp_path, qubits=2) as lab:
        text = lab.lab.read_text(encoding="utf-8")
        sources = sorted(set(re.findall(r'source = "(\w+)"', text)))
        assert len(sources) == 2, sources
        group = f"\n[groups]\nsources = {sources}\n".replace("'", '"')
        lab.lab.write_text(text + group, encoding="utf-8")
        with daemon(lab.lab) as process:
            wait_for(
                lambda: {f"{each}.rf" for each in sources} <= {*outputs_on(lab)},
                120,
                "both sources going on",
            )
            begun = time.monotonic()
            held = said(lab.lab, "hold", "sources", "--why", "a new splitter", "--for", "2h")
            assert held.startswith(f"{sources[0]} and {sources[1]} are held by ")
            assert "outputs were off at" in held
            assert time.monotonic() - begun < 15 * stretch()
            assert outputs_on(lab) == []
            assert f"{sources[0]} and {sources[1]} are held by" in said(lab.lab, "status").replace(
                "\n", " "
            )
            since = last(lab)
            time.sleep(2.0)
            assert (driven(lab, since), connected(lab, since)) == ([], [])
            said(lab.lab, "release", "sources")
            wait_for(
                lambda: {f"{each}.rf" for each in sources} <= {*outputs_on(lab)},
                120,
                "both sources going on again",
            )
            with Store.read(lab.lab.parent / "kammerton.sqlite") as store:
                lines = [each for each in store.log() if each.what.startswith("lease of")]
            assert sorted((each.what, each.new.split()[0]) for each in lines) == sorted(
                (f"lease of {each}", new) for each in sources for new in ("held", "released")
            )
            assert verify(lab.lab.parent / "kammerton.sqlite").findings == ()
    assert process.returncode is not None
