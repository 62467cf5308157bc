"""Granting what persons asked to have measured: next, as soon as what it rests on is known."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from kammerton.loop.own_code import traceback_logged
from kammerton.loop.planner import Plan
from kammerton.loop.wishes import ABORTED, ENDED, Later, Wish, Wishes, given_up
from kammerton.model import CalibrationError, KammertonError
from kammerton.store.rows import run_number

LOOKS, LOOK = 15, 0.1
"""Looks, and s between them: by then the leases have been read again since a release."""


@dataclass(frozen=True)
class Granting:
    """Measures what is wished for, whatever it is worth, and says what came of it.

    held: says who holds what a wish is about; "": nobody. follow: believes what is in the store by
    now. planned: what a wish means then, or why it cannot be granted. attempt: runs a plan for a
    wish; returns the run, or why there is none. leave: why the loop shall end; "": it goes on.
    withheld: why the latest run replaces nothing; "" where it does.
    """

    wishes: Wishes
    held: Callable[[Wish], str]
    follow: Callable[[], Awaitable[object]]
    planned: Callable[[Wish], Plan | str]
    attempt: Callable[[Plan, Wish], Awaitable[str]]
    leave: Callable[[], str]
    withheld: Callable[[], str]

    async def grant(self) -> tuple[bool, bool]:
        """Grant the oldest wish that need not wait; return whether one was, and if one waits.

        It is answered, also where that is cancelled. One that must wait stands in nobody's way.

        Raises
        ------
        KammertonError
            What ends the loop.
        """
        waits = False
        if self.wishes.waiting():
            await self.follow()
        for wish in self.wishes.waiting():
            plan = await self._plan(wish)
            if self.leave():
                break
            if not isinstance(plan, Later):
                await self._granted(wish, plan)
                return True, waits
            self.wishes.later(wish, plan)
            waits = True
        return False, waits

    async def _plan(self, wish: Wish) -> Plan | str:
        """Return what a wish means now; whoever asked may have given it back just before."""
        for _ in range(LOOKS):
            if not self.held(wish) or self.leave():
                break
            await asyncio.sleep(LOOK)
        try:
            return self.held(wish) or self.planned(wish)
        except CalibrationError as failure:
            traceback_logged(failure)
            return str(failure)

    async def _granted(self, wish: Wish, plan: Plan | str) -> None:
        words, done = "", False
        try:
            words = plan if isinstance(plan, str) else await self.attempt(plan, wish)
            done = run_number(words) is not None
            if done and (why := self.withheld()):
                words = f"{words}; {why}"
        except CalibrationError as failure:
            words = str(failure)
        except KammertonError as failure:
            words = given_up(str(failure))
            raise
        finally:
            if wish.aborted or not words.startswith(ABORTED):  # else it waits for a second run
                ended = given_up(self.leave() or ENDED)
                self.wishes.answer(wish, words or ended, done=done)
