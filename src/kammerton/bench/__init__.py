"""Instruments behind roles: lanes, connection, gate, acquisition."""

from kammerton.bench.bench import Bench
from kammerton.bench.connect import connect
from kammerton.bench.errors import NoTriggers
from kammerton.bench.gate import Gate
from kammerton.bench.lane import Lane
from kammerton.bench.opening import open_bench
from kammerton.bench.switching import OutputChange

__all__ = ["Bench", "Gate", "Lane", "NoTriggers", "OutputChange", "connect", "open_bench"]
