"""What a notebook sees."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

import kammerton
from kammerton.client import Client, measuring
from kammerton.client.locate import find_database
from kammerton.client.words import duration, validity
from kammerton.model import LabError, NotMeasured, StoreError, StoreUnavailable, Verdict
from kammerton.store import ReadStore, Store, backup, restore
from kammerton.store.rows import Doubt
from tests.stored import NOON, estimate, fit, run
from tests.unit.client.conftest import EXAMPLE

NAMES = ("q0.t1", "q1.t1")


@pytest.fixture
def client(folder: Path) -> Iterator[Client]:
    opened = Client(folder / "lab.toml")
    yield opened
    opened.close()


def test_a_client_is_a_mapping_of_estimates(client: Client) -> None:
    assert list(client) == ["q0.t1", "r1.frequency"]
    assert len(client) == 2
    assert client["q0.t1"].value == 5.1e-5
    assert client["q0.t1"].run == "r000002"
    assert client.parameters() == dict(client)
    assert client._ipython_key_completions_() == ["q0.t1", "r1.frequency"]


def test_a_client_is_closed_at_the_end_of_its_block(folder: Path) -> None:
    with Client(folder / "lab.toml") as lab:
        assert lab["q0.t1"].value == 5.1e-5
        closed = []
        lab._store.close = lambda: closed.append(True)  # type: ignore[method-assign]
    assert closed


def test_a_client_that_is_open_reads_what_a_restore_put_in_place(tmp_path: Path) -> None:
    """It read the file that was set aside, for as long as the notebook was open."""
    path = tmp_path / "kammerton.sqlite"
    with Store.open(path, "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate(1.0)})
        saved = backup.keep(path)
        store.commit(run(), {"q0.t1": estimate(2.0)})
    with Client(path) as open_client:
        assert open_client["q0.t1"].value == 2.0
        restore(saved, "anna")
        assert open_client["q0.t1"].value == 1.0
        with Store.open(path, "two-qubits") as store:
            store.commit(run(), {"q0.t1": estimate(3.0)})
            assert open_client["q0.t1"].value == 3.0
        path.unlink()
        with pytest.raises(StoreError):
            open_client["q0.t1"]


def test_an_unknown_parameter_names_the_nearest(client: Client) -> None:
    with pytest.raises(KeyError, match=r'did you mean "q0\.t1"'):
        client["q0.t11"]
    with pytest.raises(KeyError, match=r"r1\.frequency"):
        client.why("r1.freq")


def test_what_is_not_there_is_said_as_the_command_line_says_it(client: Client) -> None:
    with pytest.raises(KeyError, match=r"q1\.t1 was never measured: t1 of q1 was not conclusive"):
        client["q1.t1"]
    with pytest.raises(KeyError, match=r"q0\.f01 was not measured yet"):
        client["q0.f01"]
    with pytest.raises(
        KeyError, match=r"r0 has many parameters: r0\.frequency, .*r0\.readout_threshold"
    ):
        client["r0"]


def test_evidence_and_runs_print_as_the_command_line_says_them(client: Client) -> None:
    why, run = repr(client.why("q0.t1")), repr(client.run("r000002"))
    assert why.splitlines()[0].split(maxsplit=1) == ["q0.t1", "51.00 µs ± 600 ns"]
    for words in ("for 2 h 59 min", "t1, run r000002, revision 2", "accepted: a clean decay",
                  "42.00 µs ± 600 ns, 2 h ago, r000001"):  # fmt: skip
        assert words in why
    assert "q0: accepted: a clean decay\n  t1 = 51.00 µs ± 600 ns" in run
    assert "q1: insufficient (range too narrow): widen [it]" in run
    assert max(len(why), len(run)) < 700


def test_it_prints_as_a_table(client: Client) -> None:
    title, head, first, second = repr(client).splitlines()
    assert title == "two-qubits, revision 3; simulated device, hidden truth, seed 1"
    assert head.split() == ["parameter", "value", "age", "valid", "run"]
    assert first.split()[0] == "q0.t1"
    assert "1 h" in first
    assert "for 2 h 59 min" in first
    assert "expired 1 h" in second


def test_why_gives_the_evidence(client: Client) -> None:
    why = client.why("q0.t1")
    assert (why.revision, why.run.id, why.run.calibration) == (2, "r000002", "t1")
    assert why.fit is not None
    assert why.fit.target == "q0"
    assert [each.estimate.value for each in why.previous] == [4.2e-5]
    assert timedelta(hours=1) <= why.age < timedelta(hours=1, minutes=1)


@pytest.mark.parametrize(("stderr", "said"), [(6.1e-7, False), (9e-7, True)])
def test_why_says_what_the_fit_says_alone(client: Client, stderr: float, said: bool) -> None:
    """The picture shows the error of the fit, the value holds what it may drift meanwhile."""
    why = client.why("q0.t1")
    lines = dict(replace(why, estimate=replace(why.estimate, stderr=stderr)).lines())
    assert ("by the fit" in lines) == said
    if said:
        assert lines["by the fit"].startswith("± 600 ns; the rest is what it may drift")


def test_why_says_what_a_fidelity_leaves_out(client: Client) -> None:
    why = client.why("q0.t1")
    assert "left out" not in dict(why.lines())
    lines = dict(replace(why, name="q0.assignment_fidelity").lines())
    assert lines["left out"].startswith("errors of preparation")


def test_why_finds_the_fit_behind_a_resonator(client: Client) -> None:
    why = client.why("r1.frequency")
    assert why.fit is not None
    assert why.fit.target == "q1"


def test_runs_and_their_data(client: Client) -> None:
    assert [each.id for each in client.runs(2)] == ["r000003", "r000002"]
    assert client.run("r000002").fits["q1"].verdict is Verdict.INSUFFICIENT
    with client.data("r000001") as data:
        assert data.attrs["run"] == "r000001"
    with pytest.raises(KeyError, match="r000009"):
        client.run("r000009")
    path = client.run("r000001").data
    assert path is not None
    path.unlink()
    with pytest.raises(StoreError, match="has no data file"):
        client.data("r000001")


def test_data_are_opened_by_the_name_of_a_run_and_by_the_run(client: Client) -> None:
    """The one is the `run` of an estimate, the other that of what was measured."""
    named = client["q0.t1"].run
    for each in (named, client.run(named)):
        assert client.run(each).id == named
        with client.data(each) as data:
            assert data.attrs["run"] == named


def test_the_package_offers_the_client() -> None:
    assert kammerton.Client is Client
    assert kammerton.Subscriber.__name__ == "Subscriber"


def test_every_way_to_name_a_database(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = folder / "kammerton.sqlite"
    for given in (database, folder, folder / "lab.toml"):
        assert find_database(given) == database
    monkeypatch.chdir(folder)
    assert find_database() == database
    demo = folder / "elsewhere" / "kammerton-demo"
    demo.mkdir(parents=True)
    shutil.copy(folder / "lab.toml", demo)
    monkeypatch.chdir(demo.parent)
    assert find_database() == demo / "kammerton.sqlite"


def test_every_way_to_name_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError, match=r"neither lab\.toml nor"):
        find_database()
    with pytest.raises(StoreError, match="there is no file"):
        find_database(tmp_path / "absent.sqlite")
    with pytest.raises(StoreError, match="there is no file"):
        find_database(tmp_path)
    (tmp_path / "lab.toml").write_text("nonsense = [")
    with pytest.raises(LabError):
        find_database()


def test_what_could_not_be_measured_is_one_sentence_in_a_notebook(tmp_path: Path) -> None:
    Store.open(tmp_path / "db.sqlite", "two-qubits").close()
    client = Client(tmp_path / "db.sqlite")
    with pytest.raises(NotMeasured, match="no daemon runs here") as refused:
        client.measure("q0", "t1")
    client.close()
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__
    assert refused.value._render_traceback_() == [f"NotMeasured: {refused.value}"]


def test_a_run_that_is_stored_and_cannot_be_read_is_not_called_unmeasured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who hears that nothing was measured asks once more."""
    with Store.open(tmp_path / "db.sqlite", "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate()})

    def locked(*_: object) -> None:
        raise StoreUnavailable("the database is locked")

    monkeypatch.setattr(measuring, "errand", lambda *_, **__: "r000001; it waits for a pulse")
    monkeypatch.setattr(ReadStore, "parameters", locked)
    client = Client(tmp_path / "db.sqlite")
    words = "r000001 is measured and stored, but cannot be read now: the database is locked"
    with pytest.raises(StoreError, match=words) as unread:
        client.measure("q0", "t1")
    client.close()
    assert not isinstance(unread.value, NotMeasured)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3661, "1 h 1 min"), (90000, "1 d 1 h"),
     (86400, "1 d"), (-5, "-5 s"), (86401, "1 d")],
)  # fmt: skip
def test_durations_in_words(seconds: float, words: str) -> None:
    assert duration(timedelta(seconds=seconds)) == words


