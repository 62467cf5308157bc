"""Every error that Kammerton raises on purpose.

::

    KammertonError
    ├── LabError            lab.toml cannot be used; carries every problem found
    ├── InstrumentError     an instrument is unreachable, silent or answers nonsense
    │   ├── InstrumentInUse another process has it
    │   ├── SettingsChanged not set as it was left: a person, another program, a fault
    │   └── LastingFault    what it says lasts until a person has seen to it
    ├── OutputRefused       the gate did not let a physical output change
    │   └── DriveInhibited  drive is forbidden now; it may be allowed later
    │       └── Held        a person said "hands off"
    ├── NotApproved         a person said no before the first write of a kind
    ├── ProgramError        a program cannot be played on this bench
    ├── CalibrationError    the code of a calibration, anybody's, has failed
    ├── CalibrationHangs    it does not return: only the end of the process ends it
    ├── PlugInError         a plug-in cannot be imported, or declares what there is not
    ├── NoSuchName          what is looked up by name is not there (also a KeyError)
    ├── StoreError          the database cannot be opened, read or written
    │   ├── NotMeasured     what was asked for was refused, or nobody could do it
    │   ├── OutcomeUnknown  what was asked for may be done, or be done yet
    │   ├── Overtaken       somebody else made a revision since the caller looked
    │   ├── StoreInUse      another process has it open for writing
    │   ├── StoreLost       it is damaged or gone: nothing more is stored
    │   └── StoreUnavailable  the disk is full, or another program's lock holds; it may pass
    ├── BrokerError         the broker is unreachable, refuses, or went away
    └── TraceError          measured data cannot be read or used (also a ValueError)
"""

from __future__ import annotations


class KammertonError(Exception):
    """The root: whatever Kammerton raises on purpose."""


class LabError(KammertonError):
    """lab.toml cannot be used; `problems` has one line for each mistake."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class InstrumentError(KammertonError):
    """An instrument is unreachable, silent or answers nonsense.

    instrument: its name in lab.toml; None where several failed, or nobody knows which.
    """

    def __init__(self, text: str = "", *, instrument: str | None = None) -> None:
        super().__init__(text)
        self.instrument = instrument


class InstrumentInUse(InstrumentError):
    """Another process on this machine has it, which the message names."""


class SettingsChanged(InstrumentError):
    """An instrument is not set as it was left, by a hand, a program, a power cycle or a fault."""


class LastingFault(InstrumentError):
    """What is wrong with an instrument lasts until a person has seen to it.

    error: in the words of the instrument, or what somebody does to it. remedy: what there is to see
    to.
    """

    def __init__(self, error: str, remedy: str, *, instrument: str, verb: str = "says") -> None:
        super().__init__(f"{instrument} {verb} {error}; {remedy}", instrument=instrument)
        self.error, self.remedy = error, remedy


class OutputRefused(KammertonError):
    """The gate did not let a physical output change; the message names limit and value."""


class DriveInhibited(OutputRefused):
    """Drive is forbidden now, by the interlock or a person; what was asked for may be right."""


class Held(DriveInhibited):
    """A person holds what would be touched."""


class NotApproved(KammertonError):
    """A person said no when asked before the first write of a kind to an output."""


class ProgramError(KammertonError):
    """A program cannot be played on this bench."""


class CalibrationError(KammertonError):
    """The code of a calibration, anybody's, has failed; `calibration` is its name."""

    def __init__(self, calibration: str, message: str) -> None:
        super().__init__(f"{calibration}: {message}")
        self.calibration = calibration


class CalibrationHangs(KammertonError):
    """The code of a calibration, anybody's, does not return, and nobody can end its thread."""


class PlugInError(KammertonError):
    """Plug-ins cannot be used; `problems` has one line for each mistake, which names its plug-in.

    failure: what the import of the first of them raised; None where all could be imported.
    """

    def __init__(self, problems: list[str], failure: BaseException | None = None) -> None:
        super().__init__("; ".join(problems))
        self.problems, self.failure = problems, failure


class NoSuchName(KammertonError, KeyError):
    """What is looked up by name is not there; the message says which names there are."""

    def __init__(self, text: str, name: str) -> None:
        super().__init__(text)
        self.name = name

    def __str__(self) -> str:
        """Return the message as it is: a KeyError would put it in quotes."""
        return str(self.args[0])


class StoreError(KammertonError):
    """The database cannot be opened, read or written."""


class NotMeasured(StoreError):
    """What a person asked for was refused, or nobody is there who could measure it; says why."""

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook shows of it, as IPython asks: the reason, not our lines."""
        return [f"{type(self).__name__}: {self}"]


class OutcomeUnknown(StoreError):
    """What was asked for has no answer: it may be done, or be done yet; says where to see."""


class Overtaken(StoreError):
    """Somebody else made a revision since the caller looked; nothing was stored."""


class StoreInUse(StoreError):
    """Another process has the database open for writing; the message names it where it can."""


class StoreLost(StoreError):
    """It is damaged, or another file has its name: nothing is stored until a person saw to it."""


class StoreUnavailable(StoreError):
    """The disk is full or another program holds a lock; the same call may succeed later."""


class BrokerError(KammertonError):
    """The broker is unreachable, refuses, or went away.

    refused: it is there and says no; a person must change something.
    """

    def __init__(self, text: str = "", *, refused: bool = False) -> None:
        super().__init__(text)
        self.refused = refused


class TraceError(KammertonError, ValueError):
    """Measured data cannot be read or used."""
