"""The control socket: what a test asks of the laboratory, one JSON value a line.

The daemon has no business here: this is where the hidden truth is told. Operations:

truth {parameter, at?, ...} -> {"value"}; parameters -> those whose truth needs no more than their
name; ledger {since?} -> [change, ...];
outputs -> {"awg1.3": what it puts out, or null when it is off, ...};
acquisitions {board?} -> [{index, time, records, turns, first, late}, ...];
states {index, board?} -> {"q0": [level at the start of each record, ...], ...};
unsafe {limits: {"awg*.peak": [least, most], ...}}, wrong_box, and
contradicted {published: [{name, value, stderr, time?, extra?}, ...], sigmas?} -> {"question",
"found": [...], "checked": how many, "not_judged": [{name, why}, ...], "complete", "note"}, of
which `questions` says what is found;
fault {name, given?, seed?, after?, after_records?, lasting?} -> {"fault": its number, "remark":
what is to be known of it at present, or ""}; check {name, given?} -> {"wrong": what, or ""};
clear {number? (one, or a list)} -> [numbers of the faults that were cleared];
faults {every?} -> those that wait, are on or are done, or all: [{number, name, given, seed, when,
state, on, off, struck?, of?}, ...], on and off in unix s;
catalogue -> every fault that there is: [{name, row, says, usage}, ...];
refrigerator -> {temperatures, flow, liquid, pressures, running, circulating, time};
set_temperature {kelvin} -> {"fault": its number}; power_cycle {instrument}; time -> {"time"};
advance {seconds} -> {"time", "remark": whose clock does not see it, or ""}: so much passes at
once; name -> {"chip", "computer", "pid", "folder", "note"}; stop.
What fails answers {"error": "..."}.
"""

from __future__ import annotations

import inspect
import json
import math
import os
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from kammerton_sim.chip.hidden import note
from kammerton_sim.evidence.questions import Questions
from kammerton_sim.faults import CATALOGUE, FaultError, Faults
from kammerton_sim.names import near
from kammerton_sim.quantities import lasted
from kammerton_sim.wire.lines import LineServer
from kammerton_sim.write_lab import computer

if TYPE_CHECKING:
    from kammerton_sim.site import Site


_QUESTION = 1 << 26
"""Bytes of a request: published values bring their pulses' samples along."""


