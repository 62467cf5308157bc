"""A plug-in that cannot be used leads to safe mode, by words that name it; see R8."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from types import SimpleNamespace

from kammerton.model import PlugInError
from kammerton.serve import child, computer
from kammerton.serve.words import Code, Mode, Order

PROBLEMS = ["plug-in mine 1.0, entry point one: wrong", "plug-in mine 1.0, entry point two: wrong"]


def test_a_plug_in_that_cannot_be_used_is_a_crash_that_names_it(monkeypatch, caplog):
    async def refuses(*_, **__):
        raise PlugInError(PROBLEMS, ImportError("no such module"))

    monkeypatch.setattr(computer, "run_computer", refuses)
    life = SimpleNamespace(doing=None, up=None, warm=None, known=None)
    order = Order(Path("lab.toml"), "", Mode.TUNE, "", 0.5, False)
    with caplog.at_level(logging.ERROR):
        ended = asyncio.run(child._work(SimpleNamespace(), order, life))
    assert ended == (Code.CRASHED, "; ".join(PROBLEMS))
    assert [each.message for each in caplog.records[:2]] == PROBLEMS
    (traceback,) = (each for each in caplog.records if each.exc_info)
    assert "no such module" in str(traceback.exc_info[1])
