"""I2: the system itself asks whether an instrument is still there, though nobody talks to it."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from kammerton.bench.connect import close_all, connect
from kammerton.lab import load
from kammerton_drivers.line import sockets
from kammerton_sim.laboratory import Laboratory
from kammerton_sim.write_lab import write_lab
from tests.proxied import furnished

ASKED = {socket.SO_KEEPALIVE: 1}
TIMES = {} if sys.platform != "linux" else {
    socket.TCP_KEEPIDLE: 10, socket.TCP_KEEPINTVL: 5, socket.TCP_KEEPCNT: 3
}  # fmt: skip


def options(driver: object) -> list[bool]:
    """Return of each socket below a driver whether it is kept alive, with our times."""
    return [
        all(bool(link.getsockopt(socket.SOL_SOCKET, o)) == bool(n) for o, n in ASKED.items())
        and all(link.getsockopt(socket.IPPROTO_TCP, o) == n for o, n in TIMES.items())
        for link in sockets(driver)
        if link.fileno() >= 0
    ]


@pytest.mark.timeout(120)
def test_i2_every_socket_to_an_instrument_is_kept_alive_and_so_is_the_next(tmp_path: Path) -> None:
    """HiSLIP's two, raw ones and the Triton's; the second session after the first was closed."""

    async def look(instrument: Any) -> list[bool]:
        return list(await instrument.session.do("look at its line", options))

    async def main() -> dict[str, int]:
        found = dict[str, int]()
        instruments = await connect(load(path))
        for name, instrument in instruments.items():
            first = await look(instrument)
            await instrument.session._lane.run(instrument.session._discard)
            kept = first + await look(instrument)
            assert all(kept), name
            found[name] = len(kept) // 2
        assert await close_all(instruments) == []
        return found

    with Laboratory(furnished()) as laboratory:
        path = tmp_path / "lab.toml"
        path.write_text(write_lab(laboratory.chip, laboratory.ports, 3), encoding="utf-8")
        found = asyncio.run(main())
    assert {name: n for name, n in found.items() if n} == {
        "awg1": 2, "drive_lo": 2, "readout_lo": 2, "rohde_schwarz_znb20": 2, "fridge": 1,
        "yokogawa_gs200": 1, "lakeshore_372": 1, "keysight_33522b": 1,
    }  # fmt: skip
