"""One holder of a name on this whole machine, whichever user: an abstract socket of Linux.

It is no file: it needs no folder that all users may write to, no rights, and ends with its process.
Other systems have no such thing; there the lock of each user counts alone.
"""

from __future__ import annotations

import errno
import socket
import struct
import sys
from contextlib import ExitStack

CREDENTIALS = struct.Struct("3i")  # pid, uid, gid: struct ucred of unix(7)
ASKED = 32
"""So many may ask who holds a name; more hear that somebody does."""


class TakenError(Exception):
    """Another process has the name; says which."""


def take(name: str, stack: ExitStack) -> bool:
    """Take a name until the stack closes; return whether it is ours: not every system has names.

    Raises
    ------
    TakenError
        Another process has it.
    """
    if sys.platform != "linux":
        return False
    try:
        link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        stack.callback(link.close)
        link.bind(f"\0kammerton/{name}")
        link.listen(ASKED)  # nobody is ever let in: who knocks is told whose door it is
    except OSError as problem:
        if problem.errno == errno.EADDRINUSE:
            raise TakenError(_holder(name)) from None
        return False
    return True


def _holder(name: str) -> str:
    if sys.platform != "linux":
        return ""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.setblocking(False)
        try:
            link.connect(f"\0kammerton/{name}")
            raw = link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
        except OSError:  # just ending, or too many have asked
            return "another process on this machine"
    pid, uid, _ = CREDENTIALS.unpack(raw)
    return f"process {pid} of user {_user(uid)}"


def _user(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
