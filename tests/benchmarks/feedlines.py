"""One T1 of every qubit of a chip at once, over as many feedlines, generators and boards as it has.

A program of the daemon reads one feedline. Here one program a feedline is compiled as ever; they
have the same steps, so what they play is put together, and the instruments are driven through the
daemon's drivers: every generator is loaded, every board armed, one trigger given, every record
streamed and added up.
"""

from __future__ import annotations

import asyncio
import os
import resource
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psutil

from kammerton.bench.acquire import Collector, amount_of, collector_of
from kammerton.bench.connect import close_all, installed_drivers
from kammerton.estimation import warm
from kammerton.estimation.reduce import traces
from kammerton.estimation.traces import fit_traces
from kammerton.lab import Lab, load
from kammerton.model import Fit, Program, Pulse, Readout, Wait
from kammerton.model.roles import (
    Digitizer,
    Instrument,
    MicrowaveSource,
    Playlist,
    PlayStep,
    WaveformGenerator,
)
from kammerton.program import compile as compile_program
from kammerton.program.compiled import Compiled
from tests.system.laboratory import Laboratory, laboratory

POINTS, RESET = 51, 600e-6  # six of the longest T1: a delay leaves nothing to the next
STAGES = ("compile", "upload", "acquire", "fit", "total")


@dataclass(frozen=True)
class Case:
    """What is measured: T1 of `qubits` in `shots` shots a point; single: every shot is kept."""

    title: str
    qubits: int
    points: int
    shots: int
    goal: float
    single: bool = False
    repeats: int = 5


CASES = (
    Case("T1, 5 qubits, 51 points x 1000 shots", 5, POINTS, 1000, 0.4),
    Case("T1, 20 qubits, two feedlines, two boards", 20, POINTS, 1000, 1.0),
    Case("single shots, 5 qubits, 5000 of one point", 5, 1, 5000, 0.15, single=True),
    Case("T1, 127 qubits, 13 feedlines, 13 boards", 127, POINTS, 1000, 10.0, repeats=3),
)


@dataclass(frozen=True)
class Row:
    """Wall seconds of each stage; CPU seconds of both processes; what was fitted."""

    stages: Mapping[str, float]
    cpu: tuple[float, float]
    fits: Mapping[str, Fit]
    pulls: Sequence[float] = ()


def programs(lab: Lab, truth: Mapping[str, float], case: Case, window: float) -> list[Program]:
    """One T1 for each feedline; the times are the same."""
    waits = np.linspace(0, window, case.points).round(7)
    out = []
    for feedline in lab.feedlines:
        names = [
            q for q, e in lab.qubits.items() if lab.resonators[e.resonator].feedline == feedline
        ]
        pulses = {q: Pulse("drag", 0.2, 40e-9, truth[f"{q}.f01"], sigma=10e-9, anharmonicity=-2e8)
                  for q in names}  # fmt: skip
        out.append(
            Program(
                name="t1",
                sequences={q: (pulses[q], Wait(waits)) for q in names},
                readouts={q: Readout(truth[f"r{q[1:]}.frequency"], 0.04, 1e-6) for q in names},
                axis=dict.fromkeys(names, waits),
                axis_name="delay",
                axis_unit="s",
                shots=case.shots,
                reset=RESET,
                keep_shots=case.single,
            )
        )
    return out


def together(parts: Iterable[Compiled]) -> dict[str, Playlist]:
    """Put the playlists of programs with the same steps together, by generator."""
    merged: dict[str, Playlist] = {}
    for number, compiled in enumerate(parts):
        for name, playlist in compiled.playlists.items():
            mine = _renamed(playlist, f"f{number}_")
            merged[name] = _beside(merged[name], mine) if name in merged else mine
    return merged


def _renamed(playlist: Playlist, prefix: str) -> Playlist:
    waves = {prefix + wave: samples for wave, samples in playlist.waves.items()}
    steps = tuple(replace(s, waves=tuple(prefix + w for w in s.waves)) for s in playlist.steps)
    return replace(playlist, waves=waves, steps=steps)


