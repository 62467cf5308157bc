"""What is odd but usable is a warning, and the Lab is there all the same."""

import re
import sys

import pytest

from tests.unit.lab.example import TEXT, spoilt


@pytest.mark.parametrize(
    ("old", "new", "warning"),
    [
        (
            'limits.volts = { min = "-0.5 V", max = "0.5 V", max_rate = "1 V/ns" }',
            "",
            "instruments.awg1: has no limits.volts: its outputs stay off",
        ),
        (
            'limits.frequency = { min = "4 GHz", max = "6 GHz", max_rate = "10 GHz/s" }',
            "",
            "instruments.drive_lo: has no limits.frequency: its outputs stay off",
        ),
        (
            'limits.power = { min = "-20 dBm", max = "16 dBm", max_rate = "100 dB/s" }',
            'limits.volts = { min = "-1 V", max = "1 V", max_rate = "1 V/ns" }',
            "instruments.drive_lo.limits.volts: limits nothing: drive_lo is used as a source",
        ),
        (
            ', attenuation = "67 dB", max_at_device = "-62 dBm"',
            "",
            "qubits.q0.drive: has no max_at_device: what may arrive at the device is not limited",
        ),
        (
            'max_at_device = "-70 dBm"',
            "",
            "feedlines.feed0: has no max_at_device: what may arrive at the device is not limited",
        ),
        (
            'value = "30 us"',
            'value = "130 us"',
            "qubits.q0.t2_star: 130 µs is longer than 2 t1, 100 µs",
        ),
        (
            'value = "45 us"',
            'value = "101 us"',
            "qubits.q0.t2_echo: 101 µs is longer than 2 t1, 100 µs",
        ),
        (
            'tolerance = "8 MHz"',
            'tolerance = "0.5 mHz"',
            "qubits.q0.f01.tolerance: 0.5 mHz is finer than any measurement of a frequency: is "
            '"0.5 MHz" meant?',
        ),
        (
            'value = "50 us", tolerance = "25 us"',
            'value = "50 ms", tolerance = "25 us"',
            'qubits.q0.t1.value: 50 ms is very long for a qubit: is "50 us" meant?',
        ),
        (
            'reset = "300 us"',
            'reset = "300 ms"',
            "pulses.readout.reset: each shot waits 6000 times the longest t1, 50 µs",
        ),
        (
            'length = "40 ns"',
            'length = "40 us"',
            "pulses.pi.length: 40 µs is 4000 times its sigma of 10 ns; 4 to 6 are usual: is "
            '"40 ns" meant?',
        ),
        (
            'length = "40 ns"',
            'length = "400 ns"',
            "pulses.pi.length: 400 ns is 40 times its sigma of 10 ns; 4 to 6 are usual",
        ),
        (
            'value = "6.810 GHz", tolerance = "1.5 MHz"',
            'value = "6.810 GHz", tolerance = "1.5 GHz"',
            "resonators.r0.frequency.tolerance: 1.5 GHz is 22% of 6.81 GHz: no design is so "
            'unsure: is "1.5 MHz" meant?',
        ),
        (
            'delay = "64 ns"',
            'delay = "64 us"',
            'feedlines.feed0.delay: 64 µs is what 12.8 km of cable take: is "64 ns" meant?',
        ),
        (
            'max_age = "30 s"',
            'max_age = "3000 s"',
            "interlock.max_age: drive would go on for 50 min after the last reading",
        ),
        (
            'f01 = { value = "4.95 GHz"',
            'f01 = { value = "4.808 GHz"',
            "qubits.q1.drive.carrier: f01 lies 8 MHz from it by design: what the mixer leaks of "
            "the carrier drives that transition all the time, and f01 is measured off",
        ),
        (
            'f01 = { value = "4.95 GHz"',
            'f01 = { value = "5.001 GHz"',
            "qubits.q1.drive.carrier: f12 lies 1 MHz from it by design: what the mixer leaks of "
            "the carrier drives that transition all the time, and f01 is measured off",
        ),
        (
            'value = "45 mV"',
            'value = "490 mV"',
            "feedlines.feed0: its 2 readout tones may add up to 535 mV, beyond limits.volts of "
            "awg1, 500 mV",
        ),
        (
            'drive_off_above = "100 mK"',
            'drive_off_above = "100 K"',
            "interlock.drive_off_above: drive would be on at up to 100 K, where no qubit works: is "
            '"100 mK" meant?',
        ),
        (
            'value = "4.95 GHz"',
            'value = "4.900001 GHz"',
            "qubits.q1.f01.value: 4.9 GHz is expected of q0, too, and nothing tells the two apart",
        ),
        (
            'value = "6.890 GHz"',
            'value = "6.8100 GHz"',
            "resonators.r1.frequency.value: 6.81 GHz is expected of r0, too, and nothing tells the "
            "two apart",
        ),
        (
            'value = "-200 MHz"',
            'value = "183 MHz"',
            "qubits.q0.anharmonicity.value: 183 MHz is positive; f12 - f01 of a transmon is "
            'negative: is "-183 MHz" meant?',
        ),
        (
            'reset = "300 us"',
            'reset = "300 ns"',
            "pulses.readout.reset: 99% of an excitation outlives the wait of 300 ns after a shot; "
            "the longest t1 is 50 µs",
        ),
        (
            'value = "50 us", tolerance = "25 us"',
            'value = "50 us", tolerance = "0 us"',
            "qubits.q0.t1.tolerance: 0 says that the design is exact; nobody knows it before",
        ),
        (
            'max_rate = "1 V/ns"',
            'max_rate = "1 mV/s"',
            "instruments.awg1.limits.volts.max_rate: 1 mV/s is too slow for "
            "qubits.q0.pi_amplitude.value, 200 mV within 40 ns: every run would be refused",
        ),
        (
            '# ca_file = "ca.pem"',
            'ca_file = "lab.toml"',
            "broker.ca_file: is not used: the url begins with mqtt://, not mqtts",
        ),
        (
            '# password_file = "broker.password"',
            'password_file = "absent"',
            "broker.password_file: there is no file",
        ),
        (
            "[sync]",
            '[instruments.spare]\ndriver = "oxford_triton"\naddress = "tcp://x"\n[sync]',
            "instruments.spare: is used by nothing",
        ),
    ],
)
def test_is_said(examined, old, new, warning):
    findings = examined(spoilt(old, new))
    assert findings.lab is not None, findings.problems
    assert any(warning in line for line in findings.warnings), findings.warnings


