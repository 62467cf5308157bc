"""Oxford Triton: the refrigerator's own line protocol; read-only here, every SET is declined."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from kammerton_sim.ledger import Ledger

SENSORS = {"PT2": "T1", "PT1": "T2", "STIL": "T3", "COLD": "T4", "MC": "T8"}
_TEMPERATURES = {"T1": 3.6, "T2": 46.0, "T3": 0.82, "T4": 0.105}
_PRESSURES = {"P1": 2.1, "P2": 0.08, "P3": 0.0006, "P4": 1.2, "P5": 0.9, "P6": 0.02}  # bar
_MIXING_CHAMBER = "T8"


class Triton:
    """Answers one line with one line.

    mixing_chamber() returns the true temperature in K; readings scatter by 0.5 % (one sigma).
    """

    def __init__(
        self, name: str, ledger: Ledger, mixing_chamber: Callable[[], float], seed: int = 0
    ) -> None:
        self.name, self._ledger, self._mixing_chamber = name, ledger, mixing_chamber
        self._noise = random.Random(seed)

    def answer(self, line: str) -> str:
        """Return the reply to one line, without terminator."""
        words = line.split(":")
        if line.upper() == "*IDN?":
            return "IDN:OXFORD INSTRUMENTS:TRITON 400:71234:2.5.2.1"
        if words[0] == "SET":
            self._ledger.record(self.name, "fridge", "refused", None, line[:80])
            return f"STAT:{line}:INVALID"
        if words[0] != "READ" or len(words) < 2:
            return f"STAT:{line}:INVALID"
        return f"STAT:{':'.join(words[1:])}:{self._read(words[1:])}"

    def watch(self, peer: str, came: bool) -> None:
        """Note clients in the ledger."""
        old, new = (None, peer) if came else (peer, None)
        self._ledger.record(self.name, "session", "connection", old, new)

    def _read(self, words: list[str]) -> str:
        match words:
            case ["SYS", *rest]:
                return self._system(rest)
            case ["DEV", sensor, "TEMP", "SIG", "TEMP"]:
                return self._temperature(sensor)
            case ["DEV", sensor, "TEMP", "MEAS", "ENAB"] if sensor in SENSORS.values():
                return "ON"
            case ["DEV", "T5", "TEMP", "LOOP", what]:
                return {"MODE": "OFF", "TSET": "0.0K", "P": "0", "I": "0", "D": "0"}.get(what, "0")
            case ["DEV", gauge, "PRES", "SIG", "PRES"] if gauge in _PRESSURES:
                return f"{_PRESSURES[gauge] * 1e3:.4f}mB"
            case ["DEV", "TURB1", "PUMP", "SIG", "SPD"]:
                return "820Hz"
            case ["DEV", "TURB1" | "COMP", "PUMP", "SIG", "STATE"]:
                return "ON"
        return "NOT_FOUND"

    def _system(self, words: list[str]) -> str:
        match words:
            case ["TIME"]:
                return time.strftime("%H:%M:%S")
            case ["DR", "STATUS"]:
                return "OK"
            case ["DR", "ACTN"]:
                return "NONE"
            case ["DR", "CHAN"]:
                return ":".join(SENSORS)
            case ["DR", "CHAN", alias]:
                return SENSORS.get(alias, "NONE")
            case ["VRM", *_]:
                return "INVALID"  # no magnet
        return "NOT_FOUND"

    def _temperature(self, sensor: str) -> str:
        true = self._mixing_chamber() if sensor == _MIXING_CHAMBER else _TEMPERATURES.get(sensor)
        if true is None:
            return "NOT_FOUND"
        return f"{true * (1 + self._noise.gauss(0, 0.005)):.6f}K"
