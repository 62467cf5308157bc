"""What every simulated SCPI instrument shares: settings, common commands, errors, the ledger."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import product

from kammerton_sim.evidence.ledger import Ledger
from kammerton_sim.wire.commands import Answer, Call, Command, CommandTable
from kammerton_sim.wire.errors import ClippedError, ErrorQueue, ScpiError
from kammerton_sim.wire.scpi import Unit, number, units
from kammerton_sim.wire.settings import Setting, Value
from kammerton_sim.wire.slices import BrokenOff, Slices
from kammerton_sim.wire.tamper import Tamper

_UNDEFINED = -113
_POWER_ON = 128
_EVENT_BIT = {-1: 32, -2: 16, -4: 4}  # IEEE 488.2 standard event status register
_DEVICE_ERROR = 8


class ScpiInstrument:
    """A message-based instrument: bytes in, bytes out; errors go into the queue.

    One message is carried out at a time, from whichever client; `lock` is held meanwhile.
    """

    identity = ""
    options = "0"
    queue_length = 32
    """Errors that wait at most."""

    error_form = '{:d},"{}"'
    """Answer to SYSTem:ERRor?."""

    tells_details = True
    """Whether that answer says what was wrong, behind the standard's text."""

    def __init__(
        self,
        name: str,
        ledger: Ledger,
        settings: Mapping[str, Setting],
        commands: Mapping[str, Command],
    ) -> None:
        self.name, self.ledger = name, ledger
        self.lock = threading.RLock()
        self.errors = ErrorQueue(self.queue_length)
        self.settings, self.tamper = settings, Tamper()
        self.impostor = False
        """Whether it says at present that it is another box."""
        self._values: dict[tuple[str, tuple[int, ...]], Value] = {
            (key, suffixes): setting.kind.default
            for key, setting in settings.items()
            for suffixes in self.places(key)
        }
        own = {setting.header: self._accessors(key) for key, setting in settings.items()}
        keys = {setting.header: key for key, setting in settings.items()}
        more = {h: self._tampered(keys[h], c) if h in keys else c for h, c in commands.items()}
        self._table = CommandTable({**self._common(), **own, **more})
        self._events, self._event_mask, self._service_mask = _POWER_ON, 0, 0
        self._cycles = 0

    @property
    def readings(self) -> Iterable[str]:
        """Return what can be asked for and answered falsely."""
        return self.settings

    def places(self, key: str) -> list[tuple[int, ...]]:
        """Return the suffixes of a setting: those of each output that has it."""
        return list(product(*(range(1, n + 1) for n in self.settings[key].ranges)))

    def value(self, key: str, *suffixes: int) -> Value:
        """Return a setting."""
        return self._values[key, suffixes]

    def set(self, key: str, suffixes: tuple[int, ...], value: Value) -> None:
        """Change a setting, and write it into the ledger when it shapes an output."""
        old = self._values[key, suffixes]
        if old == value:
            return
        self._values[key, suffixes] = value
        if self.settings[key].output:
            self.ledger.record(
                self.name, self.label(suffixes), key, old, value, self.noted_unit(key)
            )
        self.changed(key, suffixes)

    def power_on(self) -> dict[tuple[str, str, str], Value]:
        """Return what shapes the outputs as it is at power-on: (name, output, setting) -> value."""
        return {
            (self.name, self.label(place), key): self.settings[key].kind.default
            for key, place in self._values
            if self.settings[key].output
        }

    def unit(self, key: str) -> str:
        """Return what a setting is in, as it is written to the box; "" where it is in nothing."""
        kind = self.settings[key].kind
        return str(getattr(getattr(kind, "number", kind), "unit", ""))

    def noted_unit(self, key: str) -> str | None:
        """Return what the ledger says that a setting is in; None for the usual."""
        return None

    def objection(self, key: str, suffixes: tuple[int, ...], value: Value) -> str:
        """Return why a setting cannot be this, as others are at present; "" where it can."""
        return ""

    def turn(self, key: str, suffixes: tuple[int, ...], value: Value) -> None:
        """Change a setting at the front panel; its knob ends where the box ends at present."""
        self.set(key, suffixes, value)

    def put(self, key: str, suffixes: tuple[int, ...], value: Value) -> None:
        """Change a setting as a client asks for it; tampered with, it may not take."""
        self.set(key, suffixes, self.tamper.written(key, self._values[key, suffixes], value))

    def label(self, suffixes: tuple[int, ...]) -> str:
        """Return what an output is called in the ledger, e.g. "3" or "3.1" (marker)."""
        return ".".join(map(str, suffixes)) or "all"

    def changed(self, key: str, suffixes: tuple[int, ...]) -> None:
        """Called after a setting changed."""

    def reset(self) -> None:
        """Return every setting to its power-on value (*RST)."""
        for key, suffixes in list(self._values):
            self.set(key, suffixes, self.settings[key].kind.default)

    def keeps(self, key: str, place: tuple[int, ...]) -> bool:
        """Return whether a setting outlives a power cycle: none does."""
        return False

    def power_cycle(self) -> None:
        """Switch off and on: power-on settings, an empty error queue, the power-on event."""
        with self.lock, self.ledger.by("power switch"):
            self.ledger.record(self.name, "all", "power cycle", None, None)
            self._cycles += 1
            self.reset()
            self.errors.clear()
            self._events, self._event_mask, self._service_mask = _POWER_ON, 0, 0

    def overrun(self) -> None:
        """A message was longer than the input buffer; it is lost."""
        with self.lock:
            self.fail(ScpiError(-363))

    def fail(self, error: ScpiError) -> None:
        """Note an error in the queue and in the event register."""
        self._events |= _EVENT_BIT.get(-(-error.code // 100), _DEVICE_ERROR)
        self.errors.push(error)

    def receive(self, message: bytes | bytearray) -> bytes:
        """Carry out a program message; return the response message, b"" when nothing was asked.

        After a slice of time another client's message may come between two of its commands; a power
        cycle then loses the rest of it, and the response.
        """
        slices = self.slices()
        with self.lock, suppress(BrokenOff):
            return self._carried_out(message, slices)
        return b""

    def slices(self) -> Slices:
        """Return how a thread that has the lock lets others go first, up to a power cycle."""
        return Slices(self.lock, lambda: self._cycles)

    def _carried_out(self, message: bytes | bytearray, slices: Slices) -> bytes:
        answers, path = [], ""
        self.arrived()
        for unit in units(message):
            slices.pause()
            path = "" if unit.first else path
            header = unit.header if unit.header[:1] in (":", "*") else path + unit.header
            try:
                answer = self._carry_out(header, unit)
            except ScpiError as error:
                self.fail(error)
                if error.code == _UNDEFINED:
                    continue
                answer = None
            if not header.startswith("*"):
                path = header[: header.rfind(":") + 1]
            if answer is not None:
                answers.append(answer if isinstance(answer, bytes) else answer.encode())
        return b";".join(answers)

    def arrived(self) -> None:
        """Called before a message is carried out."""

    def status_byte(self) -> int:
        """Return the status byte: bit 2 says that errors wait, bit 5 sums up the events."""
        return (4 if len(self.errors) else 0) | (32 if self._events & self._event_mask else 0)

    def connected(self, peer: str) -> None:
        """Note that a client came."""
        self.ledger.record(self.name, "session", "connection", None, peer)

    def disconnected(self, peer: str) -> None:
        """Note that a client left; settings and outputs stay as they are."""
        self.ledger.record(self.name, "session", "connection", peer, None)

    def _carry_out(self, header: str, unit: Unit) -> Answer | None:
        """Do it; what was meant for another box and changes no output here goes into the ledger.

        Also what is refused or not understood: it was written all the same.
        """
        if not self.impostor or unit.query or self._is_harmless(header):
            return self._obey(header, unit)
        before = self.ledger.last(self.name)
        try:
            return self._obey(header, unit)
        finally:
            if self.ledger.last(self.name) == before:
                told = f"{header} {unit.text}".strip()
                self.ledger.record(self.name, "all", "written", None, told[:80])

    def _is_harmless(self, header: str) -> bool:
        try:
            return self._table.find(header)[0].harmless
        except ScpiError:
            return False

    def _obey(self, header: str, unit: Unit) -> Answer | None:
        if unit.fault:
            raise ScpiError(unit.fault, header[:80])
        command, suffixes = self._table.find(header)
        handler = command.ask if unit.query else command.write
        if handler is None:
            raise ScpiError(-113, header[:80] + ("?" if unit.query else ""))
        return handler(Call(suffixes, unit.text, unit.block))

    def _accessors(self, key: str) -> Command:
        kind = self.settings[key].kind

        def suffixes(call: Call) -> tuple[int, ...]:
            if (key, call.suffixes) not in self._values:
                number = ".".join(map(str, call.suffixes))
                raise ScpiError(-114, f"{key} has no number {number}")
            return call.suffixes

        def write(call: Call) -> None:
            (text,) = call.parts(1, 1)
            place = suffixes(call)
            try:
                self.put(key, place, kind.parse(text))
            except ClippedError as clipped:
                self.put(key, place, clipped.taken)
                raise

        def ask(call: Call) -> str:
            asked = call.parts(0, 1)
            value = self._values[key, suffixes(call)]
            return self.tamper.answered(key, kind.show(kind.parse(asked[0]) if asked else value))

        return Command(write, ask)

    def _tampered(self, key: str, command: Command) -> Command:
        """Return a command of a setting with handlers of its own, whose answers can be false."""
        ask = command.ask
        if ask is None:
            return command

        def answer(call: Call) -> Answer | None:
            found = ask(call)
            return self.tamper.answered(key, found) if isinstance(found, str) else found

        return Command(command.write, answer)

    def _common(self) -> dict[str, Command]:
        return {
            "*IDN": Command(ask=lambda _: self.identity),
            "*OPT": Command(ask=lambda _: self.options),
            "*OPC": Command(self._operation_complete, lambda _: "1", harmless=True),
            "*WAI": Command(lambda _: None, harmless=True),
            "*TST": Command(ask=lambda _: "0"),
            "*CLS": Command(self._clear, harmless=True),
            "*RST": Command(write=lambda _: self.reset()),
            "*ESR": Command(ask=self._event_status),
            "*ESE": Command(self._set_event_mask, lambda _: str(self._event_mask), harmless=True),
            "*SRE": Command(
                self._set_service_mask, lambda _: str(self._service_mask), harmless=True
            ),
            "*STB": Command(ask=lambda _: str(self.status_byte())),
            "SYSTem:ERRor[:NEXT]": Command(ask=lambda _: self._next_error()),
            "SYSTem:ERRor:CODE[:NEXT]": Command(ask=lambda _: str(self.errors.pop()[0])),
            "SYSTem:ERRor:COUNt": Command(ask=lambda _: str(len(self.errors))),
            "SYSTem:VERSion": Command(ask=lambda _: "1999.0"),
        }

    def _next_error(self) -> str:
        return self.error_form.format(*self.errors.pop(detailed=self.tells_details))

    def every_error(self) -> str:
        """Return all errors that wait, the oldest first, and forget them (SYSTem:ERRor:ALL?)."""
        return ",".join(self._next_error() for _ in range(max(1, len(self.errors))))

    def every_code(self) -> str:
        """Return the numbers of all errors that wait, and forget them (SYSTem:ERRor:CODE:ALL?)."""
        return ",".join(str(self.errors.pop()[0]) for _ in range(max(1, len(self.errors))))

    def _operation_complete(self, call: Call) -> None:
        self._events |= 1

    def _clear(self, call: Call) -> None:
        self.errors.clear()
        self._events = 0

    def _event_status(self, call: Call) -> str:
        events, self._events = self._events, 0
        return str(events)

    def _set_event_mask(self, call: Call) -> None:
        self._event_mask = _byte(call)

    def _set_service_mask(self, call: Call) -> None:
        self._service_mask = _byte(call)


def _byte(call: Call) -> int:
    (text,) = call.parts(1, 1)
    value = round(number(text))
    if not 0 <= value <= 255:
        raise ScpiError(-222, text[:20])
    return value
