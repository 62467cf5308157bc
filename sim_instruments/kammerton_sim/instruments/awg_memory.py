"""What a simulated AWG5208 holds: its lists, and the disk that files are loaded from (MMEMory)."""

from __future__ import annotations

from collections.abc import Callable

from kammerton_sim.instruments import awg_waves
from kammerton_sim.instruments.awg_sequences import STEPS, TRACKS, SequenceList
from kammerton_sim.instruments.awg_waves import WaveformList, check_length
from kammerton_sim.instruments.sequence import Library
from kammerton_sim.instruments.seqx import read_seqx, read_wfmx
from kammerton_sim.wire.commands import Call, Command
from kammerton_sim.wire.errors import ScpiError
from kammerton_sim.wire.scpi import block_of, integer, string

_HOME = "\\Users\\OEM\\Documents"
DISK = 1 << 30
"""Bytes of all files; the box's disk is larger."""


class AwgMemory:
    """Waveforms, sequences and files. `touched()` is called after every change of content."""

    def __init__(self, touched: Callable[[], None]) -> None:
        self.library = Library()
        self.files: dict[str, bytes | memoryview] = {}
        self.directory = _HOME
        self._touched = touched
        self._waves = WaveformList(self.library.waves, touched)
        self._sequences = SequenceList(self.library, touched)

    def forget(self) -> None:
        """Lose the lists, as a box does that is switched off; the disk stays."""
        self.library.waves.clear()
        self.library.sequences.clear()
        self.directory = _HOME
        self._touched()

    def commands(self) -> dict[str, Command]:
        """Return the commands by header."""
        return {
            **self._waves.commands(),
            **self._sequences.commands(),
            "MMEMory:CDIRectory": Command(
                self._change_directory, lambda _: f'"{self.directory}"', harmless=True
            ),
            "MMEMory:DELete": Command(self._delete_file),
            "MMEMory:DATA": Command(self._write_file, self._read_file),
            "MMEMory:DATA:SIZE": Command(ask=lambda c: str(len(self._file(c.parts(1, 1)[0])))),
            "MMEMory:OPEN": Command(self._open_waveform),
            "MMEMory:OPEN:SASSet[:SEQuence]": Command(self._open_sequence),
        }

    def _change_directory(self, call: Call) -> None:
        self.directory = string(call.parts(1, 1)[0])

    def _path(self, text: str) -> str:
        name = string(text).replace("/", "\\")
        if not name or name.endswith("\\"):
            raise ScpiError(-257, name)
        full = name if "\\" in name else f"{self.directory}\\{name}"
        return full.lower().removeprefix("c:").lstrip("\\")

    def _file(self, text: str) -> bytes | memoryview:
        path = self._path(text)
        if path not in self.files:
            raise ScpiError(-256, path)
        return self.files[path]

    def _delete_file(self, call: Call) -> None:
        (text,) = call.parts(1, 1)
        self._file(text)
        del self.files[self._path(text)]

    def _write_file(self, call: Call) -> None:
        text, *start = call.parts(1, 2)
        if call.block is None:
            raise ScpiError(-109, "a block of data")
        path = self._path(text)
        old = self.files.get(path, b"") if start else b""
        at = integer(start[0]) if start else 0
        if not 0 <= at <= len(old):
            raise ScpiError(-222, start[0])
        if len(call.block) + at + sum(len(f) for p, f in self.files.items() if p != path) > DISK:
            raise ScpiError(-254, path)
        self.files[path] = bytes(old[:at]) + bytes(call.block) if start else call.block

    def _read_file(self, call: Call) -> bytes:
        return block_of(bytes(self._file(call.parts(1, 1)[0])))

    def _open_waveform(self, call: Call) -> None:
        (text,) = call.parts(1, 1)
        name = self._path(text).rsplit("\\", 1)[-1].rsplit(".", 1)[0]
        self._waves.keep(read_wfmx(self._file(text), name))
        self._touched()

    def _open_sequence(self, call: Call) -> None:
        found = read_seqx(self._file(call.parts(1, 1)[0]), awg_waves.MEMORY)
        for sequence in found.sequences.values():
            if len(sequence.steps) > STEPS or sequence.tracks > TRACKS:
                raise ScpiError(-223, f"{sequence.name} has too many steps or tracks")
        for wave in found.waves.values():
            check_length(wave.samples.size, wave.name)
        for wave in found.waves.values():
            self._waves.keep(wave)
        self.library.sequences.update(found.sequences)
        self._touched()
