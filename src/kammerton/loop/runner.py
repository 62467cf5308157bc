"""One run of one calibration: program, traces, fits, verdicts, proposals. Nothing is written."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Protocol, TypeVar

from kammerton.bench.last_seen import LastSeen
from kammerton.bench.tasks import told_while
from kammerton.estimation.hops.judge import held_still
from kammerton.estimation.reduce import traces, used_blocks
from kammerton.estimation.shots import dead_fraction, fit_shots
from kammerton.estimation.traces import fit_traces
from kammerton.loop.own_code import own_code, parameters
from kammerton.loop.planner import Plan
from kammerton.model import (
    Calibration,
    CalibrationHangs,
    Fit,
    InstrumentError,
    LabClock,
    Program,
    Records,
    Run,
    Target,
    Trace,
    Value,
    Verdict,
)

SLOW = 5.0  # s of fitting after which somebody is told, and told again

JUDGING = 900.0
"""s for traces, fits and the calibration's own objections, which take milliseconds: the first of a
kind compiles its kernels, and a machine may be busy."""


T = TypeVar("T")


async def _untold() -> None:
    pass


class Acquires(Protocol):
    """What the runner needs of a bench.

    seen: what is known of outputs whose instrument does not answer.
    """

    seen: LastSeen

    async def acquire(self, program: Program) -> Records:
        """Play a program on the instruments and return what they measured."""

    async def look(self) -> bool:
        """Ask all how they are set; say whether all were asked.

        Raises
        ------
        InstrumentError
            One is not as it was left.
        """

    async def recover(self, failure: InstrumentError) -> frozenset[str]:
        """Bring back what failed, and return whose settings were lost.

        Raises
        ------
        InstrumentError
            It is still away.
        """


async def run_calibration(
    plan: Plan, bench: Acquires, clock: LabClock, slow: Callable[[], Awaitable[object]] = _untold
) -> Run:
    """Play a plan and judge its traces; every target gets a verdict.

    slow: called again and again while a fit takes long.

    Raises
    ------
    CalibrationError
        The calibration's own code failed.
    CalibrationHangs
        It does not return within JUDGING s; its thread stays.
    """
    calibration, targets = plan.calibration, plan.targets
    with own_code(calibration, "program"):
        program = calibration.program(targets)
    began = clock.elapsed()
    records = await bench.acquire(program)
    with own_code(calibration, "fit"):
        judging = asyncio.to_thread(_judge, calibration, targets, program, records)
        measured, fits = await _in_time(calibration.name, told_while(judging, slow, SLOW))
    ended = clock.now()  # by which it is told when it began: the clock may have been set meanwhile
    started = ended - timedelta(seconds=clock.elapsed() - began)
    return Run(
        calibration.name, tuple(t.name for t in targets), started, ended, records.seconds,
        program, records, measured, fits,
    )  # fmt: skip


async def _in_time(calibration: str, judging: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(JUDGING) as deadline:
            return await judging
    except TimeoutError as error:
        if not deadline.expired():
            raise  # the calibration's own
        words = f"{calibration}: its code has not returned within {JUDGING:g} s"
        raise CalibrationHangs(f"{words}: this process ends, and another begins") from error


def proposals(plan: Plan, run: Run) -> dict[str, Mapping[str, Value]]:
    """Return what the accepted fits propose: target -> relative name -> value."""
    by_name = {t.name: t for t in plan.targets}
    with own_code(plan.calibration, "propose"):
        return {
            name: parameters(plan.calibration.propose(fit, by_name[name]))
            for name, fit in run.fits.items()
            if fit.verdict is Verdict.ACCEPTED
        }


def _judge(
    calibration: Calibration, targets: tuple[Target, ...], program: Program, records: Records
) -> tuple[Mapping[str, Trace], Mapping[str, Fit]]:
    settings = {t.name: {name: b.mean for name, b in t.beliefs.items()} for t in targets}
    measured = traces(program, records, calibration.uses, settings)
    if records.clipped > 0:  # a law can follow clipped data well
        return measured, {t.name: _overloaded(t.name, calibration, records) for t in targets}
    if calibration.uses == "shots":
        fits = {t.name: _fit_shots(t, records) for t in targets}
    else:
        blocks = used_blocks(program, records, calibration.uses, settings)
        fits = {
            name: held_still(fit, measured[name], blocks[name], records.seconds)
            for name, fit in fit_traces(
                calibration.kind, measured, program.shots, calibration.known
            ).items()
        }
    return measured, {t.name: _own_objection(fits[t.name], t, calibration) for t in targets}


def _overloaded(target: str, calibration: Calibration, records: Records) -> Fit:
    reason = (
        f"{records.clipped:.2g} of the samples lie at a rail of the digitizer: its input is "
        "overloaded (lower the readout amplitude or the gain of the line), or records end early"
    )
    return Fit(calibration.kind, target, {}, Verdict.REJECTED, "overload", reason, math.nan)


def _fit_shots(target: Target, records: Records) -> Fit:
    """Fit single shots; what decays while the resonator still rings is hidden from them."""
    shots = records.shots[target.name]
    dead = dead_fraction(target["r.linewidth"], target.readout_length)
    return fit_shots(shots[:, 0], shots[:, 1], target.name, dead)


def _own_objection(fit: Fit, target: Target, calibration: Calibration) -> Fit:
    if fit.verdict is Verdict.ACCEPTED:
        reason = calibration.reject(fit, target)
        return fit if reason is None else fit.rejected(reason)
    words = calibration.explain(fit, target)
    return fit if words is None else replace(fit, reason=words)
