"""A plug-in as somebody might install it, whose driver and calibration do as a file says."""

from __future__ import annotations

import os
from pathlib import Path

CODE = '''
"""A driver that hangs, and a calibration that cannot be imported, when a file says so."""
import ctypes
import time
from pathlib import Path

from kammerton_drivers.rohde_schwarz_sgs100a import Sgs100a

ORDERS = Path(__file__).with_name("orders")


def connect(name, address):
    source = Hanging(name, address)
    source.session.connect()
    return source


class Hanging(Sgs100a):
    async def set_frequency(self, hz):
        order = ORDERS.read_text() if ORDERS.exists() else ""
        if order == "hold the interpreter":
            ORDERS.write_text("hang")
            await self.session.do("hang", lambda source: ctypes.PyDLL(None).sleep(600))
        if order == "hang":
            ORDERS.unlink()
            await self.session.do("hang", lambda source: time.sleep(600), deadline=1.0)
        await super().set_frequency(hz)
'''
POINTS = "[kammerton.drivers]\nhanging_source = hanging:connect\n"
BROKEN = "[kammerton.calibrations]\nbroken = hanging_broken:CALIBRATION\n"


def install(folder: Path, orders: str = "", *, broken: bool = False) -> dict[str, str]:
    """Install it in a folder; return the environment in which the daemon finds it."""
    folder.mkdir()
    (folder / "hanging.py").write_text(CODE)
    (folder / "hanging_broken.py").write_text("raise ImportError('a plug-in that is broken')\n")
    if orders:
        (folder / "orders").write_text(orders)
    information = folder / "hanging-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: hanging\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(POINTS + (BROKEN if broken else ""))
    others = os.environ.get("PYTHONPATH")  # where a tree that is not installed has its own code
    return {"PYTHONPATH": os.pathsep.join([str(folder), *([others] if others else [])])}


def use(lab: Path, source: str) -> None:
    """Let a source of lab.toml be driven by it."""
    text = lab.read_text()
    start = text.index(f"[instruments.{source}]")
    driver = text.index('"rohde_schwarz_sgs100a"', start)
    lab.write_text(
        text[:driver] + text[driver:].replace("rohde_schwarz_sgs100a", "hanging_source", 1)
    )
