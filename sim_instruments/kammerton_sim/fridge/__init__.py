"""The refrigerator: what its stages, mixture and pumps truly do on the laboratory's clock.

Instruments that read it (Triton, Lake Shore, Bluefors) share one `Refrigerator`:
`sensor(stage)` is what a thermometer reports, `conditions()` tells flow, pressures and machines.
"""

from kammerton_sim.fridge.mixture import FORE_PUMP, GAUGES, MACHINES, PULSE_TUBE, TURBO
from kammerton_sim.fridge.refrigerator import Conditions, Refrigerator
from kammerton_sim.fridge.sensors import Reading, Status
from kammerton_sim.fridge.stages import STAGES

__all__ = [
    "FORE_PUMP",
    "GAUGES",
    "MACHINES",
    "PULSE_TUBE",
    "STAGES",
    "TURBO",
    "Conditions",
    "Reading",
    "Refrigerator",
    "Status",
]
