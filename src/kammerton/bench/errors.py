"""What drivers tell the bench that it can say more about."""

from __future__ import annotations

from kammerton.model import InstrumentError


class NoTriggers(InstrumentError):
    """A digitizer was armed and no trigger came; the bench adds which marker should have."""
