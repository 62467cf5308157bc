"""Lake Shore 372: the resistance bridge that reads a refrigerator's thermometers.

From the manual: socket connections, two at a time, on port 7777; SCAN, RDGST and its bits; *RST
returns to the power-up settings, and there is no error queue: a command that is not understood
is not answered and sets a bit of *ESR; which (5 command, 4 execution) from the manual of the 370.
From the upstream driver: the groups of settings. From public readers of refrigerators: that a
reading without a valid curve is 0 K. From memory: sensors' ranges. Settings are kept through a
power cycle; only the heaters are off after it.

Not modelled: the heaters warm nothing; resistances follow a plausible ruthenium oxide law; an
input that is not being scanned keeps its reading, taken when it is first asked for in a visit.
"""

from __future__ import annotations

import math
import random
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kammerton_sim.evidence.ledger import Ledger
from kammerton_sim.fridge import Reading, Refrigerator, Status
from kammerton_sim.instruments.lakeshore372_tables import GROUPS, SETTINGS, arguments
from kammerton_sim.wire.errors import ScpiError
from kammerton_sim.wire.scpi import integer, string
from kammerton_sim.wire.settings import Value
from kammerton_sim.wire.tamper import Tamper

CONNECTIONS = 2
_UNIT = re.compile(r"\s*(\*?[A-Za-z]+)(\??)(.*)", re.DOTALL)
_COMMAND_ERROR, _EXECUTION_ERROR, _POWER_ON, _DONE = 32, 16, 128, 1
_SCATTER = 2e-3  # of a reading, one sigma
_MOST_UNITS = 64
_HARMLESS = ("*CLS", "*OPC", "*ESE")


@dataclass(frozen=True)
class Thermometer:
    """What is wired to an input: name, stage, and the K between which its curve is valid."""

    name: str
    stage: str
    coldest: float
    hottest: float


WIRED: Mapping[int, Thermometer] = {
    1: Thermometer("50K flange", "50K", 1.4, 325.0),
    2: Thermometer("4K flange", "4K", 1.4, 325.0),
    3: Thermometer("Cold plate", "cold_plate", 0.05, 40.0),
    5: Thermometer("Still", "still", 0.05, 40.0),
    6: Thermometer("MXC", "mixing_chamber", 5e-3, 40.0),
}

_VALID, _OVERLOAD, _R_OVER, _T_OVER, _T_UNDER = 0, 4, 16, 64, 128
_BITS = {Status.NO_NUMBER: _OVERLOAD, Status.OVER_RANGE: _T_OVER, Status.DISCONNECTED: _R_OVER}


