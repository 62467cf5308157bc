"""S4, R2, R9: SIGKILL at random moments in each stage of a bring-up, of either process.

A subscriber listens all the while. Lost: also values that it did not hold 30 s after the next
process was up, that went back, or that nobody committed. Wrong: committed values that the
laboratory's truth contradicts.
"""

from __future__ import annotations

import dataclasses
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence, Set
from pathlib import Path

from tests.prove.frame import Row, proof
from tests.prove.killing import Daemon, Harm, Nursery, ask, kill, running, unsafe_spans, wait_for
from tests.prove.published import RELAY, Line, kill_the_relay, published
from tests.prove.witness import Truth
from tests.system.laboratory import Laboratory, laboratory

CONNECTING = "connecting"
STAGES = (
    CONNECTING, "resonator_spectroscopy", "qubit_spectroscopy", "rabi_amplitude", "readout",
    "ramsey", "t2_echo", "t1", "idle",
)  # fmt: skip
AGAIN = (*STAGES, "idle", "idle")  # where nothing is measured a kill costs little
OPEN = "select number from attempt where outcome is null"
LONGEST = 0.8  # s after a stage has begun; most last less
KILLS = int(os.environ.get("KAMMERTON_KILLS", "500"))
SUPERVISOR = 5  # every fifth kill meets the supervisor
RELAYED = 0.3  # share of the kills while it calibrates that wait for a stage of the relay
CHILD, DAEMON, RELAYING = "a computer's process", "the daemon", "a computer's process as it relays"


@proof("kill-loop")
def kill_loop(quick: bool) -> Iterator[Row]:
    """500 kills (KAMMERTON_KILLS), each database killed about once a stage; 12 when quick."""
    harms, met = {who: Harm(wrong=0) for who in (CHILD, DAEMON, RELAYING)}, set[str]()
    random_moment = random.Random(5)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(10_000):
            if sum(harm.kills for harm in harms.values()) >= (12 if quick else KILLS):
                break
            own = Path(folder) / f"{number}"
            own.mkdir()
            with laboratory(own) as lab:  # a ledger that has forgotten its beginning proves nothing
                with published(lab, own) as line:
                    met |= bring_up(lab, line, random_moment, harms)
                spans = unsafe_spans(lab)
                _look(Truth(lab), harms)
            for who, harm in harms.items():
                harm.unsafe += spans
                print(f"{who}: {harm.so_far()}", file=sys.stderr)
    for who, harm in harms.items():
        if harm.kills:
            where = but(met, tuple(RELAY), "stage of the relay") if who == RELAYING else but(met)
            yield harm.row(f"S4, R2 SIGKILL of {who}, {where}")


def _look(truth: Truth, harms: dict[str, Harm]) -> None:
    """Count what the truth contradicts in every row: whose kill it came of nobody can say."""
    truth.look()
    assert truth.checked > 0
    for harm in harms.values():
        harm.wrong = (harm.wrong or 0) + len(truth.wrong)


def but(met: Set[str], stages: Sequence[str] = STAGES, kind: str = "stage") -> str:
    """Return in words in which stages something was killed: those that were missed by name."""
    missed = [stage for stage in stages if stage not in met]
    return f"any {kind} but {', '.join(missed)}" if missed else f"any {kind}"


def fresh(lab: Laboratory, folder: Path) -> Laboratory:
    """Return the laboratory with a lab.toml, and so a database, of its own."""
    folder.mkdir()
    path = folder / "lab.toml"
    path.write_text(lab.lab.read_text())
    return dataclasses.replace(lab, lab=path)


def bring_up(
    lab: Laboratory, line: Line, moment: random.Random, harms: dict[str, Harm]
) -> set[str]:
    """One bring-up, killed in most of its stages, that ends in order; return these stages."""
    met = set[str]()
    with running(lab.lab) as daemon:
        for stage in STAGES:
            if moment.random() < 0.8 and reached(daemon, stage):
                calibrates = stage not in (CONNECTING, "idle")
                if calibrates and moment.random() < RELAYED:
                    relayed = moment.choice(list(RELAY))
                    if kill_the_relay(relayed, daemon, lab, line, harms[RELAYING]):
                        met.add(relayed)
                    continue
                time.sleep(moment.uniform(0.0, LONGEST))
                supervisor = moment.randrange(SUPERVISOR) == 0
                harm = harms[DAEMON if supervisor else CHILD]
                kill(daemon, lab, harm, supervisor=supervisor)
                line.look(daemon.database, harm)
                met.add(stage)
        wait_for(lambda: _doing(daemon, "idle"), "the end of the bring-up", 300)
        assert daemon.stop() == 0
    harms[CHILD].stuck += len(ask(daemon.database, OPEN))
    line.end(daemon.database, harms[CHILD])
    return met


def hurried(
    lab: Laboratory,
    line: Line,
    moment: random.Random,
    harm: Harm,
    known: frozenset[str] = frozenset(),
) -> set[str]:
    """One bring-up of cheap processes, killed in every stage that is met; return these.

    known: met before. Looking for harm after a kill takes as long as a stage, so one that was never
    met is only seen when the one before it is left alone.
    """
    met = set[str]()
    with running(lab.lab, Nursery) as daemon:
        for stage, following in zip(AGAIN, (*AGAIN[1:], AGAIN[0]), strict=True):
            if stage == CONNECTING:
                wait_for(daemon.child, "a first process")
                kill_next(daemon, moment)
            elif (stage in known and following not in known) or not reached(daemon, stage):
                continue
            time.sleep(moment.uniform(0.0, LONGEST))
            kill(daemon, lab, harm)
            line.look(daemon.database, harm)
            met.add(stage)
        wait_for(lambda: _doing(daemon, "idle"), "the end of the bring-up", 300)
        assert daemon.stop() == 0
    harm.stuck += len(ask(daemon.database, OPEN))
    line.end(daemon.database, harm)
    return met


def kill_next(daemon: Daemon, moment: random.Random) -> None:
    """Kill the process at work, so that the next is met while it starts and connects."""
    old = daemon.child()
    assert old is not None
    time.sleep(moment.uniform(0.0, LONGEST))
    os.kill(old, signal.SIGKILL)
    wait_for(lambda: daemon.child() not in (None, old), "the next process")


def reached(daemon: Daemon, stage: str) -> bool:
    """Wait until a stage has begun; False when the bring-up is past it."""
    return bool(wait_for(lambda: _first(daemon, stage, "idle"), stage, 300) == stage)


def _doing(daemon: Daemon, stage: str) -> bool:
    return _first(daemon, stage) is not None


def _first(daemon: Daemon, *stages: str) -> str | None:
    """Return which of some stages it is in, at one look."""
    _, what = daemon.doing() or (None, "")
    return next((stage for stage in stages if what.startswith(stage)), None)
