"""The code of a calibration may be anybody's: what it raises is its own failure, not the loop's."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from kammerton.lab.nearest import hint
from kammerton.loop.line_of import line_of, package_of
from kammerton.model import (
    Calibration,
    CalibrationError,
    KammertonError,
    NoSuchName,
    TraceError,
    Value,
)
from kammerton.model.parameter import RELATIVE

log = logging.getLogger(__name__)


@contextmanager
def own_code(calibration: Calibration, step: str) -> Iterator[None]:
    """Turn whatever a step of a calibration raises into a CalibrationError that names it.

    And the line of its code, where the step came to one.
    """
    try:
        yield
    except (TraceError, NoSuchName) as error:
        words = f"{step}: {error}{_place(error, calibration, step)}"
        raise CalibrationError(calibration.name, words) from error
    except KammertonError:
        raise  # said on purpose
    except Exception as error:
        words = f"{step}: {type(error).__name__}: {error}{_place(error, calibration, step)}"
        raise CalibrationError(calibration.name, words) from error


def traceback_logged(failure: KammertonError) -> None:
    """Have in the log where the code of a calibration failed, for who wrote it."""
    if isinstance(failure, CalibrationError):
        log.error("%s", failure, exc_info=failure)


def parameters(proposed: Mapping[str, Value]) -> Mapping[str, Value]:
    """Return what was proposed, if it is values of parameters that there are.

    Raises
    ------
    NoSuchName
        There is no such parameter; the nearest is named.
    TypeError
        Something is no Value, or all of it no mapping.
    """
    if not isinstance(proposed, Mapping):
        raise TypeError(f"it returned {proposed!r}; a Value for each parameter's name is expected")
    for name, value in proposed.items():
        if name not in RELATIVE:
            raise NoSuchName(f'there is no parameter "{name}"{hint(name, RELATIVE)}', name)
        if not isinstance(value, Value):
            raise TypeError(f"{name} is a {type(value).__name__}; a Value is expected")
    return proposed


def _place(error: Exception, calibration: Calibration, step: str) -> str:
    """Return where it was raised, or where the step begins that gave what cannot be used."""
    steps = (calibration.program, calibration.propose, calibration.reject, calibration.explain)
    if place := line_of(error, {package_of(each) for each in steps}):
        return place
    code = getattr(getattr(calibration, step, None), "__code__", None)
    return f" ({code.co_filename}, line {code.co_firstlineno})" if code else ""
