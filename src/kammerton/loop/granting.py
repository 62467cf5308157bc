"""Granting what a person asked to have measured: next, as soon as what it rests on is known."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from kammerton.loop.planner import Plan
from kammerton.loop.wishes import (
    ABORTED,
    ENDED,
    TOO_LATE,
    WAITED_FOR,
    Later,
    Wish,
    Wishes,
    after_abort,
    given_up,
)
from kammerton.model import CalibrationError, KammertonError
from kammerton.store.rows import run_number

LOOKS, LOOK = 15, 0.1
"""Looks, and s between them: by then the leases have been read again since a release."""


@dataclass(frozen=True)
class Granting:
    """Measures what is wished for, whatever it is worth, and says what came of it.

    held: says who holds what a wish is about; "": nobody. follow: believes what is in the store by
    now. planned: what a wish means then, or why it cannot be granted. attempt: runs a plan; returns
    the run, or why there is none. go_on: does what is worth most otherwise; False when nothing is.
    leave: why the loop shall end; "": it goes on. withheld: why the latest run replaces nothing; ""
    where it does.
    """

    wishes: Wishes
    held: Callable[[Wish], str]
    follow: Callable[[], Awaitable[object]]
    planned: Callable[[Wish], Plan | str]
    attempt: Callable[[Plan], Awaitable[str]]
    go_on: Callable[[], Awaitable[bool]]
    leave: Callable[[], str]
    withheld: Callable[[], str]

    async def grant(self, wish: Wish) -> None:
        """Measure what was wished for, and answer; also where that is cancelled.

        Raises
        ------
        KammertonError
            What ends the loop.
        """
        words, done = "", False
        try:
            words = await self._granted(wish)
            done = run_number(words) is not None
            if done and (why := self.withheld()):
                words = f"{words}; {why}"
        except CalibrationError as failure:
            words = str(failure)
        except KammertonError as failure:
            words = given_up(str(failure))
            raise
        finally:
            self.wishes.answer(wish, words or given_up(self.leave() or ENDED), done=done)

    async def _granted(self, wish: Wish) -> str:
        until = time.monotonic() + WAITED_FOR
        await self.follow()
        plan = await self._whose(wish) or self.planned(wish)
        if isinstance(plan, Later):
            plan = await self._ready(wish, until, plan)
        words = plan if isinstance(plan, str) else await self.attempt(plan)
        if not words.startswith(ABORTED):
            return words
        plan = await self._ready(wish, until, TOO_LATE)
        again = plan if isinstance(plan, str) else await self.attempt(plan)
        return after_abort(words, again)

    async def _whose(self, wish: Wish) -> str:
        """Say who holds what a wish is about; whoever asked may have given it back just before."""
        for _ in range(LOOKS):
            if not self.held(wish) or self.leave():
                break
            await asyncio.sleep(LOOK)
        return self.held(wish)

    async def _ready(self, wish: Wish, until: float, late: str) -> Plan | str:
        """Return the plan as soon as what it rests on is known again, or why there is none.

        The loop goes on as ever until then. until: monotonic s after which nobody waits for it;
        late: what is said then.
        """
        while not self.leave() and time.monotonic() < until:
            if held := self.held(wish):
                return held
            await self.follow()
            plan = self.planned(wish)
            if not isinstance(plan, Later) or not await self.go_on():
                return plan
        return self.leave() or late
