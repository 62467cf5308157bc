"""The picture of a run says which computer it is of, and calls a resonator by its own name."""

from __future__ import annotations

import gc
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure

from kammerton.estimation.pictures.wording import words_of
from kammerton.model import Fit, Trace, Value, Verdict
from kammerton.serve import pictures
from kammerton.serve.background import Background
from kammerton.serve.reports import reporter
from kammerton.store import Store
from tests.stored import estimate, run
from tests.unit.loop.laboratory import two_qubits


def found(kind: str) -> tuple[Trace, Fit]:
    x = np.linspace(7.09e9, 7.11e9, 11)
    fit = Fit(kind, "q0", {"frequency": Value(7.1e9, 3e3, "Hz")}, Verdict.ACCEPTED, "success", "",
              1.0)  # fmt: skip
    return Trace("q0", x, np.ones(11), np.full(11, 0.1), "frequency", "Hz"), fit


def test_a_fringe_leads_with_the_frequency_it_was_measured_for(tmp_path: Path, monkeypatch) -> None:
    """q1.f01 is another qubit's; what the fit says itself stands as the fit says it."""
    lab, drawn = two_qubits(tmp_path), []
    monkeypatch.setattr(
        "kammerton.estimation.pictures.picture.draw",
        lambda traces, fits, path, title, shots, note: drawn.append(fits["q0"].values),
    )
    trace, fit = found("ramsey")
    f01 = estimate(4.91072e9, 2.1e3, "Hz")
    counted = {"q0.f01": f01, "q1.f01": f01, "q0.frequency": f01}
    fits = pictures.as_counted({"q0": fit}, counted, lab, {})
    pictures.draw_run(lab, replace(run(), traces={"q0": trace}, fits=fits), "r000004")
    assert drawn == [{"f01": Value(4.91072e9, 2.1e3, "Hz"), **fit.values}]


def test_a_picture_names_computer_and_resonator(tmp_path: Path, monkeypatch) -> None:
    lab, drawn = replace(two_qubits(tmp_path), note="a test"), []
    monkeypatch.setattr(
        "kammerton.estimation.pictures.picture.draw",
        lambda traces, fits, path, title, shots, note: drawn.append(
            (traces["q0"].target, path, title, note)
        ),
    )
    for kind in ("resonator_spectroscopy", "qubit_spectroscopy"):
        trace, fit = found(kind)
        done = replace(run(), traces={"q0": trace}, fits={"q0": fit})
        pictures.draw_run(lab, done, "r000004")
    assert [target for target, *_ in drawn] == ["r0 of q0", "q0"]
    assert drawn[0][1] == lab.data / "r000004.png"
    assert drawn[0][2].startswith(f"{lab.computer}  ")
    assert {note for *_, note in drawn} == {"a test"}


@pytest.mark.parametrize(
    ("ahead", "end"), [(timedelta(minutes=2), "UTC of laboratory time"), (timedelta(0), "UTC")]
)
def test_a_time_that_is_ahead_of_this_computers_is_said_to_be_the_laboratorys(
    tmp_path: Path, monkeypatch, ahead: timedelta, end: str
) -> None:
    titles: list[str] = []
    monkeypatch.setattr(
        "kammerton.estimation.pictures.picture.draw",
        lambda traces, fits, path, title, shots, note: titles.append(title),
    )
    done = replace(run(), ended=datetime.now(UTC) + ahead)
    pictures.draw_run(two_qubits(tmp_path), done, "r000004")
    assert titles[0].endswith(f":{done.ended:%S} {end}")


WHY = "q0.f01: 4.92 GHz is far from 4.91 GHz, which was believed; it counts when it is found again"


def _drawn(tmp_path: Path, monkeypatch, fit: Fit, believed, why: str) -> Fit:
    drawn: list[Fit] = []
    monkeypatch.setattr(
        "kammerton.estimation.pictures.picture.draw",
        lambda traces, fits, path, title, shots, note: drawn.append(fits["q0"]),
    )
    lab = two_qubits(tmp_path)
    fits = pictures.as_counted({"q0": fit}, believed, lab, {"q0": why} if why else {})
    pictures.draw_run(lab, replace(run(), traces={}, fits=fits), "r000004")
    return drawn[0]


