"""The supervisor: a process for each computer, watched, ended in order, started again.

It imports nothing heavy and touches no instrument and no database, but for a lock beside that. When
it dies, its processes see their pipes close, switch off and end.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Literal

from kammerton.serve.begun import COMMAND
from kammerton.serve.events import asked_to_end
from kammerton.serve.keeper import Keeper, Record
from kammerton.serve.logs import tell
from kammerton.serve.notify import Notify
from kammerton.serve.rules import Rules
from kammerton.serve.spare import Spare
from kammerton.serve.words import Code, Mode

log = logging.getLogger(__name__)

WORST_FIRST = (Code.BAD_INPUT, Code.FAILED, Code.NOT_ACCEPTED, Code.DONE)
LARGEST = 4 * 2**20  # bytes; what is larger is no lab.toml, and reading it says so
FEED = 1.0  # s between two looks of what feeds the watchdog


async def supervise(
    labs: Sequence[Path],
    *,
    once: bool = False,
    rules: Rules | None = None,
    notify: Notify | None = None,
    command: Sequence[str] = COMMAND,
    stop: asyncio.Event | None = None,
    spare: bool = False,
    supervised: bool = False,
) -> Code:
    """Keep computers in tune, each in a process of its own, until a signal or `stop` ends it.

    Nothing is connected before every lab.toml was read without a mistake, as far as a process could
    be begun for it, and never two of them that are of one computer or one database. Returns the
    worst of the codes of all computers. spare: keep a process ready for the first that dies.
    supervised: ask a person before the first write of each kind.
    """
    stop, go = stop or asyncio.Event(), asyncio.Event()
    rules = rules or Rules()
    ready = Spare(rules, command) if spare else None
    with asked_to_end(stop.set):
        mode = Mode.ONCE if once else Mode.TUNE
        records = [Record(mode, rules, alone=len(labs) == 1, supervised=supervised) for _ in labs]
        keepers = _keepers(labs, records, command, ready)
        tasks = [asyncio.create_task(keeper.keep(go, stop)) for keeper in keepers]
        distinct = _Distinct(keepers, stop)
        await _all_read(keepers, tasks)
        bad = any(task.done() and task.result() is Code.BAD_INPUT for task in tasks)
        if not distinct() or bad or not await _alone(keepers, stop):
            stop.set()
        else:
            go.set()
        kept = ready.kept(_quiet(keepers, stop)) if ready else nullcontext()
        async with _telling(notify or Notify.of(), keepers, stop), kept:
            codes = await asyncio.gather(*tasks)
    return Code.BAD_INPUT if distinct.twice else min(codes, key=WORST_FIRST.index)


async def _alone(keepers: Sequence[Keeper], stop: asyncio.Event) -> bool:
    """Say whether no other daemon has any of the computers."""
    return all(await asyncio.gather(*(keeper.alone(stop) for keeper in keepers)))


class _Distinct:
    """Whether each lab.toml is of another computer and database. Where one is not, all end.

    Asked for each that has been read; which may be late, where no process could be begun for it.
    """

    def __init__(self, keepers: Sequence[Keeper], stop: asyncio.Event) -> None:
        self.twice = list[str]()
        self._keepers, self._stop = keepers, stop
        for keeper in keepers:
            keeper.distinct = self

    def __call__(self) -> bool:
        if not self.twice:
            self.twice = [*_twice(self._keepers, "computer"), *_twice(self._keepers, "database")]
            tell(*self.twice)
        if self.twice:
            self._stop.set()
        return not self.twice


def _keepers(
    labs: Sequence[Path], records: Sequence[Record], command: Sequence[str], spare: Spare | None
) -> list[Keeper]:
    several = len(labs) > 1
    return [
        Keeper(lab, _text(lab), record, named=several, command=command, spare=spare)
        for lab, record in zip(labs, records, strict=True)
    ]


def _quiet(keepers: Sequence[Keeper], stop: asyncio.Event) -> Callable[[], bool]:
    """Return what says whether no computer's process is starting or ending."""
    return lambda: not stop.is_set() and all(keeper.settled for keeper in keepers)


def _twice(keepers: Sequence[Keeper], what: Literal["computer", "database"]) -> list[str]:
    """Say of which computer, or database, there are two: they would undo each other's work."""
    words, first = list[str](), dict[str, Path]()
    for keeper in keepers:
        name = getattr(keeper, what)
        if name in first:
            words += _both(first[name], keeper.lab, what, name)
        elif name:
            first[name] = keeper.lab
    return words


def _both(
    first: Path, second: Path, what: Literal["computer", "database"], name: str
) -> Iterable[str]:
    """Yield what is said of two files that share a computer or a database, and what to do."""
    if first.resolve() != second.resolve():
        key = "[computer] name" if what == "computer" else "[store] database"
        yield (
            f'{first} and {second}: {what} "{name}" is in both; give each its own {key}, '
            "or leave one of them out"
        )
    elif what == "computer":  # which is said once
        yield f"{first} and {second} are one file; name it once"


def _text(lab: Path) -> str | None:
    """Return the text of a lab.toml; None where reading it will have something to say."""
    with contextlib.suppress(OSError, ValueError):
        if lab.stat().st_size <= LARGEST:
            return lab.read_text(encoding="utf-8-sig")
    return None


async def _all_read(keepers: Sequence[Keeper], tasks: Sequence[asyncio.Task[Code]]) -> None:
    """Wait until each lab.toml has been read, or its process has ended for good."""

    async def one(keeper: Keeper, task: asyncio.Task[Code]) -> None:
        reading = asyncio.create_task(keeper.read.wait())
        await asyncio.wait({reading, task}, return_when=asyncio.FIRST_COMPLETED)
        reading.cancel()

    await asyncio.gather(*(one(k, t) for k, t in zip(keepers, tasks, strict=True)))


@asynccontextmanager
async def _telling(
    notify: Notify, keepers: Sequence[Keeper], stop: asyncio.Event
) -> AsyncIterator[None]:
    """Tell the service manager: ready, alive as long as every loop turns, and at last stopping.

    Who could not tell it any more would be killed by it, so that the daemon ends by itself then.
    """
    notify.say("READY=1")
    task = asyncio.create_task(_feed(notify, keepers, stop), name="watchdog")
    task.add_done_callback(lambda _: stop.set())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
    if not task.cancelled():
        task.result()


async def _feed(notify: Notify, keepers: Sequence[Keeper], stop: asyncio.Event) -> None:
    """Feed the watchdog only while the loop of every computer turns, and this one does.

    Say also again what found no room beside a database.
    """
    said, pause = "", min(FEED, (notify.watchdog or FEED) / 3)
    stopping = False
    while True:
        if stop.is_set() and not stopping:
            notify.say("STOPPING=1", "STATUS=switching all outputs off")
            for keeper in keepers:
                keeper.only.say(ends=True)
            stopping = True
        for keeper in keepers:
            keeper.only.again()
        status = "; ".join(f"{keeper.name}: {keeper.doing}" for keeper in keepers)
        news = [f"STATUS={status}"] if status != said else []
        alive = ["WATCHDOG=1"] if notify.watchdog and all(k.turning for k in keepers) else []
        if news or alive:
            notify.say(*news, *alive)
            said = status
        await (asyncio.sleep(pause) if stopping else _either(stop, pause))


async def _either(stop: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until it is to stop."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
