"""What a proof's witness takes for a value that went back, and for one that is wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kammerton.client.follower import Update
from kammerton.model import Estimate
from kammerton.store import Store
from kammerton_sim.chip import random_chip
from kammerton_sim.evidence.contradicted import contradicted
from kammerton_sim.laboratory import Laboratory
from kammerton_sim.ports import consecutive_ports
from kammerton_sim.write_lab import write_lab
from tests.brokers import MOSQUITTO, BrokerProcess
from tests.prove.witness import Truth, gone_back, witness
from tests.stored import estimate, run

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def told(revision: int, quality: str = "good", epoch: str = "e") -> Update:
    return Update("q0.t1", Estimate(5e-5, 1e-6, "s", NOW, "r000001"), quality, epoch, revision)


@pytest.mark.parametrize(
    ("updates", "found"),
    [
        ([told(1), told(3), told(4)], 0),
        ([told(1), told(1, "stale"), told(2)], 0),
        ([told(2), told(1)], 1),
        ([told(2), told(2)], 1),
        ([told(2), told(3, epoch="f")], 1),
    ],
)
def test_what_went_back_or_came_twice_is_found(updates: list[Update], found: int) -> None:
    assert len(gone_back(updates)) == found


class Asked:
    """A laboratory in this process that answers as one behind its control socket."""

    def __init__(self, laboratory: Laboratory, lab: Path) -> None:
        self.lab = lab
        self._laboratory = laboratory

    def ask(self, op: str, published: list[dict[str, object]], sigmas: float) -> object:
        return self._laboratory.questions.contradicted(published, sigmas)


def test_a_value_that_the_truth_contradicts_is_wrong_and_a_pi_pulse_has_a_truth(
    tmp_path: Path,
) -> None:
    with Laboratory(random_chip(1, 3)) as laboratory:
        path = tmp_path / "lab.toml"
        path.write_text(write_lab(laboratory.chip, laboratory.ports, 3), encoding="utf-8")
        t1 = laboratory.world.truth("q0.t1")
        f01 = laboratory.world.truth("q0.f01")
        with Store.open(tmp_path / "kammerton.sqlite", "chip-1-3") as store:
            store.commit(run(), {"q0.t1": Estimate(t1, t1 / 50, "s", datetime.now(UTC), "")})
            truth = Truth(Asked(laboratory, path))  # type: ignore[arg-type]
            assert truth.look() == []
            assert truth.checked == 1
            store.commit(
                run(),
                {
                    "q0.f01": Estimate(f01 + 6e3, 1e3, "Hz", datetime.now(UTC), ""),
                    "q0.pi_amplitude": Estimate(2.0, 1e-3, "V", datetime.now(UTC), ""),
                },
            )
            assert {each["name"] for each in truth.look()} == {"q0.f01", "q0.pi_amplitude"}
            assert (truth.checked, len(truth.wrong)) == (3, 2)
            assert truth.look() == [], "each value is looked at once"


class Hopping:
    """A laboratory whose T1 is 40 us for the last part of a run of 21 s, and 45 us before."""

    def __init__(self, lab: Path, part: float) -> None:
        self.lab, self._since = lab, run().ended.timestamp() - 21 * part

    def ask(self, op: str, published: list[dict[str, Any]], sigmas: float) -> dict[str, Any]:
        answer = contradicted(published, self._truth, sigmas)
        return {"checked": answer["checked"], "found": answer["contradicted"]}

    def _truth(self, name: str, at: float) -> float:
        return 40e-6 if at >= self._since else 45e-6


@pytest.mark.parametrize(
    ("value", "part", "wrong"),
    [
        (45.2e-6, 0.2, False),  # a hop at its end tells nothing of the rest
        (45.2e-6, 0.6, True),
        (42.5e-6, 0.5, True),  # a mixture is what it never was
        (48e-6, 0.0, True),
    ],
)
def test_a_value_is_wrong_that_is_off_for_most_of_its_run(
    tmp_path: Path, value: float, part: float, wrong: bool
) -> None:
    ports = consecutive_ports(random_chip(1, 3), 1)
    lab = write_lab(random_chip(1, 3), ports, 3)
    (tmp_path / "lab.toml").write_text(lab, encoding="utf-8")
    with Store.open(tmp_path / "kammerton.sqlite", "chip-1-3") as store:
        told = Estimate(value, 0.4e-6, "s", run().ended, "")
        store.commit(run(), {"q0.t1": told})
    truth = Truth(Hopping(tmp_path / "lab.toml", part))  # type: ignore[arg-type]
    assert bool(truth.look()) == wrong == bool(truth.wrong)
    assert truth.checked == 1


@pytest.mark.skipif(MOSQUITTO is None, reason="needs Mosquitto")
def test_what_the_subscriber_does_not_hold_is_named(tmp_path: Path) -> None:
    broker = BrokerProcess(tmp_path)
    broker.start()
    try:
        path = tmp_path / "db.sqlite"
        with Store.open(path, "two-qubits") as store, witness(broker.port, "two-qubits") as ear:
            assert ear.differs(path) == []
            store.commit(run(), {"q0.t1": estimate(5e-5)})
            took, differs = ear.behind(path, 0.3)
            assert differs == ["q0.t1"]
            assert took >= 0.3
            assert ear.made_up(path) == []
            ear.updates.append(told(7))
            assert len(ear.made_up(path)) == 1
    finally:
        broker.kill()
