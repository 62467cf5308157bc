"""Pulses, sequences and sweeps, compiled to waveforms and digitizer windows."""

from kammerton.program.blocks import MINIMUM_SAMPLES
from kammerton.program.compiled import Compiled, Window
from kammerton.program.compiler import compile
from kammerton.program.grid import on_grid
from kammerton.program.shapes import pulse_samples

__all__ = ["MINIMUM_SAMPLES", "Compiled", "Window", "compile", "on_grid", "pulse_samples"]
