"""The daemon with its database on a PostgreSQL server and a broker to publish to."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex

import pytest

from kammerton.lab import Broker, load
from kammerton.model import StoreError
from kammerton.publish import connect, payloads
from kammerton.publish.commands import signature
from kammerton.publish.topics import Topics
from kammerton.store import Store
from kammerton_sim.chip import random_chip, write_chip
from kammerton_sim.chip.further import FurtherInstrument
from tests.brokers import BrokerProcess
from tests.postgres import ABSENT, PASSWORD, binaries, server
from tests.prove.killing import wait_for
from tests.system.laboratory import Laboratory, daemon, laboratory
from tests.system.test_publish import needs_mosquitto
from tests.yardstick import stretch

PATIENCE = 120.0  # s; the first start anywhere compiles kernels


pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX here"),
    pytest.mark.skipif(binaries() is None, reason=ABSENT),
]


KEYED = 93  # the seed of the fault that changes the key of the refrigerator's control software
KEY, BROKER = f"changed-{KEYED}", "canary-mqtt-51ab"
COMMANDS = "canary-of-who-may-command-0a1b2c3d4e5f"
SECRETS = (PASSWORD, BROKER, KEY, COMMANDS)


@contextlib.contextmanager
def guarded(folder: Path) -> Iterator[tuple[Laboratory, str, Path]]:
    """A laboratory whose database, broker and refrigerator each want a secret.

    Yields it with the database's URL and the folder of the secrets' files; lab.toml names them.
    """
    secrets = folder / "secrets"
    secrets.mkdir()
    (secrets / "key").write_text(KEY + "\n", encoding="utf-8")
    (secrets / "broker").write_text(BROKER + "\n", encoding="utf-8")
    (secrets / "commands").write_text(f"lab {COMMANDS}\n", encoding="utf-8")
    (secrets / "commands").chmod(0o600)
    accounts = secrets / "accounts"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(accounts), "lab", BROKER], check=True)
    chip = random_chip(1, 3)
    fridge = {"bluefors": FurtherInstrument("bluefors_api")}
    chip = replace(chip, wiring=replace(chip.wiring, instruments=fridge))
    write_chip(chip, folder / "chip.toml")
    process = BrokerProcess(folder, ["allow_anonymous false", f"password_file {accounts}"])
    process.start()
    try:
        with (
            server() as postgres,
            laboratory(folder, chip=folder / "chip.toml", broker=process.port) as lab,
        ):
            url = postgres.over_tcp()
            lab.lab.write_text(_keyed(lab.lab.read_text(), url, process.port, secrets))
            lab.ask(op="fault", name="new-key", seed=KEYED, given={"instrument": "bluefors"})
            postgres.password_file(secrets / "pgpass")
            yield lab, url, secrets
    finally:
        process.kill()


def _keyed(text: str, url: str, port: int, secrets: Path) -> str:
    """Return a lab.toml with the places of the secrets."""
    start = text.index("http://127.0.0.1:")
    address = text[start : text.index('"', start)]
    broker = f'"mqtt://127.0.0.1:{port}"'
    named = (
        f'{broker}\nusername = "lab"\npassword_file = "{secrets / "broker"}"\n'
        f'commands = "{secrets / "commands"}"'
    )
    for old, new in (
        ("kammerton.sqlite", url),
        (address, f"{address}?key_file={secrets / 'key'}"),
        ('fridge = "fridge"', 'fridge = "bluefors"'),
        (broker, named),
    ):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def _refused(lab: Laboratory, url: str) -> str:
    """Let the control software want another key; return what the daemon then says."""
    lab.ask(op="fault", name="new-key", seed=KEYED + 1, given={"instrument": "bluefors"})

    def said() -> str | None:
        with Store.read(url) as store:
            activity = store.current_activity()
        words = (activity and activity.what) or ""
        return words if "HTTP" in words else None

    return str(wait_for(said, "a key that is refused", 90))


async def _commanded(lab: Laboratory) -> None:
    """Send a command that the key signs, and one that another does."""
    loaded, now = load(lab.lab), datetime.now(UTC)
    assert loaded.broker is not None
    async with connect(loaded.broker) as connection:
        for key in (COMMANDS, "x" * 40):
            document = {
                "schema": 1, "computer": loaded.computer, "verb": "hold", "user": "lab",
                "arguments": {"scope": "q0", "why": "canary"}, "nonce": token_hex(16),
                "issued": payloads.iso(now), "expires": payloads.iso(now + timedelta(minutes=2)),
            }  # fmt: skip
            signed = payloads.encode(document | {"mac": signature(document, key.encode())})
            await connection.publish(Topics(loaded.computer).command("hold"), signed)


def _held(url: str) -> bool:
    with Store.read(url) as store:
        return any(lease.scope == "q0" for lease in store.leases())


@needs_mosquitto
def test_x8_no_secret_of_database_broker_or_refrigerator_is_in_log_or_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon with all three, over TCP; the key is refused while it calibrates."""
    pytest.importorskip("psycopg", reason="psycopg is not installed (extra postgresql)")
    with guarded(tmp_path) as (lab, url, secrets):
        monkeypatch.setenv("PGPASSFILE", str(secrets / "pgpass"))
        with daemon(lab.lab) as child:
            published = _published(url, child)
            asyncio.run(_commanded(lab))
            wait_for(lambda: _held(url), "a command that is done", 30)
            refusal = _refused(lab, url)
            child.terminate()
            _, errors = child.communicate(timeout=30)
        assert published, errors
        assert child.returncode in (0, -15), errors
        assert "Traceback" not in errors
        assert "HTTP 403: Access denied (2003)" in refusal
        assert not any(lab.ask(op="outputs").values())
        with Store.read(url) as store:
            assert store.runs(), errors
            activity = store.current_activity()
            assert activity is not None
            assert activity.what is None, "an orderly end says so"
        there = _whole(url)
    assert "canary" in there, "why it was held"
    shown = errors + refusal + there
    kept = [f for f in tmp_path.rglob("*") if f.is_file() and secrets not in f.parents]
    assert any(file.suffix == ".nc" for file in kept)
    assert [secret for secret in SECRETS if secret in shown] == []
    assert [(f, s) for f in kept for s in SECRETS if s.encode() in f.read_bytes()] == []


def _whole(url: str) -> str:
    """Return all that is in the tables of a database."""
    import psycopg

    tables = (
        "SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables "
        "WHERE table_schema LIKE 'kammerton%'"
    )
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        names = [name for (name,) in connection.execute(tables).fetchall()]
        rows = {name: connection.execute(f"SELECT * FROM {name}".encode()) for name in names}
        return "\n".join(f"{name}: {found.fetchall()}" for name, found in rows.items())


HASTY = """
import asyncio, sys
from pathlib import Path
from kammerton.serve.supervisor import supervise

CHILD = '''
from kammerton.serve import child
from kammerton.store import bounded

bounded.SILENCE = 5.0
child.leave(child.main())
'''
command = (sys.executable, "-c", CHILD)
sys.exit(asyncio.run(supervise([Path(sys.argv[1])], command=command)))
"""
"""The daemon, but it gives a server that says nothing up after 5 s, not 15."""


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
            with daemon(running.lab, program=(sys.executable, "-c", HASTY)) as child:
                assert _published(url, child)
                with postgres.standing_still():
                    kinds = asyncio.run(_alarms(process.port))
                    began = time.monotonic()
                    child.terminate()
                    _, errors = child.communicate(timeout=30)
                    took = time.monotonic() - began
            assert "database" in kinds, errors
            assert took < 10 * stretch(), errors
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
