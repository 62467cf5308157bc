"""The simulated AWG5208 under upstream's unchanged driver: uploads, limits, triggers, ledger."""

from __future__ import annotations

import contextlib
import io
import time
import zipfile
from contextlib import closing as closing_of

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qcodes.instrument_drivers.tektronix import TektronixAWG5208

from kammerton_sim.evidence.ledger import Ledger
from kammerton_sim.instruments import awg_memory, awg_waves
from kammerton_sim.instruments.awg5208 import Awg5208, RunState
from kammerton_sim.instruments.awg_waves import MEMORY
from kammerton_sim.instruments.rig import Rig
from kammerton_sim.instruments.sequence import Library, Sequence, Step
from kammerton_sim.instruments.seqx import read_seqx, read_sml, read_wfmx
from kammerton_sim.signals import Wave
from kammerton_sim.wire.errors import ScpiError
from tests.wire.conftest import (
    SIZE,
    CountingPlayback,
    errors,
    halt,
    run,
    settle,
    table,
    trigger,
    upload,
    visa,
)


def box(laboratory) -> Awg5208:
    return laboratory.generators["awg1"]


def changes(laboratory) -> list[tuple[str, str, object]]:
    return [
        (c["output"], c["what"], c["new"])
        for c in laboratory.ledger.since()
        if c["what"] != "connection"
    ]


def upload_by_scpi(awg: TektronixAWG5208, points: int) -> None:
    """The same programme as `upload`, by the waveform and sequence lists, 50 units a message."""
    waves, steps = table(points)
    lines = ["WLISt:WAVeform:DELete ALL", "SLISt:SEQuence:DELete ALL"]
    lines += [f'WLISt:WAVeform:NEW "{name}",{SIZE}' for name in waves]
    lines.append(f'SLISt:SEQuence:NEW "program",{len(steps)},4')
    for n, (assets, repeats, wait, goto) in enumerate(steps, 1):
        step = f"SLISt:SEQuence:STEP{n}:"
        lines += [f'{step}TASSet{t}:WAVeform "program","{a}"' for t, a in enumerate(assets, 1)]
        lines += [f'{step}RCOunt "program",{repeats}'] if repeats != 1 else []
        lines += [f'{step}WINPut "program",ATRigger'] if wait else []
        lines += [f'{step}GOTO "program",{goto}'] if goto else []
    for at in range(0, len(lines), 50):
        awg.write(":" + ";:".join(lines[at : at + 50]))
    for name, (samples, marker) in waves.items():
        awg.visa_handle.write_binary_values(
            f'WLISt:WAVeform:DATA "{name}",0,{SIZE},', (samples * 2).astype("f4"), termination=""
        )
        if marker is not None:
            awg.visa_handle.write_binary_values(
                f'WLISt:WAVeform:MARKer:DATA "{name}",0,{SIZE},',
                marker.astype("u1") << 7,
                datatype="B",
                termination="",
            )
    awg.sample_rate(1e9)
    for track, channel in enumerate(awg.channels[:4], 1):
        channel.resolution(15)
        channel.awg_amplitude(1.0)
        channel.setSequenceTrack("program", track)
        channel.state(1)


def played(laboratory) -> list[tuple[bytes, bytes, int]]:
    """What the four used channels play: samples, markers and repeats, segment by segment."""
    outputs = box(laboratory).outputs()
    return [
        (s.wave.samples.tobytes(), _bytes(s.wave.markers), s.repeats)
        for channel in range(1, 5)
        for part in (outputs["awg1", channel].prologue, outputs["awg1", channel].loop)
        for s in part
    ]  # fmt: skip


def _bytes(markers) -> bytes:
    return b"" if markers is None else markers.tobytes().strip(b"\0")


def test_i12_connecting_and_a_full_snapshot_change_no_output(laboratory, awg):
    awg.snapshot(update=True)
    assert changes(laboratory) == []
    assert errors(awg) == []
    assert awg.get_idn()["model"] == "AWG5208"


def test_power_on_defaults(awg):
    assert awg.sample_rate() == 2.5e9
    assert [c.state() for c in awg.channels] == [0] * 8
    assert [c.resolution() for c in awg.channels] == [16] * 8
    assert [c.awg_amplitude() for c in awg.channels] == [0.5] * 8
    assert (awg.run_state(), awg.clock_source(), awg.mode()) == ("Stopped", "Internal", "AWG")


