"""Sessions on raw sockets: without Nagle's algorithm, and without a device clear that never ends.

pyvisa-py leaves Nagle's algorithm on, which costs 40 ms for each write that follows another
message, and clearing a socket whose peer has gone does not return.
"""

from __future__ import annotations

import socket
from typing import Any

from qcodes.instrument import VisaInstrument

SOCKET: dict[str, Any] = {"visalib": "@py", "device_clear": False}
"""What a VISA driver is opened with."""


def without_delay(instrument: VisaInstrument) -> None:
    """Send every write at once; does nothing where the link is no plain socket."""
    handle = instrument.visa_handle
    session = getattr(handle.visalib, "sessions", {}).get(handle.session)
    link = getattr(session, "interface", None)
    if isinstance(link, socket.socket):
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
