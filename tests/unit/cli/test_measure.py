"""What `kammerton measure` prints of a run that was asked for."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from kammerton.cli import measure
from kammerton.client.measuring import Measured
from kammerton.model.quantity import show
from kammerton.store import Store
from tests.stored import estimate, fit, run


@pytest.mark.parametrize("believed", [True, False])
def test_value_and_error_are_printed_also_of_what_replaces_nothing(tmp_path: Path, believed: bool):
    changes = {"q0.t1": estimate()} if believed else {}
    with Store.open(tmp_path / "db.sqlite", "two-qubits") as store:
        stored = store.run(store.commit(run(("q0",), {"q0": fit("q0")}), changes).run_id)
    found = Measured(stored, "q0", changes, None)
    lines = dict(measure._lines(found))
    of_fit = {n: show(v.value, v.unit, v.stderr) for n, v in fit("q0").values.items()}
    of_book = {n: show(e.value, e.unit, e.stderr) for n, e in changes.items()}
    assert of_fit
    assert (of_book if believed else of_fit).items() <= lines.items()
    assert ("withheld" in lines) is not believed
    assert lines["verdict"].startswith("accepted")
    assert all(words in repr(found) for words in (of_book if believed else of_fit).values())


def test_only_what_concerns_the_request_is_told_meanwhile(capsys):
    tell = measure._progress()
    for what in ("idle: q0 is parked: no line", "t1 on q1", "t1 on q1"):
        tell(SimpleNamespace(current_activity=lambda what=what: SimpleNamespace(what=what)))
    assert capsys.readouterr().err == "... t1 on q1\n"
