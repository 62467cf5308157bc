"""Raw traces: a file that xarray opens as it is, whole or not at all."""

from __future__ import annotations

import json
import math
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray

from kammerton.model import Records, StoreError, Trace
from kammerton.store import Store, backup, open_traces, traces
from kammerton.verify import verify
from tests.stored import estimate, fit, run


@pytest.mark.parametrize("complex_y", [False, True])
def test_xarray_opens_what_was_measured(store: Store, complex_y: bool) -> None:
    measured = run(complex_y=complex_y)
    store.commit(measured, {"q0.t1": estimate()})
    path = store.run("r000001").data
    assert path is not None
    with xarray.open_dataset(path) as data:
        assert list(data.target.values) == ["q0", "q1"]
        assert data.x.attrs == {"units": "s", "long_name": "delay"}
        np.testing.assert_array_equal(data.x.sel(target="q1"), measured.traces["q1"].x)
        np.testing.assert_array_equal(data.axis.sel(target="q1"), measured.program.axis["q1"])
        np.testing.assert_array_equal(data.sigma.sel(target="q0"), measured.traces["q0"].sigma)
        np.testing.assert_array_equal(_whole(data.y.sel(target="q0")), measured.traces["q0"].y)
        blocks = _whole(data.blocks.sel(target="q1"))
        np.testing.assert_array_equal(blocks, measured.records.blocks["q1"])
        np.testing.assert_array_equal(data.curve.sel(target="q0"), measured.fits["q0"].curve)
        assert data.attrs["shots_per_point"] == 1000
        assert data.attrs["reset_seconds"] == 3e-4
        assert data.attrs["instrument_seconds"] == 20.6
        fits = json.loads(data.attrs["fits"])
    assert fits["q0"]["values"] == {"t1": [5.1e-5, 6e-7, "s"]}
    assert fits["q0"]["verdict"] == "accepted"


def _whole(data: xarray.DataArray) -> np.ndarray:
    if "part" not in data.dims:
        return data.values
    return (data.sel(part="re") + 1j * data.sel(part="im")).values


def test_shots_and_traces_of_unequal_length_fit_in(store: Store) -> None:
    measured = run(points=2)
    shots = {"q0": np.full((7, 2), 1 - 2j), "q1": np.full((5, 2), 3 + 4j)}
    x = np.arange(9.0)
    long = {name: Trace(name, x, x, x, "voltage", "V") for name in measured.targets}
    measured = replace(measured, records=Records({}, shots, 1.0), traces=long)
    store.commit(measured, {})
    with open_traces(store.run("r000001").data) as data:
        assert data.shots.dims == ("target", "shot", "point", "part")
        assert data.x.dims == ("target", "trace_point")
        assert "blocks" not in data
        np.testing.assert_array_equal(_whole(data.shots.sel(target="q0")), shots["q0"])
        q1 = _whole(data.shots.sel(target="q1"))
        np.testing.assert_array_equal(q1[:5], shots["q1"])
        assert np.isnan(q1[5:]).all()


def test_a_run_without_data_has_no_file(store: Store) -> None:
    nothing = replace(run(), records=Records({}, {}, 0.0), traces={})
    store.commit(nothing, {})
    assert store.run("r000001").data is None


def test_the_file_moves_with_the_database(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    with Store.open(here / "db.sqlite", "c") as store:
        store.commit(run(), {})
    here.rename(there)
    with Store.read(there / "db.sqlite") as store:
        assert store.run("r000001").data == there / "runs" / "r000001.nc"
        assert (there / "runs" / "r000001.nc").is_file()


def test_data_may_lie_elsewhere(tmp_path: Path) -> None:
    with Store.open(tmp_path / "a" / "db.sqlite", "c", data=tmp_path / "disk") as store:
        store.commit(run(), {})
        assert store.run("r000001").data == tmp_path / "disk" / "r000001.nc"


def test_a_picture_beside_the_data_is_found(store: Store) -> None:
    store.commit(run(), {})
    assert store.run("r000001").picture is None
    data = store.run("r000001").data
    assert data is not None
    data.with_suffix(".png").touch()
    assert store.run("r000001").picture == data.with_suffix(".png")


def test_texts_that_hdf5_cannot_hold_do_no_harm(store: Store) -> None:
    odd = fit("q0", reason="nul \0 and \ud800", chi2_reduced=math.inf)
    store.commit(run(("q0",), {"q0": odd}, calibration="t1\0\ud800"), {})
    with open_traces(store.run("r000001").data) as data:
        described = json.loads(data.attrs["fits"])["q0"]
    assert described["reason"] == "nul \0 and \ud800"
    assert described["chi2_reduced"] is None


def test_a_failing_disk_stores_nothing(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(traces, "to_disk", full)
        with pytest.raises(StoreError, match="No space left"):
            store.commit(run(), {"q0.t1": estimate()})
    assert list((path.parent / "runs").iterdir()) == []
    assert store.runs() == []
    assert store.commit(run(), {"q0.t1": estimate()}).revision == 1


def test_the_file_is_on_the_disk_before_the_row(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("kammerton.store.records.insert_run", dies)
    with pytest.raises(KeyboardInterrupt):
        store.commit(run(), {"q0.t1": estimate()})
    assert (path.parent / "runs" / "r000001.nc").is_file()
    assert store.parameters() == {}


def test_old_files_may_be_moved_away_with_or_without_a_link(path: Path) -> None:
    """Fits, values and reverts are of the database alone; only the traces are missed."""
    with Store.open(path, "two-qubits") as store:
        for value in (1.0, 2.0):
            store.commit(run(), {"q0.t1": estimate(value)})
    moved, linked = (path.parent / "runs" / f"r00000{n}.nc" for n in (1, 2))
    archive = path.parent / "archive"
    archive.mkdir()
    for file in (moved, linked):
        file.rename(archive / file.name)
    linked.symlink_to(archive / linked.name)
    (said,) = verify(path).findings
    assert said.startswith("the data of run 1, ")
    assert said.endswith("are not there")
    assert verify(path, data=False).findings == ()
    with Store.open(path, "two-qubits") as store:
        with open_traces(linked) as data:
            assert data.attrs["run"] == "r000002"
        assert store.run("r000001").fits["q0"].values
        store.revert(1, who="anna", why="the flux moved")
        assert store.parameters()["q0.t1"].value == 1.0
        assert store.next_run_id() == "r000003"


def test_a_database_that_goes_back_while_it_is_open_takes_no_file_twice(
    path: Path, tmp_path: Path
) -> None:
    """As a server's that loses its last transactions: the traces of those runs are here still."""
    saved = tmp_path / "saved.sqlite"
    with Store.open(path, "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate()})
        backup.copy(path, saved)
        lost = store.run(store.commit(run(points=7), {"q0.t1": estimate()}).run_id).data
        with closing(sqlite3.connect(saved)) as old, closing(sqlite3.connect(path)) as new:
            old.backup(new)
        assert store.commit(run(), {"q0.t1": estimate()}).run_id == "r000003"
    assert lost is not None
    with xarray.open_dataset(lost) as data:
        assert data.sizes["point"] == 7
