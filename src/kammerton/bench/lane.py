"""A lane: the one thread that owns one instrument."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field
from typing import Any, TypeVar

from kammerton.model import InstrumentError

T = TypeVar("T")


@dataclass(eq=False)
class _Call:
    """A call and how long it may take: from now, or `queued`, from when the lane begins it."""

    fn: Callable[..., Any]
    args: tuple[Any, ...]
    timeout: float | None = None
    queued: bool = False
    since: float = field(default_factory=time.monotonic)
    left: bool = False  # hung up on: nothing of the lane depends on it any more
    future: Future[Any] = field(default_factory=Future)
    begun: Future[None] = field(default_factory=Future)

    @property
    def name(self) -> str:
        return getattr(self.fn, "__qualname__", None) or repr(self.fn)

    @property
    def remaining(self) -> float:
        """The s that are left of its time since it was begun; infinite where nothing limits it."""
        if self.timeout is None or not self.future.running():
            return math.inf
        return self.since + self.timeout - time.monotonic()

    @property
    def overdue(self) -> bool:
        """Whether it was begun and has outlived its time, whoever still waits for it."""
        return self.remaining < 0

    def hurry(self, seconds: float) -> None:
        """Let it have no more than so many s from now."""
        if self.timeout is not None:
            self.timeout = min(self.timeout, time.monotonic() - self.since + seconds)

    def perform(self) -> None:
        if self.queued:
            self.since = time.monotonic()
        if not self.future.set_running_or_notify_cancel():
            return
        self.begun.set_result(None)
        try:
            self.future.set_result(self.fn(*self.args))
        except BaseException as error:  # noqa: BLE001 - raised again in whoever waits for the future
            self.future.set_exception(error)


MANY = 64
"""Threads of one instrument that hang, each in a call that was left behind: one more is too many
for a process that shall run for months, and it ends."""

_loose = list[tuple[str, _Call, float]]()
_behind = list[tuple[str, _Call]]()


def _leave(name: str, call: _Call, loose: float | None) -> None:
    """Take note of a call that is left behind; see `Lane.rebuild`."""
    _behind[:] = [each for each in _behind if not each[1].future.done()]
    _behind.append((name, call))
    if loose is None and sum(each[0] == name for each in _behind) > MANY:
        loose = 0.0
    if loose is not None:
        _loose.append((name, call, time.monotonic() + loose))


def beyond_reach(lane: str | None = None) -> list[str]:
    """Say which calls of a lane hang and may yet do what they were begun for.

    A driver that hangs in C code without a line that one could hang up on: nothing but the end of
    the process ends it. Without a lane: those of all, whose time until that end has passed.
    """
    _loose[:] = [each for each in _loose if not each[1].future.done()]
    now = time.monotonic()
    found = [each for each in _loose if each[0] == lane or (lane is None and each[2] <= now)]
    return [f"{name}: {call.name} hangs, and nothing can hang up on it" for name, call, _ in found]


class _Worker:
    """A thread of a lane; a daemon, since a call that hangs must not keep the process alive.

    calls: what waits in the lane; None ends the thread that takes it. news: held to begin a call or
    to leave a thread behind, so that none begins a call which another should.
    """

    def __init__(self, name: str, calls: deque[_Call | None], news: threading.Condition) -> None:
        self._calls, self._news = calls, news
        self.current: _Call | None = None
        self.left = False
        self.thread = threading.Thread(target=self._work, name=f"lane {name}", daemon=True)
        try:
            self.thread.start()
        except RuntimeError as problem:  # the system has no more: it may have some again
            raise InstrumentError(f"{name}: {problem}", instrument=name) from problem

    def _work(self) -> None:
        while (call := self._next()) is not None:
            call.perform()
            del call  # a finished call's result and traceback must not live until the next one

    def _next(self) -> _Call | None:
        with self._news:
            self.current = None
            self._news.wait_for(lambda: self.left or self._calls)
            if not self.left:
                self.current = self._calls.popleft()
            return self.current


class Lane:
    """Calls to one instrument, one after the other, in one dedicated thread.

    A caller that is cancelled or runs into its timeout leaves; its call goes on in the thread and
    the next one waits behind it, so that two calls never talk at once. After a timeout nobody
    knows what the session will answer next: the lane refuses until `rebuild`. A call whose caller
    left earlier keeps its time, and hangs when that has passed: else nobody would ever say so.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._poison: str | None = None
        self._closed = False
        self._calls = deque[_Call | None]()
        self._news = threading.Condition()
        with self._news:  # no call begins before it is known whose it is
            self._worker = _Worker(name, self._calls, self._news)

    @property
    def poisoned(self) -> str | None:
        """What hangs or hung, in words; None when the lane is sound."""
        hanging = self._worker.current
        if self._poison is None and hanging is not None and hanging.overdue:
            self._poison = _words(hanging, hanging.timeout)
        return self._poison

    async def run(
        self,
        fn: Callable[..., T],
        *args: Any,
        timeout: float | None = None,  # noqa: ASYNC109 - a deadline of the lane: passing it poisons
        queued: bool = False,
    ) -> T:
        """Call `fn(*args)` in the lane's thread and return what it returns.

        timeout: s, counted from now, waiting for earlier calls included; None for no limit.
        queued: count from when the lane begins this call; who must not wait for long cancels.

        Raises
        ------
        InstrumentError
            The call did not end in time, an earlier one did not, or the lane is closed.
        """
        call = self._submit(_Call(fn, args, timeout, queued))
        if queued:
            await _begun(call)
        try:
            async with asyncio.timeout(timeout) as deadline:
                return await asyncio.wrap_future(call.future)
        except TimeoutError as error:
            if not deadline.expired():
                raise  # the instrument's own
            raise self._poisoned_by(call, timeout) from error

    def call(self, fn: Callable[..., T], *args: Any, timeout: float | None = None) -> T:
        """Do the same as `run`, blocking; for connecting and tools without an event loop."""
        call = self._submit(_Call(fn, args, timeout))
        try:
            return call.future.result(timeout)  # type: ignore[no-any-return]
        except FutureTimeoutError as error:
            if call.future.done():
                raise
            call.future.cancel()
            raise self._poisoned_by(call, timeout) from error

    @property
    def left_behind(self) -> bool:
        """Whether the call that asks this was hung up on while it was performed."""
        return threading.current_thread() is not self._worker.thread

    @property
    def under_way(self) -> Future[Any] | None:
        """What is performed now; done when its thread has returned from it."""
        current = self._worker.current
        return None if current is None else current.future

    @property
    def remaining(self) -> float:
        """The s until what is under way has outlived its time, whoever waits for it."""
        current = self._worker.current
        return math.inf if current is None else current.remaining

    def hurry(self, seconds: float) -> None:
        """Let what is under way or waits have no more than so many s: an output shall go off."""
        with self._news:
            for call in (self._worker.current, *self._calls):
                if call is not None:
                    call.hurry(seconds)

    def rebuild(self, *, loose: float | None = None) -> None:
        """Start a fresh thread for all that waits, in its order. Needs a new session.

        The old one ends when its call does, and begins none: two would talk at once. loose: nobody
        can hang up on that call, and the process may live with it for so many s; see
        `beyond_reach`.

        Raises
        ------
        InstrumentError
            The system has no thread left. The old one goes on if its call ends.
        """
        with self._news:
            if self._closed:
                return
            self._poison, hanging = None, self._worker.current
            if hanging is not None:
                _leave(self.name, hanging, loose)  # first: it is so though no thread follows
            left, self._worker = self._worker, _Worker(self.name, self._calls, self._news)
            left.left = True
            if hanging is not None:
                hanging.left = True
            self._news.notify_all()

    def close(self, timeout: float = 2.0) -> None:
        """End the thread after the calls under way, waiting `timeout` s at most."""
        with self._news:
            if not self._closed and (call := self._worker.current) is not None:
                _leave(self.name, call, None)  # which may never end: an opening that hangs
            self._closed = True
            self._put(None)
        if self.poisoned is None:
            self._worker.thread.join(timeout)

    def _submit(self, call: _Call) -> _Call:
        if self._closed:
            raise InstrumentError(f"{self.name}: the connection is closed")
        if poison := self.poisoned:
            raise InstrumentError(f"{self.name}: {poison}; the connection must be rebuilt")
        self._put(call)
        return call

    def _put(self, call: _Call | None) -> None:
        with self._news:
            self._calls.append(call)
            self._news.notify_all()

    def _poisoned_by(self, call: _Call, timeout: float | None) -> InstrumentError:
        hanging = call if call.left else self._worker.current or call
        words = _words(hanging, timeout)
        if not call.left:
            self._poison = words
        return InstrumentError(f"{self.name}: {words}")


def _words(call: _Call, timeout: float | None) -> str:
    return f"{call.name} did not return within {timeout:.3g} s"


async def _begun(call: _Call) -> None:
    """Wait until the lane begins a call; one that nobody waits for any more never begins."""
    try:
        await asyncio.shield(asyncio.wrap_future(call.begun))
    except asyncio.CancelledError:
        call.future.cancel()
        raise
