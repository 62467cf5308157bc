"""Commands from the broker, handed to the same inbox as those of the command line."""

from __future__ import annotations

import asyncio
import time

from kammerton.model import StoreError
from kammerton.publish.commands import Command
from kammerton.publish.obeying import Obey
from kammerton.store import Inbox
from kammerton.store.errands import ERRANDS
from kammerton.store.place import Place

PATIENCE, PERIOD = 10.0, 0.1
BRIEF = 3.0  # s to hear of a refusal of what lasts: other commands wait meanwhile


def obedient(database: Place) -> Obey:
    """Return what does a command: as somebody at the command line would, audited under the name."""

    async def obey(command: Command) -> tuple[bool, str]:
        try:
            return await asyncio.to_thread(_asked, database, command)
        except StoreError as problem:
            return False, str(problem)

    return obey


def _asked(database: Place, command: Command) -> tuple[bool, str]:
    with Inbox(database) as inbox:
        who, word = f"{command.user} over MQTT", f"{command.user} {command.nonce}"
        number = inbox.ask(command.verb, command.arguments, who, word)
        end = time.monotonic() + (BRIEF if command.verb in ERRANDS else PATIENCE)
        while (found := inbox.request(number)).answer is None:
            late = time.monotonic() > end
            if late and command.verb in ERRANDS and inbox.taken_up(number):
                return True, "it is measured next; the result comes as a run"
            given_up = late and inbox.give_up(number, "given up: not done in time")
            if late and not given_up and inbox.request(number).answer is None:
                return False, "under way, outcome unknown"
            time.sleep(PERIOD)
    return bool(found.done), found.answer or ""
