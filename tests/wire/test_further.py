"""Further instruments of a laboratory: named in chip.toml, served, written into lab.toml."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kammerton.bench import open_bench
from kammerton.bench.connect import close_all, connect
from kammerton.lab import examine, load
from kammerton.model import LabClock
from kammerton_sim.chip import Chip, ChipError, random_chip, read_chip, write_chip
from kammerton_sim.chip.flux import Flux
from kammerton_sim.chip.further import MODELS as WORDS
from kammerton_sim.chip.further import FurtherInstrument
from kammerton_sim.further import MODELS
from kammerton_sim.instruments.board_link import BoardLink
from kammerton_sim.instruments.gs200 import Gs200
from kammerton_sim.laboratory import Laboratory
from kammerton_sim.wire.hislip import HEADER
from kammerton_sim.wire.instrument import ScpiInstrument
from kammerton_sim.wire.tamper import lost
from kammerton_sim.write_lab import write_lab
from tests.wire.conftest import CountingWorld

ROOT = Path(__file__).parents[2]


def furnished() -> Chip:
    """Return a chip of one qubit with one further instrument of every model."""
    chip = random_chip(1, 3)
    every = {f"further_{n}": FurtherInstrument(model) for n, model in enumerate(MODELS)}
    return replace(chip, wiring=replace(chip.wiring, instruments=every))


@pytest.fixture
def laboratory() -> Iterator[Laboratory]:
    with Laboratory(furnished(), world=CountingWorld()) as laboratory:  # type: ignore[arg-type]
        yield laboratory


@pytest.fixture
def lab_file(laboratory: Laboratory, tmp_path: Path) -> Path:
    path = tmp_path / "lab.toml"
    path.write_text(write_lab(laboratory.chip, laboratory.ports, 1), encoding="utf-8")
    return path


def test_the_words_are_the_models():
    assert set(WORDS) == set(MODELS)


def test_a_chip_file_keeps_them(tmp_path):
    write_chip(furnished(), tmp_path / "chip.toml")
    assert read_chip(tmp_path / "chip.toml") == furnished()


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ('b = { model = "yokogawa_gs20" }', "did you mean 'yokogawa_gs200'?"),
        ('b = { model = "toaster" }', "there are yokogawa_gs200"),
        ("b = { }", "wiring.instruments.b: 'model' is missing"),
        ('awg1 = { model = "yokogawa_gs200" }', "wiring.instruments.awg1: the name is taken"),
        ('fridge = { model = "yokogawa_gs200" }', "the name is taken"),
    ],
)
def test_what_is_wrong_with_them_is_named(tmp_path, entry, said):
    path = tmp_path / "chip.toml"
    write_chip(random_chip(1, 3), path)
    text = path.read_text(encoding="utf-8") + f"\n[wiring.instruments]\n{entry}\n"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ChipError) as caught:
        read_chip(path)
    assert said in str(caught.value)


def test_the_lab_toml_names_them_and_is_one_that_the_daemon_takes(laboratory, lab_file):
    findings = examine(lab_file)
    assert findings.problems == ()
    assert set(laboratory.further) < set(load(lab_file).instruments)


def test_every_driver_that_is_shipped_is_in_this_laboratory(lab_file):
    """So that what is shown here of connecting is shown of each of them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    used = {entry.driver for entry in load(lab_file).instruments.values()}
    assert used == set(project["entry-points"]["kammerton.drivers"])


def test_i12_all_of_them_connect_and_no_output_changes(laboratory, lab_file):
    async def main() -> None:
        instruments = await connect(load(lab_file))
        assert set(laboratory.further) < set(instruments)
        assert await close_all(instruments) == []

    asyncio.run(main())
    seen = laboratory.ledger.since()
    assert {c["instrument"] for c in seen} >= set(laboratory.further)
    assert {c["what"] for c in seen} == {"connection"}


def test_a_bench_switches_off_what_radiates_and_leaves_the_bias(laboratory, lab_file, tmp_path):
    named = {e.model: laboratory.further[n] for n, e in laboratory.chip.wiring.instruments.items()}
    named["yokogawa_gs200"].receive(b":SOUR:LEV 0.3;:OUTP ON")
    named["keysight_33522b"].receive(b"OUTP1 1")

    async def main() -> dict[str, Any]:
        async with open_bench(load(lab_file), LabClock(), lock_folder=tmp_path):
            return {name: level for name, level in laboratory.outputs().items() if level}

    on = asyncio.run(main())
    assert list(on.values()) == [{"level": 0.3, "current_limit": 0.2}]
    assert {name for name, level in laboratory.outputs().items() if level} == set(on)


