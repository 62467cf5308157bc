"""A setup onto an instrument: exactly the settings that are listed beforehand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kammerton.model.setup import Setting


def put(instrument: Any, settings: Iterable[Setting]) -> None:
    """Set the parameters of an upstream driver, in order."""
    for setting in settings:
        owner, _, name = setting.quantity.rpartition(".")
        for each in getattr(instrument, owner) if owner else (instrument,):
            getattr(each, name).set(setting.value)
