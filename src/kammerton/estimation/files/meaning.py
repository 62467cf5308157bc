"""What each name says that a user may know of a measurement, with its unit and an example."""

from __future__ import annotations

from collections.abc import Mapping

MEANING: Mapping[str, str] = {
    "shots": "of each point, where y is a population: gives its error. shots=1000",
    "interleaved": "every turn of the sweep visited all points, so that drift cannot follow it. "
    "interleaved=true",
    "contrast": "signal of 1 minus signal of 0, in the unit of y, exact; of benchmarking A. "
    "contrast=0.93",
    "offset": "signal of 0, in the unit of y, exact; of benchmarking B. offset=0.02",
    "envelope": "the fringes decay as an exponential. envelope=exponential",
    "in_phase": "two frequencies are of one qubit that one pulse prepared. in_phase=true",
    "rise": "time in which a pulse rises. rise=2ns",
    "expected": "where the line, or the extremum, is believed to be, in the unit of x. "
    "expected=5.1GHz",
    "within": "one sigma of that. within=2MHz",
    "geometry": "how the resonator is coupled: notch, reflection, transmission. geometry=notch",
    "qubits": "on which benchmarking was done, 1 unless said. qubits=2",
    "population": "whether y is a population; false: a raw signal. population=false",
    "angle": "by which each gate is to turn, pi unless said. angle=1.5708",
    "phase": "of the first pulse, in rad, pi/2 unless said. phase=3.1416",
    "first_pulse": "perfect unless said, or half: it has half of the error of a gate. "
    "first_pulse=half",
    "anharmonicity": "of the transmon, of either sign. anharmonicity=-200MHz",
    "period": "bias of one flux quantum. period=1.2V",
    "asymmetry": "of the two junctions, 0 where they are alike. asymmetry=0.1",
    "bare_frequency": "of the resonator at high power. bare_frequency=7.1GHz",
    "qubit_frequency": "f01 at the sweet spot. qubit_frequency=5GHz",
    "dead": "time in which a decay goes unnoticed, over that in which the states are told apart, "
    "0 unless said. dead=0.1",
    "population_0": "part of the shots of the first trace that were in 1. population_0=0.02",
    "population_1": "the same of the second trace. population_1=0.95",
    "extremum": "minimum unless said, or maximum; of drag also either. extremum=maximum",
}
"""By name; what a kind makes of it stands in its page of docs/estimation."""
