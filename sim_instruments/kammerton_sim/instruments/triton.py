"""Oxford Triton: the refrigerator's own line protocol; read-only here, every SET is declined.

The gauges are P1 tank, P2 condensing line, P3 still, P4 behind the turbo pump, P5 behind the
fore pump, P6 vacuum can (names from public logs of such systems). Sensors: see `SENSORS`.
"""

from __future__ import annotations

import random
import time

from kammerton_sim.evidence.ledger import Ledger
from kammerton_sim.fridge import PULSE_TUBE, TURBO, Reading, Refrigerator, Status
from kammerton_sim.wire.tamper import Tamper

SENSORS = {"PT2": "T1", "PT1": "T2", "STIL": "T3", "COLD": "T4", "MC": "T8"}
_STAGES = {"T1": "4K", "T2": "50K", "T3": "still", "T4": "cold_plate", "T8": "mixing_chamber"}
_GAUGES = {
    "P1": "tank",
    "P2": "condensing",
    "P3": "still",
    "P4": "turbo_back",
    "P5": "fore_pump_back",
    "P6": "vacuum",
}
_MILLIBAR = 100.0  # Pa
_SPEED = 820  # Hz
_LITTLE = 0.05  # of the mixture
_CONDENSES = 5.0  # K of the 4 K plate
_SHOWN = {Status.NO_NUMBER: "nanK", Status.OVER_RANGE: "999.999K", Status.DISCONNECTED: "0.000000K"}
"""What it shows of a bad sensor (from memory)."""


_LOOP = {
    "MODE": "OFF",
    "TSET": "0.0K",
    "P": "0",
    "I": "0",
    "D": "0",
    "RANGE": "0.0mA",
    "RAMP:ENAB": "OFF",
    "RAMP:RATE": "0.0",
}
"""The heater's loop, which is off. Units, ON and OFF: public drivers; without one: from memory."""


class Triton:
    """Answers one line with one line; its readings scatter by 0.5 % (one sigma)."""

    readings = (*_STAGES, *_GAUGES, "TURB1", "COMP")

    def __init__(
        self, name: str, ledger: Ledger, refrigerator: Refrigerator, seed: int = 0
    ) -> None:
        self.name, self._ledger, self._refrigerator = name, ledger, refrigerator
        self.identity, self.impostor = "OXFORD INSTRUMENTS,TRITON 400,71234,2.5.2.1", False
        self.tamper = Tamper()
        self._noise = random.Random(seed)

    def answer(self, line: str) -> str:
        """Return the reply to one line, without terminator."""
        words = line.split(":")
        if line.upper() == "*IDN?":
            return "IDN:" + self.identity.replace(",", ":")
        if words[0] == "SET":
            self._ledger.record(self.name, "fridge", "refused", None, line[:80])
        if words[0] != "READ" and self.impostor:  # what is not understood was written all the same
            self._ledger.record(self.name, "all", "written", None, line[:80])
        if words[0] != "READ" or len(words) < 2:
            return f"STAT:{line}:INVALID"
        return f"STAT:{':'.join(words[1:])}:{self._told(words[1:])}"

    def watch(self, peer: str, came: bool) -> None:
        """Note clients in the ledger."""
        old, new = (None, peer) if came else (peer, None)
        self._ledger.record(self.name, "session", "connection", old, new)

    def power_cycle(self) -> None:
        """Switch its computer off and on: the refrigerator itself goes on as it was."""
        self._ledger.record(self.name, "all", "power cycle", None, None)

    def _told(self, words: list[str]) -> str:
        """Return what it says it reads: the device's signal, or what stands for it."""
        read = self._read(words)
        return self.tamper.answered(words[1], read) if words[3:4] == ["SIG"] else read

    def _read(self, words: list[str]) -> str:
        match words:
            case ["SYS", *rest]:
                return self._system(rest)
            case ["DEV", sensor, "TEMP", "SIG", "TEMP"] if sensor in _STAGES:
                return self._temperature(self._refrigerator.sensor(_STAGES[sensor]))
            case ["DEV", sensor, "TEMP", "MEAS", "ENAB"] if sensor in SENSORS.values():
                return "ON"
            case ["DEV", "T5", "TEMP", "LOOP", *what]:
                return _LOOP.get(":".join(what), "NOT_FOUND")
            case ["DEV", gauge, "PRES", "SIG", "PRES"] if gauge in _GAUGES:
                pressures = self._refrigerator.conditions().pressures
                return f"{pressures[_GAUGES[gauge]] / _MILLIBAR:.4G}mB"
            case ["DEV", "TURB1", "PUMP", "SIG", "SPD"]:
                return f"{_SPEED * self._runs(TURBO)}Hz"
            case ["DEV", "TURB1", "PUMP", "SIG", "STATE"]:
                return "ON" if self._runs(TURBO) else "OFF"
            case ["DEV", "COMP", "PUMP", "SIG", "STATE"]:
                return "ON" if self._runs(PULSE_TUBE) else "OFF"
        return "NOT_FOUND"

    def _runs(self, machine: str) -> bool:
        return self._refrigerator.conditions().running[machine]

    def _system(self, words: list[str]) -> str:
        match words:
            case ["TIME"]:
                return time.strftime("%H:%M:%S", time.localtime(self._ledger.now()))
            case ["DR", "STATUS"]:
                return "OK"
            case ["DR", "ACTN"]:
                return self._action()
            case ["DR", "CHAN"]:
                return ":".join(SENSORS)
            case ["DR", "CHAN", alias]:
                return SENSORS.get(alias, "NONE")
            case ["VRM", *_]:
                return "INVALID"  # no magnet
        return "NOT_FOUND"

    def _action(self) -> str:
        """Return what the automation does: pre-cool, condense, collect, or nothing special."""
        now = self._refrigerator.conditions()
        if not now.circulating:
            return "COLL" if now.liquid > _LITTLE else "NONE"
        if now.liquid > 1 - _LITTLE:
            return "NONE"
        return "COND" if now.temperatures["4K"] < _CONDENSES else "PCL"

    def _temperature(self, reading: Reading) -> str:
        if reading.status is not Status.OK:
            return _SHOWN[reading.status]
        scatter = 0.0 if reading.frozen else self._noise.gauss(0, 0.005)
        return f"{reading.kelvin * (1 + scatter):.6f}K"
