"""qiskit-experiments: its analysis classes on counts, without plots."""

from __future__ import annotations

import qiskit_experiments.curve_analysis as ca
from qiskit_experiments.data_processing import DataProcessor, Probability
from qiskit_experiments.framework import ExperimentData
from qiskit_experiments.library.characterization.analysis import T1Analysis

ANALYSES = {
    "t1": (T1Analysis, {"T1": "t1"}),
    "t2_echo": (ca.DecayAnalysis, {"tau": "t2_echo"}),
    "cpmg": (ca.DecayAnalysis, {"tau": "t2_cpmg"}),
    "ramsey": (ca.DampedOscillationAnalysis, {"freq": "frequency", "tau": "t2_star"}),
    "rabi_amplitude": (ca.OscillationAnalysis, {"freq": "period"}),
    "rabi_length": (ca.DampedOscillationAnalysis, {"freq": "period"}),
    "qubit_spectroscopy": (ca.GaussianAnalysis, {"freq": "frequency"}),  # a Lorentzian has no sigma
}


def fitter(kind, case):
    if kind not in ANALYSES or case["shots"] == 0:
        return None
    cls, names = ANALYSES[kind]
    x, y, shots = case["x"], case["y"], int(case["shots"])

    def fit(n):
        data = ExperimentData()
        data.add_data([
            {"counts": {"1": round(p * shots), "0": shots - round(p * shots)}, "shots": shots,
             "meas_level": 2, "metadata": {"xval": float(t)}}
            for t, p in zip(x, y[n], strict=True)
        ])  # fmt: skip
        analysis = cls()
        analysis.set_options(plot=False, data_processor=DataProcessor("counts", [Probability("1")]))
        if kind != "t1":
            analysis.set_options(result_parameters=list(names))
        analysis.run(data, replace_results=True).block_for_results()
        return told(data, names)

    return fit


def told(data, names):
    values, good = {}, True
    for theirs, ours in names.items():
        row = data.analysis_results(theirs, dataframe=True).iloc[0]
        good &= row.quality == "good"
        v, e = row.value.nominal_value, row.value.std_dev
        if ours == "period":
            v, e = 1 / abs(v), e / v**2
        values[ours] = (v, e)
    return {"values": {k: [float(v), float(e)] for k, (v, e) in values.items()}, "good": bool(good)}