@pytest.mark.parametrize(
    ("header", "asked", "kept"),
    [
        ("SOURce1:VOLTage", "0.70049", "0.7"),
        ("SOURce1:VOLTage:OFFSet", "-0.0126", "-0.013"),
        ("SOURce2:MARKer1:VOLTage:HIGH", "1.236", "1.24"),
        ("CLOCk:SRATe", "1E9", "1000000000"),
        ("CLOCk:SRATe", "1234567890", "1234567936"),
    ],
)
def test_levels_and_rates_are_rounded_to_what_the_box_resolves(header, asked, kept):
    box = Awg5208("awg", Ledger(lambda: 0.0))
    assert box.receive(f"{header} {asked};:{header}?".encode()).decode() == kept


def test_upload_by_file_and_by_commands_give_the_same_samples(laboratory, awg):
    upload(awg, 3)
    run(awg)
    trigger(awg)
    by_file = played(laboratory)
    halt(awg)
    assert played(laboratory) == []
    upload_by_scpi(awg, 3)
    run(awg)
    trigger(awg)
    assert errors(awg) == []
    by_commands = played(laboratory)
    assert len(by_file) == 4 * 10
    assert by_file == by_commands


def test_what_is_played(laboratory, awg):
    upload(awg, 2)
    run(awg)
    assert awg.run_state() == "Waiting for trigger"
    trigger(awg)
    output = box(laboratory).outputs()["awg1", 1]
    assert [s.repeats for s in output.prologue] == [1]  # the step that waits
    assert [s.repeats for s in output.loop] == [1, 1, 3] * 2
    assert output.loop[0].wave.samples[-1] == np.float32(0.4)  # 0.2 V of +-0.5 V
    assert (output.vpp, output.resolution, output.on, output.sample_rate) == (1.0, 15, True, 1e9)
    silent = box(laboratory).outputs()["awg1", 8]
    assert (silent.loop, silent.on) == ((), False)


def test_markers_by_command_count_from_bit_7(awg):
    awg.write('WLISt:WAVeform:NEW "m",2400')
    awg.visa_handle.write_binary_values(
        'WLISt:WAVeform:MARKer:DATA "m",10,', [1 << 7, 1 << 4, 0xC0], datatype="B", termination=""
    )
    assert awg.visa_handle.query_binary_values(
        'WLISt:WAVeform:MARKer:DATA? "m",9,5', datatype="B"
    ) == [0, 1 << 7, 1 << 4, 0xC0, 0]


def test_samples_are_read_back_as_written(awg):
    values = np.linspace(-1, 1, 2400).astype("f4")
    awg.write('WLISt:WAVeform:NEW "ramp",2400')
    awg.visa_handle.write_binary_values('WLISt:WAVeform:DATA "ramp",', values, termination="")
    read = awg.visa_handle.query_binary_values(
        'WLISt:WAVeform:DATA? "ramp",100,50', container=np.array
    )
    np.testing.assert_array_equal(read, values[100:150])
    assert awg.ask('WLISt:WAVeform:LENGth? "ramp"') == "2400"
    assert "ramp" in awg.waveformList


