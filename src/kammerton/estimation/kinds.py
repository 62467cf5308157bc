"""Every kind of fit by name; each family declares its own."""

from __future__ import annotations

from kammerton.estimation.clouds import readout
from kammerton.estimation.curves import (
    allxy,
    benchmarking,
    decay,
    drag,
    drag_repetitions,
    drag_sequences,
    echo,
    fine_amplitude,
    interleaved,
    line,
    oscillation,
    rabi,
)
from kammerton.estimation.maps import (
    avoided_crossing,
    cz_chevron,
    punch_out,
    qubit_flux,
    resonator_flux,
)
from kammerton.estimation.resonances import dispersive, resonator
from kammerton.estimation.verdict.kind import Kind

FIT_KINDS: dict[str, Kind] = {
    **decay.KINDS, **echo.KINDS, **oscillation.KINDS, **rabi.KINDS, **resonator.KINDS, **line.KINDS,
    **benchmarking.KINDS, **interleaved.KINDS, **allxy.KINDS, **fine_amplitude.KINDS,
    **qubit_flux.KINDS, **cz_chevron.KINDS, **punch_out.KINDS, **resonator_flux.KINDS,
    **readout.KINDS, **dispersive.KINDS, **avoided_crossing.KINDS,
    **drag.KINDS, **drag_sequences.KINDS, **drag_repetitions.KINDS,
}  # fmt: skip
