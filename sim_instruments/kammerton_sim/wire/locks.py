"""Locks between the clients of one instrument (IVI-6.1, HiSLIP 1.0): exclusive, or shared by a key.

While somebody holds a lock, messages of those who do not wait; nothing is lost.
"""

from __future__ import annotations

import threading


class Locks:
    """Who may speak. Clients are numbers."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._exclusive: int | None = None
        self._key = b""
        self._sharing: set[int] = set()
        self._gone: set[int] = set()

    def enter(self, client: int) -> None:
        """A client came; numbers may be used again."""
        with self._news:
            self._gone.discard(client)

    def acquire(self, client: int, key: bytes, seconds: float) -> bool:
        """Take the exclusive lock, or with a key the shared one, within so long."""
        with self._news:
            self._news.wait_for(lambda: client in self._gone or self._free(client, key), seconds)
            if client in self._gone or not self._free(client, key):
                return False
            if key:
                self._key = key
                self._sharing.add(client)
            else:
                self._exclusive = client
            return True

    def release(self, client: int) -> int:
        """Give a lock back, the exclusive one first: 1 that, 2 a shared one, 3 there was none."""
        with self._news:
            if self._exclusive == client:
                self._exclusive, gave = None, 1
            elif client in self._sharing:
                self._sharing.discard(client)
                gave = 2
            else:
                gave = 3
            self._news.notify_all()
            return gave

    def turn(self, client: int) -> None:
        """Wait until the client may speak; raises ConnectionAbortedError when it has left."""
        with self._news:
            self._news.wait_for(lambda: client in self._gone or self._may_speak(client))
            if client in self._gone:
                raise ConnectionAbortedError("the client left while it waited")

    def leave(self, client: int) -> None:
        """Release everything a client holds, and let it wait no longer."""
        with self._news:
            self._gone.add(client)
            if self._exclusive == client:
                self._exclusive = None
            self._sharing.discard(client)
            self._news.notify_all()

    def holders(self) -> tuple[bool, int]:
        """Return whether there is an exclusive lock, and how many clients hold any."""
        with self._news:
            owners = self._sharing | ({self._exclusive} - {None})
            return self._exclusive is not None, len(owners)

    def _free(self, client: int, key: bytes) -> bool:
        if self._exclusive not in (None, client):
            return False
        return not self._sharing - {client} or (bool(key) and key == self._key)

    def _may_speak(self, client: int) -> bool:
        if self._exclusive is not None:
            return self._exclusive == client
        return not self._sharing or client in self._sharing