def test_a_value_that_is_withheld_is_not_drawn_as_plainly_accepted(
    tmp_path: Path, monkeypatch
) -> None:
    """As `kammerton log` says; beside what the fit itself found."""
    _, fit = found("ramsey")
    shown = _drawn(tmp_path, monkeypatch, fit, {}, WHY)
    assert (shown.verdict, shown.status, shown.reason) == (fit.verdict, "value withheld", WHY)
    fit = replace(fit, status="two lines", reason="two frequencies beat")
    shown = _drawn(tmp_path, monkeypatch, fit, {}, WHY)
    assert shown.status == "two lines, value withheld"
    assert shown.reason == f"{WHY}; two frequencies beat"
    words = words_of(shown, found("ramsey")[0], 66)
    assert "it counts when" in words.replace("\n", " ")


def test_a_run_of_which_one_value_counts_says_why_another_does_not(
    tmp_path: Path, monkeypatch
) -> None:
    _, fit = found("ramsey")
    believed = {"q0.f01": estimate(4.91072e9, 2.1e3, "Hz")}
    shown = _drawn(tmp_path, monkeypatch, fit, believed, "q0.t2_star: 20 µs agrees with 19 µs")
    assert (shown.status, shown.reason) == ("success", "q0.t2_star: 20 µs agrees with 19 µs")


def test_what_was_not_accepted_says_its_own_reason(tmp_path: Path, monkeypatch) -> None:
    """Another value of that qubit may be withheld by the same run."""
    fit = replace(found("ramsey")[1], verdict=Verdict.REJECTED, status="no signal", reason="flat")
    shown = _drawn(tmp_path, monkeypatch, fit, {}, WHY)
    assert (shown.status, shown.reason) == ("no signal", "flat")


def test_nothing_of_a_picture_stays_in_memory(tmp_path: Path) -> None:
    """Its dots would stay until Python looks for what holds itself in circles."""
    lab, (trace, fit) = two_qubits(tmp_path), found("qubit_spectroscopy")
    done = replace(run(), traces={"q0": trace}, fits={"q0": fit})
    gc.collect()
    gc.disable()
    try:
        pictures.draw_run(lab, done, "r000004")
        # By type: a proxy of what is gone, of any other test, cannot be asked for its class.
        held = [each for each in gc.get_objects() if issubclass(type(each), Figure | RendererAgg)]
    finally:
        gc.enable()
    assert (lab.data / "r000004.png").exists()
    assert held == []


def _told(tmp_path: Path, monkeypatch, caplog, counted, status: str = "success") -> tuple[Fit, str]:
    """Return what is drawn and logged of a run of which something is withheld.

    A newer run has set f01 otherwise before the picture is drawn.
    """
    drawn: list[Fit] = []
    monkeypatch.setattr(
        "kammerton.estimation.pictures.picture.draw",
        lambda traces, fits, path, title, shots, note: drawn.append(fits["q0"]),
    )
    fit = replace(found("ramsey")[1], status=status)
    newer = threading.Event()
    done = replace(run(), targets=("q0",), traces={}, fits={"q0": fit})
    caplog.set_level("INFO")
    with Store.open(tmp_path / "k.sqlite", "two") as store, Background("picture") as drawing:
        drawing.add(newer.wait, 10.0)
        stored = store.commit(done, counted).run_id
        reporter(two_qubits(tmp_path), drawing)(done, stored, counted, {"q0": WHY})
        store.commit(run(), {"q0.f01": estimate(4.92e9, 2.1e3, "Hz")})
        newer.set()
    return drawn[0], caplog.messages[0]


def test_what_counted_at_the_commit_counts_in_the_picture_though_a_newer_run_replaced_it(
    tmp_path: Path, monkeypatch, caplog
) -> None:
    counted = {"q0.f01": estimate(4.91072e9, 2.1e3, "Hz")}
    shown, line = _told(tmp_path, monkeypatch, caplog, counted)
    assert (shown.status, shown.reason) == ("success", WHY)
    assert shown.values["f01"].value == 4.91072e9
    assert "q0 accepted; " in line


@pytest.mark.parametrize("status", ["success", "beating"])
def test_the_log_says_value_withheld_where_the_picture_does(
    tmp_path: Path, monkeypatch, caplog, status: str
) -> None:
    shown, line = _told(tmp_path, monkeypatch, caplog, {}, status)
    assert shown.status.endswith("value withheld")
    assert "q0 accepted: value withheld; " in line
