"""The design values of lab.toml, made from the registry of parameters.

A new parameter needs no line here; only, where it helps, a plausible size.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainValidator, create_model

from kammerton.lab import values
from kammerton.lab._form import Form
from kammerton.lab.values import quantity
from kammerton.model.parameter import KINDS, ElementKind, ParameterKind

REQUIRED = {
    "qubit": {"f01", "anharmonicity", "pi_amplitude", "t1", "t2_star", "t2_echo"},
    "resonator": {"frequency", "linewidth", "readout_amplitude"},
}
SIZES: dict[str, tuple[float, float]] = {
    "f01": (10e6, 40e9),
    "anharmonicity": (100e3, 20e9),
    "pi_amplitude": (1e-6, 10.0),
    "t1": (1e-9, 1.0),
    "t2_star": (1e-9, 1.0),
    "t2_echo": (1e-9, 1.0),
    "assignment_fidelity": (0.0, 1.0),
    "frequency": (100e6, 40e9),
    "linewidth": (10.0, 1e9),
    "readout_frequency": (100e6, 40e9),
    "readout_amplitude": (1e-6, 10.0),
}
SIGNED = {"anharmonicity"}


class DesignForm(Form):
    """A design value with its tolerance."""

    value: float
    tolerance: float


def _design(kind: ParameterKind) -> type[DesignForm]:
    """Make the form of one parameter's design: value and tolerance in its own unit."""
    low, high = SIZES.get(kind.name, (-math.inf, math.inf))
    value = quantity(kind.unit, low, high, magnitude=kind.name in SIGNED)
    fields: dict[str, Any] = {
        "value": (Annotated[float, PlainValidator(value)], ...),
        "tolerance": (Annotated[float, PlainValidator(quantity(kind.unit, 0.0))], ...),
    }
    return create_model(f"Design_{kind.element}_{kind.name}", __base__=DesignForm, **fields)


def designs(element: ElementKind) -> dict[str, Any]:
    """Return the fields of an element's form: one for each parameter it may have."""
    fields: dict[str, Any] = {}
    for kind in (k for k in KINDS.values() if k.element == element):
        form: Any = Annotated[_design(kind), BeforeValidator(_design_table)]
        required = kind.name in REQUIRED[element]
        fields[kind.name] = (form, ...) if required else (form | None, None)
    return fields


def _design_table(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError(  # noqa: TRY004 - ValueError is what pydantic collects
            f"needs {{ value = ..., tolerance = ... }}, not {values.quoted(value)}"
        )
    return value
