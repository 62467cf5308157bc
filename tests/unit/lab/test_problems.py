"""Every mistake is named with its line, its key and what was meant.

Each case spoils the example once: what stood there, what stands there now, and the whole problem.
"""

import pytest

from tests.unit.lab.example import DRIVERS, TEXT, spoilt

KEYS = [
    (
        'source = "drive_lo"',
        'sorce = "drive_lo"',
        'qubits.q0.drive.sorce: unknown key; did you mean "source"?',
    ),
    ("[interlock]", "[interlok]", 'interlok: unknown key; did you mean "interlock"?'),
    (
        "pictures = true",
        "pictures = true\nbackend = 1",
        "store.backend: unknown key; known: data, database, pictures",
    ),
    (
        "limits.volts",
        "limits.volt",
        'instruments.awg1.limits.volt: unknown key; did you mean "volts"?',
    ),
    (
        'min = "-0.5 V"',
        'mni = "-0.5 V"',
        'instruments.awg1.limits.volts.mni: unknown key; did you mean "min"?',
    ),
    ("t2_star = {", "t2star = {", 'qubits.q0.t2star: unknown key; did you mean "t2_star"?'),
    (
        '"8 MHz" }',
        '"8 MHz", sigma = 1 }',
        "qubits.q0.f01.sigma: unknown key; known: tolerance, value",
    ),
    (
        "[store]",
        '[store]\n"a\\nkey" = 1',
        'store."a\\nkey": unknown key; known: data, database, pictures',
    ),
]

MISSING = [
    (
        'attenuation = "80 dB" ',
        "[feedlines.feed0]",
        "feedlines.feed0.attenuation: missing: max_at_device needs it",
    ),
    (', max_rate = "1 V/ns"', "limits.volts", "instruments.awg1.limits.volts.max_rate: missing"),
    ('delay = "64 ns"\n', "[feedlines.feed0]", "feedlines.feed0.delay: missing"),
    (
        'resonator = "r0"\n',
        "[qubits.q0]",
        "qubits.q0.resonator: missing: without its resonator a qubit cannot be read out",
    ),
]

VALUES = [
    ("pictures = true", 'pictures = "yes"', "store.pictures: needs true or false, not 'yes'"),
    ("pictures = true", "pictures = 1", "store.pictures: needs true or false, not 1"),
    ('"two-qubits"', "2", "computer.name: needs a text in quotes, not 2"),
    ('"two-qubits"', '""', "computer.name: must not be empty"),
    (
        'f01 = { value = "4.90 GHz", tolerance = "8 MHz" }',
        'f01 = "4.90 GHz"',
        "qubits.q0.f01: needs { value = ..., tolerance = ... }, not '4.90 GHz'",
    ),
    (
        'limits.volts = { min = "-0.5 V", max = "0.5 V", max_rate = "1 V/ns" }',
        "limits = 3",
        "instruments.awg1.limits: needs a table, not 3",
    ),
]

UNITS = [
    ('length = "40 ns"', 'length = "40"', "pulses.pi.length: '40' has no unit; write \"40 ns\""),
    ('"4.90 GHz"', '"4.90"', "qubits.q0.f01.value: '4.90' has no unit; write \"4.90 GHz\""),
    (
        'max_age = "30 s"',
        'max_age = "30"',
        "interlock.max_age: '30' has no unit; write \"30 s\"",
    ),
    (
        '"4.90 GHz"',
        "4.90e9",
        "qubits.q0.f01.value: needs a quantity with its unit in quotes, "
        'such as "5 GHz", not 4900000000.0',
    ),
    (
        '"0.20 V"',
        '"-10 dBm"',
        "qubits.q0.pi_amplitude.value: '-10 dBm' is in dBm, but this needs V",
    ),
    (
        '"13 dBm"\n',
        '"0.3 V"\n',
        "feedlines.feed0.power: '0.3 V' is in V, but this needs dBm",
    ),
    (
        '"4.90 GHz"',
        '"4,90 GHz"',
        "qubits.q0.f01.value: '4,90 GHz' is not a quantity such as "
        '"1.5 GHz"; write a decimal point, not a comma',
    ),
    ('"4.90 GHz"', '"4.90 ghz"', "qubits.q0.f01.value: 'ghz' is not a unit; did you mean GHz?"),
    (
        'max_age = "30 s"',
        'max_age = "30 min"',
        "interlock.max_age: 'min' is not a unit; a time is written in s, ms, us or ns",
    ),
]

