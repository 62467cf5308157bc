"""Tektronix files: SEQX (a zip of sequences and waveforms), SML (sequence), WFMX (waveform).

Layout as the AWG70000/AWG5200 programmer manuals and files written for these boxes show it.
"""

from __future__ import annotations

import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from kammerton_sim.instruments.sequence import END, FOR_EVER, NEXT, Library, Sequence, Step
from kammerton_sim.signals import Wave
from kammerton_sim.wire.errors import ScpiError

_NS = "{http://www.tektronix.com}"
_OFFSET = re.compile(rb'offset="(\d{1,9})"')
_SAMPLES = re.compile(rb"<NumberSamples>(\d{1,10})<")
_Assets = list[tuple[str | None, str | None]]
_WAITS = {"None": "", "TrigA": "A", "TrigB": "B", "Internal": "I"}
_SEQUENCES = 1 << 26
"""Bytes of all sequences: 16,383 steps of 8 tracks as upstream's driver writes them are 37 MB."""
_TAGS = 1 << 22
"""Tags of such a sequence, and as many again; a parsed one takes a hundred bytes."""
_UNREADABLE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, RuntimeError,
)  # fmt: skip
"""What zipfile raises of a broken archive, whichever way it is packed."""


def read_seqx(blob: bytes | memoryview, samples: int) -> Library:
    """Return the waves and sequences of a SEQX file that fit into a memory of so many samples.

    Raises
    ------
    ScpiError
        -253: it is no SEQX file. -225: unpacked it is larger than the memory; what the directory
        of a file says is looked at before any of it is unpacked.
    """
    library = Library()
    try:
        with zipfile.ZipFile(io.BytesIO(blob)) as archive:
            for name, data in _members(archive, samples):
                if name.endswith(".wfmx"):
                    wave = read_wfmx(data, name[:-5])
                    library.waves[wave.name] = wave
                elif name.endswith(".sml"):
                    sequence = read_sml(data)
                    library.sequences[sequence.name] = sequence
    except _UNREADABLE as error:
        raise ScpiError(-253, f"not a SEQX file: {error}") from None
    return library


def _members(archive: zipfile.ZipFile, samples: int) -> Iterator[tuple[str, bytes]]:
    """Names and contents. A sample takes 4 bytes and its markers one."""
    for end, most in ((".wfmx", 5 * samples), (".sml", _SEQUENCES)):
        found = [info for info in archive.infolist() if info.filename.endswith(end)]
        if sum(info.file_size for info in found) > most:
            raise ScpiError(-225, f"the unpacked {end} files exceed the memory")
        for info in found:
            yield info.filename.replace("\\", "/").rsplit("/", 1)[-1], archive.read(info)


def read_wfmx(blob: bytes | memoryview, name: str) -> Wave:
    """Return a waveform: an XML head that gives its own length, samples, then markers."""
    offset = _OFFSET.search(bytes(blob[:200]))
    head = bytes(blob[: int(offset.group(1))]) if offset else b""
    count = _SAMPLES.search(head)
    if count is None:
        raise ScpiError(-253, f"{name}: no WFMX header")
    size = int(count.group(1))
    marked = b"<MarkersIncluded>true<" in head
    if len(blob) < len(head) + size * (5 if marked else 4):
        raise ScpiError(-253, f"{name}: fewer samples than its header says")
    samples = np.frombuffer(blob, "<f4", size, len(head))
    markers = np.frombuffer(blob, np.uint8, size, len(head) + 4 * size) if marked else None
    return make_wave(name, samples, markers)


def make_wave(
    name: str,
    samples: NDArray[np.float32],
    markers: NDArray[np.uint8] | None,
) -> Wave:
    """Return an aligned copy, clipped to -1..1 as the converter does."""
    if not np.isfinite(samples).all():
        raise ScpiError(-222, f"{name}: a sample is not a number")
    aligned = np.clip(samples, -1, 1).astype(np.float32, copy=False)
    return Wave(name, aligned, None if markers is None else markers.copy())


def read_sml(blob: bytes) -> Sequence:
    """Return a sequence; ScpiError -253 when the XML does not say one."""
    try:
        short, tables = _shortened(blob)
        if short.count(b"<") > _TAGS:
            raise ScpiError(-225, "more than a sequence can have")
        root = ElementTree.fromstring(short)
        description = _child(
            _child(_child(root, "DataSetsCollection"), "DataSets"), "DataDescription"
        )
        table = _child(description, "Steps")
        name = _child(description, "SequenceName").text or ""
        steps = [_step(element, tables) for element in table]
        return Sequence(name, steps, int(table.get("TrackCount", "1")))
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise ScpiError(-253, f"not an SML sequence: {error}") from None


def _shortened(blob: bytes) -> tuple[bytes, list[_Assets]]:
    """The document with <Assets>n</Assets> for what each step plays, and what n stands for.

    Steps repeat each other: nine tenths of a table are copies of a few lists of assets with their
    flags. Each list is parsed once.
    """
    head, *rest = blob.split(b"<Assets>")
    numbers: dict[bytes, int] = {}
    short = [head]
    for text in rest:
        end = b"</Assets>"
        if text.partition(end)[2].lstrip().startswith(b"<Flags>"):
            end = b"</Flags>"
        played, closed, after = text.partition(end)
        number = numbers.setdefault(played + closed, len(numbers))
        short.append(b"<Assets>%d</Assets>%b" % (number, after))
    parsed = (ElementTree.fromstring(b"<x><Assets>" + text + b"</x>")[0] for text in numbers)
    return b"".join(short), [_assets(element) for element in parsed]


def _assets(element: ElementTree.Element) -> _Assets:
    return [(asset[0].text or None, asset[1].text) for asset in element if len(asset) > 1]


def _child(element: ElementTree.Element, tag: str) -> ElementTree.Element:
    found = element.find(_NS + tag)
    if found is None:
        raise ValueError(f"no {tag}")
    return found


def _step(element: ElementTree.Element, tables: list[_Assets]) -> Step:
    parts = {child.tag.removeprefix(_NS): child for child in element}
    text = {tag: child.text or "" for tag, child in parts.items()}
    number = text["Assets"]
    assets = tables[int(number)] if number.isdigit() else _assets(parts["Assets"])
    step = Step(repeats=_repeats(text), wait=_WAITS[text["WaitInput"]], goto=_goto(text))
    if assets and assets[0][1] == "Sequence":
        step.subsequence = assets[0][0]
    else:
        step.assets = [name for name, _ in assets]
    return step


def _repeats(text: dict[str, str]) -> int:
    kind = text["Repeat"]
    if kind in ("Once", "Infinite"):
        return 1 if kind == "Once" else FOR_EVER
    return int(text["RepeatCount"])


def _goto(text: dict[str, str]) -> int:
    words = {"Next": NEXT, "First": 1, "End": END}
    goto = words[text["GoTo"]] if text["GoTo"] in words else int(text["GoToStep"])
    if goto < END:
        raise ValueError(f"no step {goto}")
    return goto