@pytest.mark.parametrize(
    ("url", "warning"),
    [
        ('"mqtt://far"\nusername = "me"', "name and password travel in clear; use mqtts://"),
        ('"mqtt://far"', "anybody in this network may publish as this computer"),
        ('"mqtts://far"', "anybody in this network may publish as this computer"),
        ('"mqtts://far"\nusername = "me"', None),
        ('"mqtt://localhost"', None),
    ],
)
def test_x1_a_broker_of_everybody_or_in_clear_is_warned_of(examined, url, warning):
    findings = examined(spoilt('"mqtt://127.0.0.1:1883"', url))
    assert findings.lab is not None, findings.problems
    said = [line for line in findings.warnings if "broker.url" in line]
    assert [warning in line for line in said] == ([True] if warning else [])


def test_a_resonator_and_a_feedline_without_use(examined):
    feedline = TEXT[TEXT.index("[feedlines.feed0]") : TEXT.index("[qubits.q0]")]
    feedline = feedline.replace("feed0", "feed1").replace('"digitizer"', '"digitizer2"')
    feedline = feedline.replace("awg1.5", "awg1.7").replace("awg1.6", "awg1.8")
    digitizer = TEXT[TEXT.index("[instruments.digitizer]") : TEXT.index("[instruments.fridge]")]
    digitizer = digitizer.replace("digitizer]", "digitizer2]").replace("4884", "4885")
    resonator = TEXT[TEXT.index("[resonators.r1]") :].replace("r1", "r2").replace("6.89", "6.95")
    findings = examined(TEXT + digitizer + feedline + resonator)
    assert findings.problems == ()
    assert [warning.split(": ", 1)[1] for warning in findings.warnings] == [
        "feedlines.feed1: has no resonator",
        "resonators.r2: reads out no qubit",
    ]


def test_two_feedlines_may_have_resonators_at_one_frequency(examined):
    feedline = TEXT[TEXT.index("[feedlines.feed0]") : TEXT.index("[qubits.q0]")]
    resonator = TEXT[TEXT.index("[resonators.r1]") :]
    apart = resonator.replace("feed0", "feed1").replace("6.890", "6.810")
    more = feedline.replace("feed0", "feed1")
    there = examined(TEXT.replace(resonator, "") + more + apart).warnings
    assert not [each for each in there if "tells the two apart" in each]
    same = examined(TEXT.replace("6.890", "6.810")).warnings
    assert [each for each in same if "tells the two apart" in each]


def test_the_example_has_none(examined):
    assert examined(TEXT).warnings == ()


def test_the_user_of_a_loopback_broker_is_not_warned(examined):
    assert examined(spoilt("# username", "username")).warnings == ()


def test_warnings_are_there_beside_problems(examined):
    findings = examined(spoilt("limits.volts", "limits.volt"))
    assert findings.lab is None
    assert any("its outputs stay off" in warning for warning in findings.warnings)


def test_limits_the_wrong_way_round_are_no_reason_for_a_warning(examined):
    findings = examined(spoilt('min = "-0.5 V", max = "0.5 V"', 'min = "0.5 V", max = "-0.5 V"'))
    assert "min 500 mV is above max -500 mV" in findings.problems[0]
    assert findings.warnings == ()


@pytest.mark.skipif(sys.platform == "win32", reason="rights are POSIX here")
@pytest.mark.parametrize("key", ["password_file", "commands"])
@pytest.mark.parametrize(
    ("mode", "said"),
    [(0o644, "others may read"), (0o666, "others may change"), (0o620, "others may change"),
     (0o600, None), (0o400, None), (0o640, None)],
)  # fmt: skip
def test_a_secret_that_others_may_read_is_said(examined, tmp_path, key, mode, said):
    file = tmp_path / "secret"
    named = f'url = "mqtts://broker.example:8883"\nusername = "lab"\n{key} = "secret"'
    file.write_text("ada " + 40 * "k", encoding="utf-8")
    file.chmod(mode)
    text = re.sub('url = "mqtt:.*"', named, TEXT)
    warnings = [line for line in examined(text).warnings if f"broker.{key}" in line]
    assert [f"{said} {file}, which holds secrets: chmod 600" in line for line in warnings] == (
        [] if said is None else [True]
    )
