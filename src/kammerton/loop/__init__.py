"""Beliefs, planner, runner: what to measure next, and measuring it."""

from kammerton.loop.beliefs import BeliefBook
from kammerton.loop.catalogue import load_calibrations
from kammerton.loop.loop import Loop
from kammerton.loop.planner import Plan, Planner
from kammerton.loop.runner import run_calibration

__all__ = ["BeliefBook", "Loop", "Plan", "Planner", "load_calibrations", "run_calibration"]