def _beside(one: Playlist, other: Playlist) -> Playlist:
    """One playlist over the channels of both; of a channel in both (the starter's) the first."""
    extra = [n for n, channel in enumerate(other.channels) if channel not in one.channels]
    steps: list[PlayStep] = []
    for a, b in zip(one.steps, other.steps, strict=True):
        assert (a.repeats, a.wait_trigger, a.goto) == (b.repeats, b.wait_trigger, b.goto)
        steps.append(replace(a, waves=(*a.waves, *(b.waves[n] for n in extra))))
    channels = (*one.channels, *(other.channels[n] for n in extra))
    order = sorted(range(len(channels)), key=channels.__getitem__)
    return replace(
        one,
        channels=tuple(channels[n] for n in order),
        waves={**one.waves, **other.waves},
        steps=tuple(replace(s, waves=tuple(s.waves[n] for n in order)) for s in steps),
    )


class Instruments:
    """Every instrument of a lab, connected and configured."""

    def __init__(self, lab: Lab, every: Mapping[str, Instrument]) -> None:
        self.lab, self.every = lab, every

    @classmethod
    async def connected(cls, lab: Lab) -> Instruments:
        """Connect one after the other; sources on, generators and boards configured."""
        drivers = installed_drivers()
        factories = {name: drivers[name]() for name in {e.driver for e in lab.instruments.values()}}
        every = {
            name: await asyncio.to_thread(factories[entry.driver], name, entry.address)
            for name, entry in lab.instruments.items()
        }
        for device in every.values():
            if isinstance(device, MicrowaveSource):
                await device.configure()
            elif isinstance(device, WaveformGenerator | Digitizer):
                await device.configure(lab.sample_rate)
        for line in [q.drive for q in lab.qubits.values()] + [
            f.line for f in lab.feedlines.values()
        ]:
            source = every[line.source]
            assert isinstance(source, MicrowaveSource)
            await source.set_frequency(line.carrier)
            await source.set_power(line.power)
            await source.enable(on=True)
        return cls(lab, every)

    def generator(self, name: str) -> WaveformGenerator:
        """A generator by name."""
        device = self.every[name]
        assert isinstance(device, WaveformGenerator)
        return device

    async def load(self, playlists: Mapping[str, Playlist]) -> None:
        """Load and start every generator; all wait for their trigger."""

        async def one(name: str, playlist: Playlist) -> None:
            generator = self.generator(name)
            await generator.load(playlist)
            await generator.enable(playlist.channels, on=True)
            await generator.run()

        await asyncio.gather(*(one(*item) for item in playlists.items()))

    async def stop(self, names: Iterable[str]) -> None:
        """Stop generators."""
        await asyncio.gather(*(self.generator(name).stop() for name in names))

    async def record(self, parts: Sequence[Compiled], sinks: Sequence[Collector]) -> None:
        """Arm every board, then give the one trigger."""
        ready, armed = asyncio.Event(), 0

        async def begin() -> None:
            nonlocal armed
            armed += 1
            if armed == len(parts):
                await self.generator(self.lab.sync.master).trigger()
                ready.set()
            await ready.wait()

        async def one(compiled: Compiled, sink: Collector) -> None:
            board = self.every[compiled.window.digitizer]
            assert isinstance(board, Digitizer)
            capture = sink.amount.capture(compiled.window.samples, compiled.turn_seconds)
            await board.acquire(replace(capture, timeout=120.0), begin, sink)

        await asyncio.gather(*(one(*pair) for pair in zip(parts, sinks, strict=True)))


async def once(instruments: Instruments, plans: Sequence[Program], pid: int) -> Row:
    """Measure every qubit once."""
    lab, other = instruments.lab, psutil.Process(pid)
    cpu = time.process_time(), sum(other.cpu_times()[:2])
    clock = [time.perf_counter()]
    parts = [compile_program(plan, lab) for plan in plans]
    playlists = together(parts)
    clock.append(time.perf_counter())
    await instruments.load(playlists)
    clock.append(time.perf_counter())
    sinks = [_sink(instruments, p, c) for p, c in zip(plans, parts, strict=True)]
    await instruments.record(parts, sinks)
    clock.append(time.perf_counter())
    fits: dict[str, Fit] = {}
    for plan, compiled, sink in zip(plans, parts, sinks, strict=True):
        records = sink.records(compiled)
        if not plan.keep_shots:
            fits |= fit_traces("t1", traces(plan, records, "axis", {}), plan.shots)
    clock.append(time.perf_counter())
    spent = time.process_time() - cpu[0], sum(other.cpu_times()[:2]) - cpu[1]
    await instruments.stop(playlists)
    seconds = [*np.diff(clock), clock[-1] - clock[0]]
    return Row(dict(zip(STAGES, seconds, strict=True)), spent, fits)


