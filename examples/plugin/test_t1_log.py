"""The calibration on a bench that answers as a qubit of known T1 would."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import numpy as np
import pytest
from my_calibrations.t1_log import T1_LOG

from kammerton.bench.last_seen import LastSeen
from kammerton.loop import Plan, run_calibration
from kammerton.loop.runner import proposals
from kammerton.model import Belief, LabClock, Program, Records, Run, Target, Verdict

T1, ZERO, ONE = 70e-6, 0.004 + 0.001j, 0.001 + 0.005j  # s; where 0 and 1 lie in the IQ plane, V
BELIEVED = {
    "f01": 4.9e9, "anharmonicity": -200e6, "pi_amplitude": 0.2, "t1": 50e-6,
    "r.readout_frequency": 6.8e9, "r.readout_amplitude": 0.05,
    "r.readout_contrast": abs(ONE - ZERO), "r.readout_angle": np.angle(ONE - ZERO),
    "r.readout_threshold": ((ONE + ZERO) / 2 * np.exp(-1j * np.angle(ONE - ZERO))).real,
}  # fmt: skip


class Bench:
    """Plays nothing, and answers with what a qubit of this T1 would show, and noise."""

    def __init__(self, t1: float) -> None:
        self.t1, self.seen = t1, LastSeen()

    async def acquire(self, program: Program) -> Records:
        """Return 20 blocks of each target's sweep."""
        rng = np.random.default_rng(1)
        blocks = {}
        for name, waits in program.axis.items():
            mean = ZERO + (ONE - ZERO) * np.exp(-waits / self.t1)
            noise = rng.normal(size=(2, 20, waits.size)) * 2e-4
            blocks[name] = mean + noise[0] + 1j * noise[1]
        return Records(blocks, {}, seconds=1.0)


def believed() -> Target:
    """Return a qubit as the daemon would show it to the calibration."""
    now = datetime.now(UTC)
    beliefs = {name: Belief(value, 0.01 * abs(value), now) for name, value in BELIEVED.items()}
    sigmas = {name: each.sigma for name, each in beliefs.items()}
    return Target("q0", "r0", beliefs, sigmas, 40e-9, 10e-9, 1e-6, 300e-6, 0.5)


def measured(t1: float) -> tuple[Plan, Run]:
    """Run the calibration as the daemon's loop does."""
    plan = Plan(T1_LOG, (believed(),), gain=1.0, seconds=1.0)
    return plan, asyncio.run(run_calibration(plan, Bench(t1), LabClock()))


@pytest.mark.parametrize("times", [0.2, 1.0, 2.0])
def test_it_finds_a_t1_that_is_far_from_what_is_believed(times: float) -> None:
    """Within its own errors, and as precisely as it promises."""
    plan, run = measured(times * T1)
    assert run.fits["q0"].verdict is Verdict.ACCEPTED
    found = proposals(plan, run)["q0"]["t1"]
    assert abs(found.value - times * T1) < 4 * found.stderr
    assert found.stderr < 0.05 * found.value


def test_a_qubit_that_does_not_decay_is_not_given_a_t1() -> None:
    """No value is better than one that is a guess."""
    plan, run = measured(1.0)
    assert run.fits["q0"].verdict is not Verdict.ACCEPTED
    assert proposals(plan, run) == {}
