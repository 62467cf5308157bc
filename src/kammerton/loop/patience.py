"""How often something is tried again, and when a target is parked."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from kammerton.model import Effort, Fit, Verdict

TRIES = 4
WIDEST, MOST_SHOTS = 8.0, 16.0


@dataclass
class Patience:
    """Counts failures by calibration and target; knows the effort of the next try."""

    failures: dict[tuple[str, str], int] = field(default_factory=dict)
    efforts: dict[tuple[str, str], Effort] = field(default_factory=dict)
    parked: dict[str, str] = field(default_factory=dict)

    def effort(self, calibration: str, target: str) -> Effort:
        """Return what to spend on the next try."""
        return self.efforts.get((calibration, target), Effort())

    def note(self, calibration: str, fit: Fit) -> int:
        """Take note of a verdict; return how many tries in a row have failed now."""
        key = (calibration, fit.target)
        if fit.verdict is Verdict.ACCEPTED:
            self.failures.pop(key, None)
            self.efforts.pop(key, None)
            return 0
        self.failures[key] = self.failures.get(key, 0) + 1
        self.efforts[key] = _more(self.effort(*key), fit)
        if self.failures[key] >= TRIES:
            self.parked[fit.target] = f"{calibration}: {fit.reason}"
        return self.failures[key]


def _more(effort: Effort, fit: Fit) -> Effort:
    advice = fit.advice
    window = effort.window * (advice.window_times or 1.0)
    shots = effort.shots * (advice.shots_times or (1.0 if advice.window_times else 2.0))
    return replace(
        effort,
        window=min(max(window, 1 / WIDEST), WIDEST),
        shots=min(max(shots, 1.0), MOST_SHOTS),
        centre=advice.centre_on if advice.centre_on is not None else effort.centre,
    )