class Lakeshore372:
    """One bridge with a scanner, for two clients at a time.

    Its settings are called as its commands, in small letters; so are its readings.
    """

    settings = SETTINGS
    readings = (*settings, "krdg", "srdg", "rdgst", "scan", "htr")

    def __init__(
        self,
        name: str,
        ledger: Ledger,
        now: Callable[[], float],
        refrigerator: Refrigerator,
        serial: int = 1,
        seed: int = 0,
    ) -> None:
        self.name, self._ledger, self._now = name, ledger, now
        self._refrigerator, self._noise = refrigerator, random.Random(seed)
        self.identity, self.impostor = f"LSCI,MODEL372,LSA{serial:02d}K1/#######,1.4", False
        self.lock, self.tamper = threading.RLock(), Tamper()
        self._events, self._mask = _POWER_ON, 0
        self._values: dict[tuple[str, int], tuple[Value, ...]] = {
            (command, number): group.default()
            for command, group in GROUPS.items()
            for number in range(group.first, group.last + 1)
        }
        self._names = {n: WIRED[n].name if n in WIRED else f"Channel {n:02d}" for n in range(1, 17)}
        for number in range(1, 17):
            self._enable(number, number in WIRED)
        self._began, self._channel, self._scanning = now(), 6, True
        self._held: dict[int, tuple[int, Reading]] = {}

    def receive(self, message: bytes | bytearray) -> bytes:
        """Carry out a message of commands and queries; what is not understood is not answered."""
        units = bytes(message).decode("latin-1").split(";", _MOST_UNITS)
        with self.lock:
            answers = [answer for unit in units if (answer := self._obeyed(unit)) is not None]
        return ";".join(answers).encode("latin-1")

    def overrun(self) -> None:
        """A message was longer than the input buffer; it is lost."""
        self._events |= _COMMAND_ERROR

    def fail(self, error: ScpiError) -> None:
        """Note an error: there is no queue, only a bit of *ESR."""
        self._events |= _COMMAND_ERROR if error.code > -200 else _EXECUTION_ERROR

    def places(self, key: str) -> list[tuple[int, ...]]:
        """Return the inputs or outputs that have a setting."""
        group = GROUPS[key.upper()]
        return [(number,) for number in range(group.first, group.last + 1)]

    def value(self, key: str, *place: int) -> tuple[Value, ...]:
        """Return the fields of a setting."""
        return self._values[key.upper(), place[0]]

    def set(self, key: str, place: tuple[int, ...], values: tuple[Value, ...]) -> None:
        """Change a setting, and note in the ledger what heats."""
        self._set(key.upper(), place[0], values)

    def keeps(self, key: str, place: tuple[int, ...]) -> bool:
        """Return whether a setting outlives a power cycle: all but the range of a heater."""
        return key != "range" or bool(self._values["OUTMODE", place[0]][2])

    def connected(self, peer: str) -> None:
        """Note that a client came."""
        self._ledger.record(self.name, "session", "connection", None, peer)

    def disconnected(self, peer: str) -> None:
        """Note that a client left."""
        self._ledger.record(self.name, "session", "connection", peer, None)

    def levels(self) -> dict[str, dict[str, Any] | None]:
        """Return the heaters' ranges by name; None where one is off."""
        with self.lock:
            ranges = {n: self._values["RANGE", n][0] for n in range(3)}
        return {f"{self.name}.heater{n}": {"range": r} if r else None for n, r in ranges.items()}

    def power_cycle(self) -> None:
        """Switch off and on: settings stay, heaters that are not told otherwise are off."""
        with self.lock, self._ledger.by("power switch"):
            self._ledger.record(self.name, "all", "power cycle", None, None)
            self._power_up()

    def _power_up(self) -> None:
        for number in range(3):
            if not self.keeps("range", (number,)):
                self._set("RANGE", number, (0,))
        self._events, self._mask, self._began = _POWER_ON, 0, self._now()
        self._held.clear()

    def _obeyed(self, unit: str) -> str | None:
        """Return the answer of a unit, None when there is none."""
        if not unit.strip():
            return None
        before = self._ledger.last(self.name)
        try:
            return self._carry_out(unit)
        except ScpiError as error:
            self.fail(error)
            return None
        finally:  # the ledger hears of what was meant for another box, whatever comes of it
            if self.impostor and _writes(unit) and self._ledger.last(self.name) == before:
                self._ledger.record(self.name, "all", "written", None, unit.strip()[:80])

    def _carry_out(self, unit: str) -> str | None:
        found = _UNIT.fullmatch(unit)
        if found is None:
            raise ScpiError(-102)
        word, query, rest = found[1].upper(), bool(found[2]), arguments(found[3])
        answer = (
            self._grouped(word, query, rest) if word in GROUPS else self._other(word, query, rest)
        )
        return None if answer is None else self.tamper.answered(word.lower(), answer)

    def _other(self, word: str, query: bool, rest: list[str]) -> str | None:
        handler = (self._queries() if query else self._commands()).get(word)
        if handler is None:
            raise ScpiError(-113, word[:20])
        return handler(rest)

    def _queries(self) -> Mapping[str, Callable[[list[str]], str | None]]:
        return {
            "*IDN": lambda _: self.identity,
            "*OPC": lambda _: "1",
            "*TST": lambda _: "0",
            "*STB": lambda _: str(32 if self._events & self._mask else 0),
            "*ESE": lambda _: str(self._mask),
            "*ESR": lambda _: self._event_status(),
            "KRDG": lambda texts: self._kelvin(_number(texts, 1, 16)),
            "SRDG": lambda texts: self._ohms(_number(texts, 1, 16)),
            "RDGST": lambda texts: f"{self._read(_number(texts, 1, 16))[1]:03d}",
            "INNAME": lambda texts: f"{self._names[_number(texts, 1, 16)]:<15}",
            "SCAN": lambda _: f"{self._visit()[0]:02d},{int(self._scanning)}",
            "HTR": lambda texts: f"{0.0 * _number(texts, 0, 2):+.3E}",
            "RAMPST": lambda texts: str(0 * _number(texts, 0, 2)),
        }

    def _commands(self) -> Mapping[str, Callable[[list[str]], None]]:
        return {
            "*CLS": lambda _: self._clear(),
            "*RST": lambda _: self._power_up(),
            "*OPC": lambda _: self._note(_DONE),
            "*ESE": self._set_mask,
            "INNAME": self._rename,
            "SCAN": self._scan,
        }

    def _grouped(self, word: str, query: bool, texts: list[str]) -> str | None:
        group = GROUPS[word]
        number = _number(texts[:1], group.first, group.last)
        if query:
            return group.show(self._values[word, number])
        old, new = self._values[word, number], group.parse(texts[1:])
        kept = (self.tamper.written(word.lower(), *both) for both in zip(old, new, strict=True))
        self._set(word, number, tuple(kept))
        return None

    def _set(self, word: str, number: int, values: tuple[Value, ...]) -> None:
        old = self._values[word, number]
        self._values[word, number] = values
        if GROUPS[word].heats and old != values:
            shown = [GROUPS[word].show(v) for v in (old, values)]
            self._ledger.record(self.name, f"heater{number}", word.lower(), *shown)

    def _enable(self, number: int, on: bool) -> None:
        self._values["INSET", number] = (int(on), *self._values["INSET", number][1:])

    # ---------------------------------------------------------------- the scanner and its readings

    def _visit(self) -> tuple[int, dict[int, int]]:
        """Return the input that is connected now, and how often each was visited before."""
        enabled = [n for n in range(1, 17) if self._values["INSET", n][0]] or [1]
        if not self._scanning:
            return self._channel, {}
        times = [sum(map(float, self._values["INSET", n][1:3])) for n in enabled]
        rounds, within = divmod(max(0.0, self._now() - self._began), sum(times))
        place = 0
        while place < len(enabled) - 1 and within >= times[place]:
            within -= times[place]
            place += 1
        return enabled[place], {n: int(rounds) + (k < place) for k, n in enumerate(enabled)}

    def _reading(self, number: int) -> Reading:
        """Return what an input last measured while it was connected."""
        current, visits = self._visit()
        visit = visits.get(number, -1)
        held = self._held.get(number)
        if held is None or (held[0] != visit) or (current == number and not self._scanning):
            held = self._held[number] = visit, self._measured(number)
        return held[1]

    def _measured(self, number: int) -> Reading:
        if number not in WIRED:
            return Reading(math.nan, Status.DISCONNECTED)
        reading = self._refrigerator.sensor(WIRED[number].stage)
        scatter = 0.0 if reading.frozen else self._noise.gauss(0, _SCATTER)
        return Reading(reading.kelvin * (1 + scatter), reading.status)

    def _read(self, number: int) -> tuple[float, int]:
        """Return K and the status bits; 0 K where the curve gives no temperature."""
        reading = self._reading(number)
        if reading.status is not Status.OK:
            return 0.0, _BITS[reading.status]
        if reading.kelvin > WIRED[number].hottest:
            return 0.0, _T_OVER
        if reading.kelvin < WIRED[number].coldest:
            return 0.0, _T_UNDER
        return reading.kelvin, _VALID

    def _kelvin(self, number: int) -> str:
        return f"{self._read(number)[0]:+.5E}"

    def _ohms(self, number: int) -> str:
        reading = self._reading(number)
        if reading.status is not Status.OK:
            return f"{0.0:+.5E}"
        return f"{1e3 * math.exp((1.2 / reading.kelvin) ** 0.3):+.5E}"

    # ---------------------------------------------------------------- status

    def _event_status(self) -> str:
        events, self._events = self._events, 0
        return str(events)

    def _clear(self) -> None:
        self._events = 0

    def _note(self, bit: int) -> None:
        self._events |= bit

    def _set_mask(self, texts: list[str]) -> None:
        self._mask = _number(texts, 0, 255)

    def _rename(self, texts: list[str]) -> None:
        number = _number(texts[:1], 1, 16)
        if len(texts) != 2:
            raise ScpiError(-109)
        self._names[number] = string(texts[1])[:15]

    def _scan(self, texts: list[str]) -> None:
        if len(texts) != 2:
            raise ScpiError(-109)
        self._channel, self._scanning = _number(texts[:1], 1, 16), bool(_number(texts[1:], 0, 1))
        self._began = self._now()
        self._held.clear()


def _writes(unit: str) -> bool:
    """Whether a unit is there to change something."""
    found = _UNIT.fullmatch(unit)
    return found is not None and not found[2] and found[1].upper() not in _HARMLESS


def _number(texts: list[str], least: int, most: int) -> int:
    if not texts:
        raise ScpiError(-109)
    number = integer(texts[0])
    if not least <= number <= most:
        raise ScpiError(-222, texts[0][:20])
    return number
