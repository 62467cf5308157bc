"""The line below a QCoDeS driver: who is there, is it silent, hang up."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

from pyvisa.errors import InvalidSession
from qcodes.instrument import Instrument, VisaInstrument

from kammerton.model.roles import Identity

SOCKET: dict[str, Any] = {"visalib": "@py", "device_clear": False}
"""What a VISA driver on a raw socket is opened with: clearing one whose peer has gone hangs."""

_DROP = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)  # struct linger: on, 0 s

KEEPALIVE = {("TCP_KEEPIDLE", "TCP_KEEPALIVE"): 10, ("TCP_KEEPINTVL",): 5, ("TCP_KEEPCNT",): 3}
"""By what it is called somewhere: s of rest before the first question, s between two, how many."""

KEPT = 200
"""Characters of an answer that are kept for a diagnosis."""


class UnexpectedAnswer(Exception):
    """An answer that nobody waits for: the next one would belong to an older question."""


class Careful:
    """Before an upstream driver in a class's bases: never takes an old answer for a new one.

    Before every question the line must be silent: what is left over from an earlier one (late,
    doubled, a byte too many) would be read as the answer. last_heard: the latest answer's begin.
    """

    last_heard = ""

    def ask_raw(self, cmd: str) -> str:
        """Ask on a silent line only."""
        if waiting := left_over(self):
            self.last_heard = repr(waiting)
            raise UnexpectedAnswer(f"{waiting!r} came before it was asked for ({cmd})")
        answer: str = super().ask_raw(cmd)  # type: ignore[misc]  # the driver's, by its bases
        self.last_heard = answer[:KEPT]
        return answer


def idn(instrument: Instrument) -> Identity:
    """Ask *IDN?; upstream's `get_idn` turns a lost answer into an identity without a name."""
    return identity_of(instrument.ask("*IDN?"))


def identity_of(answer: str) -> Identity:
    """Return what an answer to *IDN? says; a field that is not there is empty."""
    vendor, model, serial, firmware, *_ = [*(p.strip() for p in answer.split(",", 3)), "", "", ""]
    return Identity(vendor, model, serial, firmware)


def sockets(instrument: object) -> Iterator[socket.socket]:
    """Return the sockets below a driver: raw, HiSLIP's two, VXI-11's or an IPInstrument's."""
    link = getattr(_visa_session(instrument), "interface", None)
    found = (link, *(getattr(link, name, None) for name in ("_sync", "_async", "sock")))
    for each in (*found, getattr(instrument, "_socket", None)):
        if isinstance(each, socket.socket):
            yield each


def _visa_session(instrument: object) -> object | None:
    """Return pyvisa-py's session below a driver; None where there is none, or none any more."""
    handle = getattr(instrument, "visa_handle", None)
    sessions: dict[object, object] = getattr(getattr(handle, "visalib", None), "sessions", {})
    try:
        return sessions.get(getattr(handle, "session", None))
    except InvalidSession:  # the driver has closed it
        return None


def left_over(instrument: object) -> bytes:
    """Return what waits on a raw socket unasked for, or was read beyond an earlier answer."""
    session = _visa_session(instrument)
    if pending := bytes(getattr(session, "_pending_buffer", b"")):
        return pending[:KEPT]
    link = getattr(session, "interface", getattr(instrument, "_socket", None))
    if isinstance(link, socket.socket) and select.select([link], [], [], 0)[0]:
        return link.recv(KEPT, socket.MSG_PEEK)  # b"" where the other end hung up
    return b""


def hang_up(instrument: object, call: Future[Any] | None = None) -> None:
    """Shut the line, so that whoever hangs on it in another thread comes back with an error.

    What was written and is still to be sent, since the path is cut for a while, is dropped, and the
    line closed here: the call that hangs may be anywhere and never come to that. Else the system
    would go on trying for minutes, and an *on* of this line would come behind the *off* that was
    verified on the next. call: what may still use the line, in another thread.
    """
    for link in sockets(instrument):
        with contextlib.suppress(OSError):
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _DROP)
            link.shutdown(socket.SHUT_RDWR)  # wakes who waits in it
        if call is None or sys.platform == "win32":  # where only a file's number can be kept
            link.close()
        else:
            _close_under(call, link.detach())


def _close_under(call: Future[Any], number: int) -> None:
    """Close a descriptor and keep its number until a call has ended.

    The call's thread may have read the number and be about to use it: whoever opened the next line
    would get the number, and then these bytes. A socket that leads nowhere has it meanwhile.
    """
    if number < 0:  # the driver was sooner
        return
    try:
        with socket.socket() as nowhere:
            os.dup2(nowhere.fileno(), number, inheritable=False)
    except OSError:  # descriptors are short
        _close(number)
    else:
        call.add_done_callback(lambda _: _close(number))


def _close(number: int) -> None:
    with contextlib.suppress(OSError):  # what closes a line that failed may fail in any way
        os.close(number)


def without_delay(instrument: VisaInstrument) -> None:
    """Send every write at once: pyvisa-py leaves Nagle's algorithm on, 40 ms a message."""
    for link in sockets(instrument):
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def kept_alive(instrument: object) -> None:
    """Have the system ask whether the other end is still there, on a line that rests too.

    Upstream's sockets ask nobody: one whose other end died without a word would be found out only
    by the next call, which then waits for its whole time. Now it ends within 25 s.
    """
    for link in sockets(instrument):
        if link.fileno() < 0:
            continue  # of an answer that has come: HTTP has a line for each
        link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for names, number in KEEPALIVE.items():
            option = next((n for n in names if hasattr(socket, n)), None)
            if option is not None:  # else with the system's own times
                link.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), number)