SIZES = [
    (
        '"4.90 GHz"',
        '"4.90 Hz"',
        "qubits.q0.f01.value: '4.90 Hz' is not plausible: expected 10 MHz to 40 GHz",
    ),
    (
        '"-200 MHz"',
        '"-200 Hz"',
        "qubits.q0.anharmonicity.value: '-200 Hz' is not plausible: "
        "expected a magnitude of 100 kHz to 20 GHz",
    ),
    ('"50 us"', '"50 s"', "qubits.q0.t1.value: '50 s' is not plausible: expected 1 ns to 1 s"),
    (
        'length = "40 ns"',
        'length = "-40 ns"',
        "pulses.pi.length: '-40 ns' is not plausible: expected 1 ns to 100 µs",
    ),
    (
        'tolerance = "8 MHz"',
        'tolerance = "-8 MHz"',
        "qubits.q0.f01.tolerance: '-8 MHz' is not plausible: expected at least 0 Hz",
    ),
    (
        'tolerance = "8 MHz"',
        'tolerance = "8 GHz"',
        "qubits.q0.f01.tolerance: 8 GHz is more than the value itself, 4.9 GHz",
    ),
    (
        'max_rate = "1 V/ns"',
        'max_rate = "1 V"',
        "instruments.awg1.limits.volts.max_rate: '1 V' is in V, but this needs V/s",
    ),
    (
        'address = "tcp://127.0.0.1:33576"',
        'address = "tcp://127.0.0.1:33576"\nsafe = "keep"',
        """instruments.fridge.safe: needs one of "off", "hold", "zero", not 'keep'""",
    ),
    (
        'driver = "tektronix_awg5208"',
        'driver = "tektronix_awg5208"\nsafe = "hold"',
        'instruments.awg1.safe: must be "off": awg1 is a generator, and only a bias source stays',
    ),
    (
        'max_age = "30 s"',
        'max_age = "30 s"\nrearm_readings = 0',
        "interlock.rearm_readings: needs a whole number from 1 to 100, not 0",
    ),
    (
        'max_age = "30 s"',
        'max_age = "30 s"\nsecond = "fridge"',
        "interlock.second: fridge is the first already",
    ),
    (
        "[interlock]",
        '[interlock]\npressures.p2.max = "1 K"',
        "interlock.pressures.p2.max: '1 K' is in K, but this needs Pa",
    ),
    (
        "[interlock]",
        '[interlock]\npressures.p2 = { max = "1 mbar", min = "2 mbar" }',
        "interlock.pressures.p2: min 200 Pa is above max 100 Pa",
    ),
    (
        "[interlock]",
        "[interlock]\nflow = {}",
        "interlock.flow: needs min, max or both",
    ),
    (
        "[interlock]",
        '[interlock]\npressures.P2.max = "1 bar"',
        "interlock.pressures.P2: P2 is no gauge: they are called p1, p2 ...",
    ),
    (
        'sigma = "10 ns"',
        'sigma = "60 ns"',
        "pulses.pi.sigma: 60 ns is longer than the pulse, 40 ns",
    ),
    (
        'min = "-0.5 V"',
        'min = "1 mV"',
        "instruments.awg1.limits.volts: 1 mV to 500 mV excludes 0 V, where pulses begin",
    ),
    (
        'max = "0.5 V"',
        'max = "-0.6 V"',
        "instruments.awg1.limits.volts: min -500 mV is above max -600 mV",
    ),
    (
        'drive_below = "50 mK"',
        'drive_below = "150 mK"',
        "interlock.drive_below: 150 mK is above drive_off_above, 100 mK",
    ),
    (
        '"0.20 V"',
        '"0.60 V"',
        "qubits.q0.pi_amplitude.value: 600 mV is outside limits.volts of awg1, -500 mV to 500 mV",
    ),
    (
        '"45 mV"',
        '"600 mV"',
        "resonators.r0.readout_amplitude.value: 600 mV is outside "
        "limits.volts of awg1, -500 mV to 500 mV",
    ),
    (
        'value = "4.95 GHz"',
        'value = "5.95 GHz"',
        "qubits.q1.f01.value: is 1.15 GHz from the "
        "carrier, more than half the sample rate (1 GHz) can make",
    ),
    (
        'value = "6.810 GHz"',
        'value = "5.810 GHz"',
        "resonators.r0.frequency.value: is 1.19 GHz "
        "from the carrier, more than half the sample rate (1 GHz) can make",
    ),
]

