"""Rows of docs/reliability.md through the whole of a computer's process, fault by fault.

One process calibrates without rest in one laboratory with one broker. What is wrong is put on by
the laboratory; the outcome is read from its ledger and its truth, the database, and the broker.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from typer.testing import CliRunner

from kammerton.cli import app
from kammerton.model import StoreError, Verdict
from kammerton.store import Attempt, Store, StoredRun
from kammerton.store.rows import run_number
from kammerton_sim.chip import random_chip, write_chip
from kammerton_sim.chip.further import FurtherInstrument
from tests.brokers import BrokerProcess
from tests.prove.killing import on, wait_for
from tests.system.laboratory import Laboratory, laboratory
from tests.system.test_publish import needs_mosquitto

pytestmark = [pytest.mark.system, pytest.mark.timeout(600), needs_mosquitto]

ROOT = Path(__file__).parents[2]
SEED, QUBIT = 3, "q0"
NO_READING = r"no valid reading younger than 30 s: .*{}.*; the last was 1\d\S* mK, \d+ s ago"
READING = 2.0  # s between two readings of the daemon
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
        try:
            with Store.read(self.lab.lab.with_name("kammerton.sqlite")) as store:
                return question(store)
        except StoreError:  # it is just being made
            return None

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
        found = self.read(lambda store: store.attempts(20)) or []
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


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A computer that is tuned and measures on; its folder has a name with blanks and umlauts."""
    folder = tmp_path_factory.mktemp("rows") / "Gerät № 1, links"
    folder.mkdir()
    chip = random_chip(1, SEED)
    fridge = {"bluefors": FurtherInstrument("bluefors_api")}
    chip = replace(chip, wiring=replace(chip.wiring, instruments=fridge))
    write_chip(chip, folder / "chip.toml")
    broker = BrokerProcess(folder)
    broker.start()
    try:
        with (
            laboratory(folder, chip=folder / "chip.toml", broker=broker.port, seed=SEED) as lab,
            Ear(broker.port).listening() as ear,
            process(lab, folder / "log") as child,
        ):
            site = Site(lab, ear, folder / "log", child)
            site.wait(lambda: "q0.t1" in (site.read(Store.parameters) or ()), "the bring-up")
            yield site
    finally:
        broker.kill()


@contextlib.contextmanager
def process(lab: Laboratory, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The computer's process; its interlock reads the Bluefors API."""
    text = lab.lab.read_text(encoding="utf-8")
    assert 'fridge = "fridge"' in text
    lab.lab.write_text(text.replace('fridge = "fridge"', 'fridge = "bluefors"'), encoding="utf-8")
    words = [sys.executable, "-m", "tests.system.restless", str(lab.lab)]
    with log.open("wb") as sink, subprocess.Popen(words, stderr=sink, cwd=ROOT) as child:
        try:
            yield child
        finally:
            child.terminate()
            child.wait(30)


@pytest.fixture(autouse=True)
def sound(site: Site) -> None:
    """Let each test begin with a run that is believed."""
    site.goes_on()


def test_d1_a_digitizer_that_clips_publishes_nothing_and_what_follows_is_believed(site):
    with site.fault("overload"):
        known, revision = site.number(), site.revision()
        site.wait(lambda: len(site.runs(known)) >= 2, "runs")
        spoilt = site.runs(known)
        assert site.revision() == revision
    assert {run.fits[QUBIT].status for run in spoilt} == {"overload"}
    assert "overloaded" in spoilt[0].fits[QUBIT].reason
    site.goes_on()


def test_d3_a_buffer_that_comes_again_aborts_its_run_and_the_next_is_believed(site):
    known = site.number() - 1  # what plays now may be struck
    with site.fault("stuck-buffer", buffers=1) as began:
        said = site.outcome("came before", known)
    assert said.startswith("aborted: digitizer: buffer")
    site.goes_on()
    assert site.alarms("instrument", began) == [], "it was a hiccup"


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("new-key", "HTTP 401"),
        ("black-hole", "bluefors did not answer"),
    ],
    ids=["auth refused", "hangs"],
)
def test_f4_without_the_refrigerators_software_drive_goes_off_until_it_is_back(site, fault, says):
    """No reading is no good reading: an alarm, nothing on, nothing published; then it goes on."""
    with site.fault(fault, instrument="bluefors") as began:
        site.wait(lambda: site.alarms("refrigerator", began)[-1:] == [True], "an alarm")
        site.off()
        revision, index = site.revision(), site.index()
        site.wait(lambda: re.search(NO_READING.format(says), site.doing()), "the reason")
        time.sleep(1.5 * READING)
        assert (site.revision(), site.switched_on(index)) == (revision, set())
    site.goes_on()
    site.wait(lambda: site.alarms("refrigerator", began)[-1:] == [False], "the end of the alarm")


def test_f5_under_maintenance_a_warm_up_is_no_alarm_and_drive_is_off_all_the_same(site):
    site.says("hold", "maintenance", "--why", "a planned warm-up")
    with site.fault("temperature", kelvin=4.2) as began:
        site.wait(lambda: "4.2" in site.doing(), "drive is off")
        site.off()
        index = site.index()
        time.sleep(1.5 * READING)
        assert site.switched_on(index) == set()
        assert True not in site.alarms("refrigerator", began)
        site.says("release", "maintenance")
        site.wait(lambda: site.alarms("refrigerator", began)[-1:] == [True], "an alarm")
    site.lab.ask(op="set_temperature", kelvin=0.012)  # to cool down takes hours
    site.goes_on()
    site.wait(lambda: site.alarms("refrigerator", began)[-1:] == [False], "the end of the alarm")
