"""The topics of one computer."""

from __future__ import annotations

import re
from dataclasses import dataclass

ROOT = "kammerton/v1"
COMPUTER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")

EVERY_STATUS = f"{ROOT}/+/status"
"""Of all computers that publish to a broker."""


def computer_of(topic: str) -> str:
    """Return whose topic this is."""
    return topic.removeprefix(f"{ROOT}/").partition("/")[0]


@dataclass(frozen=True)
class Topics:
    """The topics of one computer.

    Raises
    ------
    ValueError
        The computer's name would not be one level of a topic, or holds a wildcard.
    """

    computer: str

    def __post_init__(self) -> None:
        if not COMPUTER.fullmatch(self.computer):
            raise ValueError(
                f"{self.computer!r} cannot be part of a topic: letters, digits, - and _ can"
            )

    @property
    def status(self) -> str:
        """Retained, and the last will: whether the daemon is there."""
        return f"{ROOT}/{self.computer}/status"

    @property
    def snapshot(self) -> str:
        """Retained: the whole parameter set at a revision."""
        return f"{ROOT}/{self.computer}/snapshot"

    @property
    def delta(self) -> str:
        """Not retained: what one revision changed."""
        return f"{ROOT}/{self.computer}/delta"

    @property
    def run(self) -> str:
        """Not retained: a run ended, with its verdicts."""
        return f"{ROOT}/{self.computer}/run"

    @property
    def alarm(self) -> str:
        """Something is wrong, or over, and what to do. Retained of outputs only."""
        return f"{ROOT}/{self.computer}/alarm"

    def command(self, verb: str) -> str:
        """Never retained: somebody asks for something."""
        return f"{ROOT}/{self.computer}/cmd/{verb}"

    @property
    def answer(self) -> str:
        """Not retained: what came of a command."""
        return f"{ROOT}/{self.computer}/answer"

    def parameter(self, name: str) -> str:
        """Retained: one value. `name` is a stored parameter, so it has two clean parts."""
        element, parameter = name.split(".")
        return f"{ROOT}/{self.computer}/param/{element}/{parameter}"
