"""Faults of a chip with physics: through `kammerton sim ctl`, seen in the truth and in records."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import replace

import pytest

from kammerton_sim.chip import random_chip
from kammerton_sim.chip.further import FurtherInstrument
from kammerton_sim.command import run as command
from kammerton_sim.laboratory import Laboratory
from kammerton_sim.world.mishaps import Mishap
from tests.wire.conftest import acquire, run, trigger, upload


@pytest.fixture
def laboratory(request):
    chip = random_chip(getattr(request, "param", 2), 3)
    api = {"api": FurtherInstrument("bluefors_api")}
    chip = replace(chip, wiring=replace(chip.wiring, instruments=api))
    with Laboratory(chip) as laboratory:
        yield laboratory


@pytest.fixture
def ctl(laboratory, capsys) -> Callable[..., str]:
    def ctl(*arguments: str) -> str:
        code = command(["ctl", "--control", str(laboratory.ports["control"]), *arguments])
        out, err = capsys.readouterr()
        assert (code, err) == (0, "")
        return out

    return ctl


def truth(ctl, name: str) -> float:
    return json.loads(ctl("truth", name, "--json"))[name]


def test_a_truth_that_there_is_not_is_answered_with_those_that_are_near(laboratory, capsys):
    port = str(laboratory.ports["control"])
    for asked, said in (
        ("q0.t2echo", "did you mean 'q0.t2_echo'?"),
        ("r0.f01", "there are r0.frequency, r0.linewidth, r0.bare_frequency"),
        ("q9.t1", "no truth of 'q9.t1' (did you mean"),
    ):
        assert command(["ctl", "--control", port, "truth", asked]) == 2
        assert said in capsys.readouterr().err
    assert command(["ctl", "--control", port, "truth", "q0.t1", "q0.t9", "q9.t1"]) == 2
    out, err = capsys.readouterr()
    assert out.startswith("q0.t1 = ")
    assert [line.split(" (")[0] for line in err.splitlines()] == [
        "the laboratory has no truth of 'q0.t9'",
        "the laboratory has no truth of 'q9.t1'",
    ]


def test_a_hop_is_in_the_truth_from_then_on(laboratory, ctl):
    before = laboratory.world.clock.now()
    old = truth(ctl, "q1.f01")
    ctl("frequency-hop", "q1", "hz=4e5")
    assert truth(ctl, "q1.f01") - old == pytest.approx(4e5, abs=100)
    assert laboratory.world.truth("q1.f01", before) == pytest.approx(old, abs=100)
    ctl("clear")
    assert truth(ctl, "q1.f01") == pytest.approx(old, abs=100)


def test_a_defect_takes_t1(ctl):
    old = truth(ctl, "q0.t1")
    ctl("tls", "q0", "t1=1.5e-5")
    assert truth(ctl, "q0.t1") == pytest.approx(1 / (1 / old + 1 / 1.5e-5), rel=1e-3)


def test_every_fault_makes_the_rig_play_anew(laboratory, ctl):
    """What is cached of the physics is thrown away: a fault is heard at once."""
    before = laboratory.ledger.version
    ctl("dead-qubit", "q0")
    assert laboratory.ledger.version > before
    assert laboratory.world.qubit(0).rabi_rate == 0


@pytest.mark.parametrize("laboratory", [1], indirect=True)
@pytest.mark.parametrize("board", ["shared"], indirect=True)
def test_a_hop_in_the_middle_of_a_scan(laboratory, ctl, awg, source, digitizer):
    """Records before it are of the qubit as it was, those behind of the one that hopped."""
    laboratory.world.mishaps.happen(
        Mishap(0, laboratory.world.clock.now(), f01=5.2e9 - laboratory.world.qubit(0).f01)
    )
    source.ref_osc_source("EXT")
    source.frequency(5.2e9)
    source.power(13)
    source.on()
    upload(awg)
    run(awg)
    ctl("frequency-hop", "q0", "hz=60e6", "--after-records", "25")
    acquire(digitizer, lambda: trigger(awg))
    played = laboratory.board.acquisitions[-1].played
    excited = [played[n].populations[:, 0, 1].max() for n in sorted(played)]
    assert excited[0] == excited[1] != pytest.approx(excited[-1], rel=0.1)
    assert len({id(playback) for playback in played.values()}) == 2


def test_a_drift_goes_in_steps_while_records_come_and_ends(laboratory):
    before = laboratory.world.truth("q0.f01")
    number = laboratory.faults.inject("frequency-drift", qubit="q0", hz=1e6, records=1000, steps=4)

    def moved_by(records: int) -> float:
        if happens := laboratory.board.before_buffer(records):
            happens()
        return laboratory.world.truth("q0.f01") - before

    version = laboratory.ledger.version
    path = [moved_by(200) for _ in range(7)]
    assert path == pytest.approx([0, 2.5e5, 5e5, 7.5e5, 1e6, 1e6, 1e6], abs=100)
    assert laboratory.ledger.version == version + 4  # each step makes the rig play anew
    laboratory.faults.clear(number)
    assert moved_by(1000) == pytest.approx(0, abs=100)


def test_values_published_before_a_hop_stay_right(laboratory, ctl, tmp_path):
    now = laboratory.world.clock.now()
    f01 = truth(ctl, "q0.f01")
    ctl("frequency-hop", "q0")
    entry = {"name": "q0.f01", "value": f01, "stderr": 1e3}
    path = tmp_path / "values.json"
    path.write_text(json.dumps([{**entry, "time": now}]))
    assert "standard errors off the truth: 0" in ctl("ledger", "--contradicted", str(path))
    path.write_text(json.dumps([{**entry, "time": laboratory.world.clock.now() + 1}]))
    assert command(["ctl", "--control", str(laboratory.ports["control"]), "ledger",
                    "--contradicted", str(path)]) == 3  # fmt: skip


def test_a_decoy_dips_the_feedline(laboratory, ctl):
    hertz = laboratory.chip.resonators[0].frequency + 20e6
    ctl("decoy", str(hertz), "linewidth=3e6")
    (decoy,) = laboratory.world._readouts[0].decoys
    assert (decoy.frequency, decoy.linewidth, decoy.chi) == (hertz, 3e6, 0)
    ctl("clear")
    assert laboratory.world._readouts[0].decoys == ()


def test_another_key_is_wanted(laboratory, ctl):
    address = f"http://127.0.0.1:{laboratory.ports['api']}/values/mapper/bf/temperatures"
    with urllib.request.urlopen(address) as answer:
        assert answer.status == 200
    ctl("new-key", "api")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(address)
    refused.value.close()
    assert refused.value.code in (401, 403)
    ctl("clear")
    urllib.request.urlopen(address).close()


def test_a_laboratory_in_a_process_of_its_own_is_found(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with subprocess.Popen(
        [sys.executable, "-m", "kammerton_sim", "--random", "1", "--seed", "2"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env=os.environ | {"XDG_STATE_HOME": str(tmp_path)},
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            process.stdout.readline()
            assert command(["ctl", "truth", "q0.f01"]) == 0
            assert capsys.readouterr().out.startswith("q0.f01 = ")
            assert command(["ctl", "stop"]) == 0
            process.wait(30)
        finally:
            process.kill()
    assert command(["ctl", "time"]) == 1


def test_the_truth_of_all_and_of_a_pattern(laboratory, ctl):
    told = json.loads(ctl("truth", "--json"))
    chip = laboratory.chip
    assert set(told) == {
        "note",
        *(f"{q.name}.{what}" for q in chip.qubits
          for what in ("f01", "anharmonicity", "t1", "t2_echo", "t2_star")),
        *(f"{r.name}.{what}" for r in chip.resonators
          for what in ("frequency", "linewidth", "bare_frequency")),
    }  # fmt: skip
    some = json.loads(ctl("truth", "q?.t1", "r0.*", "q0.t1", "--json"))
    assert list(some)[: len(chip.qubits)] == [f"{q.name}.t1" for q in chip.qubits]
    assert len(some) == len(chip.qubits) + 3 + 1


def test_no_truth_is_offered_that_needs_more_than_its_name(laboratory, capsys):
    control = ["ctl", "--control", str(laboratory.ports["control"]), "truth"]
    assert command([*control, "q0.pi_amplitude", "q0.charm"]) == 2
    pulse, charm = capsys.readouterr().err.splitlines()
    assert "is that of a pulse" in pulse
    assert "pi_amplitude" not in charm
