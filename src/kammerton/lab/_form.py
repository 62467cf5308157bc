"""What all tables of lab.toml have in common for pydantic."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

from kammerton.lab import values


def _table(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"needs a table, not {values.quoted(value)}")  # noqa: TRY004 - for pydantic
    return value


class Form(BaseModel):
    """A table in which unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


Tabled = BeforeValidator(_table)
"""Marks what must be a table, with a message of ours."""
