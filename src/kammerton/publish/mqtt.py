"""The connection by aiomqtt, MQTT 3.1.1.

A new client object for every connection: a client that is used again would send what an earlier
publish had given up, after newer values. On Windows aiomqtt needs a loop with `add_reader`: make
the loop with `asyncio.SelectorEventLoop`, not the Proactor that is the default there.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any

import aiomqtt

from kammerton.lab import Broker
from kammerton.model import BrokerError
from kammerton.publish.connection import Connection, Message, Will
from kammerton.publish.patience import SHORTEST, Patience

QOS = 1
KEEPALIVE = 15
"""s without a word, told to the broker: after half as much again it says that we are gone."""

ASK = 1.0
"""s between questions to a broker whether it is there.

The library's own pings leave a dead line only after two to three times their period, and after a
moment in which this process was busy a sound one too.
"""

NOTHING = "kammerton/nothing"
"""A topic that nobody subscribes to: a broker must answer who unsubscribes from it, even so."""

REFUSALS = (134, 135)
"""Bad user name or password, not authorised: as paho translates what MQTT 3.1.1 calls 4 and 5.

In paho's own errors, which no broker sends, 4 is a connection that is lost.
"""

_quiet = logging.getLogger(f"{__name__}.client")
_quiet.setLevel(logging.ERROR)  # the library warns about what we handle, once for every message


def _unforeseen(record: logging.LogRecord) -> bool:
    """Let through what is not told by an exception, too, to whoever asked.

    An answer that comes after its question was cancelled or given up is a traceback else, and a
    line that breaks is told twice.
    """
    return not record.exc_info and "on socket" not in record.getMessage()


_quiet.addFilter(_unforeseen)


@asynccontextmanager
async def connect(
    broker: Broker, will: Will | None = None, patience: Patience | None = None
) -> AsyncIterator[Connection]:
    """Connect to a broker for the time of an `async with`.

    The password file is read anew each time; its content enters no message and no log. Whoever
    listens asks it all the time whether it is there; what is not answered within the seconds that
    `patience` has at the time is the end of the connection. Left by an error, it breaks off as if
    this process were dead: the broker says the last will.

    Raises
    ------
    BrokerError
        The broker is unreachable, refuses, or goes away while connected.
    """
    patience = patience or Patience()
    with _named_errors(broker):
        client = aiomqtt.Client(
            broker.host,
            broker.port,
            username=broker.username,
            password=_password(broker),
            tls_context=_tls(broker),
            will=aiomqtt.Will(will.topic, will.payload, QOS, retain=True) if will else None,
            logger=_quiet,
            timeout=SHORTEST,  # of the first answer, a few bytes on a line that is empty yet
            keepalive=KEEPALIVE,
        )
        client._client.connect_timeout = SHORTEST  # noqa: SLF001 - aiomqtt offers no other way
        left = _watch_no_closed_socket(client)
        try:
            async with AsyncExitStack() as stack:
                with _cancellation_passes():
                    await stack.enter_async_context(client)
                with _no_farewell_in_an_error(client):
                    yield AiomqttConnection(client, broker, patience)
        finally:
            left.set()
            await _dropped(client)


@contextmanager
def _no_farewell_in_an_error(client: aiomqtt.Client) -> Iterator[None]:
    """Close the socket where an error leaves the connection, before the library disconnects.

    Else the broker drops the last will, and "online" stands for whoever is gone. A cancellation is
    no error: who is told to end has said so.
    """
    try:
        yield
    except Exception:
        client._client._sock_close()  # noqa: SLF001 - nothing public closes it
        raise


class _AtOnce:
    """The event loop for its own thread, in which what is to be called soon is called at once."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    def call_soon_threadsafe(self, act: Callable[..., object], *arguments: Any) -> None:
        act(*arguments)


