"""A fault-injecting proxy between a real driver and a simulated instrument, or a broker."""

from tests.proxy.faults import (
    Bandwidth,
    Blackhole,
    CutAfter,
    Duplicate,
    Fault,
    FlakyConnect,
    Flip,
    HalfOpen,
    Late,
    Latency,
    Reset,
    Slices,
    Swallow,
)
from tests.proxy.proxy import Proxy

__all__ = [
    "Bandwidth",
    "Blackhole",
    "CutAfter",
    "Duplicate",
    "Fault",
    "FlakyConnect",
    "Flip",
    "HalfOpen",
    "Late",
    "Latency",
    "Proxy",
    "Reset",
    "Slices",
    "Swallow",
]