@pytest.mark.parametrize("model", ["lakeshore_372", "bluefors_api"])
def test_the_interlock_reads_the_refrigerator_by_either(laboratory, lab_file, tmp_path, model):
    (name,) = (n for n, e in laboratory.chip.wiring.instruments.items() if e.model == model)
    text = lab_file.read_text(encoding="utf-8")
    lab_file.write_text(text.replace('fridge = "fridge"', f'fridge = "{name}"'), encoding="utf-8")

    async def main() -> float:
        async with open_bench(load(lab_file), LabClock(), lock_folder=tmp_path) as bench:
            await bench.gate.cold.refresh_when_older(1.0)
            assert bench.gate.cold.objection() is None
            assert bench.gate.cold.reading is not None
            return bench.gate.cold.reading.temperature

    assert asyncio.run(main()) == pytest.approx(laboratory.world.refrigerator.temperature, rel=0.05)


def test_every_instrument_is_in_the_list_of_outputs_or_has_none(laboratory):
    named = {name.partition(".")[0] for name in laboratory.outputs()}
    for name, model in laboratory.chip.wiring.instruments.items():
        if MODELS[model.model].limits:
            assert name in named


def ask(laboratory: Laboratory, **request: Any) -> Any:
    with socket.create_connection(("127.0.0.1", laboratory.ports["control"]), 5) as connection:
        connection.sendall(json.dumps(request).encode() + b"\n")
        with connection.makefile() as reader:
            return json.loads(reader.readline())


def test_every_box_can_be_switched_off_and_on(laboratory):
    names = laboratory.switchable
    assert set(names) == set(laboratory.ports) - {"control"}
    for name in names:
        assert ask(laboratory, op="power_cycle", instrument=name) == {"ok": True}
    cycled = [c["instrument"] for c in laboratory.ledger.since() if c["what"] == "power cycle"]
    assert cycled == names
    assert (
        "no instrument 'toaster'; there are"
        in ask(laboratory, op="power_cycle", instrument="toaster")["error"]
    )


def greet(laboratory: Laboratory, name: str, client: socket.socket) -> None:
    """Wait until the instrument has taken the connection."""
    addresses = {n: MODELS[e.model].address for n, e in laboratory.chip.wiring.instruments.items()}
    addresses |= {"fridge": "lines", "board": "JSON"}
    address = addresses.get(name, "hislip")
    hello = {"hislip": HEADER.pack(b"HS", 0, 0, 1 << 24, 0), "JSON": b'{"op": "hello"}\n'}
    client.sendall(next((h for kind, h in hello.items() if kind in address), b"*IDN?\r\n"))
    assert client.recv(100)


def test_a_power_cycle_ends_the_sessions(laboratory):
    for name in ("drive_lo", "fridge", "board", *laboratory.further):
        with socket.create_connection(("127.0.0.1", laboratory.ports[name]), 5) as client:
            client.settimeout(5)
            greet(laboratory, name, client)
            laboratory.power_cycle(name)
            said = [b"what was on its way"]
            while said[-1]:
                said.append(client.recv(1000))
            assert said[-1] == b"", "the end, and not a wait that ran out"


def test_what_was_sent_before_a_power_cycle_switches_nothing_on_after_it(laboratory):
    name = f"further_{[*MODELS].index('yokogawa_gs200')}"
    source = laboratory.further[name]
    with socket.create_connection(("127.0.0.1", laboratory.ports[name]), 5) as client:
        client.sendall((b":FOO;" * 1000 + b"\n") * 40 + b":OUTP ON\n")
        while not source.errors:
            time.sleep(0)
        laboratory.power_cycle(name)
    assert (source.value("on"), len(source.errors)) == (False, 0)


def test_a_digitizer_is_not_armed_by_what_was_sent_before_a_power_cycle(laboratory, monkeypatch):
    armed, begun, slow = [], threading.Event(), threading.Event()

    def lock(self: BoardLink) -> None:
        begun.set()
        slow.wait(20)

    monkeypatch.setattr(BoardLink, "_lock", lock)
    monkeypatch.setattr(BoardLink, "_arm", lambda self, **_: armed.append(1))
    with socket.create_connection(("127.0.0.1", laboratory.ports["board"]), 5) as client:
        client.sendall(b'{"op": "lock"}\n{"op": "arm"}\n')
        assert begun.wait(20)
        cycle = threading.Thread(target=laboratory.power_cycle, args=["board"])
        cycle.start()
        deadline = time.monotonic() + 20
        while not laboratory.board.server._ended and time.monotonic() < deadline:
            time.sleep(0.001)
        slow.set()
        cycle.join()
    assert armed == []


def test_a_generator_that_was_off_knows_nothing_any_more(laboratory):
    awg = laboratory.generators["awg1"]
    awg.receive(b'WLIST:WAV:NEW "w",2400;:SOUR1:CASS:WAV "w";:OUTP1 1;:SOUR1:VOLT 0.7;:AWGC:RUN')
    assert awg.outputs()["awg1", 1].on
    awg.receive(b"NONSENSE")
    awg.power_cycle()
    assert not awg.outputs()["awg1", 1].on
    assert awg.receive(b"AWGC:RST?;:SOUR1:VOLT?;CASS?;:WLIST:SIZE?") == b'0;0.5;"";0'
    assert awg.receive(b"SYST:ERR?;*ESR?") == b'0,"No error";128'