def _watch_no_closed_socket(client: aiomqtt.Client) -> asyncio.Event:
    """Look again whether a socket is open before the loop waits until it can be read or written.

    The library asks for that by its number, a moment later, from the thread that connects. A broker
    that goes away in between, or who gives up connecting, is a traceback in the log, or another
    file of ours gets the number. Returns what is to be set when the connection is left: a socket
    that the thread opens after that is closed.
    """
    loop, below, left = asyncio.get_running_loop(), client._client, asyncio.Event()  # noqa: SLF001

    def begin(link: Any) -> None:
        if left.is_set():
            below._sock_close()  # noqa: SLF001
        elif link.fileno() >= 0:
            client._loop = _AtOnce(loop)  # type: ignore[assignment] # noqa: SLF001
            client._on_socket_open(below, None, link)  # noqa: SLF001
            client._loop = loop  # noqa: SLF001

    def opened(paho: object, userdata: object, link: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(begin, link)

    def write() -> None:
        try:
            below.loop_write()
        except OSError as broken:
            if not client._disconnected.done():  # noqa: SLF001
                client._disconnected.set_exception(broken)  # noqa: SLF001

    def soon(paho: object, userdata: object, link: Any) -> None:
        loop.call_soon_threadsafe(lambda: link.fileno() < 0 or loop.add_writer(link, write))

    below.on_socket_register_write = soon
    below.on_socket_open = opened
    return left


async def _dropped(client: aiomqtt.Client) -> None:
    """Close the socket of a connection that timed out.

    The library leaves it open, with a task that watches it: one more at every attempt. What it
    heard of the end nobody asks it any more, which would be a traceback in the log.
    """
    client._disconnected.add_done_callback(lambda end: end.cancelled() or end.exception())  # noqa: SLF001
    below = client._client  # noqa: SLF001 - nothing public closes it
    if below.socket() is not None:
        below._sock_close()  # noqa: SLF001
    watching = client._misc_task  # noqa: SLF001
    if watching is not None:
        watching.cancel()
        await asyncio.wait([watching])


class AiomqttConnection:
    """A connected client."""

    def __init__(self, client: aiomqtt.Client, broker: Broker, patience: Patience) -> None:
        self._client = client
        self._broker = broker
        self._patience = patience

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish at QoS 1 and wait for the acknowledgement."""
        with _named_errors(self._broker), _cancellation_passes():
            await self._client.publish(
                topic, payload, qos=QOS, retain=retain, timeout=self._patience.seconds
            )

    async def subscribe(self, *topics: str) -> None:
        """Subscribe at QoS 1."""
        with _named_errors(self._broker), _cancellation_passes():
            await self._client.subscribe(
                [(topic, QOS) for topic in topics], timeout=self._patience.seconds
            )

    async def messages(self) -> AsyncIterator[Message]:
        """Yield what arrives until the connection is lost."""
        asking = asyncio.create_task(self._ask())
        try:
            while True:
                message = await self._next(asking)
                if isinstance(message.payload, bytes):
                    yield Message(str(message.topic), message.payload, bool(message.retain))
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    async def _next(self, asking: asyncio.Task[None]) -> aiomqtt.Message:
        """Wait for a message, or for the question that is not answered."""
        coming = asyncio.ensure_future(anext(self._client.messages))
        try:
            await asyncio.wait({coming, asking}, return_when=asyncio.FIRST_COMPLETED)
            with _named_errors(self._broker):
                if not coming.done():
                    asking.result()
                return await coming
        finally:
            coming.cancel()

    async def _ask(self) -> None:
        while True:
            await asyncio.sleep(ASK)
            with _cancellation_passes():
                await self._client.unsubscribe(NOTHING, timeout=self._patience.seconds)


@contextmanager
def _cancellation_passes() -> Iterator[None]:
    """Raise CancelledError where one came and was swallowed.

    `asyncio.wait_for`, by which the library waits, does that before Python 3.12 when an answer
    comes in the same moment; a relay that was to end would go on for ever.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    yield
    if task and task.cancelling() > before:
        raise asyncio.CancelledError


@contextmanager
def _named_errors(broker: Broker) -> Iterator[None]:
    try:
        yield
    except (aiomqtt.MqttError, OSError) as problem:
        text = f"broker {broker.host}:{broker.port}: {_words(problem)}"
        raise BrokerError(text, refused=_refused(problem)) from problem


def _words(problem: BaseException) -> str:
    """Return what the system says, without its numbers."""
    below = problem if isinstance(problem, OSError) else problem.__cause__ or problem.__context__
    if isinstance(below, ssl.SSLCertVerificationError):
        return f"certificate verify failed: {below.verify_message}"
    if isinstance(below, OSError) and below.strerror:
        return below.strerror[0].lower() + below.strerror[1:]
    return re.sub(r"^\[code:\d+\] ", "", str(problem))


def _refused(problem: BaseException | None) -> bool:
    """Whether trying again soon is in vain: a password, a right or a certificate is wrong."""
    if isinstance(problem, aiomqtt.MqttCodeError):
        return getattr(problem.rc, "value", problem.rc) in REFUSALS
    if isinstance(problem, ssl.SSLCertVerificationError):
        return True
    return problem is not None and _refused(problem.__cause__)


def _password(broker: Broker) -> str | None:
    if broker.password_file is None:
        return None
    try:
        return broker.password_file.read_text(encoding="utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:  # whose text would show what the file holds
        raise BrokerError(f"{broker.password_file} is not UTF-8") from None


def _tls(broker: Broker) -> ssl.SSLContext | None:
    if not broker.tls:
        return None
    cafile = str(broker.ca_file) if broker.ca_file else None
    return ssl.create_default_context(cafile=cafile)
