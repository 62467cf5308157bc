"""The words of the house: frozen dataclasses and Protocols. Imports nothing of ours."""

from kammerton.model.belief import Belief
from kammerton.model.calibration import Calibration, Effort, Give, Need, Target
from kammerton.model.clock import LabClock
from kammerton.model.errors import (
    BrokerError,
    CalibrationError,
    CalibrationHangs,
    DriveInhibited,
    Held,
    InstrumentError,
    InstrumentInUse,
    KammertonError,
    LabError,
    LastingFault,
    NotApproved,
    NotMeasured,
    OutcomeUnknown,
    OutputRefused,
    Overtaken,
    ProgramError,
    SettingsChanged,
    StoreError,
    StoreInUse,
    StoreUnavailable,
    TraceError,
)
from kammerton.model.estimate import Estimate
from kammerton.model.fit import Advice, Fit, Value, Verdict
from kammerton.model.parameter import KINDS, QUBIT, RESONATOR, ParameterKind, kind_of
from kammerton.model.program import Program, Pulse, Readout, Sequence, Wait
from kammerton.model.run import Run
from kammerton.model.trace import Records, Trace

__all__ = [
    "KINDS",
    "QUBIT",
    "RESONATOR",
    "Advice",
    "Belief",
    "BrokerError",
    "Calibration",
    "CalibrationError",
    "CalibrationHangs",
    "DriveInhibited",
    "Effort",
    "Estimate",
    "Fit",
    "Give",
    "Held",
    "InstrumentError",
    "InstrumentInUse",
    "KammertonError",
    "LabClock",
    "LabError",
    "LastingFault",
    "Need",
    "NotApproved",
    "NotMeasured",
    "OutcomeUnknown",
    "OutputRefused",
    "Overtaken",
    "ParameterKind",
    "Program",
    "ProgramError",
    "Pulse",
    "Readout",
    "Records",
    "Run",
    "Sequence",
    "SettingsChanged",
    "StoreError",
    "StoreInUse",
    "StoreUnavailable",
    "Target",
    "Trace",
    "TraceError",
    "Value",
    "Verdict",
    "Wait",
    "kind_of",
]
