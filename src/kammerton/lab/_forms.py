"""The shape of lab.toml for pydantic; it stays in this room."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, get_args
from urllib.parse import SplitResult

from pydantic import Field, PlainValidator, StrictBool, create_model

from kammerton.lab import values
from kammerton.lab._designs import designs
from kammerton.lab._form import Form, Tabled
from kammerton.lab.values import channel, count, one_of, quantity
from kammerton.lab.words import STAGES, Attenuation, Channel, SafeState

Text = Annotated[str, PlainValidator(values.text)]
Shown = Annotated[str, PlainValidator(values.shown)]
DatabaseName = Annotated[str, PlainValidator(values.database)]
FileName = Annotated[str, PlainValidator(values.file_name)]
Names = Annotated[tuple[str, ...], PlainValidator(values.names)]
ChannelText = Annotated[Channel, PlainValidator(channel)]
Carrier = Annotated[float, PlainValidator(quantity("Hz", 10e6, 40e9))]
Power = Annotated[float, PlainValidator(quantity("dBm", -150.0, 40.0))]
Temperature = Annotated[float, PlainValidator(quantity("K", 1e-3, 300.0))]


class ComputerForm(Form):
    """[computer]."""

    name: Annotated[str, PlainValidator(values.computer)]
    note: Annotated[str, PlainValidator(values.note)] = ""
    sample_rate: Annotated[float, PlainValidator(quantity("Hz", 1e6, 100e9))]


class StoreForm(Form):
    """[store]."""

    database: DatabaseName = "kammerton.sqlite"
    data: FileName = "runs"
    pictures: StrictBool = True


class BrokerForm(Form):
    """[broker]."""

    url: Annotated[SplitResult, PlainValidator(values.broker)]
    username: Text | None = None
    password_file: FileName | None = None
    ca_file: FileName | None = None
    commands: FileName | None = None


class PressureForm(Form):
    """[interlock.pressures.NAME]."""

    min: Annotated[float, PlainValidator(quantity("Pa", 0.0, 1e7))] | None = None
    max: Annotated[float, PlainValidator(quantity("Pa", 0.0, 1e7))] | None = None


class FlowForm(Form):
    """[interlock.flow]."""

    min: Annotated[float, PlainValidator(quantity("mol/s", 0.0, 1.0))] | None = None
    max: Annotated[float, PlainValidator(quantity("mol/s", 0.0, 1.0))] | None = None


class InterlockForm(Form):
    """[interlock]."""

    fridge: Text
    drive_below: Temperature
    drive_off_above: Temperature
    max_age: Annotated[float, PlainValidator(quantity("s", 0.1, 3600.0))]
    rearm_readings: Annotated[int, PlainValidator(count(1, 100))] = 3
    frozen_after: Annotated[float, PlainValidator(quantity("s", 0.0, 86400.0))] = 600.0
    second: Text | None = None
    pressures: Annotated[dict[str, Annotated[PressureForm, Tabled]], Tabled] = Field(
        default_factory=dict
    )
    flow: Annotated[FlowForm, Tabled] | None = None


class VoltsForm(Form):
    """limits.volts, peak and signed."""

    min: Annotated[float, PlainValidator(quantity("V", -10.0, 10.0))]
    max: Annotated[float, PlainValidator(quantity("V", -10.0, 10.0))]
    max_rate: Annotated[float, PlainValidator(quantity("V/s", 1e-6, 1e12))]
    max_step: Annotated[float, PlainValidator(quantity("V", 1e-6, 10.0))] | None = None


class FrequencyForm(Form):
    """limits.frequency."""

    min: Carrier
    max: Carrier
    max_rate: Annotated[float, PlainValidator(quantity("Hz/s", 1.0, 1e15))]


class PowerForm(Form):
    """limits.power."""

    min: Power
    max: Power
    max_rate: Annotated[float, PlainValidator(quantity("dB/s", 1e-3, 1e6))]


class LimitsForm(Form):
    """limits of one instrument."""

    volts: Annotated[VoltsForm, Tabled] | None = None
    frequency: Annotated[FrequencyForm, Tabled] | None = None
    power: Annotated[PowerForm, Tabled] | None = None


Losses = Annotated[Attenuation, PlainValidator(values.attenuation)]
Loss = Annotated[float, PlainValidator(quantity("dB", 0.0, 200.0))]
AtDevice = Annotated[float, PlainValidator(quantity("dBm", -200.0, 40.0))]


class InstrumentForm(Form):
    """[instruments.NAME]."""

    driver: Text
    address: Shown
    limits: Annotated[LimitsForm, Tabled] = LimitsForm()
    safe: Annotated[SafeState, PlainValidator(one_of("off", "hold", "zero"))] | None = None
    serial: Text | None = None
    attenuation: Loss = 0.0
    max_at_device: AtDevice | None = None


class SyncForm(Form):
    """[sync]."""

    master: Text
    go: ChannelText


class PiForm(Form):
    """[pulses.pi]."""

    length: Annotated[float, PlainValidator(quantity("s", 1e-9, 100e-6, usual="ns"))]
    sigma: Annotated[float, PlainValidator(quantity("s", 0.1e-9, 100e-6, usual="ns"))]


class ReadoutForm(Form):
    """[pulses.readout]."""

    length: Annotated[float, PlainValidator(quantity("s", 10e-9, 1e-3))]
    reset: Annotated[float, PlainValidator(quantity("s", 0.0, 10.0))]


class PulsesForm(Form):
    """[pulses]."""

    pi: Annotated[PiForm, Tabled]
    readout: Annotated[ReadoutForm, Tabled]


class LineForm(Form):
    """A pair of channels, their mixer's source and its carrier."""

    i: ChannelText
    q: ChannelText
    source: Text
    carrier: Carrier
    power: Power
    attenuation: Losses = Attenuation(0.0)
    max_at_device: AtDevice | None = None
    leakage: AtDevice | None = None