WIRING = [
    (
        '"two-qubits"',
        '"Two Qubits"',
        "computer.name: 'Two Qubits' is not a name for a "
        "computer: a-z, 0-9 and -, at most 32 characters, not beginning with -",
    ),
    (
        "[qubits.q1]",
        "[qubits.Q1]",
        "qubits.Q1: is not a name: a-z, 0-9 and _, beginning with a letter",
    ),
    (
        '"oxford_triton"',
        '"oxford_tritn"',
        'instruments.fridge.driver: unknown driver "oxford_tritn"; did you mean "oxford_triton"?',
    ),
    (
        '"oxford_triton"',
        '"xyz"',
        f'instruments.fridge.driver: unknown driver "xyz"; known: {", ".join(sorted(DRIVERS))}',
    ),
    ('resonator = "r1"', 'resonator = "r0"', "qubits.q1.resonator: r0 already reads out q0"),
    (
        'resonator = "r1"',
        'resonator = "r11"',
        'qubits.q1.resonator: there is no resonator "r11"; did you mean "r1"?',
    ),
    (
        'feedline = "feed0"',
        'feedline = "fed0"',
        'resonators.r0.feedline: there is no feedline "fed0"; did you mean "feed0"?',
    ),
    (
        'fridge = "fridge"',
        'fridge = "frigde"',
        'interlock.fridge: there is no instrument "frigde"; did you mean "fridge"?',
    ),
    (
        'source = "readout_lo"',
        'source = "readout_l"',
        'feedlines.feed0.source: there is no instrument "readout_l"; did you mean "readout_lo"?',
    ),
    (
        'q = "awg1.6"',
        'q = "awg9.6"',
        'feedlines.feed0.q: there is no instrument "awg9"; did you mean "awg1"?',
    ),
    (
        'q = "awg1.6"',
        'q = "awg1.9"',
        "feedlines.feed0.q: 'awg1.9': a generator has channels 1 to 8",
    ),
    (
        'q = "awg1.6"',
        'q = "awg1.0"',
        "feedlines.feed0.q: 'awg1.0': a generator has channels 1 to 8",
    ),
    (
        'q = "awg1.6"',
        'q = "awg1-6"',
        "feedlines.feed0.q: 'awg1-6' is not a channel such as \"awg1.3\"",
    ),
    (
        'q = "awg1.6"',
        'q = "awg1.5"',
        "feedlines.feed0.q: channel awg1.5 already feeds feedlines.feed0.i",
    ),
    (
        'q = "awg1.6"',
        'q = "awg1.4"',
        "feedlines.feed0.q: channel awg1.4 already feeds qubits.q1.drive.q",
    ),
    (
        'source = "readout_lo"',
        'source = "awg1"',
        "feedlines.feed0.source: awg1 cannot be a source: it is the generator of qubits.q0.drive.i",
    ),
    (
        "hislip0,4882",
        "hislip0,4881",
        "instruments.drive_lo.address: "
        "TCPIP0::127.0.0.1::hislip0,4881::INSTR is already the address at instruments.awg1.address",
    ),
]


def odd(number: str) -> str:
    return f"holds U+{number}, which no terminal shows as itself"


