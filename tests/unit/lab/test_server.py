"""The database of lab.toml: a file, or a PostgreSQL server."""

from __future__ import annotations

from pathlib import Path

import pytest

from kammerton.lab import load
from kammerton.model import LabError
from tests.unit.lab.example import TEXT, spoilt

CANARY = "canary-51ab"
URL = "postgresql+psycopg://lab@db.example/kammerton"


def _lab(tmp_path: Path, url: str):
    file = tmp_path / "lab.toml"
    file.write_text(spoilt('"kammerton.sqlite"', f'"{url}"', TEXT), encoding="utf-8")
    return load(file)


def test_a_server_is_named_by_its_url(tmp_path: Path) -> None:
    assert _lab(tmp_path, URL).database == URL


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"postgresql+psycopg://lab:{CANARY}@db/kammerton", "a password does not belong here"),
        (f"postgresql+psycopg://db/kammerton?password={CANARY}", "a password does not belong here"),
        (f"postgresql://lab:{CANARY}@db/kammerton", 'begins with "postgresql+psycopg://"'),
        (f"{URL}?Password={CANARY}", "a password does not belong here"),
        (f"{URL}?passw%6Frd={CANARY}", "a password does not belong here"),
        ("mysql://db/kammerton", "must be a path, not a URL"),
        (f"mysql://lab:{CANARY}@db/kammerton", "this must be a path, not a URL"),
        (f"postgres://lab:{CANARY}@db/kammerton", "this must be a path, not a URL"),
    ],
)
def test_x8_a_password_in_the_url_is_refused_and_not_repeated(
    tmp_path: Path, url: str, said: str
) -> None:
    with pytest.raises(LabError) as refusal:
        _lab(tmp_path, url)
    assert said in str(refusal.value)
    assert CANARY not in str(refusal.value)
