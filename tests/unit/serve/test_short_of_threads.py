"""Where the system has no thread left, a process fails and is begun again: that is no crash."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path

from kammerton.bench.deadline import Deadline
from kammerton.serve import child, computer
from kammerton.serve.wire import Wire
from kammerton.serve.words import Code, Order

SHORT = "can't start new thread"


def none(_: threading.Thread) -> None:
    raise RuntimeError(SHORT)


def test_r1_a_process_that_gets_no_thread_has_failed_and_is_not_counted_as_crashed(
    monkeypatch, caplog
):
    """Six crashes would end in a process that touches no instrument, and outputs stay on."""

    async def short(*_: object, **__: object) -> None:
        raise RuntimeError(SHORT)

    monkeypatch.setattr(computer, "run_computer", short)
    life = child.Life(None, 1.0)
    found = asyncio.run(child._work(None, Order(Path("lab.toml"), None), life))
    assert found == (Code.FAILED, SHORT)
    assert caplog.messages == [SHORT], "the supervisor says no reason that was said already"


def test_r1_so_has_one_that_cannot_even_listen(monkeypatch, caplog):
    class Heard(Wire):
        def say(self, **message: object) -> None:
            said.append(json.loads(json.dumps(message)))

    said = list[dict[str, object]]()
    monkeypatch.setattr(child, "full_pool", lambda: None)
    monkeypatch.setattr(threading.Thread, "start", none)
    wire = Heard(0, 1)

    async def main() -> Code:
        asyncio.get_running_loop().set_default_executor = lambda pool: None
        return await child._live(None, Order(Path("lab.toml"), None), wire, Deadline())

    assert asyncio.run(main()) is Code.FAILED
    assert caplog.messages == [SHORT], "the supervisor says no reason that was said already"
    assert said == [{"ended": 1, "why": SHORT, "off": False}], "one before it may have died"
