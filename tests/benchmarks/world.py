"""Speed and exactness of the simulated laboratory, beside its peers: `make bench-world`.

Peers are skipped, saying so, where they are not installed: `pip install -e .[bench-peers]`, or
KAMMERTON_PEERS_PYTHON names the interpreter of an environment that has them.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm

from kammerton_sim.chip import random_chip
from kammerton_sim.chip.couplings import Coupling
from kammerton_sim.chip.flux import Flux
from kammerton_sim.signals import Wave
from kammerton_sim.world import warm
from kammerton_sim.world.evolution import Evolution, Qubit, evolution
from kammerton_sim.world.pairs.basis import LOWERING_FIRST, LOWERING_SECOND, PLACE
from kammerton_sim.world.pairs.carry import flux
from kammerton_sim.world.pairs.rest import Rest, at_rest, hamiltonian
from kammerton_sim.world.propagate import drive
from kammerton_sim.world.transmon import arc
from tests.benchmarks import feedlines
from tests.unit.world.conftest import Lab, Loop, iq, still

Array = NDArray[Any]
Both = tuple[Evolution, Evolution]
SEED, POINTS, NS = 1, 51, 1e-9
PEERS_PYTHON = os.environ.get("KAMMERTON_PEERS_PYTHON", sys.executable)
PACKAGES = ("numpy", "scipy", "numba", "qcodes", "pyvisa-py")
QUBIT = Qubit(5e9, -200e6, 40e-6, 1 / 30e-6 - 1 / 80e-6, 0.0, 1.0, 0.01)  # cold, as the peers'
HIGH = Qubit(5.15e9, -200e6, 40e-6, 1 / 30e-6 - 1 / 80e-6, 0.0, 1.0, 0.01)
LOW = Qubit(4.78e9, -200e6, 40e-6, 1 / 30e-6 - 1 / 80e-6, 0.0, 1.0, 0.01)
G = 2 * np.pi * 8e6
EVERY = 50  # of the chevron's points, the one that the peer is asked for


def cpu(work: Callable[[], object], repeats: int = 9) -> float:
    """Return the least CPU seconds of some repetitions, after one that does not count."""
    work()
    spent = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    return min(spent)


def ask(peer: str, **pulses: object) -> Mapping[str, Any]:
    """Run a peer on these pulses; {"absent": name} where it is not installed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pulses.npz"
        np.savez(path, **pulses)  # type: ignore[arg-type]
        script = Path(__file__).with_name("world_peers.py")
        done = subprocess.run(
            [PEERS_PYTHON, str(script), peer, str(path)],
            stdout=subprocess.PIPE, check=True, text=True,
        )  # fmt: skip
    answer: Mapping[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def told(answer: Mapping[str, Any], ours: Array, mine: float, scale: float = 1.0) -> list[str]:
    """Cells of a peer: its CPU ms, how many times ours, and how far the two differ."""
    if "absent" in answer:
        return [f"{answer['absent']} is not installed", "-", "-"]
    seconds = scale * answer["cpu"]
    apart = abs(np.array(answer["populations"])[:, : ours.shape[1]] - ours).max()
    return [f"{1e3 * seconds:.0f}", f"{seconds / mine:.0f}", f"{apart:.0e}"]


# ---------------------------------------------------------------- one qubit


@numba.njit
def _sweep(states: Array, c: Array, still: Array, moving: Evolution) -> None:
    states[:] = 0
    for k in range(c.shape[0]):
        states[k, 0] = 1
        drive(states[k : k + 1], np.zeros(1), c[k], still, moving)


def envelope(samples: int) -> Array:
    """A Gaussian of unit peak with DRAG, four sigmas long."""
    t = np.arange(samples) + 0.5
    sigma = samples / 4
    g = np.exp(-(((t - samples / 2) / sigma) ** 2) / 2)
    slope = -(t - samples / 2) / sigma**2 * g
    return g + 1j * slope / (2 * 2 * np.pi * QUBIT.anharmonicity * NS)


def exact(c: Array) -> Array:
    """Populations of the exact Liouvillian, sample by sample."""
    a = np.diag(np.sqrt([1.0, 2.0]), 1)
    one, n = np.eye(3), np.diag([0.0, 1.0, 2.0])
    fixed = np.zeros((9, 9), complex)
    for jump in (np.sqrt(1 / QUBIT.t1) * a, np.sqrt(2 * QUBIT.dephasing_rate) * n):
        loss = jump.T @ jump
        fixed += np.kron(jump, jump) - (np.kron(loss, one) + np.kron(one, loss.T)) / 2
    h = (
        2 * np.pi * QUBIT.anharmonicity * np.diag([0, 0, 1])
        + (c[:, None, None] * a.T + np.conj(c)[:, None, None] * a) / 2
    )
    turning = np.einsum("nij,kl->nikjl", h, one) - np.einsum("ij,nlk->nikjl", one, h)
    steps = expm((fixed - 1j * turning.reshape(-1, 9, 9)) * NS)
    rho = np.zeros(9, complex)
    rho[0] = 1
    for step in steps:
        rho = step @ rho
    return rho[[0, 4, 8]].real


def rabi(samples: int, turns: float, goal: float) -> str:
    """One row: 51 amplitudes of a pulse of so many ns."""
    unit = envelope(samples)
    factors = np.linspace(0, 1, POINTS)
    peak = turns * 2 * np.pi / (abs(unit).sum() * NS)
    c = factors[:, None] * peak * unit
    moving, states = evolution(QUBIT, QUBIT.f01, NS), np.zeros((POINTS, 9))
    still_ = np.empty((0, 2))
    mine = cpu(lambda: _sweep(states, c, still_, moving))
    some = slice(None, None, 1 if samples < 100 else 10)
    error = max(abs(states[k, :3] - exact(c[k])).max() for k in range(POINTS)[some])
    common = {"alpha": 2 * np.pi * QUBIT.anharmonicity * NS, "t1": 40e3, "t2": 30e3}
    peers = [
        ask("qutip", c=c * NS, **common),
        ask("qibolab", unit=unit, peak=peak * NS, factors=factors, **common),
    ]
    cells = [cell for peer in peers for cell in told(peer, states[:, :2], mine)]
    name = f"51 amplitudes, {samples} ns, Gaussian + DRAG"
    return f"| {name} | {goal:g} | {1e3 * mine:.2f} | {error:.0e} | {' | '.join(cells)} |"


# ---------------------------------------------------------------- two qubits


@numba.njit
def _chevron(states: Array, shifts: Array, edges: Array, base: Array, both: Both) -> None:
    states[:] = 0
    for k in range(edges.size - 1):
        states[k, 40] = 1  # |11><11|
        pulse = shifts[edges[k] : edges[k + 1]]
        flux(states[k : k + 1], np.zeros((1, 2)), pulse, base, 0.0, both)


def chevron() -> str:
    """One row: 51 flux amplitudes x 51 durations from |11>."""
    frame = (HIGH.f01 + LOW.f01) / 2
    both = first, second = evolution(HIGH, frame, NS), evolution(LOW, frame, NS)
    pair = at_rest(first.delta, second.delta, first.alpha, second.alpha, G)
    crossing = pair.second - pair.first - pair.alpha_first  # what brings 20 down to 11
    depths = crossing + 2 * np.pi * np.linspace(-40e6, 40e6, POINTS)
    lengths = np.arange(10, 10 + POINTS)
    pulses = [_flux_pulse(depth, n) for depth in depths for n in lengths]
    edges = np.cumsum([0, *(p.shape[0] for p in pulses)])
    shifts = np.concatenate(pulses)
    base = np.array([pair.first, pair.alpha_first, pair.second, pair.alpha_second, pair.g])
    states = np.zeros((len(pulses), 81), complex)
    mine = cpu(lambda: _chevron(states, shifts, edges, base, both), 5)
    found = states[:, ::10].real
    error = max(
        abs(found[k] - _exact_pair(pulses[k], base, pair)).max() for k in range(0, len(pulses), 300)
    )
    some = range(0, len(pulses), EVERY)
    peer = ask("qutip_chevron", **_as_peer(pulses, some, pair))
    order = [PLACE[a, b] for a in range(3) for b in range(3)]  # the peer's
    cells = told(peer, found[list(some)][:, order], mine, len(pulses) / len(some))
    mean = edges[-1] / len(pulses)
    name = f"CZ chevron 51 x 51, pulses of {mean:.0f} ns on average, from 11"
    return f"| {name} | 100 | {1e3 * mine:.0f} | {error:.0e} | {' | '.join(cells)} | - | - | - |"


def _flux_pulse(depth: float, samples: int) -> Array:
    """A flux pulse with soft edges: (N, 5) shifts in rad/s."""
    plateau = np.convolve(np.ones(samples - 4), np.ones(5) / 5)
    out = np.zeros((samples, 5))
    out[:, 0] = depth * plateau
    return out


def _exact_pair(shifts: Array, base: Array, pair: Rest) -> Array:
    one, rho = np.eye(9), np.zeros(81, complex)
    fixed = np.zeros((81, 81), complex)
    for qubit, a in ((HIGH, LOWERING_FIRST), (LOW, LOWERING_SECOND)):
        for jump in (np.sqrt(1 / qubit.t1) * a, np.sqrt(2 * qubit.dephasing_rate) * a.T @ a):
            loss = jump.T @ jump
            fixed += np.kron(jump, jump) - (np.kron(loss, one) + np.kron(one, loss.T)) / 2
    rho[40] = 1
    for shift in shifts:
        x = base + shift
        h = hamiltonian(x[0], x[2], x[1], x[3], x[4], pair.zz)
        rho = expm((fixed - 1j * (np.kron(h, one) - np.kron(one, h.T))) * NS) @ rho
    return rho[::10].real


def _as_peer(pulses: list[Array], some: range, pair: Rest) -> dict[str, object]:
    longest = max(p.shape[0] for p in pulses) + 1
    detuning = np.zeros((len(some), longest))
    for row, k in zip(detuning, some, strict=True):
        row[: pulses[k].shape[0]] = pulses[k][:, 0]
    return {
        "detuning": (detuning + pair.first - pair.second) * NS,
        "length": np.array([pulses[k].shape[0] for k in some]),
        "alpha_first": pair.alpha_first * NS,
        "alpha_second": pair.alpha_second * NS,
        "g": pair.g * NS,
    }


# ---------------------------------------------------------------- from samples to populations


def through_the_world() -> None:
    """Print what the same takes from the samples in the generators on, all turns included."""
    print("\n## From the samples in the generators to populations (CPU ms)\n")
    print("| | points | ms |\n|---|---|---|")
    one = Lab(still(random_chip(1, SEED)))
    factors = np.linspace(0, 2, POINTS)
    pulses = [one.drag(f * one.pi(), one.offset(0)) for f in factors]
    loop = one.loop([{0: p} for p in pulses])
    print(f"| Rabi, 40 ns, passive reset | {POINTS} | {1e3 * cpu(lambda: one.play(loop)):.1f} |")
    two, played = _chevron_loop()
    spent = cpu(lambda: two.play(played), 2)
    print(f"| CZ chevron, two pi pulses, flux pulse, readout | {POINTS**2} | {1e3 * spent:.0f} |")


def _chevron_loop() -> tuple[Lab, Loop]:
    chip = still(random_chip(2, SEED), slow_dephasing=0.0, anharmonicity=-200e6)
    high = replace(chip.qubits[0], f01=HIGH.f01, flux=Flux(0.2, line="awg1.7"))
    qubits = high, replace(chip.qubits[1], f01=LOW.f01)
    lab = Lab(replace(chip, qubits=qubits, couplings=(Coupling("q0", "q1", 8e6),)))
    moved, quanta = arc(HIGH.f01, -200e6, 0.2), np.linspace(0, 0.4, 4001)
    downs = np.linspace(130e6, 210e6, POINTS)
    levels = np.interp(downs, HIGH.f01 - moved(quanta)[:, 0], quanta)
    prepared: dict[Any, Wave] = {}
    for n in (0, 1):
        line = lab.wiring.drive[f"q{n}"]
        prepared |= iq(line.i, line.q, lab.drag(lab.pi(n), lab.offset(n)))
    tone = iq(lab.wiring.readout.i, lab.wiring.readout.q, lab.tone(), trigger=True)
    loop = Loop()
    for level in levels:
        for samples in range(10, 10 + POINTS):
            loop.step(prepared, 40)
            loop.step({("awg1", 7): Wave("flux", np.full(samples, 2 * level, np.float32))}, samples)
            loop.step(tone, 2400)
            loop.silence(1000, 300)
    return lab, loop


def main() -> None:
    """Print every table as Markdown."""
    warm(coupled=True)
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    print("# The simulated laboratory: speed and exactness\n")
    print(
        f"`make bench-world`. Python {platform.python_version()}, {platform.system()} "
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start;"
        f" {versions}.\nSimulated device, hidden truth, seed {SEED}. Peers: {_peers()}.\n"
    )
    print("## Propagation (CPU ms of one thread; the same pulses, one run)\n")
    print(
        "| | goal | Kammerton | worst error, exact Liouvillian | qutip | ratio | differs |"
        " qibolab's emulator | ratio | differs |\n|" + "---|" * 10
    )
    for row in (lambda: rabi(40, 1.0, 1), lambda: rabi(1000, 10.0, 20), chevron):
        print(row(), flush=True)
    print(
        "\nThree levels, T1 = 40 us, T2 = 30 us, 1 GS/s held. qutip: mesolve with steps, tolerances"
        f" 1e-9 and 1e-8; for the chevron sesolve of every {EVERY}th point, times {EVERY}, without"
        " decay. qibolab's emulator works in the laboratory frame and without decay of |2> to T2."
    )
    through_the_world()
    print()
    feedlines.main()


def _peers() -> str:
    """Which peers there are, and their versions."""
    script = (
        "import importlib.metadata as m\n"
        "for n in ('qutip', 'qibolab'):\n"
        "    try: print(n, m.version(n))\n"
        "    except m.PackageNotFoundError: print(n, 'not installed')\n"
    )
    done = subprocess.run(
        [PEERS_PYTHON, "-c", script], stdout=subprocess.PIPE, check=True, text=True
    )
    return ", ".join(done.stdout.split("\n")[:-1])


if __name__ == "__main__":
    main()
