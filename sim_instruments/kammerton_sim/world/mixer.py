"""An I/Q mixer that is not quite one: image, and leakage of the local oscillator.

(1 + e) I cos(w t) - Q sin(w t + phi) is Re[(m s + n s*) exp(j w t)] with s = I + jQ and
m, n = ((1 + e) +- exp(j phi)) / 2: the image at the other side of the carrier has the amplitude
|n / m|, about |e - j phi| / 2 (from the identity itself).
"""

from __future__ import annotations

import cmath


def imbalance(gain_error: float, phase_error: float) -> tuple[complex, complex]:
    """What a mixer makes of an envelope s: the factors of s and of its conjugate."""
    along, across = 1 + gain_error, cmath.exp(1j * phase_error)
    return (along + across) / 2, (along - across) / 2
