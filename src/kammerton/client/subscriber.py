"""Follow a computer's parameters over MQTT."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from asyncio import FIRST_COMPLETED
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from datetime import UTC, datetime, timedelta

from kammerton.client.expiry import Expiry
from kammerton.client.follower import Follower, Update
from kammerton.lab import Broker
from kammerton.model import BrokerError, Estimate
from kammerton.model.backoff import Backoff, pass_cancellation
from kammerton.publish import Connect, Message, Topics, connect, received
from kammerton.publish.mqtt import ASK
from kammerton.publish.patience import PAUSE, Patience

REFUSALS = 100
"""The latest refusals that are kept."""

SILENT = 10.0
"""s without a word of the daemon after which it is asked whether broker and name are right."""

log = logging.getLogger(__name__)


class Subscriber:
    """The parameters of one computer as its broker tells them.

    Iterate to get each change as it comes, for ever, over losses of the connection:

        async for update in Subscriber(Broker("127.0.0.1", 1883), "two-qubits"):
            print(update.name, update.estimate)

    `parameters` is always the whole present set; `qualities` says how good each of them is now:
    "good", "setting", or "stale" past its `valid_until`, by this computer's clock, be the daemon
    there or not, and where it is of a time to come by more than a minute. A simulated laboratory's
    clock may be ahead, which the daemon says; now: laboratory time, if not so. `online` says
    whether the daemon is there, be it in safe mode (None: not heard yet); `note` what lab.toml says
    of the computer, such as that it is simulated ("": nothing, or not heard yet). A payload that
    cannot be read, whose sha256 is not that of its content, or that is of another database than the
    daemon's status names, is not believed: it is logged, and `refused` says what came and why not.
    """

    def __init__(
        self,
        broker: Broker,
        computer: str,
        *,
        connect: Connect = connect,
        backoff: Backoff | None = None,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self.online: bool | None = None
        self.note = ""
        self.refused: deque[str] = deque(maxlen=REFUSALS)
        self._broker = broker
        self._topics = Topics(computer)
        self._connect = connect
        self._backoff = backoff or Backoff(longest=PAUSE)
        self._patience = Patience()
        self._follower, self._expiry = Follower(), Expiry()
        self._now = now or self._laboratory_time
        self._failures = 0
        self._trouble = ""

    def _laboratory_time(self) -> datetime:
        """Return this computer's time, ahead as far as the daemon says that the laboratory's is."""
        return datetime.now(UTC) + timedelta(seconds=self._follower.ahead or 0.0)

    @property
    def parameters(self) -> Mapping[str, Estimate]:
        """The whole set as far as it was heard, by full name."""
        return self._follower.parameters

    @property
    def qualities(self) -> Mapping[str, str]:
        """How good each of `parameters` is now; a value that holds no longer is "stale"."""
        return self._follower.qualities(self._now())

    @property
    def revision(self) -> int:
        """The revision of `parameters`; -1 before the first snapshot."""
        return self._follower.revision

    def __aiter__(self) -> AsyncIterator[Update]:
        return self.updates()

    async def updates(self) -> AsyncGenerator[Update, None]:
        """Yield changes until the iteration is cancelled or closed.

        A value whose validity ends meanwhile comes again, with the quality "stale": also while the
        broker is away.
        """
        late = asyncio.get_running_loop().call_later(SILENT, self._warn)
        heard: asyncio.Queue[Update] = asyncio.Queue(1)
        hearing = asyncio.create_task(self._hear(heard), name="subscriber")
        try:
            while True:
                for update in self._expiry.over(self._now(), self._follower.has):
                    yield update
                if (news := await self._news(heard, hearing)) is not None:
                    update = self._follower.as_heard(
                        news, self._now()
                    )  # it may have waited for its turn
                    self._expiry.told(update)
                    yield update
                    heard.task_done()
        finally:
            late.cancel()
            hearing.cancel()
            await asyncio.wait([hearing])

    async def _hear(self, heard: asyncio.Queue[Update]) -> None:
        async with contextlib.aclosing(self._changes()) as changes:
            async for update in changes:
                await heard.put(update)
                await heard.join()  # until then all that is said of the computer stays as it is

    async def _news(
        self, heard: asyncio.Queue[Update], hearing: asyncio.Task[None]
    ) -> Update | None:
        """Return the next change; None where some value may hold no longer before that."""
        getting = asyncio.ensure_future(heard.get())
        pause = self._expiry.pause(self._now())
        try:
            await asyncio.wait({getting, hearing}, timeout=pause, return_when=FIRST_COMPLETED)
            if getting.done():
                return getting.result()
            if hearing.done():
                hearing.result()  # which raises: nobody else hears of it
            return None
        finally:
            getting.cancel()

    def _warn(self) -> None:
        """Say, once, that nothing was heard: a wrong name or port waits for ever."""
        if self.online is not None:
            return
        computer = self._topics.computer
        why = self._trouble or f"no daemon says anything as {computer!r}; is that its name?"
        place = f"{self._broker.host}:{self._broker.port}"
        log.warning("nothing heard of %s at %s for %g s: %s", computer, place, SILENT, why)

    async def _changes(self) -> AsyncGenerator[Update, None]:
        while True:
            self._backoff.begin()
            silent = None  # since when no snapshot, the largest message, has been heard
            try:
                async with self._connect(self._broker, patience=self._patience) as connection:
                    silent, self._trouble = time.monotonic(), ""
                    topics = self._topics
                    await connection.subscribe(topics.status, topics.snapshot, topics.delta)
                    async for message in connection.messages():
                        self._failures = 0
                        if silent is not None and message.topic == topics.snapshot:
                            if message.retained:  # what is not, nobody had to wait for
                                self._patience.answered(time.monotonic() - silent)
                            silent = None
                        for update in self._take(message):
                            yield update
            except BrokerError as problem:
                pass_cancellation(problem)
                if silent is not None:
                    self._missed(time.monotonic() - silent)
                self.online, self._trouble = None, str(problem)
                self._say(problem)
            await asyncio.sleep(self._backoff.next())

    def _missed(self, after: float) -> None:
        """Note a connection that was lost without a snapshot.

        One that lasted longer than subscribing and the first question may take has answered that
        question: the line is not slow, but nothing was retained.
        """
        if after <= 2 * (self._patience.seconds + ASK):
            self._patience.missed(after)

    def _say(self, problem: BrokerError) -> None:
        """Log the first failure in a row, the second, the fourth, and so on."""
        self._failures += 1
        if self._failures & (self._failures - 1) == 0:
            log.info("%s; trying again (failure %d in a row)", problem, self._failures)

    def _take(self, message: Message) -> list[Update]:
        try:
            return self._read(message)
        except BrokerError as problem:
            self.refused.append(f"{message.topic}: {problem}")
            log.warning("%s ignored: %s", message.topic, problem)
            return []

    def _read(self, message: Message) -> list[Update]:
        if message.topic == self._topics.snapshot:
            return self._follower.snapshot(received.parameter_set(message.payload))
        if message.topic == self._topics.delta:
            return self._follower.delta(received.parameter_set(message.payload))
        if message.topic == self._topics.status:
            said = received.status(message.payload)
            updates = self._follower.status(said, retained=message.retained)
            self.online, self.note = said.status != "offline", said.note
            return updates
        return []
