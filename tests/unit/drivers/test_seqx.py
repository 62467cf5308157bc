"""The SEQX writer against a small reader of its own, and against the upstream driver's files."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from qcodes.instrument_drivers.tektronix import TektronixAWG5208

from kammerton.model import ProgramError
from kammerton.model.roles import Playlist, PlayStep, Waveform
from kammerton_drivers.seqx import seqx

NS = "{http://www.tektronix.com}"


# ---- an independent reader


def read(blob):
    """Return (sequence name, steps, waves): what a box would find in the file."""
    archive = zipfile.ZipFile(io.BytesIO(blob))
    assert archive.testzip() is None
    assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
    (sequence,) = (name for name in archive.namelist() if name.startswith("Sequences/"))
    waves = {
        name.removeprefix("Waveforms/").removesuffix(".wfmx"): read_wfmx(archive.read(name))
        for name in archive.namelist()
        if name.startswith("Waveforms/")
    }
    assert {"setup.xml", "userNotes.txt"} <= set(archive.namelist())
    main = ElementTree.fromstring(archive.read("setup.xml")).findtext("MainSequence")
    name, steps = read_sml(archive.read(sequence))
    assert sequence == f"Sequences/{name}.sml"
    assert main == name
    return name, steps, waves


def fields(header):
    return {
        tag: ElementTree.fromstring(header).findtext(f".//{NS}{tag}")
        for tag in ("NumberSamples", "SamplesType", "MarkersIncluded", "NumberFormat", "Endian")
    }


def read_wfmx(blob):
    offset = int(re.match(rb'<DataFile offset="(\d{9})" version="0.1">', blob).group(1))
    said = fields(blob[:offset])
    assert (said["SamplesType"], said["NumberFormat"]) == ("AWGWaveformSample", "Single")
    assert said["Endian"] == "Little"
    count, marked = int(said["NumberSamples"]), said["MarkersIncluded"] == "true"
    assert len(blob) == offset + count * (5 if marked else 4)
    samples = np.frombuffer(blob, "<f4", count, offset)
    return samples, np.frombuffer(blob, np.uint8, count, offset + 4 * count) if marked else None


def read_sml(blob):
    assert int(re.match(rb'<DataFile offset="(\d{9})"', blob).group(1)) == len(blob)
    description = ElementTree.fromstring(blob).find(f".//{NS}DataDescription")
    table = description.find(f"{NS}Steps")
    steps = []
    for number, step in enumerate(table, 1):
        text = {child.tag.removeprefix(NS): child.text for child in step}
        assert int(text["StepNumber"]) == number
        assert (text["EventJumpInput"], text["EventJumpTo"]) == ("None", "Next")
        assets = [a.findtext(f"{NS}AssetName") for a in step.find(f"{NS}Assets")]
        assert len(step.find(f"{NS}Flags")) == len(assets) == int(table.get("TrackCount"))
        repeats = {"Once": 1, "RepeatCount": int(text["RepeatCount"])}[text["Repeat"]]
        goto = {"Next": 0, "StepIndex": int(text["GoToStep"])}[text["GoTo"]]
        steps.append((tuple(assets), repeats, text["WaitInput"], goto))
    assert len(steps) == int(table.get("StepCount"))
    return description.findtext(f"{NS}SequenceName"), steps


# ---- playlists at random

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,12}", fullmatch=True)


@st.composite
def playlists(draw):
    length = draw(st.integers(1, 40))
    volts = hnp.arrays(np.float32, length, elements=st.floats(-0.75, 0.75, width=32))
    marker = st.none() | hnp.arrays(np.uint8, length, elements=st.integers(0, 1))
    waves = draw(st.dictionaries(NAMES, st.builds(Waveform, volts, marker), min_size=1, max_size=4))
    tracks = draw(st.integers(1, 8))
    count = draw(st.integers(1, 6))
    step = st.builds(
        PlayStep,
        waves=st.tuples(*[st.sampled_from(sorted(waves))] * tracks),
        repeats=st.integers(1, 1 << 20),
        wait_trigger=st.booleans(),
        goto=st.integers(0, count),
    )
    steps = tuple(draw(st.lists(step, min_size=count, max_size=count)))
    return Playlist(draw(NAMES), tuple(range(1, tracks + 1)), waves, steps, 1e9)


@settings(max_examples=50)
@given(playlists(), st.sampled_from([1.5, 2.0]))
def test_what_is_written_can_be_read(playlist, vpp):
    name, steps, waves = read(seqx(playlist, vpp))
    assert name == playlist.name
    assert steps == [
        (s.waves, s.repeats, "TrigA" if s.wait_trigger else "None", s.goto) for s in playlist.steps
    ]
    assert set(waves) == set(playlist.waves)
    for key, wave in playlist.waves.items():
        samples, marker = waves[key]
        np.testing.assert_allclose(samples * vpp / 2, wave.volts, atol=1e-7)
        assert (marker is None) == (wave.marker is None)
        assert marker is None or np.array_equal(marker, wave.marker)


@settings(max_examples=20)  # that a file holds a clock or an order of a set, any one shows
@given(playlists())
def test_equal_playlists_make_equal_files(playlist):
    assert seqx(playlist, 1.5) == seqx(replace(playlist), 1.5)


# ---- beside the upstream driver

RNG = np.random.default_rng(7)
VOLTS = RNG.uniform(-0.5, 0.5, (3, 2400)).astype(np.float32)
MARKER = (RNG.random(2400) < 0.3).astype(np.uint8)


def tiny():
    waves = {
        "a": Waveform(VOLTS[0], MARKER), "b": Waveform(VOLTS[1], 1 - MARKER),
        "c": Waveform(VOLTS[2], MARKER[::-1].copy()),
    }  # fmt: skip
    steps = (
        PlayStep(("a", "b"), wait_trigger=True),
        PlayStep(("c", "c"), repeats=75),
        PlayStep(("b", "a"), goto=2),
    )
    return Playlist("tiny", (1, 2), waves, steps, 1e9)


def upstream(playlist):
    """The same sequence from the upstream driver, one waveform a step and track."""

    def array(name):
        wave = playlist.waves[name]
        return np.stack([wave.volts.astype(float), wave.marker.astype(float)])

    steps = playlist.steps
    return TektronixAWG5208.makeSEQXFile(
        [int(s.wait_trigger) for s in steps], [s.repeats for s in steps], [0] * 3, [0] * 3,
        [s.goto for s in steps],
        [[array(s.waves[track]) for s in steps] for track in range(2)], [1.0, 1.0], "tiny",
    )  # fmt: skip


def flattened(content):
    name, steps, waves = content
    return name, [
        ([(waves[w][0].tolist(), waves[w][1].tolist()) for w in assets], *rest)
        for assets, *rest in steps
    ]


def test_the_box_reads_the_same_as_from_the_upstream_driver():
    ours, theirs = (flattened(read(blob)) for blob in (seqx(tiny(), 1.0), upstream(tiny())))
    assert ours == theirs


@pytest.mark.parametrize("marked", [False, True])
def test_the_waveform_header_says_what_upstream_s_says(marked):
    wave = Waveform(VOLTS[0], MARKER if marked else None)
    playlist = Playlist("one", (1,), {"a": wave}, (PlayStep(("a",)),), 1e9)
    data = np.stack([VOLTS[0], MARKER]).astype(float) if marked else VOLTS[0].astype(float)
    theirs = TektronixAWG5208.makeWFMXFile(data, 1.0)
    ours = zipfile.ZipFile(io.BytesIO(seqx(playlist, 1.0))).read("Waveforms/a.wfmx")
    headers = [blob[: int(blob[18:27])] for blob in (ours, theirs)]
    assert fields(headers[0]) == fields(headers[1])
    assert ours[len(headers[0]) :] == theirs[len(headers[1]) :]


def test_each_wave_is_stored_once():
    many = replace(tiny(), steps=tiny().steps[:2] * 50)
    archive = zipfile.ZipFile(io.BytesIO(seqx(many, 1.0)))
    assert sum(name.endswith(".wfmx") for name in archive.namelist()) == 3


# ---- every reason to refuse


def test_the_largest_voltage_is_the_last_one_allowed():
    flat = Playlist(
        "flat", (1,), {"a": Waveform(np.full(4, -0.5, np.float32))}, (PlayStep(("a",)),), 1e9
    )
    assert read(seqx(flat, 1.0))[2]["a"][0].tolist() == [-1.0] * 4
    with pytest.raises(ProgramError, match=r"waveform a reaches -0\.5 V, .* gives 0\.49 V at most"):
        seqx(flat, 0.98)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_samples_that_are_no_numbers(bad):
    volts = np.array([0, bad, 0], np.float32)
    playlist = Playlist("bad", (1,), {"a": Waveform(volts)}, (PlayStep(("a",)),), 1e9)
    with pytest.raises(ProgramError, match=f"waveform a reaches {bad} V"):
        seqx(playlist, 1.0)


@pytest.mark.parametrize("marker", [np.zeros(3, np.uint8), np.full(4, 2, np.uint8)])
def test_markers_that_do_not_fit(marker):
    wave = Waveform(np.zeros(4, np.float32), marker)
    playlist = Playlist("bad", (1,), {"a": wave}, (PlayStep(("a",)),), 1e9)
    with pytest.raises(ProgramError, match="marker of waveform a"):
        seqx(playlist, 1.0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "no spaces"}, '"no spaces" cannot name'),
        ({"name": "a<b"}, '"a<b" cannot name'),
        ({"waves": {**tiny().waves, "../x": Waveform(VOLTS[0])}}, r'"\.\./x" cannot name'),
        ({"steps": ()}, "tiny: nothing to play"),
        ({"channels": (), "steps": (PlayStep(()),)}, "tiny: nothing to play"),
        ({"channels": (1, 2, 3)}, "step 1 has 2 waveforms for 3 channels"),
        ({"steps": (PlayStep(("a", "z")),)}, "step 1 plays z, which is not in the playlist"),
        ({"steps": (PlayStep(("a", "b"), repeats=0),)}, "repeats 0 times; 0 would mean for ever"),
        ({"steps": (PlayStep(("a", "b"), goto=2),)}, "step 1 goes to step 2, which does not exist"),
        (
            {"waves": {**tiny().waves, "b": Waveform(VOLTS[0][:2399])}},
            "step 1 has waveforms of unlike lengths",
        ),
    ],
)
def test_tables_that_the_box_cannot_play(changes, words):
    with pytest.raises(ProgramError, match=words):
        seqx(replace(tiny(), **changes), 1.0)
