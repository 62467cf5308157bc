"""A computer's process that calibrates without rest, as a test sees it from outside.

What it looks at: the laboratory's ledger and truth, the database, and all that the broker hears.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from typer.testing import CliRunner

from kammerton.cli import app
from kammerton.model import StoreError, Verdict
from kammerton.store import Attempt, Store, StoredRun
from kammerton.store.read import ReadStore
from kammerton.store.rows import run_number
from tests.prove.killing import on, wait_for
from tests.system.laboratory import Laboratory

ROOT = Path(__file__).parents[2]
QUBIT = "q0"
MAX_AGE = 12  # s that a temperature counts, not 30: that long a test waits for drive to go off
PATIENCE = 240.0  # s for anything to happen: a busy machine is no failure


@dataclass
class Ear:
    """Hears every topic of the broker: when by the wall, topic, document."""

    port: int
    heard: list[tuple[float, str, dict[str, Any]]] = field(default_factory=list)

    @contextlib.contextmanager
    def listening(self) -> Iterator[Ear]:
        client = Client(CallbackAPIVersion.VERSION2)
        client.on_connect = lambda *_: client.subscribe("kammerton/v1/#", 1)
        client.on_message = self._note
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        try:
            yield self
        finally:
            client.disconnect()
            client.loop_stop()

    def _note(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self.heard.append((time.monotonic(), message.topic, json.loads(message.payload)))

    def of(self, last: str, since: float = 0.0) -> list[dict[str, Any]]:
        """Return what came on a topic since then."""
        return [d for t, topic, d in self.heard if t >= since and topic.rpartition("/")[2] == last]

    def values(self, since: float = 0.0) -> list[dict[str, Any]]:
        """Return every value that was ever published: name, value, stderr, time."""
        deltas = self.of("delta", since)
        return [{"name": n, **each} for d in deltas for n, each in d["parameters"].items()]


@dataclass
class Site:
    """A laboratory, what its broker hears, and the process that measures in it."""

    lab: Laboratory
    ear: Ear
    log: Path
    process: subprocess.Popen[bytes]
    _store: ReadStore | None = None

    @contextlib.contextmanager
    def fault(self, name: str, seed: int = 0, **given: Any) -> Iterator[float]:
        """Put a fault on meanwhile; yields when, by the wall."""
        began = time.monotonic()
        number = self.lab.ask(op="fault", name=name, seed=seed, given=given)["fault"]
        try:
            yield began
        finally:
            self.lab.ask(op="clear", number=number)

    def read(self, question: Callable[[Store], Any]) -> Any:
        """Ask the database, opened once: that costs ten times as much as a question."""
        try:
            if self._store is None:
                self._store = Store.read(self.lab.lab.with_name("kammerton.sqlite"))
            return question(self._store)
        except StoreError:  # it is just being made
            return None

    def close(self) -> None:
        if self._store is not None:
            self._store.close()

    def wait(self, condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
        """Return what the condition returned as soon as it holds, while the process lives."""

        def looked() -> Any:
            time.sleep(0.1)
            assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
            return condition()

        return wait_for(looked, what, seconds)

    def number(self) -> int:
        """Return the number of the newest attempt."""
        (newest,) = self.read(lambda store: store.attempts(1))
        return int(newest.number)

    def ended(self, known: int) -> list[Attempt]:
        """Return the attempts that began after another and have ended, oldest first."""
        found = self.read(lambda store: store.attempts(500)) or []
        return [a for a in found[::-1] if a.number > known and a.outcome is not None]

    def runs(self, known: int) -> list[StoredRun]:
        """Return the runs that began after an attempt, oldest first."""
        ids = [a.outcome for a in self.ended(known) if run_number(a.outcome) is not None]
        return [self.read(lambda store, i=i: store.run(i)) for i in ids]

    def outcome(self, words: str, known: int) -> str:
        """Wait for an attempt after another whose outcome has such words; return that."""

        def found() -> str | None:
            return next((a.outcome for a in self.ended(known) if words in a.outcome), None)

        return str(self.wait(found, words))

    def goes_on(self) -> StoredRun:
        """Wait for a run that begins from now on and is believed; return it."""
        known = self.number()

        def believed() -> StoredRun | None:
            good = (r for r in self.runs(known) if r.fits[QUBIT].verdict is Verdict.ACCEPTED)
            return next(good, None)

        return self.wait(believed, "a run that is believed")

    def doing(self) -> str:
        activity = self.read(Store.current_activity)
        return (activity and activity.what) or ""

    def alarms(self, kind: str, since: float = 0.0) -> list[bool]:
        """Return whether each alarm of a kind was on or over, as they came."""
        return [bool(d["on"]) for d in self.ear.of("alarm", since) if d["kind"] == kind]

    def contradicted(
        self, since: float = 0.0, told: Sequence[dict[str, Any]] | None = None
    ) -> list[dict[str, Any]]:
        """Return what was published since then, or is given, and the truth contradicts by 5 sigma.

        The truth is that of the time which a value names.
        """
        told = self.ear.values(since) if told is None else told
        values = [dict(v) for v in told if v["stderr"] > 0]
        for value in values:
            value["time"] = datetime.fromisoformat(value["time"]).timestamp()
        answer = self.lab.ask(op="contradicted", published=values, sigmas=5.0)
        assert answer["checked"] > 0
        return list(answer["found"])

    def says(self, *words: str) -> None:
        done = CliRunner().invoke(app, [*words, "--lab", str(self.lab.lab)])
        assert done.exit_code == 0, done.output

    def revision(self) -> int:
        return int(self.read(Store.revision))

    def index(self) -> int:
        """Return the index of the ledger's newest change."""
        return int(self.lab.ask(op="ledger")[-1]["index"])

    def switched_on(self, since: int) -> set[str]:
        changes = self.lab.ask(op="ledger", since=since + 1)
        return {c["instrument"] for c in changes if c["what"] == "on" and c["new"]}

    def off(self) -> float:
        """Wait until every output is off; return when, by the wall."""
        wait_for(lambda: not on(self.lab), "outputs off", PATIENCE)
        return time.monotonic()


@contextlib.contextmanager
def process(lab: Laboratory, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The computer's process; its interlock reads the Bluefors API."""
    text = lab.lab.read_text(encoding="utf-8")
    for old, new in (
        ('fridge = "fridge"', 'fridge = "bluefors"'),
        ('max_age = "30 s"', f'max_age = "{MAX_AGE} s"'),
    ):
        assert old in text
        text = text.replace(old, new)
    lab.lab.write_text(text, encoding="utf-8")
    words = [sys.executable, "-m", "tests.system.restless", str(lab.lab)]
    with log.open("wb") as sink, subprocess.Popen(words, stderr=sink, cwd=ROOT) as child:
        try:
            yield child
        finally:
            child.terminate()
            child.wait(30)
