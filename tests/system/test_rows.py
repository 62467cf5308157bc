"""Rows of docs/reliability.md through the whole of a computer's process, fault by fault.

One process calibrates without rest in one laboratory with one broker. What is wrong is put on by
the laboratory; the outcome is read from its ledger and its truth, the database, and the broker.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from kammerton.bench.inhibition import LONG
from kammerton.bench.thermometer import LOOK
from kammerton.loop.looks import BETWEEN
from kammerton.publish.alarms import GROUP
from kammerton.store import Store
from kammerton_sim.chip import random_chip, write_chip
from kammerton_sim.chip.further import FurtherInstrument
from tests.brokers import BrokerProcess
from tests.prove.killing import unsafe_spans
from tests.system.laboratory import laboratory
from tests.system.test_publish import needs_mosquitto
from tests.system.watched import MAX_AGE, QUBIT, Ear, Site, process
from tests.yardstick import stretch

pytestmark = [pytest.mark.system, pytest.mark.timeout(600), needs_mosquitto]

SEED = 3
NO_READING = (
    rf"no valid reading younger than {MAX_AGE} s: .*{{}}.*; the last was 1\d\S* mK, \d+ s ago"
)
READING = 2.0  # s between two readings of the daemon
ALARM = MAX_AGE + READING + LOOK + LONG + GROUP + 1.0
"""s until it is told that no reading comes: the last is too old, the one that is asked for gets
2 s, switching off is awaited for 5 s, what comes within 2 s is one message, and what comes again
waits for 1 s here."""


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
            with contextlib.closing(site):
                site.wait(lambda: "q0.t1" in (site.read(Store.parameters) or ()), "the bring-up")
                yield site
    finally:
        broker.kill()


@pytest.fixture(autouse=True)
def sound(site: Site) -> None:
    """Let each test begin with a run that is believed."""
    site.goes_on()


def test_d1_a_digitizer_that_clips_publishes_nothing_and_what_follows_is_believed(site):
    with site.fault("overload"):
        known = site.number()  # what plays now may have its data already
        site.wait(lambda: len(site.runs(known)) >= 2, "runs")
        spoilt = site.runs(known)
    assert {run.revision for run in spoilt} == {None}
    assert {v["run"] for v in site.ear.values()}.isdisjoint(run.id for run in spoilt)
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
    slow = stretch()
    with site.fault(fault, instrument="bluefors") as began:
        site.wait(lambda: site.alarms("refrigerator", began)[-1:] == [True], "an alarm")
        told = next(
            t for t, _, d in site.ear.heard if t >= began and d.get("kind") == "refrigerator"
        )
        assert told - began < ALARM * max(slow, stretch())
        site.off()
        site.wait(lambda: re.search(NO_READING.format(says), site.doing()), "the reason")
        revision, index = site.revision(), site.index()
        time.sleep(1.5 * READING)
        assert (site.revision(), site.switched_on(index)) == (revision, set())
    site.goes_on()
    site.wait(lambda: site.alarms("refrigerator", began)[-1:] == [False], "the end of the alarm")


def anew(site: Site, since: float) -> dict[str, list[dict[str, Any]]]:
    """Return what the broker heard of each measured value since then, in order."""
    told: dict[str, list[dict[str, Any]]] = {}
    for each in site.ear.values(since):
        if each["stderr"] > 0:
            told.setdefault(each["name"], []).append(each)
    return told


def test_f1_a_blip_of_warmth_and_f3_a_pump_that_trips_in_the_cold_cost_no_measurement(site):
    """Drive goes off; what was known is known still, and holds as long as it did."""
    revision = site.revision()
    for fault, given, said in (
        ("temperature", {"kelvin": 0.3}, "the mixing chamber reads"),
        ("trip", {"machine": "turbo"}, "of the refrigerator stopped"),
    ):
        with site.fault(fault, **given):
            site.wait(lambda said=said: said in site.doing(), said)
            site.off()
        site.lab.ask(op="set_temperature", kelvin=0.012)  # to cool down takes hours
        site.goes_on()
    made = site.read(lambda store: store.revisions(500))
    assert [each for each in made if each.number > revision and each.run is None] == []
    assert not [each.why for each in site.read(Store.doubted).values() if "chamber" in each.why]


def test_f1_after_a_warm_up_nothing_from_before_is_good_and_all_is_measured_anew(site):
    """Frequencies move by 3 MHz meanwhile. When drive is off all is stale within a second.

    What ended in the cold, and was being stored, may be told until then.
    """
    before = {n: e.run for n, e in site.read(Store.parameters).items() if e.stderr > 0}
    with site.fault("temperature", kelvin=4.2) as began:
        known = site.number()
        site.lab.ask(op="fault", name="frequency-hop", seed=0, given={"qubit": QUBIT, "hz": 3e6})
        slow, off = stretch(), site.off()
        site.wait(lambda: _stale(site, began).keys() >= before.keys(), "what is stale")
        at = min(_stale(site, began).values())
        assert at - off < max(slow, stretch())
        time.sleep(1.5 * READING)
        assert {e["quality"] for told in anew(site, at).values() for e in told} == {"stale"}
        in_the_cold = {a.outcome for a in site.ended(-1) if a.number <= known}
        told = [e for each in anew(site, began).values() for e in each]
        assert {e["run"] for e in told if e["quality"] == "good"} <= in_the_cold
        assert "the mixing chamber was warm: it read 4." in site.read(Store.doubted)["q0.f01"].why
    site.lab.ask(op="set_temperature", kelvin=0.012)  # to cool down takes hours

    def good() -> list[dict[str, Any]]:
        return [e for told in anew(site, at).values() for e in told if e["quality"] == "good"]

    site.wait(lambda: {e["name"] for e in good()} >= before.keys(), "all of it anew")
    assert {e["run"] for e in good()}.isdisjoint({*before.values(), *in_the_cold})
    assert site.contradicted(began, good()) == []


def _stale(site: Site, since: float) -> dict[str, float]:
    """Return when the broker first heard since then that each measured value is stale."""
    first: dict[str, float] = {}
    for t, _, told in site.ear.heard:
        for name, e in (told.get("parameters") or {}).items() if t >= since else ():
            if e["stderr"] > 0 and e["quality"] == "stale":
                first.setdefault(name, t)
    return first


def test_f1_a_warm_up_while_an_instrument_is_set_aside_is_published_all_the_same(site):
    """No bench is open then. Frequencies move by 3 MHz meanwhile."""
    asked = time.monotonic()
    with site.fault("reference-lost", instrument="drive_lo"):
        site.wait(lambda: site.alarms("set aside", asked)[-1:] == [True], "an alarm")
        site.wait(lambda: site.doing().startswith("hands off"), "that it waits")
        site.off()
    before = {n: e.run for n, e in site.read(Store.parameters).items() if e.stderr > 0}
    with site.fault("temperature", kelvin=4.2) as began:
        site.lab.ask(op="fault", name="frequency-hop", seed=0, given={"qubit": QUBIT, "hz": -3e6})
        slow = stretch()
        site.wait(lambda: anew(site, began).keys() >= before.keys(), "what is stale")
        at = next(t for t, _, d in site.ear.heard if t >= began and d.get("parameters"))
        assert at - began < (READING + 1.0) * max(slow, stretch())
        assert site.doing().startswith("hands off"), "and nobody has touched an instrument"
        assert {e["quality"] for told in anew(site, began).values() for e in told} == {"stale"}
    site.lab.ask(op="set_temperature", kelvin=0.012)  # to cool down takes hours
    time.sleep(2 * READING)
    site.says("release", "drive_lo")

    def good() -> list[dict[str, Any]]:
        return [e for told in anew(site, began).values() for e in told if e["quality"] == "good"]

    site.wait(lambda: {e["name"] for e in good()} >= before.keys(), "all of it anew")
    assert {e["run"] for e in good()}.isdisjoint(before.values())
    assert site.contradicted(began, good()) == []


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


def test_i2_the_daemon_waits_for_a_generator_that_is_away_and_goes_on(site):
    """Who misses it first, its own session or the digitizer, is a matter of moments."""
    before = len(site.log.read_text(encoding="utf-8"))
    with site.fault("refuse", instrument="awg1"):
        site.wait(lambda: site.doing().startswith("waiting: awg1"), "that it waits")
    site.goes_on()
    said = site.log.read_text(encoding="utf-8")[before:]
    assert " is aborted, and nothing of it is stored: " in said or f"{BETWEEN}: " in said
    assert re.search("(awg1 answers|all instruments answer) again and (is|are) verified", said)


RACK = ("drive_lo", "readout_lo")  # with a generator nobody would know which one failed first


def lose_power(control: int) -> None:
    """Switch all of the rack off and on, as nearly at once as can be."""
    op = {"op": "fault", "name": "power-cycle"}
    lines = [json.dumps(op | {"given": {"instrument": name}}) + "\n" for name in RACK]
    with socket.create_connection(("127.0.0.1", control), 20) as link:
        link.sendall("".join(lines).encode())
        with link.makefile() as told:
            assert ["error" in json.loads(told.readline()) for _ in RACK] == [False] * len(RACK)


def test_i7_a_rack_that_loses_its_power_costs_one_run_and_publishes_nothing_wrong(site):
    """All that lost it are found with the first, and verified off before one is switched on.

    Found by a look between two runs, it costs none.
    """
    last, known, index = (
        site.read(lambda store: store.log(1))[0].number,
        site.number() - 1,
        site.index(),
    )
    began = time.monotonic()
    lose_power(site.lab.control)
    site.goes_on()
    lost = [a.outcome for a in site.ended(known) if a.outcome.startswith("aborted")]
    assert len(lost) <= 1, lost  # none where it is found between two runs
    audit = [row for row in site.read(lambda store: store.log(500)) if row.number > last][::-1]
    assert not any(r.who.startswith("somebody else") for r in audit), "each told its power cycle"
    off = {r.what: r.number for r in audit if r.who.startswith("recovery") and r.new == "off"}
    on = [row.number for row in audit if row.what in RACK and row.new == "on"]
    assert off.keys() >= set(RACK)
    assert max(off.values()) < min(number for number in on if number > min(off.values()))
    driven = ("q0.f01", "q0.t1", "q0.t2_star", "q0.t2_echo")  # the resonator comes first
    site.wait(lambda: any(v["name"] in driven for v in site.ear.values(began)), "a value")
    assert site.contradicted(began) == []
    assert site.switched_on(index) >= {"drive_lo"}


def test_i10_who_changes_a_source_twice_is_at_work_there_and_the_daemon_waits_for_a_release(site):
    """Once costs a pause; the second time nothing is on until a person says go on."""
    began, last = time.monotonic(), site.read(lambda store: store.log(1))[0].number
    for power, said in (("3", "s more: drive_lo is not set as it was"), ("2", "hands off")):
        given = {"instrument": "drive_lo", "setting": "power", "value": power}
        site.lab.ask(op="fault", name="front-panel", seed=0, given=given)
        site.wait(lambda said=said: said in site.doing(), said)
        if power == "3":
            assert "f01" in " ".join(site.read(Store.doubted)), "what it made is doubted"
            while site.goes_on().calibration == "resonator_spectroscopy":
                pass  # until a run has set the source: a hand in that moment is written over
    site.off()
    site.wait(lambda: site.alarms("set aside", began)[-1:] == [True], "an alarm")
    held = site.doing()
    assert "drive_lo is held by the daemon: changed by somebody else twice within 60 min" in held
    index = site.index()
    time.sleep(1.5 * READING)
    assert site.switched_on(index) == set()
    found = [row for row in site.read(lambda store: store.log(500)) if row.number > last]
    assert sum(row.who.startswith("somebody else") for row in found) == 2
    site.says("release", "drive_lo")
    site.goes_on()
    site.wait(lambda: site.alarms("set aside", began)[-1:] == [False], "the end of the alarm")
    assert site.contradicted(began) == []


def test_i11_a_source_that_flaps_a_hundred_times_is_few_alarms_and_comes_back(site):
    """The pauses grow, so that it is asked less often than it flaps."""
    with site.fault("reboot-loop", instrument="drive_lo", times=100, every=0.05) as began:
        index = site.index()
        site.wait(lambda: _struck(site) == 100, "a hundred flaps")
        changes = site.lab.ask(op="ledger", since=index + 1)
    of_it = [c for c in changes if c["instrument"] == "drive_lo" and c["what"] == "connection"]
    came = [c for c in of_it if c["new"] is not None]
    assert len(came) < 100, "it is not asked at each flap"
    site.goes_on()
    assert site.alarms("instrument", began).count(True) <= 3


def _struck(site: Site) -> int:
    (loop,) = (f for f in site.lab.ask(op="faults") if f["name"] == "reboot-loop")
    return int(loop["struck"])


def test_p2_a_hop_of_f01_is_followed_and_no_wrong_value_is_published(site):
    before = site.lab.ask(op="truth", parameter="q0.f01")["value"]
    with site.fault("frequency-hop", qubit=QUBIT, hz=3e6) as began:
        hopped = site.lab.ask(op="truth", parameter="q0.f01")["value"]
        assert hopped == pytest.approx(before + 3e6, abs=50e3)
        site.wait(lambda: _refined(site, hopped), "the new frequency")
    site.wait(lambda: _refined(site, before), "the old frequency")
    assert site.contradicted(began) == []


def test_p2_a_hop_in_the_middle_of_a_scan_publishes_nothing_wrong(site):
    hopped = site.lab.ask(op="truth", parameter="q0.f01")["value"] + 1e6
    with site.fault("frequency-drift", qubit=QUBIT, hz=1e6, records=25_000, steps=1) as began:
        site.wait(lambda: _refined(site, hopped), "the new frequency")
    assert site.contradicted(began) == []


def _refined(site: Site, hz: float) -> bool:
    """Whether f01 is there, by a Ramsey and not by a spectroscopy alone."""
    f01 = site.read(Store.parameters)["q0.f01"]
    return bool(abs(f01.value - hz) < 20e3 and f01.stderr < 2e3)


def test_what_was_published_is_what_was_stored_true_and_within_limits(site):
    """After all of this: published values are none but the stored ones; nothing wrong or unsafe."""
    values = site.ear.values()  # first: what is heard was stored before
    stored = {
        (n, c.estimate.value, c.estimate.run)
        for n in site.read(Store.parameters)
        for c in site.read(lambda store, n=n: store.history(n, 10_000))
    }
    assert len(values) >= 10
    assert {(v["name"], v["value"], v["run"]) for v in values} - stored == set()
    assert site.contradicted() == []
    assert unsafe_spans(site.lab) == []