FILES = [
    (
        '"kammerton.sqlite"',
        '"postgresql://db/k"',
        'store.database: the URL of a server begins with "postgresql+psycopg://"',
    ),
    ('"kammerton.sqlite"', '"a\\u0000b"', f"store.database: {odd('0000')}"),
    ('"kammerton.sqlite"', '"a\\u202eb"', f"store.database: {odd('202E')}"),
    ('"kammerton.sqlite"', '"postgresql+psycopg://db\\u2066/k"', f"store.database: {odd('2066')}"),
    ("hislip0,4882", "hislip0\\u0000,4882", f"instruments.drive_lo.address: {odd('0000')}"),
    ("hislip0,4882", "hislip0\\u202e,4882", f"instruments.drive_lo.address: {odd('202E')}"),
    ("hislip0,4882", "hislip0\\u200f,4882", f"instruments.drive_lo.address: {odd('200F')}"),
    (
        "mqtt://127",
        "http://127",
        "broker.url: 'http://127.0.0.1:1883' must begin with mqtt:// or mqtts://",
    ),
    (":1883", ":99999", "broker.url: is not a URL: the port is no number from 1 to 65535"),
    (":1883", ":x", "broker.url: is not a URL: the port is no number from 1 to 65535"),
    (":1883", ":0", "broker.url: is not a URL: the port is no number from 1 to 65535"),
    (
        "mqtt://127.0.0.1:1883",
        "mqtt://",
        """broker.url: 'mqtt://' needs a host, such as "mqtt://127.0.0.1\"""",
    ),
    ("mqtt://127.0.0.1:1883", "mqtt://[::1", "broker.url: is not a URL: its host cannot be read"),
    (
        ":1883",
        ":1883/topic",
        "broker.url: 'mqtt://127.0.0.1:1883/topic' must end after the host and port",
    ),
    (
        "mqtt://127",
        "mqtt://me:secret@127",
        "broker.url: holds a name or password; write them to username and password_file",
    ),
    (
        "# username =",
        'password = "secret" #',
        "broker.password: a password does not "
        "belong in lab.toml; write it to a file and name that file: password_file",
    ),
]


def problems_of(examined, text):
    findings = examined(text)
    assert findings.lab is None
    return list(findings.problems)


def line_at(place, text=TEXT):
    """Return the line of the first `place` in a text."""
    return text[: text.index(place)].count("\n") + 1


def only_problem(examined, old, new):
    """Return the one problem that a mistake leads to, without its line, which must be right."""
    line = line_at(old) + new.rstrip().count("\n")
    (problem,) = problems_of(examined, spoilt(old, new))
    assert problem.startswith(f"lab.toml:{line}: ")
    return problem.removeprefix(f"lab.toml:{line}: ")


@pytest.mark.parametrize(("old", "new", "problem"), [*KEYS, *VALUES, *UNITS, *SIZES, *FILES])
def test_one_mistake_is_one_problem_at_its_line(examined, old, new, problem):
    assert only_problem(examined, old, new) == problem


@pytest.mark.parametrize(("old", "new", "problem"), WIRING)
def test_c2_a_wire_that_leads_nowhere_or_twice_is_one_problem_at_its_line(
    examined, old, new, problem
):
    assert only_problem(examined, old, new) == problem


@pytest.mark.parametrize(("old", "header", "problem"), MISSING)
def test_what_is_missing_is_missing_in_its_table(examined, old, header, problem):
    assert problems_of(examined, spoilt(old, "")) == [f"lab.toml:{line_at(header)}: {problem}"]


def test_two_carriers_of_one_source(examined):
    text = spoilt('carrier = "4.8 GHz"', 'carrier = "4.7 GHz"')
    assert problems_of(examined, text) == [
        f"lab.toml:{line_at('[qubits.q1]') + 2}: qubits.q1.drive.carrier: drive_lo cannot be at "
        "4.8 GHz here and at 4.7 GHz for qubits.q0.drive.carrier"
    ]


def test_two_powers_of_one_source(examined):
    text = spoilt('power = "13 dBm", ', 'power = "12 dBm", ')
    assert "drive_lo cannot be at 13 dBm here and at 12 dBm" in problems_of(examined, text)[0]


