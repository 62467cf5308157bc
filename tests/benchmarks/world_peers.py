"""Other simulators on the same pulses; a script of its own: `world_peers.py NAME PULSES.npz`.

It imports nothing but numpy and the peer, so that it runs in whatever environment the peer is
installed in, and prints one line of JSON: version, CPU seconds, populations.
"""

import json
import sys
import time

import numpy as np


def qutip_sweep(pulses):
    """Master equation of three levels under pulses held from sample to sample (ns, rad/ns)."""
    import qutip

    a = qutip.destroy(3)
    n = a.dag() * a
    rest = float(pulses["alpha"]) / 2 * (n * n - n)
    t1, t2 = float(pulses["t1"]), float(pulses["t2"])
    losses = [np.sqrt(1 / t1) * a, np.sqrt(2 * (1 / t2 - 0.5 / t1)) * n]
    options = {"atol": 1e-9, "rtol": 1e-8, "nsteps": 1_000_000, "max_step": 1.0}
    times = np.arange(pulses["c"].shape[1] + 1.0)
    out = []
    for c in pulses["c"]:
        drive = qutip.coefficient(np.append(c, 0) / 2, tlist=times, order=0)
        conjugate = qutip.coefficient(np.conj(np.append(c, 0)) / 2, tlist=times, order=0)
        h = qutip.QobjEvo([rest, [a.dag(), drive], [a, conjugate]])
        end = qutip.mesolve(h, qutip.basis(3, 0), [0, times[-1]], c_ops=losses, options=options)
        out.append(np.real(np.diag(end.states[-1].full())))
    return qutip.__version__, out


def qutip_chevron(pulses):
    """Two transmons of three levels, one moved by flux; closed, from |11>."""
    import qutip

    one = qutip.qeye(3)
    a, b = qutip.tensor(qutip.destroy(3), one), qutip.tensor(one, qutip.destroy(3))
    n, m = a.dag() * a, b.dag() * b
    alpha = float(pulses["alpha_first"]) / 2, float(pulses["alpha_second"]) / 2
    rest = alpha[0] * (n * n - n) + alpha[1] * (m * m - m)
    rest += float(pulses["g"]) * (a.dag() * b + a * b.dag())
    options = {"atol": 1e-10, "rtol": 1e-9, "nsteps": 1_000_000, "max_step": 1.0}
    out = []
    for detuning, length in zip(pulses["detuning"], pulses["length"], strict=True):
        times = np.arange(length + 1.0)
        moved = qutip.coefficient(detuning[: length + 1], tlist=times, order=0)
        start = qutip.tensor(qutip.basis(3, 1), qutip.basis(3, 1))
        h = qutip.QobjEvo([rest, [n, moved]])
        end = qutip.sesolve(h, start, [0, times[-1]], options=options)
        out.append(np.abs(end.states[-1].full()[:, 0]) ** 2)
    return qutip.__version__, out


def qibolab_sweep(pulses):
    """The emulator of qibolab: laboratory frame; amplitude swept, as its protocols do."""
    import qibolab
    from qibolab import (
        Acquisition,
        AcquisitionConfig,
        AcquisitionType,
        AveragingMode,
        Custom,
        Delay,
        ExecutionParameters,
        Parameter,
        Pulse,
        PulseSequence,
        Sweeper,
    )
    from qibolab._core.instruments.emulator.emulator import EmulatorController
    from qibolab._core.instruments.emulator.hamiltonians import (
        DriveEmulatorConfig,
        HamiltonianConfig,
        Qubit,
    )

    unit, scale = pulses["unit"], float(pulses["peak"])
    t1, t2 = float(pulses["t1"]), float(pulses["t2"])
    pairs = (0, 1), (1, 2)
    qubit = Qubit(
        frequency=5e9,
        anharmonicity=float(pulses["alpha"]) / (2 * np.pi) * 1e9,
        t1={pair: t1 / (n + 1) for n, pair in enumerate(pairs)},
        t2={pairs[0]: t2},
    )
    configs = {
        "hamiltonian": HamiltonianConfig(transmon_levels=3, qubits={0: qubit}),
        "0/drive": DriveEmulatorConfig(frequency=5e9, rabi_frequency=scale / (2 * np.pi) * 1e9),
        "0/acquisition": AcquisitionConfig(
            delay=0.0, smearing=0.0, threshold=0.0, iq_angle=0.0, kernel=None
        ),
    }
    pulse = Pulse(
        duration=float(unit.size), amplitude=1.0, envelope=Custom(i_=unit.real, q_=unit.imag)
    )
    read = Acquisition(duration=1.0)

    sequence = PulseSequence(
        [("0/drive", pulse), ("0/acquisition", Delay(duration=float(unit.size)))]
    )
    sequence.append(("0/acquisition", read))
    options = ExecutionParameters(
        nshots=None,
        acquisition_type=AcquisitionType.DISCRIMINATION,
        averaging_mode=AveragingMode.CYCLIC,
    )
    sweeper = Sweeper(parameter=Parameter.amplitude, values=pulses["factors"], pulses=[pulse])
    found = EmulatorController(address="0").play(configs, [sequence], options, [[sweeper]])
    excited = np.asarray(next(iter(found.values())), float).ravel()
    return qibolab.__version__, [[1 - p, p, 0.0] for p in excited]


PEERS = {
    "qutip": qutip_sweep,
    "qutip_chevron": qutip_chevron,
    "qibolab": qibolab_sweep,
}


def main():
    """Run one peer."""
    name, path = sys.argv[1:]
    pulses = np.load(path)
    try:
        PEERS[name]
        __import__(name.partition("_")[0])
    except ImportError:
        print(json.dumps({"absent": name.partition("_")[0]}))
        return
    start = time.process_time()
    version, populations = PEERS[name](pulses)
    cpu = time.process_time() - start
    rows = [list(map(float, row)) for row in populations]
    print(json.dumps({"version": version, "cpu": cpu, "populations": rows}))


if __name__ == "__main__":
    main()
