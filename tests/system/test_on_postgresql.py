"""The daemon with its database on a PostgreSQL server and a broker to publish to."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kammerton.lab import Broker
from kammerton.model import StoreError
from kammerton.publish import connect
from kammerton.store import Store
from tests.brokers import BrokerProcess
from tests.postgres import ABSENT, binaries, server
from tests.system.laboratory import daemon, laboratory

PATIENCE = 120.0  # s; the first start anywhere compiles kernels


pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX here"),
    pytest.mark.skipif(binaries() is None, reason=ABSENT),
]


def test_it_measures_publishes_and_ends_in_order(tmp_path: Path) -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed (extra postgresql)")
    process = BrokerProcess(tmp_path)
    process.start()
    try:
        with server() as postgres, laboratory(tmp_path, broker=process.port) as running:
            url = postgres.database()
            text = running.lab.read_text()
            running.lab.write_text(text.replace("kammerton.sqlite", url))
            with daemon(running.lab) as child:
                published = _published(url, child)
                child.terminate()
                _, errors = child.communicate(timeout=30)
            assert published, errors
            assert child.returncode in (0, -15), errors
            assert "Traceback" not in errors
            assert not any(running.ask(op="outputs").values())
            with Store.read(url) as store:
                assert store.runs(), errors
                activity = store.current_activity()
                assert activity is not None
                assert activity.what is None, "an orderly end says so"
    finally:
        process.kill()


@pytest.mark.timeout(300)
def test_s2_a_server_that_stands_still_is_an_alarm_over_mqtt_and_keeps_no_daemon(
    tmp_path: Path,
) -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed (extra postgresql)")
    process = BrokerProcess(tmp_path)
    process.start()
    try:
        with server() as postgres, laboratory(tmp_path, broker=process.port) as running:
            url = postgres.database()
            text = running.lab.read_text()
            running.lab.write_text(text.replace("kammerton.sqlite", url))
            with daemon(running.lab) as child:
                assert _published(url, child)
                with postgres.standing_still():
                    kinds = asyncio.run(_alarms(process.port))
                    began = time.monotonic()
                    child.terminate()
                    _, errors = child.communicate(timeout=30)
                    took = time.monotonic() - began
            assert "database" in kinds, errors
            assert took < 10, errors
            assert "SIGKILL" not in errors
            assert not any(running.ask(op="outputs").values())
    finally:
        process.kill()


async def _alarms(port: int) -> list[str]:
    """Return the kinds of alarms up to the first of the database."""
    kinds: list[str] = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(90), connect(Broker("127.0.0.1", port)) as connection:
            await connection.subscribe("kammerton/v1/+/alarm")
            async for message in connection.messages():
                kinds.append(json.loads(message.payload)["kind"])
                if "database" in kinds:
                    break
    return kinds


def _published(url: str, child: subprocess.Popen[str]) -> bool:
    """Wait until a run is stored and the broker has acknowledged all there is."""
    until = time.monotonic() + PATIENCE
    while child.poll() is None and time.monotonic() < until:
        time.sleep(0.3)
        with contextlib.suppress(StoreError), Store.read(url) as store:  # it is made at first
            if store.runs(1) and store.backlog() == 0:
                return True
    return False