def test_amplitudes_that_are_too_much_for_the_device(examined):
    text = spoilt('max_at_device = "-70 dBm"', 'max_at_device = "-110 dBm"')
    assert [p.split(": ", 1)[1] for p in problems_of(examined, text)] == [
        f"resonators.{r}.readout_amplitude.value: puts -96.936 dBm on the device, "
        "more than max_at_device of feedlines.feed0, -110 dBm"
        for r in ("r0", "r1")
    ]


def with_vna(*lines):
    return TEXT + "\n".join(
        ("", "[instruments.vna]", f'driver = "{DRIVERS[1]}"', 'address = "vna"', *lines, "")
    )


def test_a_limit_at_the_device_of_an_analyzer_needs_the_attenuation_of_its_line(examined):
    most = 'max_at_device = "-70 dBm"'
    assert [p.split(": ", 1)[1] for p in problems_of(examined, with_vna(most))] == [
        "instruments.vna.attenuation: missing: max_at_device needs it"
    ]
    entry = examined(with_vna(most, 'attenuation = "60 dB"')).lab.instruments["vna"]
    assert (entry.attenuation, entry.max_at_device) == (60.0, -70.0)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("awg1", "stands with each line: awg1 is used as a generator"),
        ("readout_lo", "stands with each line: readout_lo is used as a source"),
        ("digitizer", "limits nothing: digitizer is used as a digitizer"),
        ("fridge", "limits nothing: fridge is used as a fridge"),
    ],
)
def test_a_limit_at_the_device_of_what_has_no_line_of_its_own(examined, name, why):
    rated = f'[instruments.{name}]\nattenuation = "60 dB"\nmax_at_device = "-70 dBm"'
    text = spoilt(f"[instruments.{name}]", rated)
    assert [p.split(": ", 1)[1] for p in problems_of(examined, text)] == [
        f"instruments.{name}.max_at_device: {why}"
    ]


def test_a_limit_at_the_device_of_a_line_on_two_generators(examined):
    second = TEXT[TEXT.index("[instruments.awg1]") : TEXT.index("[instruments.drive_lo]")]
    second = second.replace("awg1", "awg2").replace("4881", "4891")
    text = spoilt('q = "awg1.6"', 'q = "awg2.1"') + second
    assert problems_of(examined, text) == [
        f"lab.toml:{line_at('awg1.6')}: feedlines.feed0.q: awg2.1 and awg1.5 lie on two "
        "generators: max_at_device cannot be kept to, it needs I and Q on one"
    ]
    unrated = text.replace('max_at_device = "-70 dBm"', "")
    assert examined(unrated).problems == ()


def test_a_carrier_beyond_its_limits_and_far_from_its_resonators(examined):
    problems = problems_of(examined, spoilt('"7.0 GHz"', '"9.0 GHz"'))
    assert problems[0].endswith("9 GHz is outside limits.frequency of readout_lo, 6 GHz to 8 GHz")
    assert ["r0.frequency" in p or "r1.frequency" in p for p in problems] == [False, True, True]


def test_a_power_beyond_its_limits(examined):
    (problem,) = problems_of(examined, spoilt('power = "13 dBm"\n', 'power = "17 dBm"\n'))
    assert problem.endswith("17 dBm is outside limits.power of readout_lo, -20 dBm to 16 dBm")


def test_a_master_that_is_not_there(examined):
    problems = problems_of(examined, spoilt('master = "awg1"', 'master = "awg"'))
    assert 'there is no instrument "awg"; did you mean "awg1"?' in problems[0]
    assert 'awg1.1 is not a channel of the master "awg"' in problems[1]


def test_the_go_marker_is_not_a_trigger_too(examined):
    (problem,) = problems_of(examined, spoilt('go = "awg1.1"', 'go = "awg1.5"'))
    assert problem.endswith("marker 1 of awg1.5 already starts the generators (sync.go)")


def test_a_qubit_and_a_resonator_of_one_name(examined):
    text = spoilt('resonator = "r1"', 'resonator = "q1"').replace(
        "[resonators.r1]", "[resonators.q1]"
    )
    (problem,) = problems_of(examined, text)
    assert problem.endswith("resonators.q1: the name q1 is taken by qubits.q1")


