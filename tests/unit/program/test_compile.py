"""The compiled table, played out sample by sample, is the sum of the pulses at their times."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kammerton.lab import Channel
from kammerton.model import Program, Pulse, Readout, Wait
from kammerton.program import MINIMUM_SAMPLES, compile

RATE = 1e9
CARRIER, READ_CARRIER = 4.8e9, 7.0e9
TRIGGER, GO = Channel("awg2", 5), Channel("awg1", 1)
QUBITS = ("q0", "q1", "q2")


# ---- a slow, independent reading of the words


def at(value, point):
    values = np.asarray(value, dtype=float)
    return float(values if values.ndim == 0 else values[point])


def bell(pulse, t):
    edge = np.exp(-((pulse.length / 2) ** 2) / (2 * pulse.sigma**2))
    return (np.exp(-((t - pulse.length / 2) ** 2) / (2 * pulse.sigma**2)) - edge) / (1 - edge)


def reference_pulse(pulse, point, begin):
    """I + jQ in volts; `begin`: s since the carrier's phase was 0."""
    t = (np.arange(round(pulse.length * RATE)) + 0.5) / RATE
    square = pulse.shape == "square"
    shape = np.ones(t.size, complex) if square else bell(pulse, t).astype(complex)
    if pulse.shape == "drag":
        h = 1e-13
        slope = (bell(pulse, t + h) - bell(pulse, t - h)) / (2 * h)
        shape += 1j * slope / (2 * 2 * np.pi * pulse.anharmonicity)
    frequency = at(pulse.frequency, point) - CARRIER
    angle = 2 * np.pi * frequency * (t + begin) + at(pulse.phase, point)
    return at(pulse.amplitude, point) * shape * np.exp(1j * angle)


def reference_sequence(sequence, point):
    """Yield (samples before the readout, I + jQ), and return nothing else."""
    lengths = [
        round((i.length if isinstance(i, Pulse) else at(i.duration, point)) * RATE)
        for i in sequence
    ]
    start, first = -sum(lengths), None
    for item, length in zip(sequence, lengths, strict=True):
        if isinstance(item, Pulse):
            first = start if first is None else first
            yield start, reference_pulse(item, point, (start - first) / RATE)
        start += length


def played(compiled):
    """Return channel -> (volts, marker) of one turn, from step 2 to the end."""
    out = {}
    for generator, playlist in compiled.playlists.items():
        for track, number in enumerate(playlist.channels):
            waves = [(playlist.waves[s.waves[track]], s.repeats) for s in playlist.steps[1:]]
            volts = [np.tile(w.volts, n) for w, n in waves]
            marker = [
                np.tile(np.zeros(w.volts.size, np.uint8) if w.marker is None else w.marker, n)
                for w, n in waves
            ]
            out[Channel(generator, number)] = np.concatenate(volts), np.concatenate(marker)
    return out


def rises(marker):
    return np.flatnonzero(np.diff(marker.astype(int), prepend=0) == 1)


def check_played(program, compiled, lab):
    """Compare every sample of every channel with the sum of pulses and tones; return rises."""
    out = played(compiled)
    length = round(compiled.turn_seconds * RATE)
    assert {volts.size for volts, _ in out.values()} == {length}
    starts = rises(out[TRIGGER][1])
    assert starts.size == program.points == compiled.points
    expected = {channel: np.zeros(length) for channel in out}
    silent = np.zeros(length)
    for qubit, sequence in program.sequences.items():
        line = lab.qubits[qubit].drive
        for point in range(program.points):
            for start, s in reference_sequence(sequence, point):
                span = slice(starts[point] + start, starts[point] + start + s.size)
                expected.get(line.i, silent)[span] += s.real
                expected.get(line.q, silent)[span] += s.imag
    assert np.abs(silent).max() < 1e-9, "something should be heard on a channel that is left out"
    feed = lab.feedlines["feed0"].line
    for channel, (volts, marker) in out.items():
        if channel not in (feed.i, feed.q):
            np.testing.assert_allclose(volts, expected[channel], atol=2e-7)
        assert channel == TRIGGER or not marker.any()
        assert compiled.peaks.get(channel, 0.0) == pytest.approx(np.abs(volts).max(), abs=1e-7)
    tone = round(next(iter(program.readouts.values())).length * RATE)
    heard = np.zeros(length, bool)
    for start in starts:
        heard[start : start + tone] = True
        assert out[TRIGGER][1][start : start + 100].all()
        assert not out[TRIGGER][1][start + 100 : start + 200].any()
    assert not out[feed.i][0][~heard].any()
    assert not out[feed.q][0][~heard].any()
    return starts


