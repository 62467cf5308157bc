"""SEQX, the sequence file of the Tektronix AWG5200 and AWG70000 series, written small and fast.

A SEQX file is a zip with stored (not deflated) members: one SML file (XML) with the table of steps,
and one WFMX file a waveform, an XML header followed by float32 samples in -1..1 and, if there are
any, one byte of marker bits a sample. A waveform is an asset with a name: any number of steps and
tracks may play it, so each is stored once. The fields are those that the upstream driver writes,
less what its files leave empty.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from kammerton.model import ProgramError
from kammerton.model.roles import Playlist, PlayStep, Waveform

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
TIMESTAMP = "2000-01-01T00:00:00.000+00:00"  # equal playlists make equal files
ZIP_TIME = (2000, 1, 1, 0, 0, 0)
NAMESPACE = 'xmlns="http://www.tektronix.com" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
FLAGS = "<FlagSet>{}</FlagSet>".format(
    "".join(f'<Flag name="{flag}">NoChange</Flag>' for flag in "ABCD")
)


def seqx(playlist: Playlist, amplitude_vpp: float) -> bytes:
    """Return the SEQX file of a playlist for channels set to `amplitude_vpp` volts peak to peak.

    Track n of the sequence is for the n-th of the playlist's channels. Only marker 1 is written.

    Raises
    ------
    ProgramError
        A sample lies beyond half the amplitude, where the box would clip without a word, or the
        table is not one that the box can play.
    """
    _check(playlist)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in _members(playlist, amplitude_vpp):
            archive.writestr(zipfile.ZipInfo(name, ZIP_TIME), content)
    return buffer.getvalue()


def wfmx(name: str, wave: Waveform, amplitude_vpp: float) -> bytes:
    """Return the WFMX file of one waveform; see `seqx`."""
    samples = np.asarray(wave.volts, dtype="<f4") * np.float32(2 / amplitude_vpp)
    if not np.abs(samples).max(initial=0.0) <= 1:
        raise ProgramError(
            f"waveform {name} reaches {_largest(wave.volts):.4g} V, but the generator gives"
            f" {amplitude_vpp / 2:.4g} V at most"
        )
    header = _offset_written(_WFMX.format(
        namespace=NAMESPACE,
        samples=samples.size,
        markers="false" if wave.marker is None else "true",
    ))  # fmt: skip
    marker = b"" if wave.marker is None else _marker_1(name, wave)
    return b"".join((header, samples.tobytes(), marker))


def sml(playlist: Playlist) -> bytes:
    """Return the SML file, the table of steps."""
    assets: dict[tuple[str, ...], str] = {}
    steps = []
    for number, step in enumerate(playlist.steps, 1):
        tracks = assets.get(step.waves)
        if tracks is None:
            tracks = assets[step.waves] = _assets(step.waves)
        steps.append(_step(number, step, tracks))
    return _offset_written(_SML.format(
        namespace=NAMESPACE,
        name=playlist.name,
        timestamp=TIMESTAMP,
        count=len(playlist.steps),
        tracks=len(playlist.channels),
        steps="".join(steps),
    ))  # fmt: skip


def _members(playlist: Playlist, amplitude_vpp: float) -> Iterator[tuple[str, bytes]]:
    yield f"Sequences/{playlist.name}.sml", sml(playlist)
    for name, wave in playlist.waves.items():
        yield f"Waveforms/{name}.wfmx", wfmx(name, wave, amplitude_vpp)
    yield "setup.xml", _SETUP.format(name=playlist.name).encode()
    yield "userNotes.txt", b""


def _check(playlist: Playlist) -> None:
    for name in (playlist.name, *playlist.waves):
        if not NAME.fullmatch(name):
            raise ProgramError(f'"{name}" cannot name a waveform or sequence on the generator')
    if not playlist.steps or not playlist.channels:
        raise ProgramError(f"{playlist.name}: nothing to play")
    for number, step in enumerate(playlist.steps, 1):
        problem = _problem(step, playlist)
        if problem:
            raise ProgramError(f"{playlist.name}: step {number} {problem}")


def _problem(step: PlayStep, playlist: Playlist) -> str | None:
    if len(step.waves) != len(playlist.channels):
        return f"has {len(step.waves)} waveforms for {len(playlist.channels)} channels"
    if missing := set(step.waves) - set(playlist.waves):
        return f"plays {min(missing)}, which is not in the playlist"
    if len({playlist.waves[wave].volts.size for wave in set(step.waves)}) > 1:
        return "has waveforms of unlike lengths"
    if step.repeats < 1:
        return f"repeats {step.repeats} times; 0 would mean for ever"
    if not 0 <= step.goto <= len(playlist.steps):
        return f"goes to step {step.goto}, which does not exist"
    return None


def _largest(volts: NDArray[np.float32]) -> float:
    return float(volts[np.argmax(np.abs(volts))])


def _marker_1(name: str, wave: Waveform) -> bytes:
    """Bit 0 is marker 1 in a file; over SCPI it would be bit 7."""
    assert wave.marker is not None
    if wave.marker.shape != wave.volts.shape or wave.marker.max(initial=0) > 1:
        raise ProgramError(f"marker of waveform {name} is not one 0 or 1 a sample")
    return wave.marker.astype(np.uint8).tobytes()


def _offset_written(text: str) -> bytes:
    """Fill in the header's own length, where the binary data begin."""
    return text.replace("000000000", f"{len(text):09d}", 1).encode("ascii")


