"""The code of a calibration may be anybody's: what it raises is its own failure, not the loop's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kammerton.model import CalibrationError, KammertonError, TraceError


@contextmanager
def own_code(calibration: str, step: str) -> Iterator[None]:
    """Turn whatever a step of a calibration raises into a CalibrationError that names it."""
    try:
        yield
    except TraceError as error:
        raise CalibrationError(calibration, f"{step}: {error}") from error
    except KammertonError:
        raise  # said on purpose
    except Exception as error:
        words = f"{step}: {type(error).__name__}: {error}"
        raise CalibrationError(calibration, words) from error