class Control:
    """Answers {"op": ...} lines; every failure comes back as {"error": "..."}."""

    def __init__(self, site: Site, faults: Faults, questions: Questions, port: int = 0) -> None:
        self._site, self._faults = site, faults
        self._operations: dict[str, Callable[..., Any]] = {
            "truth": self._truth,
            "parameters": self._parameters,
            "ledger": lambda since=0: site.ledger.since(since),
            "outputs": site.outputs,
            "acquisitions": self._acquisitions,
            "states": self._states,
            "set_temperature": self._set_temperature,
            "power_cycle": self._power_cycle,
            "unsafe": questions.outside,
            "wrong_box": questions.wrong_box,
            "contradicted": questions.contradicted,
            "fault": self._fault,
            "check": lambda name, given=None: {"wrong": faults.wrong(name, given or {})},
            "clear": faults.clear,
            "faults": lambda every=False: faults.told() if every else faults.active(),
            "catalogue": _catalogue,
            "refrigerator": lambda: asdict(site.world.refrigerator.conditions()),
            "name": lambda: {
                "chip": site.chip.name,
                "computer": computer(site.chip),
                "pid": os.getpid(),
                "folder": os.getcwd(),
                "note": note(site.chip.seed),
            },
            "time": self._time,
            "advance": self._advance,
            "stop": self._stop,
        }
        self._server = LineServer("control", port, self.answer, "\n", longest=_QUESTION)
        self.port = self._server.port

    def close(self) -> None:
        """End the connections."""
        self._server.close()

    def answer(self, line: str) -> str:
        """Return the answer to one request as JSON, never with NaN."""
        try:
            operation, request = self._asked(line)
            return json.dumps(operation(**request), allow_nan=False)
        except KeyError as error:
            answer = {"error": f"unknown: {error.args[0] if error.args else error}"}
        except ValueError as error:  # those of ours among them, which are sentences
            answer = {"error": str(error)}
        except (TypeError, AttributeError, RecursionError, ArithmeticError) as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        return json.dumps(answer)

    def _asked(self, line: str) -> tuple[Callable[..., Any], dict[str, Any]]:
        """Return what is to be done, and with what; FaultError where that cannot be told."""
        try:
            request = json.loads(line)
        except (ValueError, RecursionError):
            request = None
        if not isinstance(request, dict) or not isinstance(request.get("op"), str):
            raise FaultError('a request is a JSON object on a line, such as {"op": "time"}')
        op = request.pop("op")
        if op not in self._operations:
            raise FaultError(f"no operation {op!r}{near(op, self._operations)}")
        try:
            inspect.signature(self._operations[op]).bind(**request)
        except TypeError as error:
            raise FaultError(f"{op}: {error}") from None
        return self._operations[op], request

    def _truth(self, parameter: str, at: float | None = None, **extra: Any) -> dict[str, Any]:
        value = self._site.world.truth(parameter, at=at, **extra)
        if not math.isfinite(value):
            raise ValueError(f"{parameter} has no finite value")
        return {"value": float(value)}

    def _parameters(self) -> list[str]:
        from kammerton_sim.world.truth import names

        return names(self._site.chip)

    def _acquisitions(self, board: str = "board") -> list[dict[str, Any]]:
        return [a.summary() for a in list(self._site.boards[board].acquisitions)]

    def _states(self, index: int, board: str = "board") -> dict[str, list[int]]:
        """Return the level of each qubit of a board as each readout of an acquisition began."""
        levels = self._site.boards[board].acquisition(index).states()
        chip = self._site.chip
        served = next(f.resonators for f in chip.feedlines if f.board == board)
        pairs = zip(chip.qubits, chip.resonators, strict=True)
        names = [qubit.name for qubit, resonator in pairs if resonator.name in served]
        return {name: levels[:, n].tolist() for n, name in enumerate(names)}

    def _set_temperature(self, kelvin: float) -> dict[str, Any]:
        if not 0 < kelvin < 400:
            raise ValueError(f"kelvin must be above 0 K and below 400 K, not {kelvin:g} K")
        return {"fault": self._faults.inject("temperature", kelvin=kelvin)}  # which `clear` ends

    def _time(self) -> dict[str, float]:
        return {"time": self._site.world.clock.now()}

    def _advance(self, seconds: float) -> dict[str, Any]:
        self._site.world.clock.advance(seconds)
        return {**self._time(), "remark": self._unseen(seconds)}

    def _unseen(self, seconds: float) -> str:
        """Say whose clock stays behind."""
        site = self._site
        connected = [name for name in (*site.servers, *site.boards) if site.server(name).clients]
        if not connected or not seconds:
            return ""
        return (
            f"a program is connected to {', '.join(connected)}: its own clock does not see this"
            f" jump and is {lasted(site.world.clock.leapt)} behind the laboratory's from now on"
        )

    def _power_cycle(self, instrument: str) -> dict[str, Any]:
        self._site.power_cycle(instrument)
        return {"ok": True}

    def _fault(self, name: str, given: dict[str, Any] | None = None, **when: Any) -> dict[str, Any]:
        number = self._faults.inject(name, **when, **(given or {}))
        return {"fault": number, "remark": self._faults.remark(number)}

    def _stop(self) -> dict[str, Any]:
        self._site.stop_requested.set()
        return {"ok": True}


def _catalogue() -> list[dict[str, str]]:
    return [
        {"name": f.name, "row": f.row, "says": f.says, "usage": f.usage()}
        for f in CATALOGUE.values()
    ]
