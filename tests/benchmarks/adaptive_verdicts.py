"""What is said of adaptive runs on qubits that are as they should not be."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kammerton.estimation.design import (
    Timing,
    judge,
    levels,
    ramsey_belief,
    ramsey_design,
    t1_belief,
    t1_design,
)
from kammerton.model import Verdict
from tests.unit.estimation.adaptive import CONTRAST, OFFSET, decay, flat, fringes, run

SEED, RUNS = 11, 200
T1_GOAL, RAMSEY_GOAL = 0.05, 1e3
T2_STAR = 50e-6


def until(shots: float, before: Callable, after: Callable) -> Callable:
    """Return a qubit that changes once it has been measured so often."""
    taken = None

    def probability(plan, number):
        nonlocal taken
        taken = np.zeros(len(plan.shots)) if number == 0 else taken
        now = np.where((taken < shots)[:, None], before(plan, number), after(plan, number))
        taken = taken + plan.shots.sum(axis=1)
        return now

    return probability


def cosine(plan, _):
    return 0.5 + 0.4 * np.cos(2 * np.pi * plan.delays / 30e-6)


def broken_t1(timing: Timing) -> dict[str, tuple]:
    """Return T1 runs on qubits that are as they should not be."""
    n = RUNS
    known = levels(OFFSET, CONTRAST, targets=n)
    t1 = np.exp(np.random.default_rng(SEED).uniform(np.log(20e-6), np.log(150e-6), n))
    typical = np.median(run(t1_belief(45e-6, None, known), t1_design, T1_GOAL, decay(t1), SEED,
                            timing).posterior.shots)  # fmt: skip
    wide, wrong = t1_belief(45e-6, None, known), t1_belief(5 * t1, 0.5 * t1, known)
    cases = {f"reads {p} at every delay": (wide, flat(p)) for p in (0.05, 0.3, 0.5, 0.95)}
    for factor in (0.3, 0.7, 3.0):
        cases[f"T1 jumps to {factor} T1 half-way"] = (
            wide, until(typical / 2, decay(t1), decay(factor * t1))
        )  # fmt: skip
    return cases | {
        "a cosine": (wide, cosine), "sound, belief 5 times off ± 10 %": (wrong, decay(t1)),
        "sound": (wide, decay(t1)),
    }  # fmt: skip


def broken_ramsey(timing: Timing) -> dict[str, tuple]:
    """Return Ramsey runs on qubits that are as they should not be."""
    n = RUNS
    known = levels(OFFSET, CONTRAST, targets=n)
    f, t2 = np.random.default_rng(SEED).uniform(-9e5, 9e5, n), np.full(n, T2_STAR)
    wide = ramsey_belief(0.0, None, T2_STAR, 0.3 * T2_STAR, known, 1e6)
    sound = fringes(f, t2)
    typical = np.median(run(wide, ramsey_design, RAMSEY_GOAL, sound, SEED, timing).posterior.shots)
    wrong = ramsey_belief(f + 5e4, 1e4, T2_STAR, 0.3 * T2_STAR, known)
    far = ramsey_belief(f + 2.5e5, 1e4, T2_STAR, 0.3 * T2_STAR, known)
    jumped = until(typical / 2, sound, fringes(f + 2e4, t2))

    def beating(plan, number):
        return 0.5 * (fringes(f + 2e4, t2)(plan, number) + fringes(f - 2e4, t2)(plan, number))

    return {
        "reads 0.05 at every delay": (wide, flat(0.05)),
        "reads 0.5 at every delay": (wide, flat(0.5)),
        "f01 jumps by 20 kHz half-way": (wide, jumped),
        "two frequencies, 40 kHz apart": (wide, beating),
        "f01 25 σ off, outside of what is searched": (far, sound),
        "sound, f01 5 σ off": (wrong, sound), "sound": (wide, sound),
    }  # fmt: skip


def main() -> None:
    """Print what is said of runs on broken qubits."""
    print(f"\n### Verdicts on broken qubits, {RUNS} runs each, levels known\n\n"
          "| | reset | accepted | insufficient | rejected | most frequent status |\n"
          "|---|---|---|---|---|---|")  # fmt: skip
    for name, cases, design, goal, budget in (
        ("T1", broken_t1, t1_design, T1_GOAL, (0.2, 1.0)),
        ("Ramsey", broken_ramsey, ramsey_design, RAMSEY_GOAL, (0.05, 0.3)),
    ):
        for reset, overhead, limit in zip(("active", "passive"), (2e-6, 250e-6), budget,
                                          strict=True):  # fmt: skip
            timing = Timing(overhead)
            for label, (belief, probability) in cases(timing).items():
                done = run(belief, design, goal, probability, SEED, timing, limit, 25)
                fits = judge(done.posterior, goal, [str(n) for n in range(RUNS)]).values()
                shares = [np.mean([f.verdict == v for f in fits]) for v in Verdict]
                statuses, counts = np.unique([f.status for f in fits], return_counts=True)
                text = " | ".join(f"{100 * share:.1f} %" for share in shares)
                print(f"| {name}: {label} | {reset} | {text} | {statuses[counts.argmax()]} |")


if __name__ == "__main__":
    main()
