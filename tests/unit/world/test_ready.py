"""When a laboratory says that it is ready: once what it needs is compiled."""

from __future__ import annotations

import threading

import pytest

from kammerton_sim import world
from kammerton_sim.command import serving


@pytest.fixture
def compiling(monkeypatch):
    """Kernels that are not on the disk, and are compiled until the test says so."""
    until = threading.Event()
    monkeypatch.setattr(world, "compiled", lambda: False)
    monkeypatch.setattr(world, "warm", lambda coupled: until.wait(30))
    yield until
    until.set()


def begun(stop: threading.Event | None) -> threading.Thread:
    ready = threading.Thread(target=serving._warm, args=(False, stop))
    ready.start()
    return ready


def test_it_is_ready_when_its_kernels_are_compiled_and_says_what_it_waits_for(compiling, capsys):
    ready = begun(threading.Event())
    ready.join(0.3)
    assert ready.is_alive()
    assert "compiled, once" in capsys.readouterr().err
    compiling.set()
    ready.join(10)
    assert not ready.is_alive()


def test_told_to_end_it_does_not_wait(compiling):
    stop = threading.Event()
    ready = begun(stop)
    stop.set()
    ready.join(10)
    assert not ready.is_alive()
    assert not compiling.is_set()


def test_with_a_parent_that_starts_meanwhile_it_is_ready_at_once(compiling):
    ready = begun(None)
    ready.join(10)
    assert not ready.is_alive()
    assert not compiling.is_set()
