"""Bluefors Control Software, generation 1: its HTTP API over the refrigerator, to be read only.

From the technical reference (Remote Access Control API Gen. 1, BF1000-1234517327-83, 3.0): the
endpoints values and system, their parameters, samples and status codes, error codes. From public
drivers: names of the nodes, mbar. From memory: the shape of an error and its HTTP status, flow in
mmol/s, a poll each second. Every POST is declined as the key of a reader is. Not simulated:
TLS on port 49098, WebSockets, resources, notifications, scripts.
"""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from kammerton_sim.evidence.ledger import Ledger
from kammerton_sim.fridge import (
    FORE_PUMP,
    PULSE_TUBE,
    TURBO,
    Conditions,
    Reading,
    Refrigerator,
    Status,
)
from kammerton_sim.instruments.bluefors_tree import Sample, node, selected
from kammerton_sim.wire.http import Query
from kammerton_sim.wire.refusals import Refusals
from kammerton_sim.wire.tamper import Tamper

TEMPERATURES: Mapping[str, str] = {
    "t50k": "50K", "t4k": "4K", "tstill": "still", "tmixing": "mixing_chamber",
}  # fmt: skip
GAUGES = ("vacuum", "still", "condensing", "tank", "fore_pump_back", "turbo_back")
PUMPS: Mapping[str, str] = {"turbo1": TURBO, "scroll1": FORE_PUMP, "compressor": PULSE_TUBE}
_MILLIBAR, _MILLIMOLE = 100.0, 1e-3
_SCATTER = 3e-3  # of a temperature, one sigma
_POLL = 1.0  # s
_STATUS = {Status.DISCONNECTED: "DISCONNECTED"}  # of a bad sensor; else INVALID
_ERRORS = {
    1001: "Parameter error", 1002: "Invalid JSON", 1008: "Path parameter not supported",
    2001: "No key supplied", 2002: "Content does not exist", 2003: "Access denied",
    2004: "Method type error", 3001: "Value not found",
}  # fmt: skip
_HTTP = {1001: 400, 1002: 400, 1008: 404, 2001: 401, 2002: 404, 2003: 403, 2004: 405, 3001: 404}


