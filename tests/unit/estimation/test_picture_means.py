"""Hollow marks are means, and a key says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kammerton.estimation.pictures.page import MEANS, POINTS, key_to_means, measured
from kammerton.estimation.pictures.picture import draw
from kammerton.model import Fit, Trace, Value, Verdict


def _key(axes: Axes) -> list[str]:
    shown = axes.get_legend()
    return [] if shown is None else [text.get_text() for text in shown.get_texts()]


@pytest.mark.parametrize(
    ("times", "name", "said"), [(4, "", [POINTS, MEANS]), (1, "", []), (4, "5 pulses", [])]
)
def test_a_key_names_means_where_there_are_any(times: int, name: str, said: list[str]) -> None:
    axes = Figure().add_subplot()
    x = np.repeat(np.arange(10.0), times)
    measured(axes, x, np.sin(np.arange(x.size)), None, name=name)
    key_to_means(axes)
    assert _key(axes) == said


@pytest.mark.parametrize("fitted", [True, False])
def test_the_picture_of_an_echo_has_that_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fitted: bool
) -> None:
    keys: list[list[str]] = []
    x = np.repeat(np.linspace(0, 1e-4, 20), 4)
    y = 0.5 - 0.5 * np.exp(-x / 3e-5)
    trace = Trace("q0", x, y + 0.01 * np.sin(np.arange(80)), np.full(80, 0.01), "delay", "s")
    fit = Fit("t2_echo", "q0", {"t2_echo": Value(3e-5, 1e-6, "s")}, Verdict.ACCEPTED, "success",
              "", 1.0, curve=y if fitted else None)  # fmt: skip
    save = Figure.savefig

    def seen(figure: Figure, *given: object, **more: object) -> None:
        keys.extend(_key(axes) for axes in figure.axes)
        save(figure, *given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Figure, "savefig", seen)
    draw({"q0": trace}, {"q0": fit}, tmp_path / "a.png", "echo")
    assert [POINTS, MEANS] in keys
