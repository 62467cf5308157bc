"""From the form of lab.toml to the words of the house."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from kammerton.lab._designs import DesignForm
from kammerton.lab._form import Form
from kammerton.lab._forms import (
    BrokerForm,
    FeedlineForm,
    FlowForm,
    InstrumentForm,
    InterlockForm,
    LabForm,
    LineForm,
    PressureForm,
)
from kammerton.lab.document import Document
from kammerton.lab.values import PORTS
from kammerton.lab.words import (
    Band,
    Broker,
    Design,
    Feedline,
    InstrumentEntry,
    Interlock,
    IqLine,
    Lab,
    Limit,
    PiPulse,
    QubitEntry,
    ReadoutPulse,
    ResonatorEntry,
    Sync,
)


def to_lab(document: Document, form: LabForm) -> Lab:
    """Return the Lab of a form that has no problems; paths become absolute.

    They start where lab.toml really lies: whoever comes by a link means the same database.
    """
    file = document.file.resolve()
    feedlines = {name: _feedline(name, f) for name, f in form.feedlines.items()}
    qubits = {
        name: QubitEntry(name, q.resonator, _iq_line(q.drive), _designs(q), q.bias)
        for name, q in form.qubits.items()
    }
    return Lab(
        computer=form.computer.name,
        path=file,
        database=database_of(file, form.store.database),
        data=_path(file, form.store.data),
        sample_rate=form.computer.sample_rate,
        instruments={n: _instrument(document, n, i) for n, i in form.instruments.items()},
        qubits=qubits,
        resonators={
            n: ResonatorEntry(n, r.feedline, _designs(r)) for n, r in form.resonators.items()
        },
        feedlines=feedlines,
        sync=_sync(form, qubits, feedlines),
        pi_pulse=PiPulse(form.pulses.pi.length, form.pulses.pi.sigma),
        readout=ReadoutPulse(form.pulses.readout.length, form.pulses.readout.reset),
        interlock=_interlock(form.interlock),
        broker=_broker(file, form.broker) if form.broker else None,
        pictures=form.store.pictures,
        note=form.computer.note,
        heat_budget=_heat_budget(form),
        groups=form.groups,
    )


def _interlock(form: InterlockForm) -> Interlock:
    gauges = {name: _band(gauge, "Pa") for name, gauge in form.pressures.items()}
    if form.flow is not None:
        gauges["flow"] = _band(form.flow, "mol/s")
    return Interlock(**form.model_dump(exclude={"pressures", "flow"}), gauges=gauges)


def _band(form: PressureForm | FlowForm, unit: str) -> Band:
    low = -math.inf if form.min is None else form.min
    return Band(low, math.inf if form.max is None else form.max, unit)


def database_of(file: Path, text: str) -> Path | str:
    """Return the database of lab.toml: a file, or the URL of a server as it is."""
    return text if text.startswith("postgresql") else _path(file, text)


def _path(file: Path, text: str) -> Path:
    """Return a path of lab.toml; a relative one starts where lab.toml lies."""
    return file.parent / text


def _instrument(document: Document, name: str, form: InstrumentForm) -> InstrumentEntry:
    limits = {
        quantity: Limit(limit.min, limit.max, limit.max_rate, getattr(limit, "max_step", None))
        for quantity, limit in form.limits
        if limit
    }
    line = document.line(("instruments", name))
    return InstrumentEntry(
        name, form.driver, form.address, limits, line, form.safe, form.serial,
        attenuation=form.attenuation, max_at_device=form.max_at_device,
    )  # fmt: skip


def _iq_line(form: LineForm) -> IqLine:
    loss = form.attenuation
    return IqLine(
        form.i, form.q, form.source, form.carrier, form.power,
        loss.total, form.max_at_device, loss.stages, form.leakage,
    )  # fmt: skip


def _heat_budget(form: LabForm) -> dict[str, float]:
    stages = () if form.heat_budget is None else form.heat_budget
    return {stage: watts for stage, watts in stages if watts is not None}


def _feedline(name: str, form: FeedlineForm) -> Feedline:
    return Feedline(name, _iq_line(form), form.digitizer, form.trigger, form.delay)


def _designs(form: Form) -> dict[str, Design]:
    return {
        name: Design(value.value, value.tolerance)
        for name, value in form
        if isinstance(value, DesignForm)
    }


def _sync(
    form: LabForm, qubits: Mapping[str, QubitEntry], feedlines: Mapping[str, Feedline]
) -> Sync:
    """Return how generators start together; followers own channels and are not the master."""
    lines = [qubit.drive for qubit in qubits.values()] + [f.line for f in feedlines.values()]
    channels = [c for line in lines for c in (line.i, line.q)]
    channels += [f.trigger for f in feedlines.values()]
    owners = dict.fromkeys(c.instrument for c in channels)
    followers = tuple(name for name in form.instruments if name in owners)
    master = form.sync.master
    return Sync(master, form.sync.go, tuple(name for name in followers if name != master))


def _broker(file: Path, form: BrokerForm) -> Broker:
    url = form.url
    return Broker(
        host=url.hostname or "",
        port=url.port or PORTS[url.scheme],
        tls=url.scheme == "mqtts",
        ca_file=_path(file, form.ca_file) if form.ca_file else None,
        username=form.username,
        password_file=_path(file, form.password_file) if form.password_file else None,
        commands=_path(file, form.commands) if form.commands else None,
    )
