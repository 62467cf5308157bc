"""qibocal: its protocols' fit functions on its own data classes.

Its classes are made before the clock starts where that is possible; times are in ns and
frequencies in Hz, as it expects them.
"""

from __future__ import annotations

import time

import numpy as np
from qibocal.protocols import PROTOCOLS

CIRCLE = 7  # parameters of its fit of the circle


def record(**columns):
    made = np.empty(len(next(iter(columns.values()))), dtype=[(k, float) for k in columns])
    for name, values in columns.items():
        made[name] = values
    return np.rec.array(made)


def fitter(kind, case):
    make = MAKERS.get(kind)
    if make is None or (case["shots"] == 0 and kind != "resonator_spectroscopy"):
        return None
    protocol, data_of, told = make
    x, y, sigma = case["x"], case["y"], case["sigma"]
    span, zero = float(case["span"]), float(case["zero"])

    def fit(n):
        data = data_of(protocol, x, y[n], sigma[n], zero, span)
        start = time.process_time()
        found, _ = protocol.fit(data)
        seconds = time.process_time() - start
        return {"seconds": seconds, "values": told(found, zero, span)}

    return fit


def _decay(attribute, name):
    def data_of(protocol, x, y, e, zero, span):
        return protocol.data_type(data={0: record(wait=x * span * 1e9, prob=y, error=e)})

    def told(found, zero, span):
        value, error = getattr(found, attribute)[0]
        return {name: [value * 1e-9 / span, error * 1e-9 / span]}

    return data_of, told


def _ramsey():
    from qibocal.protocols.ramsey.classification import RamseyProbData

    def data_of(protocol, x, y, e, zero, span):
        made = record(wait=x * span * 1e9, prob=y, error=e)
        return RamseyProbData(detuning=None, qubit_freqs={0: 5e9}, data={0: made})

    def told(found, zero, span):
        delta, t2 = found.delta_fitting[0], found.t2[0]
        return {
            "frequency": [abs(delta[0]) * span, delta[1] * span],
            "t2_star": [t2[0] * 1e-9 / span, t2[1] * 1e-9 / span],
        }  # fmt: skip

    return data_of, told


def _rabi(axis, attribute, known):
    def data_of(protocol, x, y, e, zero, span):
        scale = 1e9 if axis == "length" else 1.0
        columns = {axis: x * span * scale, "prob": y, "error": e}
        return protocol.data_type(rx90=False, data={0: record(**columns)}, **known)

    def told(found, zero, span):
        value, error = getattr(found, attribute)[0]
        scale = 1e-9 if axis == "length" else 1.0
        return {"period": [2 * value * scale / span, 2 * error * scale / span]}

    return data_of, told


def _line():
    def data_of(protocol, x, y, e, zero, span):
        made = record(freq=zero + x * span, signal=y, phase=np.zeros_like(y))
        return protocol.data_type(amplitudes={0: 0.1}, data={0: made})

    def told(found, zero, span):
        width = 2 * abs(found.fitted_parameters[0][2])
        return {
            "frequency": [(found.frequency[0] - zero) / span, np.nan],
            "linewidth": [width / span, np.nan],
        }  # fmt: skip

    return data_of, told


def _notch():
    """Its fit of the circle where y is complex, else its Lorentzian of |S|."""

    def data_of(protocol, x, y, e, zero, span):
        made = record(freq=zero + x * span, signal=np.abs(y), phase=np.angle(y))
        law = "s21" if np.iscomplexobj(y) else "lorentzian"
        return protocol.data_type(
            resonator_type="2D", amplitudes={0: 0.1}, fit_function=law, data={0: made}
        )

    def told(found, zero, span):
        p = found.fitted_parameters[0]
        values = {"frequency": [(found.frequency[0] - zero) / span, np.nan]}
        if len(p) == CIRCLE:  # the width of a Lorentzian of |S| is another quantity
            values["linewidth"] = [abs(p[0] / p[1]) / span, np.nan]
        return values

    return data_of, told


MAKERS = {
    "t1": (PROTOCOLS["t1"], *_decay("t1", "t1")),
    "t2_echo": (PROTOCOLS["spin_echo"], *_decay("t2", "t2_echo")),
    "ramsey": (PROTOCOLS["ramsey"], *_ramsey()),
    "rabi_amplitude": (
        PROTOCOLS["rabi_amplitude"], *_rabi("amp", "amplitude", {"durations": {0: 40.0}}),
    ),
    "rabi_length": (
        PROTOCOLS["rabi_length"], *_rabi("length", "length", {"amplitudes": {0: 0.1}}),
    ),
    "qubit_spectroscopy": (PROTOCOLS["qubit_spectroscopy"], *_line()),
    "resonator_spectroscopy": (PROTOCOLS["resonator_spectroscopy"], *_notch()),
}  # fmt: skip
