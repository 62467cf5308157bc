"""What is stored controls no terminal that shows it, whoever said it."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from kammerton.cli import app
from kammerton.model import StoreError, Verdict
from kammerton.store import Store, change
from tests.stored import estimate, fit, run

HOSTILE = "5.1\x1b[2J\x9b1A\x08\r\u202e\u2066\u2028 GHz"
SPELT = r"5.1\x1b[2J\x9b1A\x08\r\u202e\u2066\u2028 GHz"


def shown(*words: object) -> str:
    done = CliRunner(env={"COLUMNS": "400"}).invoke(app, [str(word) for word in words])
    assert done.exit_code == 0
    return done.stdout


def test_what_an_instrument_or_a_plugin_says(store: Store) -> None:
    store.audit("daemon", f"box {HOSTILE}", HOSTILE, HOSTILE, HOSTILE)
    store.commit(run(("q0",), {"q0": fit("q0", reason=HOSTILE)}), {"q0.t1": estimate()})
    store.end(store.begin("t1", ["q0"]), HOSTILE)
    store.activity(HOSTILE)
    (row,) = store.log(1)
    assert (row.what, row.old, row.new, row.why) == (f"box {SPELT}", SPELT, SPELT, SPELT)
    assert store.run("r000001").fits["q0"].reason == SPELT
    assert store.attempts(1)[0].outcome == SPELT
    said = store.current_activity()
    assert said is not None
    assert said.what == SPELT


def test_lines_stay_lines_and_other_letters_what_they_are(store: Store) -> None:
    words = "q0: kein Signal\n\tµs ± 3 °C, naïve 量子"
    store.audit("daemon", "x", "", "", words)
    assert store.log(1)[0].why == words


def test_the_screens(path: Path) -> None:
    rejected = fit("q0", Verdict.REJECTED, status="no signal", reason=HOSTILE)
    with Store.open(path, "two-qubits") as store:
        store.commit(run(("q0",), {"q0": rejected}), {})
        store.audit("daemon", "box awg1", "", HOSTILE, "it answers there")
    for words in (("log",), ("log", "--audit"), ("status",)):
        assert SPELT in shown(*words, "--lab", path)


@pytest.mark.parametrize("asked", [{"scope": "q0", "why": HOSTILE}, {"scope": HOSTILE, "why": "x"}])
def test_what_was_refused_for_such_a_sign_is_not_in_the_log_with_it(path: Path, asked) -> None:
    Store.open(path, "two-qubits").close()
    if asked["scope"] == "q0":
        with pytest.raises(StoreError, match="which no terminal shows as itself"):
            change(path, "hold", asked)
    else:
        change(path, "hold", asked)
    assert r"\x1b[2J" in shown("log", "--audit", "--lab", path)
    assert "\x1b" not in shown("log", "--audit", "--lab", path)
