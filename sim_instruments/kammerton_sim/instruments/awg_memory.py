"""The lists and the disk of a simulated AWG5208: WLISt, SLISt and MMEMory commands."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton_sim.instruments.sequence import END, FOR_EVER, NEXT, Library, Sequence, Step
from kammerton_sim.instruments.seqx import make_wave, read_seqx, read_wfmx
from kammerton_sim.signals import Wave
from kammerton_sim.wire.commands import Call, Command
from kammerton_sim.wire.errors import ScpiError
from kammerton_sim.wire.scpi import block_of, integer, string

SHORTEST, LONGEST, GRANULARITY = 2400, 1_000_000_000, 1
STEPS, REPEATS, TRACKS = 16_383, 1 << 20, 8
_TRIGGERS = {"OFF": "", "ATR": "A", "ATRIGGER": "A", "BTR": "B", "BTRIGGER": "B",
             "ITR": "I", "ITRIGGER": "I"}  # fmt: skip
_TRIGGER_NAMES = {"": "OFF", "A": "ATR", "B": "BTR", "I": "ITR"}


class AwgMemory:
    """Waveforms, sequences and files. `touched()` is called after every change of content."""

    def __init__(self, touched: Callable[[], None]) -> None:
        self.library = Library()
        self.files: dict[str, bytes | memoryview] = {}
        self.directory = "\\Users\\OEM\\Documents"
        self._touched = touched
        self._stamps: dict[str, int] = {}
        self._clock = count(1)

    def commands(self) -> dict[str, Command]:
        """Return the commands by header."""
        return {**self._disk(), **self._waveforms(), **self._sequences(), **self._steps()}

    # ---- disk

    def _disk(self) -> dict[str, Command]:
        return {
            "MMEMory:CDIRectory": Command(self._change_directory, lambda _: f'"{self.directory}"'),
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
        self.files[path] = bytes(old[:at]) + bytes(call.block) if start else call.block

    def _read_file(self, call: Call) -> bytes:
        return block_of(bytes(self._file(call.parts(1, 1)[0])))

    def _open_waveform(self, call: Call) -> None:
        (text,) = call.parts(1, 1)
        name = self._path(text).rsplit("\\", 1)[-1].rsplit(".", 1)[0]
        self._keep(read_wfmx(self._file(text), name))
        self._touched()

    def _open_sequence(self, call: Call) -> None:
        found = read_seqx(self._file(call.parts(1, 1)[0]))
        for sequence in found.sequences.values():
            if len(sequence.steps) > STEPS or sequence.tracks > TRACKS:
                raise ScpiError(-223, f"{sequence.name} has too many steps or tracks")
        for wave in found.waves.values():
            _check_length(wave.samples.size, wave.name)
        for wave in found.waves.values():
            self._keep(wave)
        self.library.sequences.update(found.sequences)
        self._touched()

    def _keep(self, wave: Wave) -> None:
        _check_length(wave.samples.size, wave.name)
        self.library.waves[wave.name] = wave
        self._stamps[wave.name] = next(self._clock)

    # ---- waveform list

    def _waveforms(self) -> dict[str, Command]:
        waves = self.library.waves
        return {
            "WLISt:LIST": Command(ask=lambda _: '"' + ",".join(waves) + '"'),
            "WLISt:SIZE": Command(ask=lambda _: str(len(waves))),
            "WLISt:NAME": Command(ask=lambda c: _nth(list(waves), c)),
            "WLISt:WAVeform:NEW": Command(self._new_wave),
            "WLISt:WAVeform:DELete": Command(self._delete_wave),
            "WLISt:WAVeform:LENGth": Command(ask=lambda c: str(self._wave(c).samples.size)),
            "WLISt:WAVeform:DATA": Command(self._write_samples, self._read_samples),
            "WLISt:WAVeform:MARKer:DATA": Command(self._write_markers, self._read_markers),
            "WLISt:WAVeform:TSTamp": Command(ask=self._stamp),
            "WLISt:WAVeform:LMINimum": Command(ask=lambda _: str(SHORTEST)),
            "WLISt:WAVeform:LMAXimum": Command(ask=lambda _: str(LONGEST)),
            "WLISt:WAVeform:GRANularity": Command(ask=lambda _: str(GRANULARITY)),
        }

    def _wave(self, call: Call) -> Wave:
        name = string(call.parts(1, 3)[0])
        if name not in self.library.waves:
            raise ScpiError(-224, f"no waveform {name}")
        return self.library.waves[name]

    def _new_wave(self, call: Call) -> None:
        text, size, *_ = call.parts(2, 3)
        _check_length(integer(size), text)
        self._keep(Wave(string(text), np.zeros(integer(size), np.float32)))
        self._touched()

    def _delete_wave(self, call: Call) -> None:
        (text,) = call.parts(1, 1)
        if text.upper() == "ALL":
            self.library.waves.clear()
        else:
            del self.library.waves[self._wave(call).name]
        self._touched()

    def _span(self, call: Call, wave: Wave, most: int) -> tuple[int, int]:
        """Return first sample and count: start and size may be left out."""
        numbers = [integer(text) for text in call.parts(1, 3)[1:]]
        start = numbers[0] if numbers else 0
        size = min(most, numbers[1]) if len(numbers) > 1 else most
        if start < 0 or size < 0 or start + size > wave.samples.size:
            raise ScpiError(-222, f"{wave.name} has {wave.samples.size} samples")
        return start, size

    def _write_samples(self, call: Call) -> None:
        wave = self._wave(call)
        values = _array(call, "<f4")
        start, size = self._span(call, wave, values.size)
        samples = wave.samples.copy()
        samples[start : start + size] = values[:size]
        self._keep(make_wave(wave.name, samples, wave.markers))
        self._touched()

    def _read_samples(self, call: Call) -> bytes:
        wave = self._wave(call)
        start, size = self._span(call, wave, wave.samples.size - _start(call))
        return block_of(wave.samples[start : start + size].astype("<f4").tobytes())

    def _write_markers(self, call: Call) -> None:
        """Bit 7 is marker 1 ... bit 4 is marker 4: the opposite end of a WFMX file's byte."""
        wave = self._wave(call)
        values = _array(call, "u1")
        start, size = self._span(call, wave, values.size)
        old = np.zeros(wave.samples.size, np.uint8) if wave.markers is None else wave.markers
        markers = old.copy()
        markers[start : start + size] = _mirrored(values[:size])
        self._keep(Wave(wave.name, wave.samples, markers))
        self._touched()

    def _read_markers(self, call: Call) -> bytes:
        wave = self._wave(call)
        start, size = self._span(call, wave, wave.samples.size - _start(call))
        markers = np.zeros(wave.samples.size, np.uint8) if wave.markers is None else wave.markers
        return block_of(_mirrored(markers[start : start + size]).tobytes())

    def _stamp(self, call: Call) -> str:
        return f'"{self._stamps[self._wave(call).name]:08d}"'

    # ---- sequence list

    def _sequences(self) -> dict[str, Command]:
        sequences = self.library.sequences
        return {
            "SLISt:SIZE": Command(ask=lambda _: str(len(sequences))),
            "SLISt:NAME": Command(ask=lambda c: _nth(list(sequences), c)),
            "SLISt:SEQuence:NEW": Command(self._new_sequence),
            "SLISt:SEQuence:DELete": Command(self._delete_sequence),
            "SLISt:SEQuence:LENGth": Command(ask=lambda c: str(len(self._sequence(c).steps))),
            "SLISt:SEQuence:TRACk": Command(ask=lambda c: str(self._sequence(c).tracks)),
            "SLISt:SEQuence:TRACk:MAX": Command(ask=lambda _: str(TRACKS)),
            "SLISt:SEQuence:STEP:MAX": Command(ask=lambda _: str(STEPS)),
            "SLISt:SEQuence:STEP:RCOunt:MAX": Command(ask=lambda _: str(REPEATS)),
        }

    def _sequence(self, call: Call) -> Sequence:
        name = string(call.parts(1, 3)[0])
        if name not in self.library.sequences:
            raise ScpiError(-224, f"no sequence {name}")
        return self.library.sequences[name]

    def _new_sequence(self, call: Call) -> None:
        text, steps, *tracks = call.parts(2, 3)
        length, width = integer(steps), integer(tracks[0]) if tracks else TRACKS
        if not 1 <= length <= STEPS or not 1 <= width <= TRACKS:
            raise ScpiError(-222, f"{length} steps, {width} tracks")
        table = [Step([None] * width) for _ in range(length)]
        self.library.sequences[string(text)] = Sequence(string(text), table, width)
        self._touched()

    def _delete_sequence(self, call: Call) -> None:
        if call.parts(1, 1)[0].upper() == "ALL":
            self.library.sequences.clear()
        else:
            del self.library.sequences[self._sequence(call).name]
        self._touched()

    # ---- steps of a sequence

    def _steps(self) -> dict[str, Command]:
        step = "SLISt:SEQuence:STEP#:"
        return {
            step + "TASSet#:WAVeform": Command(self._set_asset),
            step + "TASSet#": Command(ask=self._asset),
            step + "TASSet:SEQuence": Command(self._set_subsequence),
            step + "RCOunt": Command(self._set_repeats, self._repeats),
            step + "GOTO": Command(self._set_goto, self._goto),
            step + "WINPut": Command(self._set_wait, lambda c: _TRIGGER_NAMES[self._step(c).wait]),
        }

    def _step(self, call: Call) -> Step:
        sequence = self._sequence(call)
        if not 1 <= call.suffixes[0] <= len(sequence.steps):
            raise ScpiError(-114, f"{sequence.name} has {len(sequence.steps)} steps")
        return sequence.steps[call.suffixes[0] - 1]

    def _track(self, call: Call, step: Step) -> int:
        if not 1 <= call.suffixes[1] <= len(step.assets):
            raise ScpiError(-114, f"no track {call.suffixes[1]}")
        return call.suffixes[1] - 1

    def _set_asset(self, call: Call) -> None:
        step, name = self._step(call), string(call.parts(2, 2)[1])
        if name not in self.library.waves:
            raise ScpiError(-224, f"no waveform {name}")
        step.assets[self._track(call, step)] = name
        self._touched()

    def _asset(self, call: Call) -> str:
        step = self._step(call)
        name = step.subsequence or step.assets[self._track(call, step)]
        return f'"{name or ""}"'

    def _set_subsequence(self, call: Call) -> None:
        self._step(call).subsequence = string(call.parts(2, 2)[1])
        self._touched()

    def _set_repeats(self, call: Call) -> None:
        word = call.parts(2, 2)[1].upper()
        words = {"ONCE": 1, "INF": FOR_EVER, "INFINITE": FOR_EVER}
        repeats = words[word] if word in words else integer(word)
        if word not in words and not 1 <= repeats <= REPEATS:
            raise ScpiError(-222, word)
        self._step(call).repeats = repeats
        self._touched()

    def _repeats(self, call: Call) -> str:
        repeats = self._step(call).repeats
        return {1: "ONCE", FOR_EVER: "INF"}.get(repeats, str(repeats))

    def _set_goto(self, call: Call) -> None:
        word = call.parts(2, 2)[1].upper()
        length = len(self._sequence(call).steps)
        words = {"NEXT": NEXT, "FIRST": 1, "FIRS": 1, "LAST": length, "END": END}
        goto = words[word] if word in words else integer(word)
        if word not in words and not 1 <= goto <= length:
            raise ScpiError(-222, word)
        self._step(call).goto = goto
        self._touched()

    def _goto(self, call: Call) -> str:
        goto = self._step(call).goto
        return {NEXT: "NEXT", END: "END"}.get(goto, str(goto))

    def _set_wait(self, call: Call) -> None:
        word = call.parts(2, 2)[1].upper()
        if word not in _TRIGGERS:
            raise ScpiError(-224, word)
        self._step(call).wait = _TRIGGERS[word]
        self._touched()


def _check_length(size: int, name: str) -> None:
    if not SHORTEST <= size <= LONGEST:
        raise ScpiError(-222, f"{name}: {size} samples; {SHORTEST} to {LONGEST} are possible")


def _nth(names: list[str], call: Call) -> str:
    number = integer(call.parts(1, 1)[0])
    if not 1 <= number <= len(names):
        raise ScpiError(-222, str(number))
    return f'"{names[number - 1]}"'


def _start(call: Call) -> int:
    numbers = call.parts(1, 3)[1:]
    return integer(numbers[0]) if numbers else 0


def _array(call: Call, dtype: str) -> NDArray[Any]:
    if call.block is None:
        raise ScpiError(-109, "a block of data")
    if len(call.block) % np.dtype(dtype).itemsize:
        raise ScpiError(-161, "not a whole number of samples")
    return np.frombuffer(call.block, dtype)


def _mirrored(
    markers: NDArray[np.uint8],
) -> NDArray[np.uint8]:
    """Exchange bits 7..4 with bits 0..3, end for end."""
    bits = np.unpackbits(markers.astype(np.uint8), bitorder="big").reshape(-1, 8)
    return np.packbits(bits, axis=1, bitorder="little").ravel()
