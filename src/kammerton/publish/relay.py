"""From the outbox to the broker: in order, acknowledged, and anew after every connect."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from typing import NoReturn

from kammerton.lab import Broker
from kammerton.model import BrokerError, StoreError
from kammerton.model.alarm import LASTS, Alarm, Tell
from kammerton.model.backoff import Backoff, pass_cancellation
from kammerton.publish import mqtt, payloads, received
from kammerton.publish.alarms import Alarms
from kammerton.publish.command_log import CommandLog
from kammerton.publish.commands import Command
from kammerton.publish.connection import Connect, Connection, Message
from kammerton.publish.mirror import Mirror
from kammerton.publish.obeying import Obey, Obeying
from kammerton.publish.patience import PAUSE, Patience
from kammerton.publish.received import Seal
from kammerton.publish.session import NOT_KNOWN, PutBack, Session, last_will
from kammerton.publish.tasks import first_to_end
from kammerton.publish.topics import Topics
from kammerton.publish.unforeseen import Unforeseen
from kammerton.store import Store
from kammerton.store.leases import DAEMON

log = logging.getLogger(__name__)

POLL = 1.0
"""Seconds after which the outbox is looked at even if no commit was announced."""

SLOW = 30.0
"""Seconds between attempts where a person must change something first."""

ECHO = 0.3
"""Seconds to wait for our own status: a broker may let us publish and not hear, or be far."""

UNTRIED = "not connected yet"


def _utc() -> datetime:
    return datetime.now(UTC)


async def nobody(command: Command) -> tuple[bool | None, str]:
    """Do no command."""
    return False, f"nobody here can {command.verb}"


class Relay:
    """Hands what the store commits to a broker. The broker is a cache, the store the record.

    now: laboratory time, for the quality of values. ahead: how far it is ahead of the wall,
    s, as it is meant to be. parameters: one retained topic for each parameter too.
    alarms: what is told over the broker; `alarm` hears the relay's own instead.
    obey: does commands, where lab.toml says who may send them. word: the status while connected,
    "online" or "safe mode". outputs: what its farewell says of them. boxes: which are ours. speaks:
    until it is set, nobody connects to the broker; None: it is. problem: why nothing is published
    now; None while connected.
    """

    def __init__(
        self,
        store: Store,
        broker: Broker,
        *,
        now: Callable[[], datetime] = _utc,
        ahead: Callable[[], float] = float,
        parameters: bool = True,
        connect: Connect = mqtt.connect,
        backoff: Backoff | None = None,
        alarms: Alarms | None = None,
        alarm: Tell | None = None,
        obey: Obey = nobody,
        word: str = "online",
        outputs: Callable[[], str] = lambda: NOT_KNOWN,
        speaks: asyncio.Event | None = None,
        boxes: Callable[[], Collection[str]] = tuple,
    ) -> None:
        self.problem: str | None = UNTRIED
        self.slow = SLOW
        self._store = store
        self._broker = broker
        self._topics = Topics(store.computer)
        self._now, self._ahead = now, ahead
        self._parameters = parameters
        self._connect = connect
        self._backoff = backoff or Backoff(longest=PAUSE)
        self._patience = Patience()
        self._mirror = Mirror()
        self._earlier = set[str]()
        self.alarms = alarms or Alarms()
        self._tell = alarm or self.alarms.tell
        self._obeying = Obeying(self._topics, obey, self._tell, CommandLog(store))
        self.unforeseen = Unforeseen(store, self._tell)
        self._word, self._outputs, self._speaks, self._boxes = word, outputs, speaks, boxes
        self._news = asyncio.Event()
        self._quiet = asyncio.Event()
        self._heard_us = asyncio.Event()

    @property
    def may_take(self) -> bool:
        """Whether the broker takes what is left now; or may yet, where an alarm waits for it."""
        silent = self._speaks is not None and not self._speaks.is_set()
        untold = self.problem == UNTRIED and self.alarms.untold
        return not silent and (self.problem is None or untold)

    async def drained(self) -> None:
        """Wait until the broker has acknowledged all that was committed before this call."""
        self._quiet.clear()
        self._news.set()
        await self._quiet.wait()

    async def run(self) -> None:
        """Relay until cancelled; then say "offline" and let the cancellation pass.

        A broker that is away, or a database that is locked or full, is waited for, with growing
        pauses; what is wrong is logged once and stays in `problem`. So is what nobody foresaw:
        nothing but the cancellation ends this.
        """
        if self._speaks is not None:
            await self._speaks.wait()
        loop = asyncio.get_running_loop()
        stop = self._store.on_commit(partial(loop.call_soon_threadsafe, self._news.set))
        try:
            while True:
                await self._attempt()
        finally:
            stop()
            await self._obeying.end()

    async def _attempt(self) -> None:
        self._backoff.begin()
        self.unforeseen.begin()
        pause = 0.0
        try:
            await self._connected()
        except (BrokerError, StoreError) as problem:
            pass_cancellation(problem)
            self._note(str(problem))
            if isinstance(problem, BrokerError) and problem.refused:
                pause = self.slow
                self._tell(Alarm("broker", self._broker.host, str(problem)))
        except Exception as error:  # noqa: BLE001 - it is told, and a daemon lives on for a month
            pass_cancellation(error)
            self.problem = f"{type(error).__name__}: {error}"
            pause = await self.unforeseen.met(error)
        await asyncio.sleep(max(pause, self._backoff.next()))

    async def _connected(self) -> None:
        head = await asyncio.to_thread(self._store.snapshot)
        will = last_will(self._topics, head, self._now(), self._store.note)
        async with self._connect(self._broker, will, self._patience) as connection:
            self._mirror, self._heard_us = Mirror(), asyncio.Event()
            session = Session(
                connection, self._store, self._topics, self._now, self._parameters, self._mirror,
                self._word, self._outputs, self._ahead, self._boxes,
            )  # fmt: skip
            try:
                # Only who listens hears that a quiet line is dead.
                await self._obeying.begin(connection, self._broker)
                await first_to_end(
                    self._listen(connection),
                    self._relay(session),
                    self._obeying.serve(connection),
                    self._obeying.keep_log(),
                )
            except asyncio.CancelledError:
                await session.leave()
                raise

    async def _greet(self, session: Session) -> None:
        with self._missing():
            head = await session.arrive()
        await self._hear_what_is_retained()
        await session.tell(self.alarms)  # though nothing else may get out: they say why
        await session.forget(self._earlier)  # the new set replaces what says which they are
        with self._missing():
            self._patience.answered(await session.retain_set(head))

    async def _hear_what_is_retained(self) -> None:
        """Wait for our own status: what the broker retained came before it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(ECHO):
                await self._heard_us.wait()

    @contextmanager
    def _missing(self) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        except (BrokerError, asyncio.CancelledError):  # who listens may find it dead first
            self._patience.missed(time.monotonic() - began)
            raise

    async def _relay(self, session: Session) -> None:
        await self._greet(session)
        self._note(None)  # the line is known now: one lost from here on was not slow
        self._tell(Alarm("broker", self._broker.host, "it takes what is published", on=False))
        while True:
            self._news.clear()
            wait = await self._hand_over(session)
            await session.tell(self.alarms)
            await self.unforeseen.gone_on()
            if not wait and not self._news.is_set():
                self._quiet.set()
            await self._rest(wait or POLL)

    async def _hand_over(self, session: Session) -> float:
        """Hand over what is new; return the seconds until there is more to do.

        A database that cannot be read ends no connection: by it the alarm gets out that says so.
        """
        try:
            whole = await session.retain_parameters()
            await session.forget(self._earlier)
            if not await session.empty_outbox() or not whole:
                self._news.set()  # the rest comes as soon as snapshot and alarms are out
            wait = await session.renew_snapshot()
            insist = await session.insist()
        except PutBack as behind:
            await self._begin_anew(behind.published, behind.present)
        except StoreError as problem:
            pass_cancellation(problem)
            self._note(str(problem))
            return POLL
        if self.problem is not None:
            self._note(None)
        self._compare()
        return min(filter(None, (wait, insist)), default=0.0)

    async def _listen(self, connection: Connection) -> None:
        """Hear what others hear of this computer; whoever else publishes it is noticed."""
        async for message in connection.messages():
            if message.topic == self._topics.snapshot:
                if message.retained:
                    epochs = await asyncio.to_thread(self._store.epochs)
                    self._earlier |= await asyncio.to_thread(
                        received.names, message.payload, epochs
                    )
                    self._news.set()
                seal = received.seal_if_any(message.payload)  # once: it takes its time
                await self._gone_back(seal, message.payload)
                foreign = self._mirror.heard(seal, retained=message.retained)
                if foreign:
                    self._tell(Alarm("retained", self._topics.computer, foreign))
                    self._news.set()
            elif message.topic == self._topics.status and not message.retained:
                self._other(message.payload)
            elif message.topic == self._topics.alarm:
                self._recall(message)
            else:
                self._obeying.heard(message)

    async def _gone_back(self, heard: Seal | None, payload: bytes) -> None:
        """Begin a new epoch where the broker has a newer revision of this one than the database.

        It was put back to an earlier state by other means than `kammerton restore`, or somebody
        made that snapshot up. Either way subscribers would take nothing more of this epoch.
        """
        if heard is None or heard.epoch != self._store.epoch:
            return
        present = await asyncio.to_thread(self._store.revision)
        if heard.revision <= present:
            return
        try:
            received.parameter_set(payload)  # with its hash: else nobody believes it
        except BrokerError:
            return
        await self._begin_anew(heard.revision, present)

    async def _begin_anew(self, published: int, present: int) -> NoReturn:
        """Begin a new epoch, and this connection anew: its first words name the epoch."""
        words = (
            f"revision {published} was published, and the database is at {present}: was it "
            "put back by other means than kammerton restore? A new epoch begins"
        )
        await asyncio.to_thread(self._store.begin_epoch, DAEMON, words)
        self._tell(Alarm("retained", self._topics.computer, words))
        raise BrokerError(words)

    def _recall(self, message: Message) -> None:
        """Take note of an alarm that the broker retains, of an earlier process or of another."""
        if not message.retained:
            return
        try:
            told = received.alarm(message.payload)
        except BrokerError:
            return
        if (
            told.on
            and told.kind == LASTS
            and told.subjects == (self._topics.computer,)
            and told.texts
        ):
            self.alarms.recall(LASTS, self._topics.computer, told.texts[0])

    def _other(self, payload: bytes) -> None:
        """Name another daemon that says it is this computer's; contradict who says we are gone."""
        try:
            said = received.status(payload)
        except BrokerError:
            return
        if said.instance == payloads.INSTANCE:
            self._heard_us.set()
        if said.status == "offline":
            self._mirror.deny()
            self._news.set()
        elif said.instance not in ("", payloads.INSTANCE):
            text = (
                f"{said.instance} (host/process) says that it is online as {self._topics.computer}"
            )
            self._tell(Alarm("client id", self._topics.computer, text))
            self._mirror.denied = True  # who came after us hears who we are only if we say it again
            self._news.set()

    def _compare(self) -> None:
        """Tell when what is heard is not what was published; stop where two fight over it."""
        if self._mirror.at_war():
            text = "somebody else keeps publishing as this computer; see its alarms"
            raise BrokerError(text, refused=True)
        problem = self._mirror.problem()
        self._mirror.once_more()
        if problem is not None:
            self._tell(Alarm("retained", self._topics.computer, problem))
        elif not self._mirror.spoilt:
            self._tell(Alarm("retained", self._topics.computer, "all is as published", on=False))

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return

    def _note(self, problem: str | None) -> None:
        if problem is None:
            log.info("publishing to %s:%s", self._broker.host, self._broker.port)
        elif problem != self.problem:
            log.warning("not publishing: %s; what is committed goes out later", problem)
        self.problem = problem
