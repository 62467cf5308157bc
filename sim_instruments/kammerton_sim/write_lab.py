"""A lab.toml for a simulated chip: what is known of it beforehand, never its truth."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import numpy as np

from kammerton_sim.chip import Chip, Feedline, Line, QubitTruth, ResonatorTruth
from kammerton_sim.chip.cryostat import Cryostat
from kammerton_sim.chip.hidden import hidden_draws, note
from kammerton_sim.further import entries
from kammerton_sim.signals import ChannelId

F01_TOLERANCE = 8e6
ANHARMONICITY_TOLERANCE = 15e6
RESONATOR_TOLERANCE = 1.5e6
_POWER = "13 dBm"
SOURCE_REACH = 0.01, 12.75
"""GHz that the daemon takes for a source's frequency at least, and where an SGS100A ends."""

_NO_COMPUTER = re.compile("[^a-z0-9]+")
_NOMINAL_QUBIT = ('pi_amplitude = { value = "0.20 V", tolerance = "0.03 V" }',)
_NOMINAL_TIMES = {"t1": (50, 25), "t2_star": (30, 15), "t2_echo": (45, 20)}
"""us, of a chip of the usual coherence."""

_RESET = 300
"""us, for that T1."""
_NOMINAL_RESONATOR = (
    'linewidth = { value = "2 MHz", tolerance = "0.5 MHz" }',
    'readout_amplitude = { value = "45 mV", tolerance = "0 V" }',
)


def write_lab(
    chip: Chip, ports: Mapping[str, int], seed: int, broker: str = "mqtt://127.0.0.1:1883"
) -> str:
    """Return the text of a lab.toml for a chip served on these ports of 127.0.0.1.

    Design values of frequencies are the truth plus a normal error of one tolerance, cut at two,
    which nobody can take off again by the seed that the file tells;
    an anharmonicity has a tolerance of a quarter at most;
    amplitudes, times and linewidths are the same nominal values for every qubit; where the
    chip's median T1 or T2 is a multiple of the usual one, so are its nominal times.
    """
    rng = hidden_draws(seed, _truth(chip))
    blocks = [
        *_head(chip, broker),
        *(block for block in _instruments(chip, ports)),
        *_sync_and_pulses(chip),
        *(_feedline(chip, feedline) for feedline in chip.feedlines),
    ]
    served = {name: feedline.name for feedline in chip.feedlines for name in feedline.resonators}
    times = _times(chip)
    for qubit, resonator in zip(chip.qubits, chip.resonators, strict=True):
        blocks.append([*_qubit(chip, qubit, resonator, rng), *times])
        blocks.append(_resonator(resonator, served[resonator.name], rng))
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _truth(chip: Chip) -> Iterator[float]:
    for qubit, resonator in zip(chip.qubits, chip.resonators, strict=True):
        yield from (qubit.f01, qubit.anharmonicity, qubit.t1, qubit.t2)
        yield from (resonator.frequency, resonator.chi, resonator.linewidth)


def _head(chip: Chip, broker: str) -> Iterator[list[str]]:
    yield [
        f"# A simulated computer of {len(chip.qubits)} qubit(s): instruments, wiring, and design",
        "# values with tolerances (one sigma). Every quantity has its unit.",
        "# What has no limit cannot be set.",
    ]
    yield [
        "[computer]",
        f'name = "{computer(chip)}"',
        f'note = "{note(chip.seed)}"',
        'sample_rate = "1 GHz"',
    ]
    yield ["[store]", 'database = "kammerton.sqlite"', 'data = "runs"', "pictures = true"]
    yield ["[broker]", f'url = "{broker}"']
    yield [
        "[interlock]",
        'fridge = "fridge"',
        'drive_below = "50 mK"',
        'drive_off_above = "100 mK"',
        'max_age = "30 s"',
    ]


def computer(chip: Chip) -> str:
    """Return the chip's name as a computer can have it: small letters, digits, -; 32 at most."""
    return _NO_COMPUTER.sub("-", chip.name.lower()).strip("-")[:32] or "chip"


def _instruments(chip: Chip, ports: Mapping[str, int]) -> Iterator[list[str]]:
    for name in chip.wiring.generators:
        yield [
            f"[instruments.{name}]",
            'driver = "tektronix_awg5208"',
            f'address = "{_visa(ports[name])}"',
            'limits.volts = { min = "-0.5 V", max = "0.5 V", max_rate = "1 V/ns" }',
        ]
    for name, carrier in chip.wiring.carriers.items():
        low, high = _about(carrier)
        yield [
            f"[instruments.{name}]",
            'driver = "rohde_schwarz_sgs100a"',
            f'address = "{_visa(ports[name])}"',
            f'limits.frequency = {{ min = "{low:g} GHz", max = "{high:g} GHz", '
            'max_rate = "10 GHz/s" }',
            'limits.power = { min = "-20 dBm", max = "16 dBm", max_rate = "100 dB/s" }',
        ]
    for feedline in chip.feedlines:
        yield [
            f"[instruments.{_digitizer(feedline)}]",
            'driver = "alazar_ats9360"',
            f'address = "sim://127.0.0.1:{ports[feedline.board]}"',
        ]
    fridge = ports["fridge"]
    yield [
        "[instruments.fridge]",
        'driver = "oxford_triton"',
        f'address = "tcp://127.0.0.1:{fridge}"',
    ]
    further = {name: entry.model for name, entry in chip.wiring.instruments.items()}
    yield from entries(further, ports)