class _Refusal(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(f"{code} {_ERRORS[code]}")
        self.status, self.code = _HTTP[code], code


class BlueforsApi:
    """Answers requests. key: what a client must supply, None when nobody needs one."""

    codes = tuple(_ERRORS)
    readings = (*TEMPERATURES, *(f"p{n + 1}" for n in range(len(GAUGES))), "flow", *PUMPS)

    def __init__(
        self,
        name: str,
        ledger: Ledger,
        now: Callable[[], float],
        refrigerator: Refrigerator,
        seed: int = 0,
        key: str | None = None,
    ) -> None:
        self.name, self._ledger, self._now = name, ledger, now
        self._refrigerator, self._noise, self.key = refrigerator, random.Random(seed), key
        self.identity, self.impostor = (
            ",".join(("Bluefors", *(_SYSTEM[key] for key in _WHO))),
            False,
        )
        self._lock, self.tamper, self.refusals = threading.Lock(), Tamper(), Refusals()
        self._tick = -1
        self._latest: dict[str, Sample] = {}
        self._valid: dict[str, Sample] = {}

    def answer(self, method: str, path: str, query: Query, body: bytes) -> tuple[int, Any]:
        """Return HTTP status and what becomes JSON."""
        if method != "GET" and self.impostor:  # also what is refused was written
            self._ledger.record(self.name, "all", "written", None, f"{method} {path}"[:80])
        try:
            return 200, {"data": self._data(method, path, query)}
        except _Refusal as refusal:
            name = _ERRORS[refusal.code]
            error = {"code": refusal.code, "name": name, "description": f"{name}: {path[:200]}"}
            return refusal.status, {"error": error}

    def watch(self, peer: str, came: bool) -> None:
        """Note clients in the ledger."""
        old, new = (None, peer) if came else (peer, None)
        self._ledger.record(self.name, "session", "connection", old, new)

    def levels(self) -> dict[str, dict[str, Any] | None]:
        """Return nothing: it has no outputs."""
        return {}

    def power_cycle(self) -> None:
        """Start the control software again: it knows nothing until its first poll."""
        with self._lock:
            self._ledger.record(self.name, "all", "power cycle", None, None)
            self._tick, self._latest, self._valid = -1, {}, {}

    def _data(self, method: str, path: str, query: Query) -> dict[str, Any]:
        if (code := self.refusals.next()) is not None:
            raise _Refusal(code)
        if self.key is not None and query.get("key") != self.key:
            raise _Refusal(2001) if "key" not in query else _Refusal(2003)
        service, _, rest = path.strip("/").partition("/")
        if service == "system" and method == "GET" and not rest:
            return _SYSTEM | dict(zip(_WHO, self.identity.split(",")[1:], strict=False))
        if service != "values":
            raise _Refusal(1008)
        if method == "POST":
            self._ledger.record(self.name, "fridge", "refused", None, path[:80])
            raise _Refusal(2003)
        if method != "GET":
            raise _Refusal(2004)
        return self._values(rest.replace("/", "."), query)

    def _values(self, target: str, query: Query) -> dict[str, Any]:
        depth = query.get("recursion", "-1")
        if not depth.removeprefix("-").isdecimal() or query.get("style", "flat") not in _STYLES:
            raise _Refusal(1001)
        with self._lock:
            now = self._now()
            self._poll(now)
            nodes = {
                path: node(path, self._told(path, sample), self._valid.get(path), now)
                for path, sample in self._latest.items()
            }
        found = selected(nodes, target, int(depth[:9]), query)
        if found is None:
            raise _Refusal(3001)
        return found

    def _told(self, path: str, sample: Sample) -> Sample:
        """Return a sample, or a false one that its status says is well."""
        text = self.tamper.answers.get(path.rpartition(".")[2])
        return sample if text is None else replace(sample, value=text, status="SYNCHRONIZED")

    def _poll(self, now: float) -> None:
        """Take new samples, at most one a second."""
        if (tick := int(now / _POLL)) == self._tick:
            return
        self._tick = tick
        for path, number, status in self._measured():
            text = "" if math.isnan(number) else f"{number:.6g}"
            self._latest[path] = Sample(text, now, status)
            if self._latest[path].valid:
                self._valid[path] = self._latest[path]

    def _measured(self) -> Iterator[tuple[str, float, str]]:
        for short, stage in TEMPERATURES.items():
            yield f"mapper.bf.temperatures.{short}", *self._kelvin(self._refrigerator.sensor(stage))
        conditions = self._refrigerator.conditions()
        for path, number in _machinery(conditions):
            yield path, number, "SYNCHRONIZED"

    def _kelvin(self, reading: Reading) -> tuple[float, str]:
        if reading.status is not Status.OK:
            return math.nan, _STATUS.get(reading.status, "INVALID")
        scatter = 0.0 if reading.frozen else self._noise.gauss(0, _SCATTER)
        return reading.kelvin * (1 + scatter), "SYNCHRONIZED"


def _machinery(conditions: Conditions) -> Iterator[tuple[str, float]]:
    for number, gauge in enumerate(GAUGES, 1):
        yield f"mapper.bf.pressures.p{number}", conditions.pressures[gauge] / _MILLIBAR
    yield "mapper.bf.flow", conditions.flow / _MILLIMOLE
    for short, machine in PUMPS.items():
        yield f"mapper.bf.pumps.{short}", float(conditions.running[machine])


_STYLES = ("flat", "tree")
_SYSTEM = {
    "system_name": "Simulated refrigerator",
    "product_type": "kide-ci1",
    "sw_name": "CS1",
    "sw_version": "2.4.3",
    "system_version": "2.4.3",
    "api_version": "api-2.4.3",
}
_WHO = ("product_type", "system_name", "sw_version")
"""What of it tells model, serial number and firmware."""
