"""`kammerton sim`: the command line of the simulated laboratory."""

from kammerton_sim.command.main import run

__all__ = ["run"]