def test_newlines_in_a_payload_stay(laboratory, awg):
    payload = b"\r\n;#12\n\"'" * 1000
    awg.sendSEQXFile(payload, "raw.bin")
    settle(awg)
    assert bytes(box(laboratory).memory.files["users\\oem\\documents\\raw.bin"]) == payload
    answer = awg.visa_handle.query_binary_values('MMEMory:DATA? "raw.bin"', "B", container=bytes)
    assert answer == payload


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("BOGUS:THING 1", -113),
        ("OUTPut9 1", -114),
        ("SOURce1:VOLTage 2", -222),
        ("SOURce1:VOLTage 0.01", -222),
        ("SOURce1:DAC:RESolution 11", -222),
        ("SOURce1:DAC:RESolution 12.5 V", -131),
        ("CLOCk:SOURce SUN", -224),
        ("CLOCk:SRATe 5e9", -222),
        ("CLOCk:SRATe", -109),
        ("OUTPut1 1,1", -108),
        ("OUTPut1 MAYBE", -224),
        ('WLISt:WAVeform:NEW "w",2399', -222),
        ("WLISt:WAVeform:NEW w,2400", -104),
        ('WLISt:WAVeform:DATA "none",0,1,#14abcd', -224),
        ('SLISt:SEQuence:NEW "s",16384', -222),
        ('SLISt:SEQuence:NEW "s",10,9', -222),
        ('SLISt:SEQuence:STEP1:RCOunt "none",2', -224),
        ('SOURce1:CASSet:SEQuence "none",1', -224),
        ('SOURce1:CASSet:WAVeform "none"', -224),
        ('MMEMory:DELete "none.seqx"', -256),
        ('MMEMory:OPEN:SASSet:SEQuence "C:\\none.seqx"', -256),
        ('MMEMory:DELete ""', -257),
        ("TRIGger:IMMediate DOORBELL", -224),
        ("AWGControl:RUN", -200),
        ("INSTrument:MODE", -109),
    ],
)
def test_what_is_wrong_goes_into_the_error_queue(awg, command, code):
    awg.write(command)
    assert awg.ask("SYSTem:ERRor:CODE?") == str(code)
    assert errors(awg) == []


def test_waveforms_have_a_memory_and_files_a_disk(awg, monkeypatch):
    monkeypatch.setattr(awg_waves, "MEMORY", 3_000_000)
    monkeypatch.setattr(awg_memory, "DISK", 100)
    for n in range(3):
        awg.write(f'WLISt:WAVeform:NEW "w{n}",1500000')
        awg.write(f'MMEMory:DATA "f{n}",#240' + "x" * 40)
    awg.write('WLISt:WAVeform:NEW "w0",1500000')  # instead of the one that there is
    awg.write('MMEMory:DATA "f0",#240' + "x" * 40)
    awg.write('MMEMory:DATA "f0",40,#240' + "x" * 40)
    assert awg.ask("WLISt:SIZE?") == "2"
    assert [int(said.split(",")[0]) for said in errors(awg)] == [-225, -254, -254]


def test_small_waveforms_fill_the_memory_as_well(awg, monkeypatch):
    monkeypatch.setattr(awg_waves, "MEMORY", 10 * 2400)
    for n in range(12):
        awg.write(f'WLISt:WAVeform:NEW "w{n}",2400')
    assert awg.ask("WLISt:SIZE?") == "10"
    awg.write('WLISt:WAVeform:DELete "w0"')
    awg.write('WLISt:WAVeform:NEW "later",2400')  # into what was given back
    assert awg.ask("WLISt:SIZE?") == "10"
    assert [int(said.split(",")[0]) for said in errors(awg)] == [-225, -225]


def test_a_broken_file_is_refused(awg):
    awg.sendSEQXFile(b"PK\x03\x04 but not a zip", "bad.seqx")
    awg.loadSEQXFile("bad.seqx")
    assert [e.split(",")[0] for e in errors(awg)] == ["-253"]


def test_step_limits_are_asked_not_guessed(awg):
    questions = {
        "WLISt:WAVeform:LMINimum?": "2400",
        "WLISt:WAVeform:GRANularity?": "1",
        "SLISt:SEQuence:STEP:MAX?": "16383",
        "SLISt:SEQuence:STEP:RCOunt:MAX?": "1048576",
        "SLISt:SEQuence:TRACk:MAX?": "8",
    }
    assert {q: awg.ask(q) for q in questions} == questions


def test_tracks_of_unlike_length_do_not_run(awg):
    awg.write('WLISt:WAVeform:NEW "a",2400;:WLISt:WAVeform:NEW "b",2401')
    awg.write(
        ':SLISt:SEQuence:NEW "s",1,2;:SLISt:SEQuence:STEP1:TASSet1:WAVeform "s","a"'
        ';:SLISt:SEQuence:STEP1:TASSet2:WAVeform "s","b"'
    )
    awg.channels[0].setSequenceTrack("s", 1)
    run(awg)
    assert awg.run_state() == "Stopped"
    assert [e.split(",")[0] for e in errors(awg)] == ["-221"]


def test_the_function_generator_is_not_pretended(awg):
    upload(awg)
    awg.mode("FGEN")
    run(awg)
    assert awg.run_state() == "Stopped"
    assert errors(awg) == ['-221,"Settings conflict; the function generator is not simulated"']