class FeedlineForm(LineForm):
    """[feedlines.NAME]."""

    digitizer: Text
    trigger: ChannelText
    delay: Annotated[float, PlainValidator(quantity("s", 0.0, 1e-3))]


class QubitBase(Form):
    """[qubits.NAME] without its design values."""

    resonator: Text
    drive: Annotated[LineForm, Tabled]
    bias: Text | None = None


class ResonatorBase(Form):
    """[resonators.NAME] without its design values."""

    feedline: Text


Watts = Annotated[float, PlainValidator(quantity("W", 1e-12, 100.0))]

if TYPE_CHECKING:
    QubitForm = QubitBase
    ResonatorForm = ResonatorBase
    HeatBudgetForm = Form
else:
    cold: dict[str, Any] = dict.fromkeys(STAGES[1:], (Watts | None, None))
    HeatBudgetForm = create_model("HeatBudgetForm", __base__=Form, **cold)
    QubitForm = create_model("QubitForm", __base__=QubitBase, **designs("qubit"))
    ResonatorForm = create_model("ResonatorForm", __base__=ResonatorBase, **designs("resonator"))


class LabForm(Form):
    """The whole file."""

    computer: Annotated[ComputerForm, Tabled]
    store: Annotated[StoreForm, Tabled] = StoreForm()
    broker: Annotated[BrokerForm, Tabled] | None = None
    interlock: Annotated[InterlockForm, Tabled]
    heat_budget: Annotated[HeatBudgetForm, Tabled] | None = None
    instruments: Annotated[dict[str, Annotated[InstrumentForm, Tabled]], Tabled]
    sync: Annotated[SyncForm, Tabled]
    pulses: Annotated[PulsesForm, Tabled]
    feedlines: Annotated[dict[str, Annotated[FeedlineForm, Tabled]], Tabled]
    qubits: Annotated[dict[str, Annotated[QubitForm, Tabled]], Tabled]
    resonators: Annotated[dict[str, Annotated[ResonatorForm, Tabled]], Tabled]
    groups: Annotated[dict[str, Names], Tabled] = Field(default_factory=dict)


def keys_at(path: tuple[str | int, ...]) -> tuple[str, ...]:
    """Return the keys that a table of lab.toml may have; none where any name may stand."""
    kind: Any = LabForm
    for key in path:
        kind = _below(kind, key)
    return tuple(kind.model_fields) if _is_form(kind) else ()


def _below(kind: Any, key: str | int) -> Any:
    if _is_form(kind):
        return _bare(kind.model_fields[key].annotation) if key in kind.model_fields else None
    return _bare(get_args(kind)[1]) if get_args(kind) else None


def _bare(annotation: Any) -> Any:
    """Take Annotated[...] and `| None` off a type."""
    while not isinstance(annotation, type) and get_args(annotation):
        if getattr(annotation, "__origin__", None) is dict:
            return annotation
        annotation = get_args(annotation)[0]
    return annotation


def _is_form(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Form)
