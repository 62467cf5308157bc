"""Parameters whose truth needs more than their name: why, and how it is asked for."""

from __future__ import annotations

_PULSE = (
    'in VALUES.json for `ledger --contradicted`, beside value and stderr, "extra": {"re": [...], '
    '"im": [...], "sample_rate": 1e9, "carrier": 4.9e9}: I and Q of the pulse for 1 V of peak'
)
_OF_MORE = {
    "pi_amplitude": f"it is that of a pulse: give it {_PULSE}",
    "assignment_fidelity": "it is that of one run's threshold on its own shots, which the "
    "laboratory does not see: hold that against the states of those shots, as `kammerton demo` "
    "does (control port: acquisitions, states)",
}


def why_untold(parameter: str) -> str:
    """Return why a published value could not be held against a truth."""
    return _OF_MORE.get(parameter.partition(".")[2], "the laboratory has no truth of it")


def how_to_ask(parameter: str) -> str:
    """Return how the truth of a parameter is asked for that its name does not tell; or ""."""
    name = parameter.rpartition(".")[2]
    if name == "pi_amplitude":
        return f"; give it {_PULSE}"
    return f"; {_OF_MORE[name]}" if name in _OF_MORE else ""