def test_validity_in_words() -> None:
    assert validity(None, NOON) == "no forecast"
    assert validity(NOON, NOON + timedelta(minutes=3)) == "expired 3 min ago"
    assert validity(NOON + timedelta(minutes=3), NOON) == "for 3 min"


def test_a_notebook_holds_and_releases_several_in_one_go(tmp_path: Path) -> None:
    shutil.copy(EXAMPLE, tmp_path / "lab.toml")
    with (tmp_path / "lab.toml").open("a", encoding="utf-8") as file:
        file.write('\n[groups]\nleft = ["q0", "r0"]\n')
    Store.open(tmp_path / "kammerton.sqlite", "two-qubits").close()
    with Client(tmp_path / "lab.toml") as lab:
        assert lab.hold("left", "q1", why="a cable", lasting=timedelta(hours=1)).startswith(
            "q0, r0 and q1 are held by "
        )
        with Store.read(tmp_path / "kammerton.sqlite") as store:
            assert [each.scope for each in store.leases()] == ["q0", "r0", "q1"]
            assert {each.why for each in store.leases()} == {"a cable"}
        with pytest.raises(StoreError, match=r'nothing called "q7".*nothing called "awg9"'):
            lab.hold("q0", "q7", "awg9", why="x")
        with pytest.raises(StoreError, match="is not taken"):
            lab.hold("q0", why=" ")
        with pytest.raises(StoreError, match="name what is meant"):
            lab.hold(why="x")
        with pytest.raises(StoreError, match=r"nobody holds r1; .*nothing is released"):
            lab.release("left", "r1")
        assert lab.release("left", "q1") == (
            "q0, r0 and q1 are released; the daemon measures again what rests on them"
        )


def test_what_is_doubted_is_told_beside_the_value_it_had(tmp_path: Path) -> None:
    """It was only `kammerton status` and `why` that told it: a script believed the old error."""
    with Store.open(tmp_path / "kammerton.sqlite", "two-qubits") as store:
        hour = timedelta(hours=1)
        known = {n: estimate(time=store.now(), valid_until=store.now() + hour) for n in NAMES}
        store.commit(run(("q0", "q1"), {q: fit(q) for q in ("q0", "q1")}), known)
        with Client(tmp_path / "kammerton.sqlite") as lab:
            assert lab.doubted() == {}
            store.doubt({"q0.t1": Doubt("r000001", 2e-5, "awg1 lost its settings")})
            ((name, doubted),) = lab.doubted().items()
            assert (name, doubted.sigma) == ("q0.t1", 2e-5)
            _, _, first, second, words = repr(lab).splitlines()
    assert " doubted " in first
    assert "for 59 min" in second
    assert words.startswith("q0.t1 is doubted since ")
    assert words.endswith(": awg1 lost its settings")
