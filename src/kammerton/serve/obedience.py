"""Commands from the broker, handed to the same inbox as those of the command line."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from types import MappingProxyType

from kammerton.lab import members
from kammerton.model import StoreError, StoreUnavailable
from kammerton.publish.commands import Command
from kammerton.publish.obeying import Obey
from kammerton.store import Inbox
from kammerton.store.errands import ERRANDS
from kammerton.store.inbox import SeenBefore
from kammerton.store.place import Place
from kammerton.store.request import are, not_left, of, scopes

log = logging.getLogger(__name__)

PATIENCE, PERIOD = 10.0, 0.1
GIVEN_UP = "given up: not done in time"
ACCEPTED = "it comes next: the result comes as a run, and why there is none stands in the audit log"
BRIEF = 3.0  # s to hear of a refusal of what lasts: other commands wait meanwhile


def obedient(database: Place, groups: Mapping[str, Sequence[str]] = MappingProxyType({})) -> Obey:
    """Return what does a command: as somebody at the command line would, audited under the name.

    groups: of lab.toml; it is their members that are held.
    """

    async def obey(command: Command) -> tuple[bool | None, str]:
        try:
            return await asyncio.to_thread(_asked, database, _each(command, groups))
        except StoreError as problem:
            return False, _logged(command, str(problem))

    return obey


def _each(command: Command, groups: Mapping[str, Sequence[str]]) -> Command:
    """Return a command with the members of groups in their place."""
    if command.verb not in ("hold", "release"):
        return command
    others = {n: each for n, each in command.arguments.items() if n not in ("scope", "targets")}
    return replace(command, arguments=of(members(groups, scopes(command.arguments))) | others)


def _logged(command: Command, words: str) -> str:
    """Log what came of a command that nobody took up, who would have logged it; return that."""
    log.warning("%s over MQTT asks to %s: %s", command.user, command.verb, words)
    return words


def _asked(database: Place, command: Command) -> tuple[bool | None, str]:
    with ExitStack() as stack:
        try:
            inbox = stack.enter_context(Inbox(database))
            number = _left(inbox, command)
        except SeenBefore:  # it was done then, and may be held
            raise
        except StoreError as problem:
            raise StoreError(not_left(command.verb, str(problem))) from problem
        end = time.monotonic() + (BRIEF if command.verb in ERRANDS else PATIENCE)
        while True:
            late = time.monotonic() > end
            try:
                if (said := _looked(inbox, number, command, late=late)) is not None:
                    return said
            except StoreUnavailable as problem:  # it may be read again, and is done then
                if late:
                    return None, _logged(command, f"outcome unknown, it may be done yet: {problem}")
            time.sleep(PERIOD)


def _left(inbox: Inbox, command: Command) -> int:
    """Leave what is asked for; return its number."""
    who, word = f"{command.user} over MQTT", f"{command.user} {command.nonce}"
    return inbox.ask(command.verb, command.arguments, who, word)


def _looked(
    inbox: Inbox, number: int, command: Command, *, late: bool
) -> tuple[bool | None, str] | None:
    """Return what came of a request (None: unknown), or nothing where it is waited for.

    late: that is over.
    """
    found = inbox.request(number)
    if found.answer is not None:
        named = found.done and command.verb in ERRANDS  # the run; what is withheld the log says
        return found.done, found.answer.partition("; ")[0] if named else found.answer
    if found.kept:
        return True, f"{are(scopes(found.arguments))} held; that is recorded later"
    if not late:
        return None
    if command.verb in ERRANDS and inbox.taken_up(number):
        return True, ACCEPTED
    if inbox.give_up(number, GIVEN_UP):
        return False, _logged(command, not_left(command.verb, GIVEN_UP))
    if inbox.request(number).answer is None:
        return None, "under way, outcome unknown"
    return _looked(inbox, number, command, late=False)