def _assets(waves: tuple[str, ...]) -> str:
    each = "".join(
        f"<Asset><AssetName>{wave}</AssetName><AssetType>Waveform</AssetType></Asset>"
        for wave in waves
    )
    return f"<Assets>{each}</Assets><Flags>{FLAGS * len(waves)}</Flags>"


def _step(number: int, step: PlayStep, assets: str) -> str:
    return _STEP.format(
        number=number,
        repeat="Once" if step.repeats == 1 else "RepeatCount",
        times=step.repeats,
        wait="TrigA" if step.wait_trigger else "None",
        goto="StepIndex" if step.goto else "Next",
        goto_step=step.goto or 1,
        assets=assets,
    )


_WFMX = """<DataFile offset="000000000" version="0.1">\r
<DataSetsCollection {namespace}>\r
<DataSets version="1" xmlns="http://www.tektronix.com">\r
<DataDescription>\r
<NumberSamples>{samples}</NumberSamples>\r
<SamplesType>AWGWaveformSample</SamplesType>\r
<MarkersIncluded>{markers}</MarkersIncluded>\r
<NumberFormat>Single</NumberFormat>\r
<Endian>Little</Endian>\r
</DataDescription>\r
<ProductSpecific name="" />\r
</DataSets>\r
</DataSetsCollection>\r
<Setup />\r
</DataFile>"""

_SML = """<DataFile offset="000000000" version="0.1">\r
<DataSetsCollection {namespace}>\r
<DataSets version="1" xmlns="http://www.tektronix.com">\r
<DataDescription>\r
<SequenceName>{name}</SequenceName>\r
<Timestamp>{timestamp}</Timestamp>\r
<JumpTiming>JumpImmed</JumpTiming>\r
<RecSampleRate>NaN</RecSampleRate>\r
<RepeatFlag>false</RepeatFlag>\r
<PatternJumpTable Enabled="false" Count="65536" />\r
<Steps StepCount="{count}" TrackCount="{tracks}">\r
{steps}</Steps>\r
</DataDescription>\r
<ProductSpecific name="" />\r
</DataSets>\r
</DataSetsCollection>\r
<Setup />\r
</DataFile>"""

_STEP = (
    "<Step><StepNumber>{number}</StepNumber><Repeat>{repeat}</Repeat>"
    "<RepeatCount>{times}</RepeatCount><WaitInput>{wait}</WaitInput>"
    "<EventJumpInput>None</EventJumpInput><EventJumpTo>Next</EventJumpTo>"
    "<EventJumpToStep>1</EventJumpToStep><GoTo>{goto}</GoTo><GoToStep>{goto_step}</GoToStep>"
    "{assets}</Step>\r\n"
)

_SETUP = """<RSAPersist version="0.1">\r
<Application>Pascal</Application>\r
<MainSequence>{name}</MainSequence>\r
<ProductSpecific name="AWG5208" />\r
</RSAPersist>"""
