"""What a picture says of a fit, as one would say it at the bench."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Mapping

import numpy as np

from kammerton.estimation.files.grid import Grid, axes_of
from kammerton.estimation.files.layouts import OF_Y
from kammerton.estimation.pictures.scales import written
from kammerton.model import Fit, Trace, Value, Verdict
from kammerton.model.advised import in_words

COUNTED = ("lines",)
"""Values that are counts, which have no error either."""

ROWS, MORE = 4, " …"
"""Lines of words above a picture, and what says that there are more values."""

FIRST = ("assignment_fidelity", "p1_given_0", "p0_given_1", "allxy_deviation",
         "frequency_splitting")  # fmt: skip
"""Values for which their kind is measured; all others follow as the fit has them."""

LEFT_OUT = ("centre_", "counted_", "readout_angle", "p0_given_0", "p1_given_1")
"""Values that the picture of single shots shows itself."""

COUNTED_RIGHT = re.compile(r"counted_(\d)_given_\1")
MATRIX = re.compile(r"p\d_given_\d")
"""Values that the picture of three states shows itself."""

AVERAGED = ("allxy", "randomized_benchmarking", "interleaved_randomized_benchmarking")
"""Kinds that are fitted to the means of what has the same x."""

OF_PERIOD = ("period", "amplitude", "offset")
"""Values that say nothing where so little of a period was swept that it is not known."""

SYMBOLS = {
    "t1": "T₁", "t2_star": "T₂*", "t2_echo": "T₂ echo", "t2_cpmg": "T₂ CPMG", "frequency": "f",
    "linewidth": "FWHM", "q_loaded": "Q", "q_internal": "Q internal", "q_coupling": "Q coupling",
    "frequency_gf_half": "f 02/2", "frequency_splitting": "splitting",
    "pi_amplitude": "π amplitude", "pi_length": "π length", "rabi_frequency": "f Rabi",
    "t_rabi": "T Rabi", "bare_frequency": "f bare",
    "assignment_fidelity": "state at the start: F", "readout_threshold": "threshold",
    "readout_contrast": "contrast", "drag_coefficient": "DRAG", "depolarization": "p",
    "depolarization_interleaved": "p interleaved", "error_per_clifford": "error/Clifford",
    "error_per_gate": "error/gate", "error_per_gate_bound": "bound", "allxy_deviation": "deviation",
    "angle_error": "angle error", "detuning_angle": "detuning", "drag_error": "DRAG error",
    "coupling": "g", "cz_length": "t CZ", "frequency_0": "f₀", "frequency_1": "f₁",
    "frequency_2": "f₂", "frequency_3": "f₃", "frequency_4": "f₄", "frequency_5": "f₅",
    "resonator_shift": "2χ", "readout_frequency": "f readout",
    "p1_given_0": "P(1|0)", "p0_given_1": "P(0|1)", "thermal_population": "thermal",
    "dispersive_shift": "χ", "amplitude_scale": "scale",
}  # fmt: skip

_ASIDE = re.compile(r" \([^()]*\)")
_CLAUSE = re.compile(r"(?<=[;:,]) ")
_UNIT = re.compile(r"(?<=\d) (?=[A-Za-zµ%]{1,4}\b)")


def given(name: str, value: Value) -> str:
    """Return what to say of a value that was given and not measured."""
    return " (known)" if value.stderr == 0 and name not in COUNTED else ""


def words_of(fit: Fit, trace: Trace | Grid, letters: int) -> str:
    """Return what stands above a picture, in lines of so many letters.

    Of an accepted fit its values, after what else was found; else the reason, and what to change.
    """
    if fit.verdict is not Verdict.ACCEPTED:
        advice = "; ".join(in_words(fit, axes_of(trace)))
        text = fit.reason + (f" → {advice}" if advice else "")
        return "\n".join(_whole_or_cut(text, letters, ROWS))
    usual = fit.status == "success" and not _is_counted(fit)
    reason = fit.reason.partition("; ")[2] if usual else fit.reason
    found = _whole_or_cut(reason, letters, ROWS - 2) if reason else []
    values = [
        _said(name, v, trace, fit.values) for name, v in _in_order(fit) if _is_told(fit, name)
    ]
    if math.isfinite(fit.chi2_reduced):
        values.append(f"χ²/ν{_of_what(fit, trace)} {_chi2(fit.chi2_reduced)}")
    room = ROWS - len(found)
    lines = _lines(values, letters - len(MORE))
    more = MORE if len(lines) > room else ""
    return "\n".join([*found, *lines[:room]]) + more


def _whole_or_cut(text: str, letters: int, rows: int) -> list[str]:
    """Return a reason in so many lines; of one that is too long the end, too: the cure is there.

    Whole clauses are left out, so that no "not" is lost: first what stands in brackets, then from
    the middle.
    """
    plain = _ASIDE.sub("", text)
    clauses = _CLAUSE.split(plain)
    fewer = (f"{' '.join(clauses[:n])} … {clauses[-1]}" for n in range(len(clauses) - 2, 0, -1))
    for shown in (text, plain, *fewer):
        if len(lines := _wrapped(shown, letters)) <= rows:
            return lines
    lines, end = _wrapped(text, letters), text[2 - letters :].partition(" ")[2]
    return [*lines[: rows - 2], f"{lines[rows - 2][: letters - 2]} …", f"… {end}"]


def _is_counted(fit: Fit) -> bool:
    """Whether the reason begins with a count of lines, which its end is about."""
    lines = fit.values.get("lines")
    return lines is not None and lines.value > 1


def _chi2(reduced: float) -> str:
    if reduced >= 1e5:
        return "> 10⁵"
    return f"= {reduced:.2f}" if reduced < 10 else f"= {reduced:.0f}"


def _of_what(fit: Fit, trace: Trace | Grid) -> str:
    """Return of what chi-square is: not of the points where these were averaged first."""
    x = trace.x[-1] if isinstance(trace, Grid) else trace.x
    return " of the means" if fit.kind in AVERAGED and np.unique(x).size < x.size else ""


def counted_fidelity(values: Mapping[str, Value]) -> Value | None:
    """Return the part of all shots that are called what they were prepared in; None without any.

    It holds the errors of preparation, which that of the state at the start does not, and is never
    above 1, as that may be by its error.
    """
    right = [value for name, value in values.items() if COUNTED_RIGHT.fullmatch(name)]
    if not right:
        return None
    error = math.sqrt(sum(value.stderr**2 for value in right)) / len(right)
    return Value(sum(value.value for value in right) / len(right), error, "")


def _said(name: str, value: Value, trace: Trace | Grid, values: Mapping[str, Value]) -> str:
    unit = value.unit or (trace.y_unit if name in OF_Y else "")
    symbol = SYMBOLS.get(name, name.replace("_", " "))
    text = f"{symbol} = {written(value.value, unit, value.stderr)}{given(name, value)}"
    plain = counted_fidelity(values) if name == "assignment_fidelity" else None
    return text if plain is None else f"{text}, counted {written(plain.value, '', plain.stderr)}"


def _in_order(fit: Fit) -> list[tuple[str, Value]]:
    return sorted(fit.values.items(), key=lambda each: each[0] not in FIRST)


def _is_told(fit: Fit, name: str) -> bool:
    """Whether a value is said in words: not where the picture shows it, nor one twice."""
    value, values = fit.values[name], fit.values
    if not math.isfinite(value.value) or name.startswith(LEFT_OUT):
        return False
    if name == "lines":
        return value.value > 1
    if name == "frequency" and (same := values.get("f01")) and same.value == value.value:
        return False
    if "p2_given_2" in values and MATRIX.fullmatch(name):
        return False
    if value.stderr > {"amplitude": abs(value.value), "phase": math.pi}.get(name, math.inf):
        return False  # amplitude = 0(5000) helps nobody
    period = values.get("period")
    if name in OF_PERIOD and period is not None and period.stderr > abs(period.value):
        return False
    twin = values.get("frequency_gf_half")
    again = name.startswith("frequency_") and name.removeprefix("frequency_").isdigit()
    return not (again and twin is not None and value.value == twin.value)


def _wrapped(text: str, letters: int) -> list[str]:
    """Return lines of a sentence; no unit begins one."""
    whole = _UNIT.sub("\N{NO-BREAK SPACE}", text)
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in textwrap.wrap(whole, letters)]


def _lines(values: list[str], letters: int) -> list[str]:
    lines = [""]
    for value in values:
        joined = f"{lines[-1]}   {value}" if lines[-1] else value
        if len(joined) <= letters:
            lines[-1] = joined
        else:
            lines.append(value)
    return lines
