"""Faults on demand: what goes wrong in a laboratory, put on while it runs, by name.

`Faults` is the handle; `kammerton sim ctl` reaches it through the control socket.
"""

from kammerton_sim.faults.catalogue import CATALOGUE
from kammerton_sim.faults.handle import Faults
from kammerton_sim.faults.refusal import FaultError
from kammerton_sim.faults.words import Fault

__all__ = ["CATALOGUE", "Fault", "FaultError", "Faults"]