def test_c2_two_feedlines_on_one_digitizer(examined):
    second = TEXT[TEXT.index("[feedlines.feed0]") : TEXT.index("[qubits.q0]")]
    second = second.replace("feed0", "feed1").replace("awg1.5", "awg1.7").replace("1.6", "1.8")
    (problem,) = problems_of(examined, TEXT + second)
    assert problem.endswith("feedlines.feed1.digitizer: digitizer already records feed0")


@pytest.mark.parametrize("section", ["instruments", "qubits"])
def test_nothing_at_all_is_not_enough(examined, section):
    kept = [part for part in TEXT.split("\n\n") if not part.startswith(f"[{section}.")]
    problems = problems_of(examined, f"{section} = {{}}\n" + "\n\n".join(kept))
    assert f"lab.toml:1: {section}: has no entry" in problems


def test_an_empty_file_misses_every_table(examined):
    assert problems_of(examined, "") == [
        f"lab.toml:1: {table}: missing"
        for table in ("computer", "interlock", "instruments", "sync", "pulses", "feedlines",
                      "qubits", "resonators")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("table", "value"), [("qubits", "3"), ("interlock", "[1]"), ("pulses", "{ pi = 1 }")]
)
def test_a_value_where_a_table_should_be(examined, table, value):
    kept = [part for part in TEXT.split("\n\n") if not part.startswith(f"[{table}")]
    problems = problems_of(examined, f"{table} = {value}\n" + "\n\n".join(kept))
    assert any("needs a table, not" in problem for problem in problems)


def test_c1_all_mistakes_come_at_once_in_the_order_of_the_file(examined):
    text = TEXT
    for old, new in [
        ('source = "drive_lo"', 'sorce = "drive_lo"'),
        ('resonator = "r1"\n', ""),
        ('"4.90 GHz"', '"4.90"'),
        ('"oxford_triton"', '"oxford_tritn"'),
        ('q = "awg1.6"', 'q = "awg1.4"'),
        ("max_age", "max_aeg"),
    ]:
        text = spoilt(old, new, text)
    problems = problems_of(examined, text)
    lines = [int(problem.split(":")[1]) for problem in problems]
    assert lines == sorted(lines)
    assert [problem.split(": ")[1] for problem in problems] == [
        "interlock.max_aeg", "instruments.fridge.driver", "feedlines.feed0.q",
        "qubits.q0.drive.sorce", "qubits.q0.f01.value", "qubits.q1.resonator",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "line",
    ['password = "hunter2"', 'url = "mqtt://me:hunter2@host"', 'url = "mqtt://me:hunter2@[host"',
     'url = "mqtt://me:hunter2@host:port"', 'url = "http://me:hunter2@host"',
     'url = "me:hunter2@host:1883"', 'url = "mqtt:/me:hunter2@host"',
     'url = "mqtt:me:hunter2@host"', 'url = "mqtt//me:hunter2@host"', 'url = "mqtt://host?password=hunter2"'],
)  # fmt: skip
def test_a_password_is_never_repeated(examined, line):
    text = TEXT.replace('url = "mqtt://127.0.0.1:1883"', line)
    assert "hunter2" not in " ".join(problems_of(examined, text))


@pytest.mark.parametrize(("safe", "told"), [("zero", True), ("off", True), ("hold", False)])
def test_a_bias_that_ends_at_zero_needs_limits_that_hold_it(examined, safe, told):
    coil = f"""[instruments.coil]
driver = "yokogawa_gs200"
address = "TCPIP0::127.0.0.1::7655::SOCKET"
safe = "{safe}"
limits.volts = {{ min = "0.1 V", max = "1 V", max_rate = "1 V/s", max_step = "10 mV" }}

[interlock]"""
    problems = examined(spoilt("[interlock]", coil)).problems
    words = "instruments.coil.limits.volts: 100 mV to 1 V excludes 0 V, where it ends when"
    assert sum(words in problem for problem in problems) == told
