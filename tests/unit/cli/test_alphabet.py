"""A terminal that is not in UTF-8 reads every number, with its unit and its error."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kammerton.store import Store
from tests.stored import estimate, run

KAMMERTON = (sys.executable, "-m", "kammerton")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("there") / "kammerton.sqlite"
    with Store.open(path, "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate(5.1e-5)})
    return path


@pytest.mark.parametrize(
    ("encoding", "value"),
    [
        ("ascii", "51.00 us +- 600 ns"),
        ("latin-1", "51.00 µs ± 600 ns"),
        ("utf-8", "51.00 µs ± 600 ns"),
    ],
)
def test_what_an_encoding_lacks_is_spelt_out(database, encoding, value):
    done = subprocess.run(
        [*KAMMERTON, "why", "q0.t1", str(database)],
        env={**os.environ, "PYTHONIOENCODING": encoding, "COLUMNS": "40"},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert value in " ".join(done.stdout.decode(encoding).split())


def test_a_log_is_spelt_out_as_well(tmp_path):
    with Store.open(tmp_path / "db.sqlite", "two-qubits") as store:
        store.end(store.begin("t1", ["q0"]), "refused: 51 µs ± 1 µs")
    done = subprocess.run(
        [*KAMMERTON, "log", str(tmp_path / "db.sqlite")],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert b"refused: 51 us +- 1 us" in done.stdout


def test_a_value_is_never_cut_and_nothing_is_coloured_in_a_file(database):
    done = subprocess.run(
        [*KAMMERTON, "status", str(database)],
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "COLUMNS": "40"},
        capture_output=True,
        timeout=60,
        check=False,
    )
    lines = done.stdout.decode("utf-8").splitlines()
    assert lines[0] == "two-qubits, revision 1; no daemon runs; 1 result waits for the broker"
    assert lines[-1].split()[:3] == ["q0.t1", "51.00(60)", "µs"]
    assert lines[-1].rstrip().endswith("r000001")
    assert b"\x1b" not in done.stdout
