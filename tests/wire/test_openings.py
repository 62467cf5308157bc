"""An opening that fails leaves no connection behind: neither here nor at the box."""

from __future__ import annotations

import gc
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from random import Random

import pytest

from kammerton.model import InstrumentError
from kammerton_sim.laboratory import Laboratory
from tests.proxy import Proxy
from tests.proxy.faults import End, Fault, Step

BOXES = {
    "awg1": ("tektronix_awg5208", "TCPIP0::127.0.0.1::hislip0,{port}::INSTR"),
    "drive_lo": ("rohde_schwarz_sgs100a", "TCPIP0::127.0.0.1::hislip0,{port}::INSTR"),
    "fridge": ("oxford_triton", "tcp://127.0.0.1:{port}"),
}


@dataclass(frozen=True)
class DiesAt(Fault):
    """The connections are reset in place of the answer of this number, and of all after it."""

    number: int = 0
    passed: list[bytes] = field(default_factory=list)

    def steps(self, piece: bytes, rng: Random) -> Iterator[Step]:
        if len(self.passed) == self.number:
            yield End.RST
        self.passed.append(piece)
        yield piece


@pytest.mark.parametrize("name", BOXES)
@pytest.mark.parametrize("number", range(3))
def test_what_fails_while_it_opens_leaves_no_socket(
    laboratory: Laboratory, name: str, number: int
) -> None:
    """Not even until garbage is collected: a box that is away is tried again and again."""
    driver, address = BOXES[name]
    connect = import_module(f"kammerton_drivers.{driver}").connect
    with warnings.catch_warnings(record=True) as said, Proxy(laboratory.ports[name]) as proxy:
        warnings.simplefilter("always", ResourceWarning)
        proxy.put(DiesAt(number=number))
        with pytest.raises(InstrumentError, match="connect"):
            connect(name, address.format(port=proxy.port))
        gc.collect()
    assert [str(each.message) for each in said] == []
    server, until = laboratory.servers[name].server, time.monotonic() + 5
    while server.clients and time.monotonic() < until:
        time.sleep(0.01)
    assert server.clients == 0
