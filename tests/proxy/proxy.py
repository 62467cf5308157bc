"""The proxy: an asyncio server in a thread of its own, in front of one port."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from types import TracebackType
from typing import Self

from tests.proxy.faults import End, Fault, Way

PIECE = 1 << 16
LINGER_RESET = struct.pack("ii", 1, 0)
SOUND = Fault()


class Proxy:
    """Passes 127.0.0.1:`port` on to `target`, with one fault at a time on the line.

    events: (way, fault's name, bytes of the piece) of every hit, in order; with the same seed and
    traffic it is the same list. Faults change at once, also for connections that exist.
    """

    def __init__(self, target: int, seed: int = 0) -> None:
        self.target = target
        self.events: list[tuple[Way, str, int]] = []
        self._rng = random.Random(seed)
        self._fault, self._left = SOUND, 0
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, name="proxy", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def fault(self) -> Fault | None:
        """What is on the line; None when it is sound, or the fault has hit as often as it may."""
        with self._lock:
            return None if self._fault is SOUND else self._fault

    @property
    def hits(self) -> int:
        return len(self.events)

    def put(self, fault: Fault) -> None:
        with self._lock:
            self._fault, self._left = fault, fault.count or 0

    def clear(self) -> None:
        """Make the line sound; connections that died stay dead."""
        with self._lock:
            self._fault = SOUND

    def hang_up(self) -> None:
        """End every connection."""
        self._loop.call_soon_threadsafe(self._cancel)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _cancel(self) -> None:
        for task in self._tasks:
            task.cancel()

    def _serve(self) -> None:
        server = self._loop.run_until_complete(
            asyncio.start_server(self._connected, sock=self._listener, limit=PIECE)
        )
        self._loop.run_forever()
        server.close()
        self._loop.run_until_complete(self._settle())
        self._loop.close()

    async def _settle(self) -> None:
        # What was just accepted has to begin: a task that is cancelled before closes nothing.
        for _ in range(10):
            await asyncio.sleep(0)
        self._cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._between(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # one side has gone: so does the other
        finally:
            self._tasks.discard(task)
            _end(writer, End.RST)

    async def _between(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (end := self._now("up").at_connect(self._rng)) is not None:
            self._hit("up", 0)
            return _end(writer, end)
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        pumps = [
            asyncio.create_task(self._pump("up", reader, far_writer, writer)),
            asyncio.create_task(self._pump("down", far_reader, writer, far_writer)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            _end(far_writer, End.FIN)
            with contextlib.suppress(OSError):
                await writer.drain()
            _end(writer, End.FIN)

    async def _pump(
        self,
        way: Way,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        other: asyncio.StreamWriter,
    ) -> None:
        while piece := await reader.read(PIECE):
            fault = self._now(way)
            if fault is not SOUND:
                self._hit(way, len(piece))
            for step in fault.steps(piece, self._rng):
                if step is End.DEAD:
                    while await reader.read(PIECE):  # into the void, until that side hangs up
                        pass
                    return
                elif isinstance(step, End):
                    for side in (writer, other):
                        _end(side, step)
                    return
                elif isinstance(step, bytes):
                    writer.write(step)
                    await writer.drain()
                else:
                    await asyncio.sleep(step)

    def _now(self, way: Way) -> Fault:
        with self._lock:
            return self._fault if way in self._fault.ways else SOUND

    def _hit(self, way: Way, size: int) -> None:
        with self._lock:
            self.events.append((way, type(self._fault).__name__, size))
            self._left -= 1
            if self._left == 0:
                self._fault = SOUND


def _end(writer: asyncio.StreamWriter, how: End) -> None:
    link = writer.get_extra_info("socket")
    if how is End.RST and link is not None and not writer.is_closing():
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
        writer.transport.abort()
    else:
        writer.close()
