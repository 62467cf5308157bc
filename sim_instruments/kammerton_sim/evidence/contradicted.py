"""Published values beside the truth of their times: which of them are wrong."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kammerton_sim.evidence.audit import AuditError
from kammerton_sim.evidence.replay import BOUNDLESS, is_number


def contradicted(
    published: Sequence[Mapping[str, Any]], truth: Callable[..., float], sigmas: float = 5.0
) -> dict[str, Any]:
    """Compare published values with the truth at the times they were published for.

    published: {"name", "value", "stderr", "time"?, "extra"?} each; `extra` is handed to `truth`.

    Returns
    -------
    {"checked": how many, "contradicted": those off by more than `sigmas`, with truth and pull,
    "without_truth": name -> why, of which the laboratory has no truth}

    Raises
    ------
    AuditError
        Entries without name, value or standard error, all of them named; or no list of entries.
    """
    if isinstance(published, str | Mapping) or not isinstance(published, Sequence):
        raise AuditError(f"a list of values is wanted, not {published!r}")
    problems = [p for n, entry in enumerate(published, 1) for p in _missing(n, entry)]
    if not is_number(sigmas):
        problems.append(f"sigmas must be a number, not {sigmas!r}")
    elif not sigmas > 0:
        problems.append(f"sigmas must be above 0, not {sigmas:g}")
    if problems:
        raise AuditError("; ".join(problems))
    checked, off, unknown = 0, [], dict[str, str]()
    for entry in published:
        try:
            true = float(truth(entry["name"], at=entry.get("time"), **entry.get("extra", {})))
        except (ValueError, TypeError, ArithmeticError) as error:  # of an extra that is none
            unknown[entry["name"]] = str(error)
            continue
        checked += 1
        pull = min(max((entry["value"] - true) / entry["stderr"], -BOUNDLESS), BOUNDLESS)
        if not abs(pull) <= sigmas:
            off.append({**entry, "truth": true, "pull": pull})
    return {"checked": checked, "contradicted": off, "without_truth": unknown}


def _missing(number: int, entry: object) -> list[str]:
    if not isinstance(entry, Mapping):
        return [f"entry {number}: {entry!r} is no table"]
    where = f"entry {number} ({entry.get('name', 'no name')})"
    problems = [] if isinstance(entry.get("name"), str) else [f"{where}: name is missing"]
    for key in ("value", "stderr"):
        value: Any = entry.get(key)
        if not is_number(value) or not math.isfinite(value):
            problems.append(f"{where}: {key} {value!r} is not a number")
        elif key == "stderr" and value <= 0:
            problems.append(f"{where}: stderr {value!r} must be above 0")
    time = entry.get("time")
    if time is not None and not (is_number(time) and math.isfinite(time)):
        problems.append(f"{where}: time {time!r} is not a number of unix seconds")
    if not isinstance(entry.get("extra", {}), Mapping):
        problems.append(f"{where}: extra {entry['extra']!r} is no table")
    return problems
