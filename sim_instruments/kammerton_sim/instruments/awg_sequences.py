"""The sequence list of a simulated AWG5208: SLISt commands."""

from __future__ import annotations

from collections.abc import Callable

from kammerton_sim.instruments.awg_waves import nth
from kammerton_sim.instruments.sequence import END, FOR_EVER, NEXT, Library, Sequence, Step
from kammerton_sim.wire.commands import Call, Command
from kammerton_sim.wire.errors import ScpiError
from kammerton_sim.wire.scpi import integer, string

STEPS, REPEATS, TRACKS = 16_383, 1 << 20, 8
_TRIGGERS = {"OFF": "", "ATR": "A", "ATRIGGER": "A", "BTR": "B", "BTRIGGER": "B",
             "ITR": "I", "ITRIGGER": "I"}  # fmt: skip
_TRIGGER_NAMES = {"": "OFF", "A": "ATR", "B": "BTR", "I": "ITR"}


class SequenceList:
    """Sequences by name. `touched()` is called after every change."""

    def __init__(self, library: Library, touched: Callable[[], None]) -> None:
        self._library, self._touched = library, touched

    def commands(self) -> dict[str, Command]:
        """Return the commands by header."""
        return {**self._lists(), **self._steps()}

    def _lists(self) -> dict[str, Command]:
        sequences = self._library.sequences
        return {
            "SLISt:SIZE": Command(ask=lambda _: str(len(sequences))),
            "SLISt:NAME": Command(ask=lambda c: nth(list(sequences), c)),
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
        if name not in self._library.sequences:
            raise ScpiError(-224, f"no sequence {name}")
        return self._library.sequences[name]

    def _new_sequence(self, call: Call) -> None:
        text, steps, *tracks = call.parts(2, 3)
        length, width = integer(steps), integer(tracks[0]) if tracks else TRACKS
        if not 1 <= length <= STEPS or not 1 <= width <= TRACKS:
            raise ScpiError(-222, f"{length} steps, {width} tracks")
        table = [Step([None] * width) for _ in range(length)]
        self._library.sequences[string(text)] = Sequence(string(text), table, width)
        self._touched()

    def _delete_sequence(self, call: Call) -> None:
        if call.parts(1, 1)[0].upper() == "ALL":
            self._library.sequences.clear()
        else:
            del self._library.sequences[self._sequence(call).name]
        self._touched()

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
        if name not in self._library.waves:
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