def test_reset_switches_everything_off(laboratory, awg):
    upload(awg)
    run(awg)
    awg.write("*RST")
    settle(awg)
    assert awg.run_state() == "Stopped"
    assert not any(laboratory.outputs().values())
    assert awg.channels[0].assigned_asset() == "N/A"
    assert awg.channels[0].awg_amplitude() == 0.5


def test_the_ledger_tells_what_came_out(laboratory, awg):
    upload(awg)
    seen = changes(laboratory)
    for channel in "1234":
        assert (channel, "on", True) in seen
        assert (channel, "amplitude", 1.0) in seen
    run(awg)
    awg.channels[0].awg_amplitude(0.5)
    halt(awg)
    late = changes(laboratory)[len(seen) :]
    ends = [change for change in late if change[1] in ("low", "high")]
    assert [change for change in late if change not in ends] == [
        ("1", "peak", pytest.approx(0.2)),
        ("3", "peak", pytest.approx(0.05)),
        ("all", "run", "waiting"),
        ("1", "amplitude", 0.5),
        ("1", "peak", pytest.approx(0.1)),
        ("all", "run", "stopped"),
    ]
    assert max(abs(volts) for _, _, volts in ends) == pytest.approx(0.2)


def test_a_waveform_that_changes_while_it_plays_is_in_the_ledger(laboratory, awg):
    awg.write('WLISt:WAVeform:NEW "w",2400')
    awg.channels[0].setWaveform("w")
    run(awg)
    awg.visa_handle.write_binary_values(
        'WLISt:WAVeform:DATA "w",5,', np.float32([0.8]), termination=""
    )
    settle(awg)
    assert changes(laboratory)[-1] == ("1", "peak", pytest.approx(0.8 * 0.25))


def test_an_offset_is_part_of_what_a_channel_reaches(laboratory, awg):
    awg.write('WLIS:WAV:NEW "w",2400')
    awg.visa_handle.write_binary_values('WLIS:WAV:DATA "w",', np.ones(2400), termination="")
    awg.write('SOUR1:CASS:WAV "w";:SOUR1:VOLT 0.6;:AWGC:RUN')
    awg.write("SOUR1:VOLT:OFFS 0.2;:SOUR2:VOLT:OFFS 0.2;:OUTP2 ON")
    awg.ask("*OPC?")
    peaks = [c["new"] for c in laboratory.ledger.since() if c["what"] == "peak"]
    assert peaks == pytest.approx([0.3, 0.5])
    lab_toml = {"awg1.peak": (-0.4, 0.4), "awg1.offset": (-0.1, 0.1)}
    found = laboratory.questions.unsafe(lab_toml)["found"]  # channel 1 is off
    assert [(s["output"], s["what"], s["value"]) for s in found] == [("awg1.2", "offset", 0.2)]


def test_two_clients_and_one_after_the_other(laboratory, awg, closing):
    with closing_of(TektronixAWG5208("other", visa(laboratory, "awg1"), visalib="@py")) as other:
        other.channels[4].awg_amplitude(0.75)
        settle(other)
    assert awg.channels[4].awg_amplitude() == 0.75
    with closing_of(TektronixAWG5208("third", visa(laboratory, "awg1"), visalib="@py")) as third:
        assert third.channels[4].awg_amplitude() == 0.75
    wait_for(lambda: [c["new"] for c in sessions(laboratory)].count(None) == 2)


def sessions(laboratory) -> list[dict[str, object]]:
    return [c for c in laboratory.ledger.since() if c["what"] == "connection"]


def wait_for(condition) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


# ---------------------------------------------------------------- triggers between boxes


class Listener:
    """A world that remembers how the loops were turned: names of waves in the order heard."""

    def play(self, outputs, carriers, samples, feedline=0):
        self.loops = {box: [s.wave.name for s in outputs[box, 1].loop] for box in ("awg1", "awg2")}
        return CountingPlayback(1, samples)


def rig_of_two() -> tuple[Awg5208, Awg5208]:
    return rig_and_boxes()[1:]


