from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kammerton.store import Store
from tests.postgres import ABSENT, Server, binaries, server

BACKENDS = ("sqlite", "postgresql")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "two qubits #1 ü.sqlite"


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    if binaries() is None:
        pytest.skip(ABSENT)
    pytest.importorskip("psycopg", reason="psycopg is not installed (extra postgresql)")
    with server() as running:
        yield running


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run on both databases what uses `place` or `store` and asks for no file."""
    wanted = set(metafunc.fixturenames)
    if "place" in wanted and not wanted & {"path", "file_store"}:
        metafunc.parametrize("backend", BACKENDS, indirect=True)


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> str:
    return getattr(request, "param", "sqlite")


@pytest.fixture
def place(backend: str, request: pytest.FixtureRequest) -> Path | str:
    """An empty place for a database: a file, or a new database of a server."""
    if backend == "sqlite":
        return request.getfixturevalue("path")
    return request.getfixturevalue("postgresql").database()


@pytest.fixture
def store(place: Path | str, tmp_path: Path) -> Iterator[Store]:
    with Store.open(place, "two-qubits", data=tmp_path / "runs", busy=0.3) as opened:
        yield opened
