"""`python -m kammerton_sim` is `kammerton sim`."""

import sys

from kammerton_sim.command import run

sys.exit(run())