def rig_and_boxes() -> tuple[Rig, Awg5208, Awg5208]:
    ledger = Ledger(lambda: 0.0)
    rig = Rig(Listener(), ledger, {}, ("awg1", 1, 1), [("awg2", 1, 1)])  # type: ignore[arg-type]
    boxes = {name: Awg5208(name, ledger, on_state=rig.state_changed) for name in ("awg1", "awg2")}
    rig.connect(boxes)
    for box in boxes.values():
        wave = Wave(
            "go", np.zeros(SIZE, np.float32), np.r_[np.ones(9), np.zeros(SIZE - 9)].astype("u1")
        )
        box.memory.library.waves["go"] = wave
        for n in range(9):
            box.memory.library.waves[f"w{n}"] = Wave(f"w{n}", np.zeros(SIZE, np.float32))
        steps = [Step(["go"], wait="A"), *(Step([f"w{n}"]) for n in range(9))]
        steps[-1].goto = 2
        box.memory.library.sequences["s"] = Sequence("s", steps, 1)
        box.receive(b'SOUR1:CASS:SEQ "s",1;:SOUR1:DAC:RES 15;:OUTP1 1;:OUTP1:WVAL:MARK1 LOW')
        box.receive(b"CLOC:SOUR EFIX")
    return rig, boxes["awg1"], boxes["awg2"]


def test_the_go_marker_starts_the_follower():
    master, follower = rig_of_two()
    follower.receive(b"AWGC:RUN")
    master.receive(b"AWGC:RUN")
    assert (master.state, follower.state) == (RunState.WAITING, RunState.WAITING)
    master.receive(b"TRIG ATR")
    assert (master.state, follower.state) == (RunState.RUNNING, RunState.RUNNING)


def heard_loops(rig: Rig) -> tuple[list[str], list[str]]:
    rig.taps[0].playback(256)
    return rig.world.loops["awg1"], rig.world.loops["awg2"]


LOOP = [f"w{n}" for n in range(9)]


def test_boxes_that_the_marker_started_are_in_step():
    rig, master, follower = rig_and_boxes()
    for box in (follower, master):
        box.receive(b"AWGC:RUN")
    master.receive(b"TRIG ATR")
    assert heard_loops(rig) == (LOOP, LOOP)


def test_a_follower_started_by_hand_is_out_of_step():
    rig, master, follower = rig_and_boxes()
    for box in (follower, master):
        box.receive(b"AWGC:RUN;:TRIG ATR")
    drive, readout = heard_loops(rig)
    assert readout == LOOP  # the box that triggers the digitizer keeps time
    assert drive != LOOP
    assert sorted(drive) == LOOP


@pytest.mark.parametrize("number", [0, 1], ids=["master", "follower"])
def test_a_box_on_its_own_clock_is_out_of_step(number):
    rig, *boxes = rig_and_boxes()
    boxes[number].receive(b"CLOC:SOUR INT")
    for box in reversed(boxes):
        box.receive(b"AWGC:RUN")
    boxes[0].receive(b"TRIG ATR")
    drive, readout = heard_loops(rig)
    assert readout == LOOP
    assert drive != LOOP
    boxes[number].receive(b"CLOC:SOUR EFIX")
    assert heard_loops(rig) == (LOOP, LOOP)


def test_a_master_started_anew_is_out_of_step():
    rig, master, follower = rig_and_boxes()
    for box in (follower, master):
        box.receive(b"AWGC:RUN")
    master.receive(b"TRIG ATR;:AWGC:STOP;:AWGC:RUN;:TRIG ATR")
    assert heard_loops(rig)[0] != LOOP


@pytest.mark.parametrize(
    "spoil", [b"SOUR1:DAC:RES 16", b"OUTP1 0", b"OUTP:OFF 1", b"OUTP1:WVAL:MARK1 HIGH"]
)
def test_without_a_rising_go_marker_the_follower_waits(spoil):
    master, follower = rig_of_two()
    master.receive(spoil)
    master.receive(b"AWGC:RUN")
    follower.receive(b"AWGC:RUN")
    master.receive(b"TRIG ATR")
    assert (master.state, follower.state) == (RunState.RUNNING, RunState.WAITING)


def test_a_marker_held_at_its_first_value_goes_too_soon():
    master, follower = rig_of_two()
    master.receive(b"OUTP1:WVAL:MARK1 FIRST")
    follower.receive(b"AWGC:RUN")
    master.receive(b"AWGC:RUN")
    assert (master.state, follower.state) == (RunState.WAITING, RunState.RUNNING)


