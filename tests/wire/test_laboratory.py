"""The laboratory as a whole: sources, refrigerator, control socket, ledger, command line."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import tomllib
from contextlib import closing as closing_of

import numpy as np
import pytest

from kammerton.lab import load
from kammerton_sim.chip import random_chip, write_chip
from kammerton_sim.command import run as main
from kammerton_sim.evidence.ledger import Ledger
from kammerton_sim.laboratory import Laboratory
from kammerton_sim.ports import consecutive_ports
from kammerton_sim.wire.server import PortInUse
from kammerton_sim.write_lab import write_lab
from tests.wire.conftest import CountingWorld, errors, settle, upload

# ---------------------------------------------------------------- source and refrigerator


def test_upstreams_source_connects_and_snapshots_without_a_change(laboratory, source):
    source.snapshot(update=True)
    assert errors(source) == []
    assert {c["what"] for c in laboratory.ledger.since()} <= {"connection"}
    assert (source.frequency(), source.power(), source.status()) == (1e9, -30, False)


def test_the_source_is_what_the_world_hears(laboratory, source):
    source.ref_osc_source("EXT")
    source.frequency(4.912345678e9)
    source.power(12.5)
    source.on()
    settle(source)
    carrier = laboratory.sources["drive_lo"].carrier
    assert (carrier.frequency, carrier.power, carrier.on) == (4.912345678e9, 12.5, True)
    source.pulsemod_state("on")  # and no pulses
    settle(source)
    assert not laboratory.sources["drive_lo"].carrier.on
    assert [c["what"] for c in laboratory.ledger.since() if c["what"] != "connection"] == [
        "reference", "frequency", "power", "on", "pulse",
    ]  # fmt: skip


@pytest.mark.parametrize("command", ["SOUR:FREQ 20e9", "SOUR:POW 30", "SOUR:FREQ 1 W"])
def test_the_source_refuses_and_keeps_its_setting(source, command):
    source.write(command)
    assert errors(source)[0].startswith(("-222", "-131"))
    assert (source.frequency(), source.power()) == (1e9, -30)


def test_upstreams_triton_reads_the_worlds_temperature(triton, world):
    world.refrigerator.hold(0.0234)
    readings = [triton.MC() for _ in range(100)]
    assert np.mean(readings) == pytest.approx(0.0234, rel=0.005)
    assert 0.002 < np.std(readings) / 0.0234 < 0.01
    assert triton.T16() is None
    assert triton.get_idn()["vendor"] == "OXFORD INSTRUMENTS"
    assert (triton.action(), triton.status(), triton.magnet_available) == (
        "Circulating",
        "OK",
        False,
    )


def test_every_parameter_of_the_triton_answers(triton):
    snapshot = triton.snapshot(update=True)["parameters"]
    assert snapshot["turb1_state"]["value"] == "on"
    assert snapshot["T8"]["value"] == pytest.approx(0.012, rel=0.05)


def test_the_refrigerator_is_only_read(laboratory, triton):
    triton.turb1_state("off")  # would be left waiting if this went unanswered
    assert triton.ask("SET:DEV:T5:TEMP:LOOP:MODE:ON").endswith("ON:INVALID")
    assert triton.turb1_state() == "on"
    refused = [c["new"] for c in laboratory.ledger.since() if c["what"] == "refused"]
    assert refused[-1] == "SET:DEV:T5:TEMP:LOOP:MODE:ON"


# ---------------------------------------------------------------- control socket


def test_truth(ask):
    assert ask(op="truth", parameter="q0.t1") == {"value": 50e-6}
    assert ask(op="truth", parameter="q0.t1", at=12.5, re=[1, 2]) == {"value": 12.5}
    assert "error" in ask(op="truth", parameter="q0.charm")
    assert "no finite value" in ask(op="truth", parameter="q0.nan")["error"]


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "[]",
        "{}",
        "\u00e4",
        '{"op": "jump"}',
        '{"op": "states"}',
        '{"op": "truth", "at": 3}',
        '{"op": "set_temperature", "kelvin": -1}',
        '{"op": "set_temperature", "kelvin": "hot"}',
    ],
)
def test_bad_questions_are_answered(laboratory, line):
    with socket.create_connection(("127.0.0.1", laboratory.ports["control"]), 5) as connection:
        connection.sendall(line.encode() + b"\n" + b'{"op": "time"}\n')
        with connection.makefile() as reader:
            assert "error" in json.loads(reader.readline())
            assert json.loads(reader.readline())["time"] >= 1e9


def test_the_temperature_can_be_set(ask, triton):
    fault = ask(op="set_temperature", kelvin=4.2)
    assert triton.MC() == pytest.approx(4.2, rel=0.05)
    last = ask(op="ledger")[-1]
    assert (last["output"], last["what"]) == ("temperature", "fault")
    assert "kelvin=4.2" in last["new"]
    assert ask(op="clear") == [fault["fault"]]
    ask(op="advance", seconds=30 * 3600)
    assert ask(op="refrigerator")["temperatures"]["mixing_chamber"] < 0.1


def test_what_is_on(ask, awg, source):
    assert not any(ask(op="outputs").values())
    upload(awg)
    source.on()
    settle(source)
    outputs = {name: level for name, level in ask(op="outputs").items() if level}
    assert sorted(outputs) == ["awg1.1", "awg1.2", "awg1.3", "awg1.4", "drive_lo.rf"]
    assert outputs["awg1.1"] == {"amplitude": 1.0, "run": "stopped", "peak": pytest.approx(0.2)}
    assert outputs["drive_lo.rf"] == {"frequency": 1e9, "power": -30.0}


def test_the_ledger_can_be_read_on(ask, source):
    source.on()
    settle(source)
    seen = ask(op="ledger")
    source.off()
    settle(source)
    (change,) = ask(op="ledger", since=seen[-1]["index"] + 1)
    assert (change["instrument"], change["output"], change["what"]) == ("drive_lo", "rf", "on")
    assert (change["old"], change["new"]) == (True, False)
    assert change["time"] >= seen[-1]["time"]


def test_an_index_is_never_used_twice():
    ledger = Ledger(lambda: 1.0, length=3)
    for n in range(5):
        ledger.record("a", "1", "on", n, n + 1)
    assert [c["index"] for c in ledger.since(0)] == [2, 3, 4]
    assert [c["index"] for c in ledger.since(4)] == [4]
    assert ledger.since(9) == []


def test_stop(laboratory, ask):
    assert ask(op="stop") == {"ok": True}
    assert laboratory.stop_requested.is_set()


# ---------------------------------------------------------------- ports and files


def test_a_port_in_use_is_named_and_nothing_stays_open():
    with closing_of(socket.create_server(("127.0.0.1", 0))) as taken:
        number = taken.getsockname()[1]
        with pytest.raises(PortInUse, match=f"fridge: port {number} on 127.0.0.1 is in use"):
            Laboratory(random_chip(1, 3), {"fridge": number}, CountingWorld())  # type: ignore[arg-type]


def test_unknown_names_of_ports():
    with pytest.raises(ValueError, match="no instrument toaster; there are awg1, drive_lo"):
        Laboratory(random_chip(1, 3), {"toaster": 1}, CountingWorld())  # type: ignore[arg-type]


def text_of(qubits: int, seed: int = 5) -> str:
    chip = random_chip(qubits, 3)
    return write_lab(chip, consecutive_ports(chip, 4881), seed, "mqtt://127.0.0.1:1999")


@pytest.mark.parametrize("qubits", [1, 5, 10, 23])
def test_the_lab_toml_is_one_that_the_daemon_takes(tmp_path, qubits):
    path = tmp_path / "lab.toml"
    path.write_text(text_of(qubits), encoding="utf-8")
    lab = load(path)
    chip = random_chip(qubits, 3)
    assert list(lab.qubits) == [q.name for q in chip.qubits]
    assert lab.broker is not None
    assert lab.broker.port == 1999
    assert {name for name in lab.instruments if name.startswith("awg")} == set(
        chip.wiring.generators
    )
    assert {r.name: r.feedline for r in lab.resonators.values()} == {
        name: feedline.name for feedline in chip.feedlines for name in feedline.resonators
    }
    assert len({feedline.digitizer for feedline in lab.feedlines.values()}) == -(-qubits // 10)


@pytest.mark.parametrize(
    ("table", "key", "tolerance"),
    [("qubits", "f01", 8e6), ("qubits", "anharmonicity", 15e6), ("resonators", "frequency", 1.5e6)],
)
def test_design_values_err_by_their_tolerance(table, key, tolerance):
    scale = {"GHz": 1e9, "MHz": 1e6}
    errors = []
    for seed in range(40):
        document = tomllib.loads(text_of(10, seed))
        for truth in getattr(random_chip(10, 3), table):
            number, unit = document[table][truth.name][key]["value"].split()
            errors.append(float(number) * scale[unit] - getattr(truth, key))
    rounding = 0.6e6
    assert np.max(np.abs(errors)) <= 2 * tolerance + rounding
    assert np.std(errors) == pytest.approx(
        0.959 * tolerance, rel=0.1
    )  # what is beyond 2 sigma is 2
    assert abs(np.mean(errors)) < 4 * tolerance / np.sqrt(len(errors))


def test_the_same_seed_gives_the_same_file():
    assert text_of(3, 1) == text_of(3, 1) != text_of(3, 2)


# ---------------------------------------------------------------- command line


def test_a_port_is_given_by_the_name_of_lab_toml_too(tmp_path):
    for name in ("digitizer", "board"):
        lab = tmp_path / f"{name}.toml"
        assert main(["--no-serve", "--write-lab", str(lab), "--port", f"{name}=4999"]) == 0
        assert 'address = "sim://127.0.0.1:4999"' in lab.read_text(encoding="utf-8")


def test_files_alone(tmp_path, capsys):
    chip, lab = tmp_path / "chip.toml", tmp_path / "lab.toml"
    assert (
        main(["--qubits", "2", "--write-chip", str(chip), "--write-lab", str(lab), "--no-serve"])
        == 0
    )
    first = lab.read_text(encoding="utf-8")
    assert "hislip0,4881" in first
    assert main([str(chip), "--write-lab", str(lab), "--no-serve", "--base-port", "6000"]) == 0
    assert "hislip0,6000" in lab.read_text(encoding="utf-8")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--qubits", "1001"], "1 to 1000"),
        (["missing.toml"], "missing.toml"),
        (["--port", "awg1"], "NAME=PORT"),
        (["--port", "toaster=7000"], "no instrument toaster"),
        (["--base-port", "65530"], "ports do not fit there"),
        (["--base-port", "0"], "must be a port from 1 to 65535, not '0'"),
        (["missing.csv"], "missing.csv: no such file or directory"),
        (["."], ".: is a directory"),
        (["--qubits", "many"], "--qubits must be a whole number from 1 to 1000, not 'many'"),
        (["--qubits", "0"], "1 to 1000"),
        (["--qubts", "2"], "there is no option --qubts (did you mean '--qubits'?)"),
        (["--seed", "-1"], "--seed must be a whole number from 0 on, not '-1'"),
        (["a.toml", "b.toml"], "b.toml is one word too many"),
        (["--coupled"], "(TABLE.csv, --from-ibm NAME), not for a made-up chip"),
        (["--mend", "--qubits", "2"], "--mend is for tables"),
        (["--qubits", "2", "--random", "3"], "choose one chip, not --qubits, --random"),
        (["--port", "fridge=80000"], "--port fridge=80000: above 65535"),
        (["--broker", "foo"], "--broker foo: write mqtt://HOST:PORT"),
        (["--broker", "mqtt://here:99999"], "write mqtt://HOST:PORT"),
        (["--time", "slow"], "--time slow: write fast, real, or a factor above 0"),
    ],
)
def test_bad_input_is_exit_2_with_words(arguments, said, capsys):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""


def test_a_bad_chip_file_tells_all_errors(tmp_path, capsys):
    path = tmp_path / "chip.toml"
    write_chip(random_chip(1, 3), path)
    text = path.read_text(encoding="utf-8")
    text = text.replace("t1", "t9").replace("linewidth", "linewith")
    path.write_text(text, encoding="utf-8")
    assert main([str(path)]) == 2
    said = capsys.readouterr().err
    assert "t9" in said
    assert "linewith" in said


def test_a_taken_port_is_exit_1(capsys):
    with closing_of(socket.create_server(("127.0.0.1", 0))) as taken:
        number = taken.getsockname()[1]
        assert main(["--qubits", "1", "--port", f"drive_lo={number}"]) == 1
    assert f"drive_lo: port {number} on 127.0.0.1 is in use" in capsys.readouterr().err


BUSY = """
import time
from concurrent.futures import ThreadPoolExecutor
from kammerton_sim.command import run
ThreadPoolExecutor(1).submit(time.sleep, 60)
run(["--qubits", "1"])
"""


def test_its_end_does_not_wait_for_what_is_still_compiled():
    """Where kernels are not on the disk yet, threads compile them for a minute."""
    with subprocess.Popen(
        [sys.executable, "-c", BUSY], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            assert process.stdout.readline().startswith(b"{")
            process.terminate()
            assert process.wait(20) == 0
        finally:
            process.kill()


@pytest.mark.parametrize("end", ["SIGTERM", "SIGINT", "stdin", "stop"])
def test_the_process_is_ready_and_ends(end):
    command = [sys.executable, "-W", "error", "-m", "kammerton_sim", "--qubits", "1"]
    with subprocess.Popen(
        [*command, *(["--until-stdin-closes"] if end == "stdin" else [])],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            ready = json.loads(process.stdout.readline())
            assert (ready["ready"], ready["pid"]) == (True, process.pid)
            assert set(ready["ports"]) == {"awg1", "drive_lo", "readout_lo", "fridge"}
            if end == "stop":
                with socket.create_connection(("127.0.0.1", ready["control"]), 5) as connection:
                    connection.sendall(b'{"op": "stop"}\n')
                    connection.recv(100)
            elif end == "stdin":
                process.stdin.close()
                process.stdin = None
            else:
                process.send_signal(getattr(signal, end))
            rest, said = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 0
    assert rest == ""
    assert ready["note"] == "simulated device, hidden truth, seed 1"
    assert said.splitlines()[0] == f"chip-1-1: 1 qubit, {ready['note']}"
    assert "Traceback" not in said
    assert "Warning" not in said
