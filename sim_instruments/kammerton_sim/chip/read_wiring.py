"""The wiring of chip.toml: which output goes where, and what lies between."""

from __future__ import annotations

import cmath
import re
from collections.abc import Sequence

from kammerton_sim.chip.further import taken, wrong_triggers
from kammerton_sim.chip.imperfections import strangers
from kammerton_sim.chip.keys import CARRIER, FEEDLINE, Table
from kammerton_sim.chip.reader import Reader
from kammerton_sim.chip.words import WIRING_SECTIONS, Feedline, Line, Marker, Wiring
from kammerton_sim.signals import ChannelId

_WIRING = ("generators", "drive", "readout", "trigger", "go", "carriers", *FEEDLINE)
_LINE = ("i", "q", "source")
_MORE = ("board", "readout", "trigger", "resonators", *FEEDLINE)


def read_wiring(r: Reader, table: Table, qubits: list[str], resonators: list[str]) -> Wiring:
    """Read the section `wiring`; what is wrong with it is among the problems of `r`."""
    r.keys(table, _WIRING, "wiring", ("feedlines", *WIRING_SECTIONS))
    told = table.get("generators")
    boxes = () if told is None else r.names(told, "wiring.generators")
    drive = {
        name: _line(r, r.mapping(value, f"wiring.drive.{name}"), f"wiring.drive.{name}")
        for name, value in r.table(table, "drive", "wiring.").items()
    }
    r.keys(drive, qubits, "wiring.drive")
    readout = _line(r, r.table(table, "readout", "wiring."), "wiring.readout")
    others = r.mapping(table.get("feedlines", {}), "wiring.feedlines")
    more = _feedlines(r, others, resonators)
    lines = [*drive.values(), readout, *(f.readout for f in more)]
    trigger = _marker(r, table.get("trigger"), "wiring.trigger")
    go = _marker(r, table.get("go"), "wiring.go")
    _channels(r, [channel for line in lines for channel in (line.i, line.q)])
    _boxes(r, [*(line.i[0] for line in lines), *(line.q[0] for line in lines)], boxes)
    _boxes(r, [trigger[0], go[0], *(f.trigger[0] for f in more)], boxes)
    x = _physics(r, table, "wiring")
    carriers = _carriers(r, r.table(table, "carriers", "wiring."), lines)
    sections = r.sections(table, WIRING_SECTIONS, "wiring.")
    instruments = sections.get("instruments", {})
    r.problems += taken(instruments, (*boxes, *carriers, *(f.board for f in more)))
    r.problems += wrong_triggers(instruments, boxes)
    r.problems += strangers(sections, qubits, ["feed0", *(f.name for f in more)])
    return Wiring(
        generators=boxes,
        drive=drive,
        readout=readout,
        trigger=trigger,
        go=go,
        carriers=carriers,
        delay=x["delay_s"],
        gain=cmath.rect(x["gain"], x["gain_phase_rad"]),
        noise=x["noise_v"],
        full_scale=x["full_scale_v"],
        more=more,
        **sections,
    )


def _feedlines(r: Reader, table: Table, resonators: list[str]) -> tuple[Feedline, ...]:
    """Feedlines beyond the first; each names its digitizer and its resonators."""
    more = [
        _feedline(r, name, r.mapping(value, f"wiring.feedlines.{name}"), resonators)
        for name, value in table.items()
    ]
    boards = ["board", *(f.board for f in more)]
    served = [name for f in more for name in f.resonators]
    for word, used in (("digitizer", boards), ("resonator", served)):
        twice = sorted({name for name in used if used.count(name) > 1})
        r.problems += [f"wiring.feedlines: {word} {name!r} on two lines" for name in twice]
    return tuple(more)


def _feedline(r: Reader, name: str, table: Table, resonators: list[str]) -> Feedline:
    where = f"wiring.feedlines.{name}"
    r.keys(table, _MORE, where)
    served = r.names(table.get("resonators", []), f"{where}.resonators")
    unknown = [r for r in served if r not in resonators]
    r.problems += [f"{where}.resonators: there is no {r!r}" for r in unknown]
    board = table.get("board", "")
    if not isinstance(board, str) or not board.isidentifier():
        r.problems.append(f"{where}.board: must be a name such as 'board2'")
    x = _physics(r, table, where)
    return Feedline(
        name=name,
        board=str(board),
        readout=_line(r, r.table(table, "readout", f"{where}."), f"{where}.readout"),
        trigger=_marker(r, table.get("trigger"), f"{where}.trigger"),
        resonators=served,
        delay=x["delay_s"],
        gain=cmath.rect(x["gain"], x["gain_phase_rad"]),
        noise=x["noise_v"],
        full_scale=x["full_scale_v"],
    )


def _physics(r: Reader, table: Table, where: str) -> dict[str, float]:
    return {key: r.number(table.get(key), f"{where}.{key}", FEEDLINE[key])
            for key in FEEDLINE}  # fmt: skip


def _carriers(r: Reader, table: Table, lines: list[Line]) -> dict[str, float]:
    sources = {line.source: CARRIER for line in lines if line.source}
    told = not r.strange and all(line.source for line in lines)  # who uses them
    perhaps = () if told else table
    return r.numbers(table, sources, "wiring.carriers", perhaps)


def _line(r: Reader, table: Table, where: str) -> Line:
    r.keys(table, _LINE, where)
    source = table.get("source", "")
    if not isinstance(source, str):
        r.problems.append(f"{where}.source: must be a name")
        source = ""
    return Line(
        _channel(r, table.get("i"), f"{where}.i"),
        _channel(r, table.get("q"), f"{where}.q"),
        source,
    )


def _channel(r: Reader, value: object, where: str) -> ChannelId:
    match = re.fullmatch(r"(\w+)\.([1-8])", value) if isinstance(value, str) else None
    if match is None:
        if value is not None:
            r.problems.append(f'{where}: {value!r} is not a channel such as "awg1.3"')
        return "", 0
    return match[1], int(match[2])


def _marker(r: Reader, value: object, where: str) -> Marker:
    pattern = r"(\w+)\.([1-8])\.m([1-4])"
    match = re.fullmatch(pattern, value) if isinstance(value, str) else None
    if match is None:
        if value is not None:
            r.problems.append(f'{where}: {value!r} is not a marker such as "awg1.3.m1"')
        return "", 0, 1
    return match[1], int(match[2]), int(match[3])


def _channels(r: Reader, used: list[ChannelId]) -> None:
    for box, number in dict.fromkeys(used):
        if box and used.count((box, number)) > 1:
            r.problems.append(f"wiring: channel {box}.{number} is used more than once")


def _boxes(r: Reader, used: list[str], boxes: Sequence[str]) -> None:
    for box in dict.fromkeys(used):
        if boxes and box and box not in boxes:
            r.problems.append(f"wiring: {box!r} is not among the generators")
