"""One computer, kept in tune by one process."""

from kammerton.serve.computer import run_computer
from kammerton.serve.events import run_until_signal

__all__ = ["run_computer", "run_until_signal"]