def test_a_source_that_was_off_is_silent(laboratory):
    source = laboratory.sources["drive_lo"]
    source.receive(b"SOUR:FREQ 5.0000000000004E9;POW 10.004;:OUTP 1;NONSENSE")
    assert source.receive(b"SOUR:FREQ?;POW?") == b"5000000000;10"  # 1 mHz and 0.01 dB
    source.power_cycle()
    assert source.receive(b"OUTP?;:SOUR:FREQ?;:SYST:ERR?;*ESR?") == b'0;1000000000;0,"No error";128'


# ---------------------------------------------------------------- bias


def tunable() -> Chip:
    """Return a chip of one qubit whose flux a GS200 biases, 2 V for a quantum."""
    chip = random_chip(1, 3)
    qubit = replace(chip.qubits[0], flux=Flux(asymmetry=0.3, bias="bias_q0", bias_volts=2.0))
    sources = {"bias_q0": FurtherInstrument("yokogawa_gs200")}
    wiring = replace(chip.wiring, instruments=sources)
    return replace(chip, qubits=(qubit,), wiring=wiring)


def test_a_bias_source_tunes_its_qubit():
    with Laboratory(tunable()) as laboratory:
        source, design = laboratory.further["bias_q0"], laboratory.chip.qubits[0].f01
        assert isinstance(source, Gs200)

        def f01(message: str) -> float:
            source.receive(message.encode())
            return float(laboratory.world.truth("q0.f01"))

        assert f01(":SOUR:LEV 0.5") == pytest.approx(design, abs=1e4)  # the output is off
        tuned = f01(":OUTP ON")
        assert tuned < design - 100e6  # a quarter of a quantum
        assert f01(":SOUR:LEV -0.5") == pytest.approx(tuned, abs=1e4)
        assert f01(":SOUR:FUNC CURR") == pytest.approx(design, abs=1e4)


def test_what_plays_is_computed_anew_when_a_bias_moves():
    with Laboratory(tunable()) as laboratory:
        before = laboratory.rig.setting()
        assert laboratory.rig.setting() == before
        source = laboratory.further["bias_q0"]
        source.receive(b":OUTP ON;:PROG:SLOP 3600;INT 3600;EDIT:STAR;:SOUR:LEV 1")
        source.receive(b":PROG:EDIT:END;:PROG:RUN")
        first = laboratory.rig.setting()
        laboratory.world.clock.advance(60)
        assert laboratory.rig.setting() != first  # nobody asked the box meanwhile


def test_a_bias_that_is_no_instrument_is_named(tmp_path):
    chip = tunable()
    write_chip(chip, tmp_path / "chip.toml")
    assert read_chip(tmp_path / "chip.toml") == chip
    write_chip(replace(chip, wiring=replace(chip.wiring, instruments={})), tmp_path / "chip.toml")
    with pytest.raises(ChipError, match=r"flux\.bias: 'bias_q0' is not among"):
        read_chip(tmp_path / "chip.toml")


# ---------------------------------------------------------------- faults


@pytest.mark.parametrize(
    ("model", "setting", "write", "ask"),
    [
        ("yokogawa_gs200", "level", ":SOUR:LEV 0.5", ":SOUR:LEV?"),
        ("yokogawa_gs200", "on", ":OUTP 1", ":OUTP?"),
        ("rohde_schwarz_znb20", "on", "OUTP1 0", "OUTP?"),
        ("rohde_schwarz_znb20", "start", "SENS1:FREQ:STAR 5E9", "SENS1:FREQ:STAR?"),
        ("keysight_33522b", "amplitude", "SOUR1:VOLT 2", "SOUR1:VOLT?"),
        ("keysight_33522b", "width", "SOUR1:FUNC:PULS:WIDT 1E-6", "SOUR1:FUNC:PULS:WIDT?"),
    ],
)
def test_settings_can_be_lost_and_answers_false(laboratory, model, setting, write, ask):
    names = [n for n, e in laboratory.chip.wiring.instruments.items() if e.model == model]
    box = laboratory.further[names[0]]
    assert isinstance(box, ScpiInstrument)
    before = box.receive(ask.encode())
    box.tamper.writes[setting] = lost
    box.receive(write.encode())
    assert box.receive(ask.encode()) == before
    box.tamper.writes.clear()
    box.tamper.answers[setting] = "9.91E+37"
    assert box.receive(ask.encode()) == b"9.91E+37"
    box.tamper.answers.clear()
    box.receive(write.encode())
    assert box.receive(ask.encode()) != before
