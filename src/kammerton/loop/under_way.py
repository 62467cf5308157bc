"""The run that is under way: a task of its own, so that it may be given up and the loop goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from kammerton.model import Run


class Interrupted(Exception):
    """A run was given up because somebody said so."""


class UnderWay:
    """Knows what is being measured now, and gives it up when told."""

    def __init__(self) -> None:
        self._task: asyncio.Task[Run] | None = None
        self._names = frozenset[str]()
        self._why: str | None = None

    @property
    def measured(self) -> frozenset[str]:
        """The elements that are being measured now."""
        return self._names if self._task else frozenset()

    def interrupt(self, why: str) -> None:
        """Give up the run under way; nothing of it is stored."""
        if self._task is not None:
            self._why = why
            self._task.cancel()

    async def run(self, names: frozenset[str], work: Coroutine[Any, Any, Run]) -> Run:
        """Await a run that measures these elements.

        Raises
        ------
        Interrupted
            Somebody said so, and nobody else cancelled it.
        """
        self._names, self._why = names, None
        self._task = asyncio.ensure_future(work)
        try:
            return await self._task
        except asyncio.CancelledError:
            myself = asyncio.current_task()
            if self._why is None or (myself is not None and myself.cancelling()):
                raise
            raise Interrupted(self._why) from None
        finally:
            self._task = None
