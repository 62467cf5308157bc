"""Adaptive acquisition: what to measure next, and what is known afterwards. Pure functions.

::

    posterior = t1_belief(60e-6, 20e-6, levels(offset=0.04, contrast=0.91))
    while not (plan := t1_design(posterior, Timing(overhead=250e-6), goal=0.05)).done.all():
        posterior = update(posterior, plan, ones)   # counts of 1 at plan.delays, plan.shots
    fit = judge(posterior, 0.05, ["q0"])["q0"]
"""

from kammerton.estimation.design.decays import (
    t1_belief,
    t1_design,
    t2_echo_belief,
    t2_echo_design,
)
from kammerton.estimation.design.judge import judge
from kammerton.estimation.design.optimal import c_optimal, sweep_design
from kammerton.estimation.design.posterior import Posterior
from kammerton.estimation.design.ramsey import ramsey_belief, ramsey_design
from kammerton.estimation.design.update import update, update_populations
from kammerton.estimation.design.words import Levels, Plan, Timing, levels

__all__ = [
    "Levels",
    "Plan",
    "Posterior",
    "Timing",
    "c_optimal",
    "judge",
    "levels",
    "ramsey_belief",
    "ramsey_design",
    "sweep_design",
    "t1_belief",
    "t1_design",
    "t2_echo_belief",
    "t2_echo_design",
    "update",
    "update_populations",
]
