"""One question to a laboratory's control port, and what it says of a port that is none."""

from __future__ import annotations

import json
import socket
from time import monotonic
from typing import Any

HOST = "127.0.0.1"
PATIENCE = 10.0
"""Wall s in which a laboratory tells its name, however busy; who does not is none."""

_NAME = 1 << 16
"""Bytes of a name; what says more is no laboratory."""

_WORK = 60.0  # s of a question that goes through a long ledger


class SilentError(ConnectionError):
    """Somebody took the connection and says nothing."""


def name_of(host: str, port: int, seconds: float | None = None) -> dict[str, Any]:
    """Return {"chip", "pid", "folder", "note"} of the laboratory at a port.

    ConnectionError if there is none.
    """
    try:
        said = asked(host, port, {"op": "name"}, PATIENCE if seconds is None else seconds, _NAME)
    except EOFError:
        said = None
    if not isinstance(said, dict) or not {"chip", "pid"} <= said.keys():
        raise ConnectionError(f"{host}:{port} is no laboratory's control port")
    return said


def asked(
    host: str, port: int, request: dict[str, Any], seconds: float = _WORK, most: int = 1 << 30
) -> Any:
    """Return the answer to one request, of so many bytes at most.

    Raises
    ------
    EOFError
        It hung up without one.
    SilentError
        It took longer than `seconds`.
    ConnectionError
        Nobody is there, or what is there does not speak JSON.
    """
    try:
        with socket.create_connection((host, port), seconds) as connection:
            connection.sendall(json.dumps(request).encode() + b"\n")
            line = _line(connection, monotonic() + seconds, most).decode()
    except TimeoutError:
        raise SilentError(f"nothing answers at {host}:{port} within {seconds:g} s") from None
    except ConnectionResetError:
        line = ""
    except UnicodeDecodeError:
        line = "?"
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise ConnectionError(f"no laboratory at {host}:{port}: {why}") from None
    if not line:
        raise EOFError
    try:
        return json.loads(line)
    except ValueError:
        raise ConnectionError(f"{host}:{port} is no laboratory's control port") from None


def _line(connection: socket.socket, deadline: float, most: int) -> bytes:
    """Return what comes up to the end of a line, or of what may come; TimeoutError after that."""
    line = bytearray()
    while not line.endswith(b"\n") and len(line) < most:
        left = deadline - monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        piece = connection.recv(min(1 << 16, most))
        if not piece:
            break
        line += piece
    return bytes(line)
