"""R&S ZNB20, two ports: a vector network analyzer on a readout line.

From the manual's pages on remote control: S-parameter and trace commands, FDATa and SDATa, ASCII
by default, negative numbers of SCPI in the error queue. From the manual of the ZVL and a public
driver of the ZVA: all errors at once. From the upstream driver: everything that
it asks, limits of power and frequency, integer answers. From the manual of the ZNC: -10 dBm after
a reset. From memory: the other defaults (it comes up and resets with the RF on, sweeping without
end), rounding of the bandwidth, *RST keeping one trace. Only S21 has physics: S11, S22 and S12
show the receivers' noise. A sweep takes points / bandwidth on the laboratory's clock, at its pace;
its tone does not act on the qubits.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from kammerton_sim.evidence.ledger import Ledger
from kammerton_sim.instruments.znb20_settings import CHANNELS, HIGHEST, LOWEST, SETTINGS
from kammerton_sim.instruments.znb20_stimulus import ENDS, Stimulus, channel_of
from kammerton_sim.instruments.znb20_traces import Complex, Real, Trace, ascii_of, formatted
from kammerton_sim.wire.commands import Call, Command
from kammerton_sim.wire.errors import ScpiError
from kammerton_sim.wire.scpi import string
from kammerton_sim.wire.settings import Switch, Value

Scattering = Callable[[Real, float, float], tuple[Complex, float]]
"""scattering(hertz, volts, bandwidth) -> S21 and the noise of each quadrature."""

_PARAMETER = re.compile(r"S[12][12]")
_LEAST_VOLTS = 1e-9


class Znb20(Stimulus):
    """One analyzer. passed(at) tells the laboratory's clock that it is at least `at`.

    pace: how many times faster than wall time it sweeps; None: at once.
    """

    identity = "Rohde-Schwarz,ZNB20-2Port,1311601062{serial:06d},3.40"
    options = "ZNB20-B22"

    def __init__(
        self,
        name: str,
        ledger: Ledger,
        scattering: Scattering,
        passed: Callable[[float], None],
        serial: int = 1,
        seed: int = 0,
        pace: float | None = None,
    ) -> None:
        self._scattering, self._passed, self._pace = scattering, passed, pace
        self._noise = np.random.default_rng(seed)
        self._traces = {}
        self._selected: dict[int, str] = {}
        self._swept = {}
        super().__init__(
            name, ledger, SETTINGS, {**self._stimulus(), **self._general(), **self._measuring()}
        )
        self.identity = self.identity.format(serial=serial)
        self._traces["Trc1"], self._selected[1] = Trace("Trc1", 1, "S21"), "Trc1"
        self._swept[1] = self._ends(1)

    def power_on(self) -> dict[tuple[str, str, str], Value]:
        """Return what shapes the output at power-on: it sweeps all that it can, radiating."""
        ends = zip(ENDS, (LOWEST, HIGHEST), strict=True)
        return super().power_on() | {(self.name, "rf1", what): end for what, end in ends}

    def label(self, suffixes: tuple[int, ...]) -> str:
        """Return the name of an output: each channel has its own power; "all" of the box."""
        return f"rf{suffixes[0]}" if suffixes else "all"

    def levels(self) -> dict[str, dict[str, Any] | None]:
        """Return what each channel with a trace puts out at port 1; None when the RF is off."""
        on = bool(self.value("on"))
        return {
            f"{self.name}.{self.label((channel,))}": self._tone(channel) if on else None
            for channel in sorted({1} | {trace.channel for trace in self._traces.values()})
        }

    def _tone(self, channel: int) -> dict[str, Any] | None:
        """Return power and ends of what a channel sweeps; None without a trace: then it is mute."""
        ends = dict(zip(ENDS, self._swept.get(channel, (None, None)), strict=True))
        return None if None in ends.values() else {"power": self.value("power", channel), **ends}

    def reset(self) -> None:
        """Defaults, and one trace."""
        super().reset()
        self._traces.clear()
        self._define("Trc1", 1, "S21")
        self._selected = {1: "Trc1"}
        for channel in list(self._swept):
            self._note_sweep(channel)

    def changed(self, key: str, suffixes: tuple[int, ...]) -> None:
        """Forget the sweeps of a channel whose stimulus changed, and note what it sweeps now."""
        if key in ("start", "stop", "fixed", "sweep"):
            self._note_sweep(suffixes[0])
        if suffixes and key not in ("format", "continuous", "measured"):
            for trace in self._traces.values():
                if trace.channel == suffixes[0]:
                    trace.clear()

    def _general(self) -> dict[str, Command]:
        return {
            "SENSe#:CORRection:EDELay#:AUTO": Command(lambda c: self._compensate(channel_of(c))),
            "OUTPut#[:STATe]": Command(
                lambda c: self.put("on", (), Switch().parse(c.parts(1, 1)[0])),
                lambda _: self.tamper.answered("on", Switch().show(self.value("on"))),
            ),
            "SYSTem:ERRor:ALL": Command(ask=lambda _: self.every_error()),
            "INSTrument:PORT:COUNt": Command(ask=lambda _: "2"),
            "STATus:QUEStionable:INTegrity:HARDware": Command(ask=lambda _: "0"),
        }

    def _measuring(self) -> dict[str, Command]:
        return {
            "CALCulate#:PARameter:SDEFine": Command(self._define_trace),
            "CALCulate#:PARameter:MEASure": Command(ask=self._ask_parameter),
            "CALCulate#:PARameter:SELect": Command(self._select, self._ask_selected),
            "CALCulate#:PARameter:DELete:ALL": Command(lambda _: self._delete_all()),
            "CALCulate#:PARameter:DELete": Command(self._delete),
            "CALCulate#:DATA": Command(ask=self._data),
            "CALCulate#:DATA:STIMulus": Command(ask=lambda c: ascii_of(self._hertz(channel_of(c)))),
            "CONFigure:TRACe#:CATalog": Command(ask=lambda _: self._catalogue()),
            "CONFigure:CHANnel#:CATalog": Command(ask=lambda _: self._channels()),
            "SENSe#:AVERage:CLEar": Command(lambda c: self._clear_means(channel_of(c))),
            "INITiate#[:IMMediate]": Command(lambda c: self._initiate(channel_of(c))),
            "INITiate#:CONTinuous:ALL": Command(self._set_continuous),
            "DISPlay:LAYout": Command(lambda c: None),
            "DISPlay:LAYout:GRID": Command(lambda c: None),
            "DISPlay:TRACe#:Y[:SCALe]:AUTO": Command(lambda c: None),
        }

    def _define(self, name: str, channel: int, parameter: str) -> None:
        self._traces[name] = Trace(name, channel, parameter)
        self._selected[channel] = name
        self._note_sweep(channel)

    def _define_trace(self, call: Call) -> None:
        name, parameter = (string(text) for text in call.parts(2, 2))
        if not name or len(name) > 64 or "," in name:
            raise ScpiError(-224, name[:20])
        if _PARAMETER.fullmatch(parameter.upper()) is None:
            raise ScpiError(-224, parameter[:20])
        if len(self._traces) >= 128:
            raise ScpiError(-223, "128 traces are the most")
        self._define(name, channel_of(call), parameter.upper())

    def _trace(self, text: str) -> Trace:
        name = string(text)
        if name not in self._traces:
            raise ScpiError(-224, f"no trace {name[:20]}")
        return self._traces[name]

    def _active(self, channel: int) -> Trace:
        name = self._selected.get(channel)
        if name is None:
            raise ScpiError(-221, f"channel {channel} has no trace")
        return self._traces[name]

    def _ask_parameter(self, call: Call) -> str:
        texts = call.parts(0, 1)
        trace = self._trace(texts[0]) if texts else self._active(channel_of(call))
        return f"'{trace.parameter}'"

    def _select(self, call: Call) -> None:
        trace = self._trace(call.parts(1, 1)[0])
        if trace.channel != channel_of(call):
            raise ScpiError(-221, f"{trace.name} belongs to channel {trace.channel}")
        self._selected[trace.channel] = trace.name

    def _ask_selected(self, call: Call) -> str:
        return f"'{self._active(channel_of(call)).name}'"

    def _delete(self, call: Call) -> None:
        trace = self._trace(call.parts(1, 1)[0])
        del self._traces[trace.name]
        if self._selected.get(trace.channel) == trace.name:
            del self._selected[trace.channel]
        self._note_sweep(trace.channel)

    def _delete_all(self) -> None:
        self._traces.clear()
        self._selected.clear()
        for channel in list(self._swept):
            self._note_sweep(channel)

    def _catalogue(self) -> str:
        names = list(self._traces)
        return "'" + ",".join(f"{n},{name}" for n, name in enumerate(names, 1)) + "'"

    def _channels(self) -> str:
        """Return numbers and names of all channels, as public drivers read them: '1,Ch1,2,Ch2'."""
        numbers = sorted({1} | {trace.channel for trace in self._traces.values()})
        return "'" + ",".join(f"{n},Ch{n}" for n in numbers) + "'"

    def _clear_means(self, channel: int) -> None:
        for trace in self._traces.values():
            if trace.channel == channel:
                trace.clear()

    def _set_continuous(self, call: Call) -> None:
        on = Switch().parse(call.parts(1, 1)[0])
        for channel in range(1, CHANNELS + 1):
            self.put("continuous", (channel,), on)

    # ---------------------------------------------------------------- sweeps

    def _initiate(self, channel: int) -> None:
        if self.value("continuous", channel):
            raise ScpiError(-213, "it sweeps without end")
        self._sweep(channel)

    def _sweep(self, channel: int) -> None:
        """Measure every trace of a channel once; the time of the sweep passes."""
        hertz, begun = self._hertz(channel), self.ledger.now()
        averages = int(self.value("averages", channel)) if self.value("averaging", channel) else 1
        measured = dict[str, Complex]()  # one sweep shows all traces of a parameter the same
        for trace in self._traces.values():
            if trace.channel == channel:
                if trace.parameter not in measured:
                    measured[trace.parameter] = self._measured(trace.parameter, channel, hertz)
                trace.add(measured[trace.parameter], averages)
        self._last_for(begun, self._seconds(channel))

    def _last_for(self, begun: float, seconds: float) -> None:
        """Let the time of a sweep pass; others speak to the box meanwhile."""
        if self._pace is not None:
            left = begun + seconds - self.ledger.now()
            self.slices().rest(left / self._pace)
        self._passed(begun + seconds)

    def _measured(self, parameter: str, channel: int, hertz: Real) -> Complex:
        power = float(self.value("power", channel))
        volts = (100 * 10 ** (power / 10 - 3)) ** 0.5 if self.value("on") else _LEAST_VOLTS
        bandwidth = float(self.value("bandwidth", channel))
        found, noise = self._scattering(hertz, volts, bandwidth)
        if parameter != "S21" or not self.value("on"):
            found, noise = np.zeros_like(found), min(noise, 1.0)
        pairs = self._noise.normal(0.0, noise, (hertz.size, 2))
        turn = np.exp(2j * np.pi * hertz * float(self.value("delay", channel, 2)))
        return np.asarray((found + pairs.view(np.complex128)[:, 0]) * turn, np.complex128)

    def _compensate(self, channel: int) -> None:
        """Take the mean slope of the phase out of the active trace."""
        trace, hertz = self._active(channel), self._hertz(channel)
        if trace.mean is None or np.ptp(hertz) == 0:
            raise ScpiError(-221, "there is no sweep of the frequency to take a delay from")
        slope = np.polyfit(hertz - hertz.mean(), np.unwrap(np.angle(trace.mean)), 1)[0]
        delay = float(self.value("delay", channel, 2)) - float(slope) / (2 * np.pi)
        self.set("delay", (channel, 2), delay)

    def _data(self, call: Call) -> str:
        word = call.parts(1, 1)[0].upper()
        if word not in ("FDAT", "FDATA", "SDAT", "SDATA"):
            raise ScpiError(-224, word[:20])
        channel = channel_of(call)
        trace = self._active(channel)
        if trace.mean is None or self.value("continuous", channel):
            self._sweep(channel)
        mean = trace.mean
        if mean is None:
            raise ScpiError(-221, "the sweep was broken off")
        form = str(self.value("format", channel)) if word[0] == "F" else "COMP"
        return ascii_of(formatted(mean, form, self._hertz(channel)))