def test_a_follower_that_was_not_ready_misses_the_marker():
    master, follower = rig_of_two()
    master.receive(b"AWGC:RUN;:TRIG ATR")
    follower.receive(b"AWGC:RUN")
    assert follower.state is RunState.WAITING
    follower.receive(b"TRIG BTR")
    assert follower.state is RunState.WAITING
    follower.receive(b"*TRG")
    assert follower.state is RunState.RUNNING


# ---------------------------------------------------------------- sequences and files


def library(*steps: Step, **more: list[Step]) -> Library:
    waves = {n: Wave(n, np.full(SIZE, i / 10, np.float32)) for i, n in enumerate("abcd")}
    sequences = {"main": Sequence("main", list(steps), 1)}
    sequences |= {n: Sequence(n, s, 1) for n, s in more.items()}
    return Library(waves, sequences)


def heard(found: Library) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    prologue, loop = found.playing("main", 1)
    return [(s.wave.name, s.repeats) for s in prologue], [(s.wave.name, s.repeats) for s in loop]


def test_a_sequence_flattens_to_prologue_and_loop():
    a, b, c = Step(["a"]), Step(["b"], repeats=75), Step(["c"])
    assert heard(library(a, b, c)) == ([("a", 1), ("b", 75), ("c", 1)], [])
    assert heard(library(a, b, Step(["c"], goto=2))) == ([("a", 1)], [("b", 75), ("c", 1)])
    assert heard(library(a, Step(["b"], repeats=0), c)) == ([("a", 1)], [("b", 1)])
    assert heard(library(Step(["a"], goto=3), b, c)) == ([("a", 1), ("c", 1)], [])
    assert heard(library(Step(["a"], goto=-1), b)) == ([("a", 1)], [])


def test_a_wait_inside_the_loop_stops_it():
    wait = Step(["a"], wait="A")
    assert heard(library(wait, Step(["b"], goto=1))) == ([("a", 1), ("b", 1)], [])


def test_subsequences_unroll():
    inner = [Step(["b"]), Step(["c"], repeats=3)]
    found = library(Step(["a"]), Step(subsequence="in", repeats=2, goto=1), **{"in": inner})
    assert heard(found) == ([], [("a", 1), ("b", 1), ("c", 3), ("b", 1), ("c", 3)])
    assert found.first_step("main").assets == ["a"]


def test_subsequences_without_end_are_refused():
    found = library(Step(subsequence="main"))
    for question in (found.check, found.first_step):
        with pytest.raises(ScpiError, match="-221"):
            question("main")


def test_a_track_without_a_waveform_is_silent():
    found = library(Step(["a", None]))
    ((segment,), _) = found.playing("main", 2)
    assert segment.wave.samples.size == SIZE
    assert not segment.wave.samples.any()


def test_upstreams_wfmx_is_read_exactly():
    volts = np.linspace(-0.4, 0.4, SIZE)
    marker = (np.arange(SIZE) % 3 == 0).astype(float)
    wave = read_wfmx(TektronixAWG5208.makeWFMXFile(np.array([volts, marker]), 1.0), "w")
    np.testing.assert_array_equal(wave.samples, (volts * 2).astype("f4"))
    np.testing.assert_array_equal(wave.markers, marker)
    assert wave.samples.flags.aligned


def test_a_sample_beyond_the_range_is_clipped_and_no_number_refused():
    wave = read_wfmx(TektronixAWG5208.makeWFMXFile(np.full(SIZE, 0.6), 1.0), "w")
    assert wave.samples.max() == 1
    with pytest.raises(ScpiError, match="-222"):
        read_wfmx(TektronixAWG5208.makeWFMXFile(np.full(SIZE, np.nan), 1.0), "w")


GOOD = TektronixAWG5208.makeSEQXFile(
    [0], [1], [0], [0], [1], [[np.zeros((2, SIZE))]], [1.0], "sequence"
)


@given(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=8))
def test_a_damaged_file_is_an_error_never_a_crash(at, change):
    damaged = GOOD[:at] + change + GOOD[at + len(change) :]
    with contextlib.suppress(ScpiError):
        read_seqx(damaged, MEMORY)


