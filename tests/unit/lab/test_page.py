"""docs/lab-toml.md names every key there is."""

import re
import tomllib

import pytest

from kammerton.lab import _forms
from tests.unit.lab.example import FILE

PAGE = (FILE.parents[2] / "docs" / "lab-toml.md").read_text(encoding="utf-8")
SECTIONS = {
    "[computer]": _forms.ComputerForm,
    "[store]": _forms.StoreForm,
    "[broker]": _forms.BrokerForm,
    "[interlock]": _forms.InterlockForm,
    "[heat_budget]": _forms.HeatBudgetForm,
    "[instruments.NAME]": _forms.InstrumentForm,
    "[sync]": _forms.SyncForm,
    "[feedlines.NAME]": _forms.FeedlineForm,
    "[qubits.NAME]": _forms.QubitForm,
    "[resonators.NAME]": _forms.ResonatorForm,
}


@pytest.mark.parametrize("title", SECTIONS)
def test_every_key_of_a_section_is_on_the_page_and_no_other(title):
    section = PAGE.split(f"## {title}\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    keys = {key.split(".")[0] for row in rows for key in re.findall(r"`(\w[\w.]*)", row)}
    assert keys == set(SECTIONS[title].model_fields)


@pytest.mark.parametrize("title", SECTIONS)
def test_what_is_required_is_said_to_be(title):
    section = PAGE.split(f"## {title}\n")[1].split("\n## ")[0]
    for name, field in SECTIONS[title].model_fields.items():
        rows = [r for r in section.splitlines() if re.match(rf"\|[^|]*`{name}[.`]", r)]
        assert rows
        assert all(("| required |" in row) == field.is_required() for row in rows), rows


def test_every_driver_is_on_the_page():
    project = tomllib.loads((FILE.parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    drivers = project["project"]["entry-points"]["kammerton.drivers"]
    table = PAGE.split("## Drivers\n")[1]
    assert [name for name in drivers if f"`{name}`" not in table] == []