# ---- programs at random


def swept(values, points):
    return st.one_of(
        values, st.lists(values, min_size=points, max_size=points).map(lambda v: np.array(v))
    )


def pulses(points):
    return st.builds(
        Pulse,
        shape=st.sampled_from(["drag", "gaussian", "square"]),
        amplitude=swept(st.floats(-0.4, 0.4), points),
        length=st.sampled_from([1e-9, 17e-9, 40e-9, 3.1e-6]),
        frequency=swept(st.floats(4.5e9, 5.1e9), points),
        phase=swept(st.floats(-7, 7), points),
        sigma=st.just(11e-9),
        anharmonicity=st.sampled_from([-200e6, 150e6]),
    )


def waits(points):
    whole = st.integers(0, 12_000).map(lambda n: n * 1e-9)
    return st.builds(Wait, swept(whole, points))


@st.composite
def programs(draw):
    points = draw(st.integers(1, 4))
    targets = draw(st.lists(st.sampled_from(QUBITS), min_size=1, max_size=3, unique=True))
    items = st.lists(st.one_of(pulses(points), waits(points)), max_size=4).map(tuple)
    length = draw(st.sampled_from([0.6e-6, 1e-6, 4e-6]))
    return Program(
        name="anything",
        sequences={t: draw(items) for t in targets},
        readouts={t: Readout(6.8e9 + 90e6 * n, 0.05, length) for n, t in enumerate(targets)},
        axis={t: np.arange(points, dtype=float) for t in targets},
        axis_name="x", axis_unit="", shots=10,
        reset=draw(st.sampled_from([3e-6, 5.3e-6, 30e-6])),
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(program=programs())
def test_what_is_played_is_what_was_asked_for(program, lab):
    compiled = compile(program, lab)
    starts = check_played(program, compiled, lab)
    check_table(compiled)
    check_spacing(program, compiled, starts)


def check_table(compiled):
    tables = [
        [(p.waves[s.waves[0]].volts.size, s.repeats, s.wait_trigger, s.goto) for s in p.steps]
        for p in compiled.playlists.values()
    ]
    assert all(table == tables[0] for table in tables), "the generators would drift apart"
    (first, *loop) = tables[0]
    assert first[1:] == (1, True, 0)
    assert not any(wait for _, _, wait, _ in loop)
    assert [goto for *_, goto in loop] == [0] * (len(loop) - 1) + [2]
    assert all(length >= MINIMUM_SAMPLES and n >= 1 for length, n, _, _ in tables[0])
    for playlist in compiled.playlists.values():
        for step in playlist.steps:
            assert len({playlist.waves[w].volts.size for w in step.waves}) == 1
        assert set(playlist.waves) == {w for s in playlist.steps for w in s.waves}


def check_spacing(program, compiled, starts):
    """The reset is never shorter than asked, and less than one block longer."""
    tone = round(next(iter(program.readouts.values())).length * RATE)
    turn = round(compiled.turn_seconds * RATE)
    before = [
        max(sum(s for s in lengths) for lengths in lengths_of(program, point))
        for point in range(program.points)
    ]
    ends = np.append(starts[1:], turn + starts[0])
    for point, (start, following) in enumerate(zip(starts, ends, strict=True)):
        asked = tone + round(program.reset * RATE) + before[(point + 1) % program.points]
        assert asked <= following - start <= asked + MINIMUM_SAMPLES


def lengths_of(program, point):
    """Samples of each sequence from its first pulse on; leading waits are no reason to wait."""
    for sequence in program.sequences.values():
        first = next((n for n, i in enumerate(sequence) if isinstance(i, Pulse)), len(sequence))
        yield [
            round((i.length if isinstance(i, Pulse) else at(i.duration, point)) * RATE)
            for i in sequence[first:]
        ]


# ---- programs of the field


def one_qubit(items, points, qubit="q0", **changes):
    axis = np.arange(points, dtype=float)
    words = {
        "name": "one", "sequences": {qubit: items},
        "readouts": {qubit: Readout(6.81e9, 0.05, 1e-6)},
        "axis": {qubit: axis}, "axis_name": "x", "axis_unit": "", "shots": 1, "reset": 300e-6,
    }  # fmt: skip
    return Program(**{**words, **changes})


def pi(amplitude=0.2, phase=0.0, frequency=4.9e9):
    return Pulse("drag", amplitude, 40e-9, frequency, phase, 10e-9, -200e6)


def test_a_decay_uses_one_pulse_block_and_one_idle_block(lab):
    program = one_qubit((pi(), Wait(4e-6 * np.arange(51))), 51, reset=20e-6)
    compiled = compile(program, lab)
    drive = compiled.playlists["awg1"]
    pulses = {name for name, wave in drive.waves.items() if wave.volts.any()}
    assert len(pulses) == 2
    repeated = {s.waves for s in drive.steps if s.repeats > 1}
    assert {drive.waves[w].volts.size for waves in repeated for w in waves} == {4000}
    assert compiled.turn_seconds == pytest.approx(
        51 * (2400e-9 + 21e-6) + 4e-6 * np.arange(51).sum(), abs=1e-12
    )
    check_played(program, compiled, lab)


def test_reset_is_counted_from_the_end_of_the_tone(lab):
    compiled = compile(one_qubit((pi(),), 2), lab)
    starts = rises(played(compiled)[TRIGGER][1])
    assert starts[1] - starts[0] == 1000 + 300_000 + 2400


def test_equal_phases_share_waveforms(lab):
    """100 MHz turns a whole number of times in every multiple of 10 ns."""
    delays = np.arange(51) * 4e-6
    whole = compile(one_qubit((pi(), Wait(delays), pi()), 51), lab)
    broken = compile(one_qubit((pi(), Wait(delays), pi(frequency=4.9e9 + 3e3)), 51), lab)
    heard = [
        sum(wave.volts.any() for wave in c.playlists["awg1"].waves.values())
        for c in (whole, broken)
    ]
    assert heard[0] == 2 * 3, "both at once, one alone, and one that reaches back to the other"
    assert heard[1] > 100


def test_silence_is_shared_by_channels_and_points(lab):
    sequences = {"q0": (pi(np.linspace(0, 0.4, 11)),), "q1": ()}
    readouts = {q: Readout(f, 0.05, 1e-6) for q, f in (("q0", 6.81e9), ("q1", 6.9e9))}
    axis = {"q0": np.arange(11.0), "q1": np.arange(11.0)}
    compiled = compile(one_qubit((), 11, sequences=sequences, readouts=readouts, axis=axis), lab)
    drive = compiled.playlists["awg1"]
    assert drive.channels == (1, 2), "a channel with nothing to play is left out"
    assert sum(not wave.volts.any() for wave in drive.waves.values()) <= 4
    assert sum(wave.volts.any() for wave in drive.waves.values()) == 2 * 10


def test_only_the_master_starts_the_others_once(lab):
    compiled = compile(one_qubit((pi(),), 1, qubit="q2"), lab)
    master = compiled.playlists["awg1"]
    assert master.channels == (GO.number,)
    go = master.waves[master.steps[0].waves[0]]
    assert go.marker is not None
    assert go.marker[0] == 1
    assert not go.volts.any()
    assert all(master.waves[s.waves[0]].marker is None for s in master.steps[1:])
    assert all(s.wait_trigger for s in (p.steps[0] for p in compiled.playlists.values()))


def test_carriers_are_those_of_the_lines_in_use(lab):
    assert compile(one_qubit((pi(),), 1), lab).carriers == {
        "drive_lo": (4.8e9, 13.0), "readout_lo": (7.0e9, 13.0),
    }  # fmt: skip
    assert compile(one_qubit((), 1), lab).carriers == {"readout_lo": (7.0e9, 13.0)}


def test_a_larger_minimum_makes_larger_blocks(lab):
    compiled = compile(one_qubit((pi(), Wait(3e-6)), 1), lab, minimum_samples=4800)
    for playlist in compiled.playlists.values():
        assert min(wave.volts.size for wave in playlist.waves.values()) >= 4800


def test_times_are_rounded_one_by_one(lab):
    waits = (Wait(100.4e-9), Wait(100.4e-9))
    compiled = compile(one_qubit((pi(), *waits), 1), lab)
    volts, _ = played(compiled)[Channel("awg1", 1)]
    start = rises(played(compiled)[TRIGGER][1])[0]
    assert np.flatnonzero(volts).max() == start - 201