@given(st.binary(max_size=200))
def test_no_garbage_is_a_file(blob):
    for read in (lambda b: read_seqx(b, MEMORY), read_sml, lambda b: read_wfmx(b, "w")):
        with pytest.raises(ScpiError):
            read(blob)


def sml(steps):
    return (
        '<DataFile><DataSetsCollection xmlns="http://www.tektronix.com"><DataSets>'
        "<DataDescription><SequenceName>s</SequenceName>"
        f'<Steps TrackCount="1">{steps}</Steps></DataDescription></DataSets></DataSetsCollection>'
        "</DataFile>"
    ).encode()


PLAYED = "<Assets><Asset><AssetName>{}</AssetName><AssetType>Waveform</AssetType></Asset></Assets>"
FLAGS = '<Flags><FlagSet><Flag name="A">NoChange</Flag></FlagSet></Flags>'
ONCE, NOWAIT = "<Repeat>Once</Repeat>", "<WaitInput>None</WaitInput>"
NEXT = "<GoTo>Next</GoTo>"


@pytest.mark.parametrize(
    "layout",
    [
        (ONCE, NOWAIT, NEXT, PLAYED, FLAGS),
        (ONCE, NOWAIT, NEXT, PLAYED, "\r\n  ", FLAGS),
        (PLAYED, ONCE, NOWAIT, NEXT, FLAGS),
        (FLAGS, PLAYED, NEXT, NOWAIT, ONCE),
        (ONCE, NOWAIT, NEXT, PLAYED),
        (ONCE, NOWAIT, NEXT, PLAYED.replace("<Assets>", '<Assets kind="x">')),
    ],
)
def test_steps_are_read_in_any_order_with_or_without_flags(layout):
    steps = "".join(f"<Step>{''.join(layout).format(name)}</Step>" for name in "aba")
    assert [step.assets for step in read_sml(sml(steps)).steps] == [["a"], ["b"], ["a"]]


def test_flags_that_are_not_xml_are_refused():
    step = "".join((ONCE, NOWAIT, NEXT, PLAYED.format("a"), "<Flags><Flag></Flags>"))
    with pytest.raises(ScpiError, match="-253"):
        read_sml(sml(f"<Step>{step}</Step>"))


def test_an_archive_that_lies_about_its_sml(awg):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("Sequences/x.sml", "<DataFile><Steps/></DataFile>")
    with pytest.raises(ScpiError, match="-253"):
        read_seqx(buffer.getvalue(), MEMORY)


@pytest.mark.parametrize("name", ["Waveforms/w.wfmx", "Sequences/s.sml"])
def test_a_small_file_that_unpacks_to_much_is_not_unpacked(name, monkeypatch):
    buffer, zeros = io.BytesIO(), bytes((80 << 20) + 1)
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, zeros)
    unpacked = []
    monkeypatch.setattr(zipfile.ZipExtFile, "read", lambda _, n=-1: unpacked.append(n) or b"")
    with pytest.raises(ScpiError, match="-225"):
        read_seqx(buffer.getvalue(), 1 << 24)
    assert unpacked == []


def test_a_sequence_of_too_many_tags_is_not_parsed():
    with pytest.raises(ScpiError, match="-225"):
        read_sml(sml("<x/>" * (1 << 22)))


def test_whoever_waits_is_woken_when_all_boxes_have_started():
    """What plays is looked at once, not while the go marker is still being passed on."""
    rig, master, slave = rig_and_boxes()
    heard = []
    rig.news.notify_all = lambda: heard.append((master.state, slave.state))  # type: ignore[method-assign]
    for box in (slave, master):
        box.receive(b"AWGC:RUN")
    heard.clear()
    master.receive(b"TRIG ATR")
    assert [(a.name, b.name) for a, b in heard] == [("RUNNING", "RUNNING")]


def test_what_has_no_such_number_is_said_as_a_number():
    awg = Awg5208("awg1", Ledger(lambda: 0.0))
    awg.receive(b"SOUR9:VOLT 0.5;:SOUR1:MARK7:VOLT:HIGH 1")
    assert awg.receive(b"SYST:ERR?").endswith(b'; amplitude has no number 9"')
    assert awg.receive(b"SYST:ERR?").endswith(b'; marker_high has no number 1.7"')
