"""Connecting: driver factories by entry point, all instruments at once, every failure named."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from importlib.metadata import entry_points
from typing import NoReturn

from kammerton.bench.away import does_not_connect
from kammerton.bench.boxes import Boxes, named
from kammerton.bench.deadline import QUARTER, end_of_process
from kammerton.bench.lane import Lane
from kammerton.bench.switching import all_of
from kammerton.bench.taken import Locks
from kammerton.lab import InstrumentEntry, Lab
from kammerton.model import InstrumentError, InstrumentInUse
from kammerton.model.roles import (
    BiasSource,
    Digitizer,
    FridgeMonitor,
    GaugeMonitor,
    Identity,
    Instrument,
    MicrowaveSource,
    WaveformGenerator,
)

DRIVERS = "kammerton.drivers"
"""Entry-point group: driver name -> factory."""

CONNECT_DEADLINE = 20.0

LOAD_DEADLINE = 60.0
"""s that the import of a driver may take, which is some where the machine is busy."""

CLOSE_DEADLINE = 10.0
"""s that a session gets to close; its driver gives up sooner, but where the process shall end."""

CLOSED = 0.5
"""s of what is left then that closing leaves to what follows."""

Hold = Callable[[Mapping[str, Identity]], AbstractContextManager[Locks]]
"""Holds the boxes that say so against other processes; InstrumentError where one has them."""

Doubt = Callable[[str], object]
"""Hears why not every output is known to be off, where one that does connect does not go off."""

Factory = Callable[[str, str], Instrument]
"""Blocking `connect(name, address)`: opens a session, changes no output."""


def installed_drivers() -> dict[str, Callable[[], Factory]]:
    """Return the drivers of this environment by name; each is imported when it is called."""
    return {point.name: point.load for point in entry_points(group=DRIVERS)}


async def connect(
    lab: Lab,
    drivers: Mapping[str, Callable[[], Factory]] | None = None,
    within: float | None = None,
    hold: Hold | None = None,
    doubt: Doubt | None = None,
) -> dict[str, Instrument]:
    """Connect every instrument of a lab, in parallel; no output changes.

    within: s that each gets for it; CONNECT_DEADLINE where it is not given. hold: asked before one
    is switched off; what it refuses belongs to another process, and nothing is written to it.
    doubt: hears of what then stays on, or does not read back.

    Raises
    ------
    InstrumentError
        Names every instrument that failed with its address and the cause; those that did connect
        are switched off, since what an earlier process left on stays so otherwise, and closed.
    InstrumentInUse
        As that, and another process has one of those that did connect.
    """
    results = await connect_each(lab, drivers, within or CONNECT_DEADLINE)
    connected = {n: r for n, r in results.items() if isinstance(r, Instrument)}
    failures = [str(r) for r in results.values() if not isinstance(r, Instrument)]
    failures += _wrong_roles(lab, connected)
    if failures:
        foreign, left = await safe_all(lab, connected, hold)
        refused, lines = InstrumentInUse if foreign else InstrumentError, failures + foreign + left
        if left and doubt is not None:
            doubt("\n".join(lines))
        raise refused("\n".join([*lines, *await close_all(connected)]))
    return connected


async def safe_all(
    lab: Lab, instruments: Mapping[str, Instrument], hold: Hold | None
) -> tuple[list[str], list[str]]:
    """Switch off what is no bias; return a line for each that another process has.

    Beside them, one for each that is ours and not known to be off.
    """
    guarded, devices = Boxes(lab).guarded, instruments.items()
    mine = {name: each for name, each in devices if not isinstance(each, BiasSource)}
    with ExitStack() as stack:
        foreign = dict([] if hold is None else await _foreign(mine, hold, stack))
        off = {n: guarded(n, each, each.safe) for n, each in mine.items() if n not in foreign}
        try:
            await all_of(off, "is not known to be off")
        except InstrumentError as error:
            return [*foreign.values()], str(error).splitlines()
    return [*foreign.values()], []


async def _foreign(
    instruments: Mapping[str, Instrument], hold: Hold, stack: ExitStack
) -> list[tuple[str, str]]:
    """Hold each box that says who it is; return those that another process has, and its words.

    Fridges are only read, and may be by several.
    """
    written = {n: each for n, each in instruments.items() if not isinstance(each, FridgeMonitor)}
    found = []
    for name, who in (await named(written)).items():
        try:
            stack.enter_context(hold({name: who}))
        except InstrumentError as refusal:
            found.append((name, str(refusal)))
    return found


async def close_all(instruments: Mapping[str, Instrument]) -> list[str]:
    """Close every session; return a line for each that did not close."""

    async def closed(instrument: Instrument) -> None:
        async with end_of_process().within(CLOSE_DEADLINE, QUARTER, CLOSED):
            await instrument.close()

    results = await asyncio.gather(
        *(closed(each) for each in instruments.values()), return_exceptions=True
    )
    pairs = zip(instruments, results, strict=True)
    return [f"{n} did not close: {str(r) or 'no answer'}" for n, r in pairs if r is not None]


async def load_drivers(
    lab: Lab, drivers: Mapping[str, Callable[[], Factory]] | None = None
) -> dict[str, Factory]:
    """Import the drivers of a lab one after the other: a first import in threads gains nothing.

    What cannot be imported, or hangs, raises InstrumentError when it is to connect: the others are
    switched off until then.
    """
    known = installed_drivers() if drivers is None else drivers
    names = {entry.driver for entry in lab.instruments.values()}
    return {name: await _loaded_in_time(name, known) for name in names}


async def _loaded_in_time(name: str, drivers: Mapping[str, Callable[[], Factory]]) -> Factory:
    try:
        async with asyncio.timeout(LOAD_DEADLINE):
            return await asyncio.to_thread(_loaded, name, drivers)
    except TimeoutError:  # a package of somebody asks a server for its licence, say
        return _refusing(f"its driver {name} hangs: not imported within {LOAD_DEADLINE:g} s")


def _loaded(name: str, drivers: Mapping[str, Callable[[], Factory]]) -> Factory:
    if name not in drivers:
        known = ", ".join(sorted(drivers)) or "none"
        return _refusing(f"no driver {name}; installed are: {known}")
    try:
        return drivers[name]()
    except Exception as problem:  # noqa: BLE001 - named with all others by connect()
        said = f"{type(problem).__name__}: {problem}"
        return _refusing(f"its driver {name} cannot be imported: {said}")


def _refusing(why: str) -> Factory:
    def refuse(name: str, address: str) -> NoReturn:
        raise InstrumentError(why)

    return refuse


async def connect_each(
    lab: Lab, drivers: Mapping[str, Callable[[], Factory]] | None, within: float
) -> dict[str, Instrument | str]:
    """Connect every instrument of a lab, in parallel; return each, or why it does not connect."""
    entries = list(lab.instruments.values())
    factories = await load_drivers(lab, drivers)

    async def one(entry: InstrumentEntry) -> Instrument | str:
        try:
            found = await _in_a_lane(factories[entry.driver], entry, within)
        except Exception as error:  # noqa: BLE001 - named together with all others by connect()
            return does_not_connect(entry, error)
        return found if isinstance(found, Instrument) else _no_instrument(entry, found)

    found = await asyncio.gather(*(one(entry) for entry in entries))
    return {entry.name: result for entry, result in zip(entries, found, strict=True)}


async def _in_a_lane(factory: Factory, entry: InstrumentEntry, within: float) -> Instrument:
    lane = Lane(f"connect {entry.name}")
    try:
        return await lane.run(factory, entry.name, entry.address, timeout=within)
    finally:
        lane.close(0)


def _no_instrument(entry: InstrumentEntry, found: object) -> str:
    return f"{entry.name}: its driver {entry.driver} gave {found}, which is no instrument"


def _wrong_roles(lab: Lab, instruments: Mapping[str, Instrument]) -> Iterator[str]:
    for name, role, use in sorted(set(_roles(lab)), key=lambda row: row[0]):
        if name in instruments and not isinstance(instruments[name], role):
            driver = lab.instruments[name].driver
            yield f"{name} is used as {use}, but driver {driver} gives no {role.__name__}"


def _roles(lab: Lab) -> Iterator[tuple[str, type, str]]:
    lines = [q.drive for q in lab.qubits.values()] + [f.line for f in lab.feedlines.values()]
    for line in lines:
        yield line.i.instrument, WaveformGenerator, "a generator"
        yield line.q.instrument, WaveformGenerator, "a generator"
        yield line.source, MicrowaveSource, "a source"
    for feedline in lab.feedlines.values():
        yield feedline.digitizer, Digitizer, "a digitizer"
    for bias in (qubit.bias for qubit in lab.qubits.values() if qubit.bias):
        yield bias, BiasSource, "a bias source"
    for name in (lab.sync.master, *lab.sync.followers):
        yield name, WaveformGenerator, "a generator"
    for fridge in filter(None, (lab.interlock.fridge, lab.interlock.second)):
        yield fridge, FridgeMonitor, "a fridge monitor"
    if lab.interlock.gauges:
        yield lab.interlock.fridge, GaugeMonitor, "a monitor of pressures and flow"