def _about(carrier: float) -> tuple[float, float]:
    """A gigahertz to each side of a carrier, in GHz, as far as the source goes there."""
    middle, (least, most) = round(carrier / 1e9), SOURCE_REACH
    return max(middle - 1, least), min(middle + 1, most)


def _sync_and_pulses(chip: Chip) -> Iterator[list[str]]:
    box, channel, _ = chip.wiring.go
    yield ["[sync]", f'master = "{box}"', f'go = "{box}.{channel}"']
    yield ["[pulses.pi]", 'length = "40 ns"', 'sigma = "10 ns"']
    reset = _RESET * _longer(chip)["t1"]
    yield ["[pulses.readout]", 'length = "1 us"', f'reset = "{reset} us"']


def _feedline(chip: Chip, feedline: Feedline) -> list[str]:
    readout = feedline.readout
    return [
        f"[feedlines.{feedline.name}]",
        f'i = "{_channel(readout.i)}"',
        f'q = "{_channel(readout.q)}"',
        f'source = "{readout.source}"',
        f'carrier = "{_carrier(chip, readout.source)}"',
        f'power = "{_POWER}"',
        f'digitizer = "{_digitizer(feedline)}"',
        f'trigger = "{_channel(feedline.trigger[:2])}"',
        f'delay = "{feedline.delay * 1e9:g} ns"',
        *_at_the_device(chip),
    ]


def _digitizer(feedline: Feedline) -> str:
    """The board's name in lab.toml: "board2" is "digitizer2"."""
    return feedline.board.replace("board", "digitizer")


def _longer(chip: Chip) -> dict[str, int]:
    """How many times longer than usual the coherence of this chip is, in whole numbers."""
    t1, t2 = (float(np.median([getattr(q, name) for q in chip.qubits])) for name in ("t1", "t2"))
    longer = {"t1": max(1, round(t1 / 60e-6)), "t2_echo": max(1, round(t2 / 60e-6))}
    return longer | {"t2_star": min(longer["t2_echo"], 2)}


def _times(chip: Chip) -> list[str]:
    longer = _longer(chip)
    return [
        f'{name} = {{ value = "{value * longer[name]} us", '
        f'tolerance = "{tolerance * longer[name]} us" }}'
        for name, (value, tolerance) in _NOMINAL_TIMES.items()
    ]


def _qubit(
    chip: Chip, qubit: QubitTruth, resonator: ResonatorTruth, rng: np.random.Generator
) -> list[str]:
    f01 = _near(qubit.f01, F01_TOLERANCE, rng)
    tolerance = min(ANHARMONICITY_TOLERANCE, abs(qubit.anharmonicity) / 4)
    anharmonicity = _near(qubit.anharmonicity, tolerance, rng)
    decimals = 0 if tolerance == ANHARMONICITY_TOLERANCE else 3
    return [
        f"[qubits.{qubit.name}]",
        f'resonator = "{resonator.name}"',
        f"drive = {_drive(chip, chip.wiring.drive[qubit.name])}",
        f'f01 = {{ value = "{_frequency(f01, 4)}", tolerance = "{F01_TOLERANCE / 1e6:g} MHz" }}',
        f'anharmonicity = {{ value = "{anharmonicity / 1e6:.{decimals}f} MHz", '
        f'tolerance = "{tolerance / 1e6:g} MHz" }}',
        *_NOMINAL_QUBIT,
    ]


def _resonator(resonator: ResonatorTruth, feedline: str, rng: np.random.Generator) -> list[str]:
    frequency = _near(resonator.frequency, RESONATOR_TOLERANCE, rng)
    return [
        f"[resonators.{resonator.name}]",
        f'feedline = "{feedline}"',
        f'frequency = {{ value = "{_frequency(frequency, 5)}", '
        f'tolerance = "{RESONATOR_TOLERANCE / 1e6:g} MHz" }}',
        *_NOMINAL_RESONATOR,
    ]


def _drive(chip: Chip, line: Line) -> str:
    carrier = _carrier(chip, line.source)
    return (
        f'{{ i = "{_channel(line.i)}", q = "{_channel(line.q)}", source = "{line.source}", '
        f'carrier = "{carrier}", power = "{_POWER}", {", ".join(_at_the_device(chip))} }}'
    )


def _at_the_device(chip: Chip) -> list[str]:
    """What a line takes away, mixer included, and what an envelope of 0.5 V leaves there at most.

    V^2/(2 x 50 ohm) of 0.5 V is 4 dBm; a dB more is let through.
    """
    there = chip.refrigerator or Cryostat()
    loss = there.mixer_loss + sum(there.attenuations())
    return [f'attenuation = "{loss:g} dB"', f'max_at_device = "{5 - loss:g} dBm"']


def _carrier(chip: Chip, source: str) -> str:
    """The source's frequency to a kilohertz, without idle zeros."""
    digits = f"{chip.wiring.carriers[source] / 1e9:.6f}".rstrip("0")
    return f"{digits}0 GHz" if digits.endswith(".") else f"{digits} GHz"


def _near(truth: float, tolerance: float, rng: np.random.Generator) -> float:
    return truth + tolerance * float(np.clip(rng.normal(), -2, 2))


def _frequency(hertz: float, decimals: int) -> str:
    return f"{hertz / 1e9:.{decimals}f} GHz"


def _channel(channel: ChannelId) -> str:
    return f"{channel[0]}.{channel[1]}"


def _visa(port: int) -> str:
    return f"TCPIP0::127.0.0.1::hislip0,{port}::INSTR"
