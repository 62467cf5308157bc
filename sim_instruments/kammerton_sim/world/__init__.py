"""The physics of the simulated laboratory."""

from kammerton_sim.world.clock import LaboratoryClock
from kammerton_sim.world.errors import WorldError
from kammerton_sim.world.jit import compiled
from kammerton_sim.world.playback import Playback
from kammerton_sim.world.warm import warm
from kammerton_sim.world.world import World

__all__ = ["LaboratoryClock", "Playback", "World", "WorldError", "compiled", "warm"]
