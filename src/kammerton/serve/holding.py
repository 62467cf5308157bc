"""Hands off: a person always wins, at the next safe point or at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

from kammerton.bench.beside import beside
from kammerton.bench.guard import COMPUTER, said
from kammerton.bench.tasks import settled, unbroken
from kammerton.lab import Lab, holdable
from kammerton.model import LastingFault, StoreError, StoreLost, StoreUnavailable
from kammerton.model.alarm import DAMAGED, DATABASE, Alarm, Tell, unheard
from kammerton.model.lasting import Lasting
from kammerton.serve.remembered import Remembered
from kammerton.store import Store
from kammerton.store.held_again import held_again
from kammerton.store.kept import asked_leases
from kammerton.store.leases import DAEMON
from kammerton.store.request import Request, scopes
from kammerton.store.rows import Lease

if TYPE_CHECKING:  # who only switches off does without, and loads in half the time
    from kammerton.loop import Loop

log = logging.getLogger(__name__)

GRACE = 3.5  # s that a run under way may go on; with the looks at requests and leases, 5 s in all
PERIOD = 0.5  # s between looks at the leases

AGAIN, SPACING = 1.0, 0.1
"""s within which leases that could not be read are looked at again, and between those looks."""

REQUESTS = "requests that nobody has read"
"""The owner of the hold while requests cannot be read. No person is known to be at the bench."""

SWITCHED_OFF = frozenset({DAEMON, REQUESTS})
"""Owners of holds that are no person's: outputs that may be on are switched off all the same."""


