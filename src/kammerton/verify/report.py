"""What came out: findings, in words, and what was looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Query = Callable[[str], list[Any]]
"""Runs one SELECT and returns its rows."""


Tell = Callable[[str], object]
"""Hears how far it has come."""


def silent(words: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Report:
    """Whether a database is sound. findings: empty when it is.

    tip: the hash at the end of the audit log; who keeps it can tell later that nothing was cut off.
    """

    findings: tuple[str, ...]
    computer: str = ""
    epoch: str = ""
    revision: int = 0
    runs: int = 0
    audited: int = 0
    tip: str = ""

    def __str__(self) -> str:
        found = f"not sound ({len(self.findings)})" if self.findings else "sound"
        lines = [
            f"{found}: {self.computer}, revision {self.revision}, {self.runs} runs, "
            f"{self.audited} lines of audit",
            f"epoch {self.epoch}",
        ]
        return "\n".join([*lines, f"audit ends in {self.tip}"] if self.tip else lines)
