"""What ends every answer of the laboratory in words."""

from __future__ import annotations

import os
from pathlib import Path

SAID = "simulated device, hidden truth, seed 3"


def signed(laboratory) -> str:
    """What ends every answer in words."""
    port, folder = laboratory.ports["control"], Path.cwd()
    return f"{laboratory.chip.name} (pid {os.getpid()} in {folder}, --control {port}): {SAID}"