class Holds:
    """The leases of a computer as they were last read, and who waits for what.

    alarm: hears of each instrument that the daemon has set aside, until a person releases it.
    """

    def __init__(
        self, lab: Lab, store: Store, doing: Callable[[str], object], alarm: Tell = unheard
    ) -> None:
        self._lab, self._store, self._doing, self._alarm = lab, store, doing, alarm
        self._aside: frozenset[str] = frozenset()
        self._remembered, self._unkept = Remembered(store), ""
        self._unread: tuple[Lease, ...] = ()
        self._blind, self._mute = Lasting(log), Lasting(log)
        self.leases: tuple[Lease, ...] = (_unread("the leases have not been read yet"),)
        self._read_once = False
        self._reading, self._certain = asyncio.Lock(), asyncio.Event()
        self._certain.set()
        self._at_once: set[str] = set()
        self._since: dict[str, float] = {}
        self._asked: dict[int, tuple[Lease, ...]] = {}
        self._answered: frozenset[int] = frozenset()
        self._seen: frozenset[int] = frozenset()

    def __call__(self) -> tuple[Lease, ...]:
        """Return the leases, as the gate asks for them."""
        return (*self.leases, *chain(*self._asked.values()), *self._unread)

    async def certain(self) -> None:
        """Wait while a look at the leases has failed and the next is not done: see `_look`."""
        await self._certain.wait()

    def elements(self) -> frozenset[str]:
        """Return everything that is held, as the loop asks for it."""
        return frozenset(lease.scope for lease in self())

    def whose(self, scope: str) -> str:
        """Say who holds something, and why."""
        return next((said(lease) for lease in self() if lease.scope == scope), f"{scope} is free")

    def on_bench(self) -> Lease | None:
        """Return a lease on the computer or an instrument, a person's rather than another."""
        mine = {COMPUTER, *self._lab.instruments}
        found = [lease for lease in self() if lease.scope in mine]
        return min(found, key=lambda lease: lease.owner in SWITCHED_OFF, default=None)

    def aside(self) -> frozenset[str]:
        """Return the instruments that the daemon has set aside."""
        mine = frozenset(lease.scope for lease in self.leases if lease.owner == DAEMON)
        return mine & self._lab.instruments.keys()

    async def set_aside(self, fault: LastingFault) -> None:
        """Hold an instrument in the daemon's name until a person releases it; return when it is.

        Raises
        ------
        StoreError
            That cannot be written, and no person holds the bench.
        """
        scope = str(fault.instrument)
        why = f"{fault.error}; {fault.remedy}, then: kammerton release {scope}"
        log.error("%s is set aside: %s", scope, why)
        while True:
            try:
                await asyncio.to_thread(self._store.hold, scope, DAEMON, why)
                break
            except StoreUnavailable as problem:
                self._doing(f"{scope} is to be set aside: {problem}")
                await asyncio.sleep(PERIOD)
            except StoreError as problem:
                await self._read()
                if self.on_bench() is None:
                    if not isinstance(problem, StoreLost):
                        raise
                    await asyncio.sleep(PERIOD)  # a look at the requests has all held soon
                    continue
                return  # it is a person's, who knows more
        self.leases = (*self.leases, Lease(0, scope, DAEMON, why, datetime.now(UTC), None))
        await self._read()

    def told(self, request: Request) -> None:
        """Take note of a hold that cannot wait for a safe point."""
        if request.verb == "hold" and request.arguments.get("now"):
            self._at_once |= {*scopes(request.arguments)}

    def asked(self, requests: Collection[Request]) -> Collection[int]:
        """Count as held what is asked for, until it is recorded or refused; return what counts.

        One that has its answer counts until the leases were read after that.
        """
        found = {each.number: each for each in requests}
        self._answered |= self._asked.keys() - found.keys()
        known = holdable(self._lab)
        for number, each in found.items():
            leases = asked_leases(each)
            if not leases:
                self._asked.pop(number, None)  # it has ended before it was recorded
            elif number not in self._asked and known.issuperset(lease.scope for lease in leases):
                self._asked[number] = leases
                self.told(each)
        return self._asked.keys()

    def unread(self, why: str | None) -> None:
        """Count the computer as held while requests cannot be read: a hold may be among them.

        Called at every look; the alarm is raised when the reason changes.
        """
        subject = self._requests()
        if why is not None:
            if self._store.lost:  # whoever met the damage
                self._alarm(Alarm(DATABASE, self._lab.computer, why, causes=DAMAGED))
            words = f"the requests cannot be read, and a hold may be among them: {why}"
            if [each.why for each in self._unread] != [words]:
                self._alarm(Alarm("requests", subject, words))
            self._unread = (_unread(words, REQUESTS),)
        elif self._unread:
            self._unread = ()
            self._alarm(_over("requests", subject))

    @asynccontextmanager
    async def followed(self) -> AsyncIterator[None]:
        """Read the leases now, and again and again meanwhile."""
        await self._read()
        await self._remember()
        await self._mark()
        async with beside(self._follow(), "leases"):
            yield

    async def free(self, outputs: str) -> None:
        """Wait until nobody holds the computer or one of its instruments, saying who does.

        outputs: what is known of them meanwhile, in words.
        """
        waited = False
        while (lease := self.on_bench()) is not None:
            if not waited:
                log.info("hands off: %s; %s", said(lease), outputs)
            waited = True
            await self._say(f"hands off: {said(lease)}; {outputs}")
            await asyncio.sleep(PERIOD)
        if waited:
            log.info("all instruments are free again; they are set up anew")

    async def obeyed(self, loop: Loop, work: Coroutine[Any, Any, Any]) -> Mapping[str, str] | None:
        """Await the loop's work; None when it left because a person wants the instruments."""
        task = asyncio.ensure_future(work)
        try:
            while not task.done():
                self._obey(loop, task)
                await asyncio.wait({task}, timeout=PERIOD)
        finally:
            await unbroken(settled(task))
        if not task.cancelled() and (failure := task.exception()) is not None:
            raise failure
        return None if loop.leave else task.result() or {}

    def _obey(self, loop: Loop, task: asyncio.Future[Any]) -> None:
        lease = self.on_bench()
        if lease is not None:
            loop.leave = said(lease)
            if self._over(lease):
                task.cancel()
        for lease in self():
            if lease.scope in loop.measured and self._over(lease):
                loop.interrupt(said(lease))

    def _over(self, lease: Lease) -> bool:
        """Say whether the time to come to a safe point is over for a lease."""
        now = asyncio.get_running_loop().time()
        began = self._since.setdefault(lease.scope, now)
        return lease.scope in self._at_once or now - began >= GRACE

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(PERIOD)
            await self._read()
            await self._remember()
            await self._mark()

    async def _mark(self) -> None:
        """Note which holds that were over hold again: they will be given back once more."""
        held = tuple(each for each in self.leases if each.number > 0)
        try:
            if new := [each for each in held if each.number not in self._seen]:
                await asyncio.to_thread(held_again, self._store, new)
        except StoreError as problem:  # the next look does it
            self._mute.failed(f"whether what is held was given back before is not known: {problem}")
            return
        self._seen = frozenset(each.number for each in held)

    async def _remember(self) -> None:
        """Keep which alarms are on, and tell those over that an earlier process left on."""
        if not self._read_once:
            return  # nobody knows yet what is set aside
        on = {("set aside", scope) for scope in self._aside}
        on |= {("requests", self._requests()) for _ in self._unread}
        try:
            named = frozenset(": ".join(each) for each in on)
            over = await asyncio.to_thread(self._remembered.keep, named)
        except Exception as problem:  # noqa: BLE001 - whatever it is: no reason to let go
            if str(problem) != self._unkept:
                log.warning("which alarms are on is not kept yet: %s", problem)
            self._unkept = str(problem)
            return
        for each in sorted(over):
            kind, _, subject = each.partition(": ")
            self._alarm(_over(kind, subject, earlier=True))

    def _requests(self) -> str:
        return f"requests to {self._lab.computer}"

    async def _read(self) -> None:
        """Read the leases; while nobody knows what is held, everything is.

        A lock or a lost server that may pass leaves what was read before: meanwhile no hold can
        be acknowledged either. One at a time: the latest answer is the latest asked for.
        """
        async with self._reading:
            try:
                await self._read_alone()
            finally:
                self._certain.set()

    async def _read_alone(self) -> None:
        marked = set(self._at_once)  # what is marked from now on, this look may not have seen
        answered = self._answered
        began = asyncio.get_running_loop().time()
        try:
            self.leases = await self._look()
            self._asked = {n: each for n, each in self._asked.items() if n not in answered}
            self._answered -= answered
            self._read_once = True
            self._blind.over("leases can be read again")
            self._at_once -= marked - self.elements()
            self._tell({each.scope: each.why for each in self.leases if each.owner == DAEMON})
        except Exception as problem:  # noqa: BLE001 - whatever it is: what is held is not known
            self._blind.failed(f"leases cannot be read: {type(problem).__name__}: {problem}")
            if not (self._read_once and isinstance(problem, StoreUnavailable)):
                self.leases = self._blindly(f"the leases cannot be read: {problem}")
        self._since = {each.scope: self._since.get(each.scope, began) for each in self()}

    async def _look(self) -> tuple[Lease, ...]:
        """Return the leases. A look that fails is repeated for a second before that is raised.

        What plays plays on meanwhile, and nothing is written: whoever would waits for `certain`.
        The time that a hold has counts from the first of the looks.
        """
        try:
            return await asyncio.to_thread(self._store.leases)
        except StoreUnavailable:
            raise
        except Exception as problem:
            if not self._read_once:
                raise  # everything is held as it is
            self._certain.clear()
            self._blind.failed(f"leases cannot be read, and are looked at again: {problem}")
            try:
                async with asyncio.timeout(AGAIN):
                    found = await self._again()
            except TimeoutError:
                raise problem from None
            except BaseException:
                self.leases = self._blindly("the leases were being looked at again")
                raise
            return found

    def _blindly(self, why: str) -> tuple[Lease, ...]:
        """Return what was read before, too: what a qubit keeps stays where its person has it."""
        return (*(each for each in self.leases if each.number > 0), _unread(why))

    async def _again(self) -> tuple[Lease, ...]:
        while True:
            await asyncio.sleep(SPACING)
            with suppress(Exception):  # that they could not be read is in the log already
                return await asyncio.to_thread(self._store.leases)

    def _tell(self, aside: Mapping[str, str]) -> None:
        for scope in aside.keys() - self._aside:
            self._alarm(Alarm("set aside", scope, f"{scope} is set aside: {aside[scope]}"))
        for scope in self._aside - aside.keys():
            self._alarm(_over("set aside", scope))
        self._aside = frozenset(aside)

    async def _say(self, what: str) -> None:
        self._doing(what)
        try:
            await asyncio.to_thread(self._store.activity, what)
        except StoreError as problem:
            self._mute.failed(f"no heartbeat: {problem}")
        else:
            self._mute.over("heartbeats are written again")


def _over(kind: str, subject: str, *, earlier: bool = False) -> Alarm:
    """Return that an alarm is over. earlier: a process before this may have told it."""
    text = {
        "set aside": f"{subject} was released, or a person took it over; it is looked at anew",
        DATABASE: "a backup was put in its place",
    }.get(kind, "they can be read again")
    return Alarm(kind, subject, text, on=False, earlier=earlier)


def _unread(why: str, owner: str = "nobody knows whom") -> Lease:
    """Return the hold of what is not known: the whole computer."""
    return Lease(0, COMPUTER, owner, why, datetime.now(UTC), None)
