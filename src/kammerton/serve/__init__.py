"""The daemon: a light supervisor, and one process for each computer.

Nothing heavy is imported here: the supervisor needs none of it, and starts at once.
"""

from kammerton.serve.events import run_until_signal

__all__ = ["run_until_signal"]
