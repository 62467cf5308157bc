"""Converters: volts of a generator from samples, codes of a digitizer from volts.

Ideal ones in the words of IEEE Std 1658 and 1241 (from memory): rounded to their bits, held for a
sample, clipped at full scale. A generator has 16 bits, of which every marker takes one. A
digitizer's 12 bits are the upper ones of 16, with 0 V in the middle (upstream's ATS9360 driver).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kammerton_sim.chip.imperfections import Digitizer

MIDDLE = 32768
"""Code of 0 V; a code of 16 bits is full_scale / 32768."""
ZERO = np.float32(MIDDLE + 8)
"""0 V and half of the digitizer's step of 16 codes: what the kernels cut off is rounded."""
DAC_BITS = 16
ADC_BITS = 12
TWELVE_BITS = np.uint16(0xFFF0)
LARGEST = np.float32(65535.0)


def converted(samples: NDArray[np.float32], vpp: float, resolution: int) -> NDArray[np.float64]:
    """Volts of a converter of `resolution` bits: rounded, and clipped at full scale."""
    top = 1 << (min(max(resolution, 1), DAC_BITS) - 1)
    codes = np.rint(np.asarray(samples, np.float64) * top)
    return np.clip(codes, -top, top - 1) * (vpp / 2 / top)


def noise_volts(digitizer: Digitizer | None, full_scale: float) -> float:
    """V rms that a digitizer adds to what its rounding does: what its effective bits leave out.

    An ideal converter of N bits from -full_scale to full_scale errs by its step / sqrt(12), and
    the effective bits of a real one are those of the ideal one that errs as much (IEEE Std 1241).
    """
    if digitizer is None:
        return 0.0
    more = 4.0**-digitizer.effective_bits - 4.0**-ADC_BITS
    return 2 * full_scale * math.sqrt(more / 12)
