"""`python -m kammerton_sim` is `kammerton sim`."""

import sys

from kammerton_sim.laboratory import main

sys.exit(main())
