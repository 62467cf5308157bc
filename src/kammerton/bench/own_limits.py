"""What instruments are told to keep to themselves, behind the gate: what lab.toml allows them."""

from __future__ import annotations

import math

from kammerton.bench.device_plane import volts_for
from kammerton.lab import InstrumentEntry
from kammerton.model.setup import Allowed


def allowed(entry: InstrumentEntry) -> Allowed:
    """Return the least and the most of each quantity that the gate lets pass to an instrument.

    Power and volts count as what may arrive at the device behind the instrument's own line, too.
    """
    limits = {name: (each.minimum, each.maximum) for name, each in entry.limits.items()}
    if entry.max_at_device is not None:
        here = entry.max_at_device + entry.attenuation
        if "power" in limits:
            least, most = limits["power"]
            limits["power"] = least, min(most, here)
        if "volts" in limits:
            least, most = limits["volts"]
            limits["volts"] = max(least, -volts_for(here)), min(most, volts_for(here))
    return {name: each for name, each in limits.items() if all(map(math.isfinite, each))}
