"""Yokogawa GS200 (GS210): a DC voltage and current source that biases a flux line.

From the manual (IM GS210-01EN, section 13.2): the headers, the limiters (1 to 30 V, 1 to 200 mA),
levels while a program is edited, the limiters' answers; section 13.1: buffers of 64 KB at least.
From the upstream driver: the ramp as a program of one step, its 10 Hz clock, the bits of the
extended event register. From PyMeasure's: the 120 % of a range. From transcripts: the serial
number's letter. From memory, not seen in the manual's pages: resolutions, the state after *RST,
that a change of function switches the output off, that a range too small for the level limits it,
the numbers of the error queue (SCPI-99). The monitor option is not fitted.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from kammerton_sim.evidence.ledger import Ledger
from kammerton_sim.instruments.gs200_program import Program
from kammerton_sim.instruments.gs200_ranges import (
    CURRENT,
    VOLTAGE,
    Limiter,
    Range,
    engineering,
    fitting,
)
from kammerton_sim.wire.commands import Call, Command
from kammerton_sim.wire.errors import ScpiError
from kammerton_sim.wire.instrument import ScpiInstrument
from kammerton_sim.wire.scpi import number, string
from kammerton_sim.wire.settings import Choice, Number, Setting, Switch, Value

LOAD = 1e3
"""Ohm of the bias line: a resistor at room temperature in front of a superconducting loop."""

LONGEST = 1 << 16
"""Bytes of a message: what the box has room for."""

_PROGRAM_ENDED, _SOURCE_CHANGED = 1 << 7, 1 << 5

SETTINGS = {
    "on": Setting("OUTPut[:STATe]", Switch(), output=True),
    "function": Setting("SOURce:FUNCtion", Choice(("VOLTage", "CURRent"), "VOLT"), output=True),
    "range": Setting("SOURce:RANGe", Number(1.0, 0.0, 30.0), output=True),
    "level": Setting("SOURce:LEVel[:FIXed]", Number(0.0, -32.0, 32.0), output=True),
    "voltage_limit": Setting(
        "SOURce:PROTection:VOLTage",
        Limiter(30.0, 1.0, 30.0, "V", step=1.0),
        output=True,
    ),
    "current_limit": Setting(
        "SOURce:PROTection:CURRent", Limiter(0.2, 1e-3, 0.2, "A", step=1e-3), output=True
    ),
    "four_wire": Setting("SENSe:REMote", Switch()),
    "guard": Setting("SENSe:GUARd", Switch()),
    "bnc_out": Setting("ROUTe:BNCOut", Choice(("TRIGger", "OUTPut", "READy"), "TRIG")),
    "bnc_in": Setting("ROUTe:BNCIn", Choice(("TRIGger", "OUTPut"), "TRIG")),
}


class Gs200(ScpiInstrument):
    """One source. `level(at)` follows a running program on the laboratory's clock, now()."""

    identity = "YOKOGAWA,GS210,91T{serial:06d},2.02"
    options = "NONE"

    def __init__(
        self, name: str, ledger: Ledger, now: Callable[[], float], serial: int = 1
    ) -> None:
        self._now = now
        self._program = Program()
        self._extended = 0
        self._reached: dict[str, float | None] = {}
        super().__init__(name, ledger, SETTINGS, {**self._sourcing(), **self._programming()})
        self.identity = self.identity.format(serial=serial)

    def label(self, suffixes: tuple[int, ...]) -> str:
        """Return the name of the only output."""
        return "out"

    def level(self) -> float:
        """Return the level now in V or A, whether or not the output is on."""
        running = self._program.level(self._now())
        return float(self.value("level")) if running is None else running

    def volts(self) -> float:
        """Return the voltage across the bias line now: 0 when off, cut by the limiters."""
        with self.lock:
            if not self.value("on"):
                return 0.0
            level, amperes = self.level(), self.value("function") == "CURR"
            wanted = level * LOAD if amperes else level
            limit = self.value("voltage_limit") if amperes else self.value("current_limit")
            most = float(limit) * (1.0 if amperes else LOAD)
            return min(max(wanted, -most), most)

    def levels(self) -> dict[str, dict[str, Any] | None]:
        """Return its level (V) or current (A), and the limiter of the other one; None: off."""
        limiter = "current_limit" if self._level_or_current == "level" else "voltage_limit"
        now = {self._level_or_current: self.level(), limiter: self.value(limiter)}
        return {f"{self.name}.out": now if self.value("on") else None}

    def arrived(self) -> None:
        """Take the level that a program has reached meanwhile."""
        self._settle()

    def reset(self) -> None:
        """Output off first, then the rest; files of programs stay."""
        self.set("on", (), False)
        self._stop_at(0.0)
        self._program = self._program.anew()
        super().reset()

    def set(self, key: str, suffixes: tuple[int, ...], value: Value) -> None:
        """Change a setting; a level ends a program, and before another function it is off."""
        if key == "level" and self._program.running:
            self._stop_at(float(value))
        if key == "function" and value != self.value("function"):
            self.set("on", (), False)
            self._stop_at(0.0)
            super().set("level", (), 0.0)  # while it is still in what it was
        super().set(key, suffixes, value)

    def unit(self, key: str) -> str:
        """Return V or A of a level, as the function has it."""
        return self._volts_or_amperes if key in ("level", "range") else super().unit(key)

    def noted_unit(self, key: str) -> str | None:
        """Return V or A of a level and a range, as the function has them."""
        return self._volts_or_amperes if key in ("level", "range") else None

    @property
    def _volts_or_amperes(self) -> str:
        return "V" if self.value("function") == "VOLT" else "A"

    @property
    def _level_or_current(self) -> str:
        return "level" if self.value("function") == "VOLT" else "current"

    def objection(self, key: str, suffixes: tuple[int, ...], value: Value) -> str:
        """A level has to fit the range, and a range the level."""
        if key not in ("level", "range"):
            return ""
        largest = self._ranges()[-1].span
        if key == "range" and float(value) > largest:
            return f"the largest range is {largest:g} {self.unit(key)}"
        asked = fitting(self._ranges(), float(value)) if key == "range" else self._range()
        level = float(self.value("level") if key == "range" else value)
        ends = f"the range ends at {asked.most:g} {self.unit(key)}"
        held = f", and the level is {level:g} {self.unit(key)}" if key == "range" else ""
        return "" if abs(level) <= asked.most * (1 + 1e-9) else ends + held

    def turn(self, key: str, suffixes: tuple[int, ...], value: Value) -> None:
        """Turn to one of the ranges, which may limit the level, or to what the range has of it."""
        if key == "range":
            chosen = fitting(self._ranges(), min(float(value), self._ranges()[-1].span))
            self.set(key, suffixes, chosen.span)
            self._fit_level(float(self.value("level")))
        elif key == "level":
            self._fit_level(float(value))
        else:
            self.set(key, suffixes, value)

    def _fit_level(self, level: float) -> None:
        """Set the nearest level that the range has."""
        kept = self._range()
        self.set("level", (), kept.rounded(min(max(level, -kept.most), kept.most)))

    def changed(self, key: str, suffixes: tuple[int, ...]) -> None:
        """Another function begins switched off, at 0, in its own range."""
        self._extended |= _SOURCE_CHANGED
        if key == "function":
            span = 1.0 if self.value("function") == "VOLT" else 10e-3
            self._values["range", ()] = span  # the one before was in something else
            self.ledger.record(self.name, "out", "range", None, span, self._volts_or_amperes)

    def _ranges(self) -> tuple[Range, ...]:
        return VOLTAGE if self.value("function") == "VOLT" else CURRENT

    def _range(self) -> Range:
        return fitting(self._ranges(), float(self.value("range")))

    def _sourcing(self) -> dict[str, Command]:
        return {
            "SOURce:RANGe": Command(self._set_range, self._ask_range),
            "SOURce:LEVel[:FIXed]": Command(self._set_level, self._ask_level),
            "SOURce:LEVel:AUTO": Command(self._set_level_and_range, self._ask_level_of_all),
            "SYSTem:LFRequency": Command(ask=lambda _: "50"),
            "STATus:CONDition": Command(ask=lambda _: str((not self._program.running) << 8)),
            "STATus:EVENt": Command(ask=self._ask_extended),
            "*CLS": Command(self._clear_all, harmless=True),
        }

    def _programming(self) -> dict[str, Command]:
        return {
            "PROGram:REPeat": Command(lambda c: self._program.set_repeat(_word(c)),
                                      lambda _: str(int(self._program.repeat))),
            "PROGram:INTerval": Command(lambda c: self._program.set_interval(_number(c)),
                                        lambda _: f"{self._program.interval:.1f}"),
            "PROGram:SLOPe": Command(lambda c: self._program.set_slope(_number(c)),
                                     lambda _: f"{self._program.slope:.1f}"),
            "PROGram:EDIT:STARt": Command(lambda _: self._program.edit()),
            "PROGram:EDIT:END": Command(lambda _: self._program.finish()),
            "PROGram:COUNt": Command(ask=lambda _: str(self._program.count)),
            "PROGram:RUN": Command(lambda _: self._run()),
            "PROGram:PAUSe": Command(lambda _: self._program.pause(self._now())),
            "PROGram:CONTinue": Command(lambda _: self._program.resume(self._now())),
            "PROGram:HOLD": Command(lambda _: self._program.hold(self._now())),
            "PROGram:SAVE": Command(lambda c: self._program.save(string(c.parts(1, 1)[0]))),
            "PROGram:LOAD": Command(lambda c: self._program.load(string(c.parts(1, 1)[0])),
                                    lambda _: f'"{self._program.loaded}"'),
        }  # fmt: skip

    def _set_range(self, call: Call) -> None:
        span = self._quantity(call, least=0.0)
        chosen = fitting(self._ranges(), span)
        self.put("range", (), chosen.span)
        self._fit_level(float(self.value("level")))

    def _ask_range(self, call: Call) -> str:
        return engineering(float(self.value("range")), 0, self._range().exponent)

    def _set_level(self, call: Call) -> None:
        kept = self._range()
        level = self._inside(self._quantity(call, -kept.most, kept.most), kept)
        if not self._program.add(level):
            self._settle_and_stop()
            self.put("level", (), level)

    def _set_level_and_range(self, call: Call) -> None:
        wanted = self._quantity(call)
        chosen = fitting(self._ranges(), abs(wanted) / 1.2)
        level = self._inside(wanted, chosen)
        if not self._program.add(level):
            self._settle_and_stop()
            self.put("range", (), chosen.span)
            self.put("level", (), level)

    def _ask_level(self, call: Call) -> str:
        return self._told(call, self._range())

    def _ask_level_of_all(self, call: Call) -> str:
        return self._told(call, self._ranges()[-1] if call.text else self._range())

    def _told(self, call: Call, chosen: Range) -> str:
        """Return the level, or the least or the most that a range reaches."""
        asked = call.parts(0, 1)
        if not asked:
            return chosen.show(self.level())
        return chosen.show(float(Number(0.0, -chosen.most, chosen.most).parse(asked[0])))

    def _quantity(self, call: Call, least: float = -math.inf, most: float = math.inf) -> float:
        """Return a level or a range; MIN and MAX are these, or those of the largest range."""
        (text,) = call.parts(1, 1)
        unit = self._volts_or_amperes
        end = self._ranges()[-1].most
        return float(Number(0.0, max(least, -end), min(most, end), unit).parse(text))

    @staticmethod
    def _inside(level: float, chosen: Range) -> float:
        if abs(level) > chosen.most * (1 + 1e-9):
            raise ScpiError(-222, f"{level:g} does not fit the range {chosen.span:g}")
        return chosen.rounded(level)

    def _run(self) -> None:
        if not self.value("on"):
            raise ScpiError(-221, "the output is off")
        start = self.level()

        def taken(level: float) -> float:
            return float(self.tamper.written("level", start, level))

        steps = self._program.run(self._now(), start, taken)
        ends = start, steps[-1]
        beyond = min(steps) < min(ends), max(steps) > max(ends)
        self._reach(min(steps) if beyond[0] else None, max(steps) if beyond[1] else None)
        self.ledger.record(self.name, "out", "ramp", *ends, self._volts_or_amperes)

    def _stop_at(self, level: float) -> None:
        """Run no program any more; the output stays at `level`.

        Where that is what was set before the program, too, the ledger has to know: to it a ramp
        is at both its ends until a level comes.
        """
        if not self._program.running:
            return
        self._program.stop()
        set_before = self.value("level")
        super().set("level", (), level)
        if level == set_before:
            self.ledger.record(self.name, "out", "level", set_before, level, self._volts_or_amperes)
        self._reach(None, None)

    def _reach(self, low: float | None, high: float | None) -> None:
        """Note how far a program goes beyond where it begins and ends; None: it does not."""
        for what, new in (("low", low), ("high", high)):
            old = self._reached.get(what)
            if new != old:
                self._reached[what] = new
                self.ledger.record(self.name, "out", what, old, new, self._volts_or_amperes)

    def _settle(self) -> None:
        """Take the level that a program has reached; note in the ledger that it ended."""
        if not self._program.running:
            return
        if self._program.ended(self._now()):
            with self.ledger.by("program"):  # not who talks to the box as it is noticed
                self._stop_at(self.level())
            self._extended |= _PROGRAM_ENDED

    def _settle_and_stop(self) -> None:
        """Stay where a program has come to."""
        if self._program.running:
            self._stop_at(self._range().rounded(self.level()))

    def _ask_extended(self, call: Call) -> str:
        events, self._extended = self._extended, 0
        return str(events)

    def _clear_all(self, call: Call) -> None:
        self._extended = 0
        self._clear(call)


def _word(call: Call) -> bool:
    return bool(Switch().parse(call.parts(1, 1)[0]))


def _number(call: Call) -> float:
    return number(call.parts(1, 1)[0])
