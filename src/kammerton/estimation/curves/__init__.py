"""Fits over one axis: decays, oscillations, lines, sequences of pulses."""