def _sink(instruments: Instruments, plan: Program, compiled: Compiled) -> Collector:
    board = instruments.every[compiled.window.digitizer]
    assert isinstance(board, Digitizer)
    amount = amount_of(plan.shots, compiled.points, compiled.window.samples)
    return collector_of(compiled, amount, board, shots=plan.keep_shots)


async def measure(lab: Lab, simulated: Laboratory, case: Case) -> list[Row]:
    """Return the rows of all repetitions; nothing that was uploaded can be used again."""
    ask = simulated.ask
    names = [f"{q}.f01" for q in lab.qubits] + [f"{r}.frequency" for r in lab.resonators]
    truth = {name: ask(op="truth", parameter=name)["value"] for name in names}
    instruments = await Instruments.connected(lab)
    try:
        rows = []
        for n in range(case.repeats + 1):
            window = 200e-6 * (1 + 0.02 * n) if case.points > 1 else 0.0
            plans = programs(lab, truth, case, window)
            true = t1_of(simulated, lab)  # a play holds what T1 is as it begins
            row = await once(instruments, plans, simulated.process.pid)
            rows.append(replace(row, pulls=pulls(true, row.fits)))
        return rows
    finally:
        await close_all(instruments.every)


def t1_of(simulated: Laboratory, lab: Lab) -> dict[str, float]:
    """Return the true T1 of every qubit now, in s."""
    return {q: simulated.ask(op="truth", parameter=f"{q}.t1")["value"] for q in lab.qubits}


def pulls(true: Mapping[str, float], fits: Mapping[str, Fit]) -> list[float]:
    """(fitted - true) / stderr of every T1 that has an error bar."""
    values = {name: fit.values.get("t1") for name, fit in fits.items()}
    return [
        (value.value - true[name]) / value.stderr
        for name, value in values.items()
        if value is not None and value.stderr
    ]


def line(case: Case, rows: Sequence[Row], memory: tuple[float, float]) -> str:
    """One line of the table: best and median of the warm repetitions."""
    warm_rows = rows[1:]
    best = min(warm_rows, key=lambda row: row.stages["total"])
    cells = [f"{best.stages[s]:.2f}" for s in STAGES]
    median = np.median([row.stages["total"] for row in warm_rows])
    cpu = np.min([row.cpu for row in warm_rows], axis=0)
    found = [pull for row in rows for pull in row.pulls]
    verdict = f"{np.mean(found):+.1f} / {np.std(found):.1f} ({len(found)})" if found else "-"
    return (
        f"| {case.title} | {' | '.join(cells)} | {median:.2f} | {case.goal:g} | "
        f"{cpu[0]:.2f} + {cpu[1]:.2f} | {os.getloadavg()[0]:.1f} | "
        f"{memory[0]:.0f} + {memory[1]:.0f} | {verdict} |"
    )


def main() -> None:
    """Print the table."""
    warm()
    print("## Through the wire, every record streamed (wall s)\n")
    print(
        "| | " + " | ".join(STAGES) + " | median total | goal | CPU s, daemon's side + laboratory"
        " | load | MB | pull of T1: mean / std (fits) |\n|" + "---|" * (len(STAGES) + 7)
    )
    for case in CASES:
        with (
            tempfile.TemporaryDirectory() as folder,
            laboratory(Path(folder), case.qubits, seed=1) as simulated,
        ):
            lab = load(simulated.lab)
            rows = asyncio.run(measure(lab, simulated, case))
            process = psutil.Process(simulated.process.pid).memory_info()
            own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            memory = own, process.rss / 2**20
            print(line(case, rows, memory), flush=True)
    print(
        "\nThe best of the warm repetitions; stages: compile and put together, upload to all"
        " generators, acquire and integrate on the host, fit. Every repetition has other delays."
        " Instrument time of a T1 is about 36 s. Connecting is not counted. Load: programs that"
        f" wanted a core in the last minute, of {os.cpu_count()} cores; CPU: the least of all"
        " repetitions."
    )


if __name__ == "__main__":
    main()
