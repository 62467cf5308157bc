"""The simulated 33522B behind a raw socket, as the tests of its driver ask it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

from kammerton_sim.evidence.ledger import Ledger
from kammerton_sim.instruments.k33522b import Keysight33522b
from kammerton_sim.wire.sockets import ScpiSocketServer


@contextmanager
def served() -> Iterator[SimpleNamespace]:
    """Yield its ledger, device, server and VISA address."""
    ledger = Ledger(time.monotonic)
    device = Keysight33522b("fg", ledger)
    server = ScpiSocketServer(device)
    address = f"TCPIP0::127.0.0.1::{server.port}::SOCKET"
    try:
        yield SimpleNamespace(ledger=ledger, device=device, server=server, address=address)
    finally:
        server.close()
