"""One calibration that is installed, ours or anyone's: imported, or why it cannot be."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from importlib import import_module
from importlib.metadata import EntryPoint
from types import ModuleType

from kammerton.loop.line_of import line_of
from kammerton.model import Calibration, PlugInError


@dataclass(frozen=True)
class Loaded:
    """A calibration and the entry point that it came by."""

    point: EntryPoint
    calibration: Calibration

    @property
    def who(self) -> str:
        """Return how it is named to whoever installed it."""
        return named(self.point)


def named(point: EntryPoint) -> str:
    """Return the distribution and the entry point, e.g. "plug-in mine 1.0, entry point t1_log"."""
    dist = f"{point.dist.name} {point.dist.version}" if point.dist else "of no distribution"
    return f"plug-in {dist}, entry point {point.name}"


def loaded(point: EntryPoint) -> Loaded:
    """Import a calibration.

    Raises
    ------
    PlugInError
        Its module cannot be imported, has no such attribute, or that is no Calibration.
    """
    if point.pattern.match(point.value) is None:
        said = f'"{point.value}" is no "module:NAME", as "my_calibrations.t1_log:T1_LOG" is'
        raise PlugInError([f"{named(point)}: {said}"])
    module = _imported(point)
    try:  # a module alone has no attr
        value = reduce(getattr, filter(None, (point.attr or "").split(".")), module)
    except AttributeError:
        said = f"the module {point.module}{_file(module)} has no {point.attr}"
        raise PlugInError([f"{named(point)}: {said}; {_there(module)}"]) from None
    if not isinstance(value, Calibration):
        what = "a module" if value is module else f"a {type(value).__name__}"
        said = f"{point.value} is {what}, and no kammerton.model.Calibration"
        raise PlugInError([f"{named(point)}: {said}; {_there(module)}"])
    return Loaded(point, value)


def _imported(point: EntryPoint) -> ModuleType:
    try:
        return import_module(point.module)
    except (Exception, SystemExit) as error:  # anybody's code runs
        place = line_of(error, {point.module.partition(".")[0]})
        why = error.msg if isinstance(error, SyntaxError) else str(error)
        said = f"{point.module} cannot be imported: {type(error).__name__}: {why}{place}"
        raise PlugInError([f"{named(point)}: {said}"], error) from error


def _file(module: ModuleType) -> str:
    return f" ({module.__file__})" if getattr(module, "__file__", None) else ""


def _there(module: ModuleType) -> str:
    """Return which calibrations a module has, of which one is meant."""
    names = [n for n, value in vars(module).items() if isinstance(value, Calibration)]
    return f"it has {', '.join(sorted(names))}" if names else "it has no calibration"
