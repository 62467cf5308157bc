"""`kammerton run --dry-run`: all writes with units and limits, without a connection."""

from __future__ import annotations

import re
import socket
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kammerton.bench.connect import installed_drivers
from kammerton.cli import app
from kammerton.lab import InstrumentEntry, Limit, load
from kammerton.loop.intended import intended
from kammerton.model.quantity import parse
from kammerton.model.setup import setup_of
from tests.unit.lab.example import TEXT, spoilt


@pytest.fixture(autouse=True)
def nobody_connects(monkeypatch):
    def connect(*_: object) -> None:
        pytest.fail("a dry run connected to something")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setenv("COLUMNS", "160")


def dry(folder: Path, text: str) -> tuple[int, str]:
    path = folder / "lab.toml"
    path.write_text(text, encoding="utf-8")
    done = CliRunner().invoke(app, ["run", "--dry-run", str(path)])
    return done.exit_code, "\n".join(" ".join(line.split()) for line in done.stdout.splitlines())


def test_every_write_has_its_unit_and_its_limit(tmp_path):
    code, out = dry(tmp_path, TEXT)
    assert code == 0
    lines = out.splitlines()
    place = lines.index("drive_lo frequency (4 GHz to 6 GHz, 10 GHz/s)")
    assert lines[place + 1].startswith("4.8 GHz: ")
    place = lines.index("readout_lo power (-20 dBm to 16 dBm, 100 dB/s)")
    assert lines[place + 1].startswith("13 dBm: ")
    volts = [line for line in lines if line.startswith("awg1.") and " volts " in line]
    assert volts
    assert all(line.endswith("(-500 mV to 500 mV, 1 GV/s)") for line in volts)
    named = {name.strip() for line in lines for name in line.partition(":")[2].split(",")}
    assert {"start", "rabi_amplitude", "t1", "end"} <= named
    place = lines.index("awg1 playing (only while the refrigerator is cold and nobody holds it)")
    assert lines[place + 1].startswith("begun, and stopped: ")
    assert lines[-1] == "the gate would refuse nothing"


def test_own_limits_of_instruments_are_listed(tmp_path):
    _, out = dry(tmp_path, TEXT)
    assert "drive_lo power_limit (its own limit, what lab.toml allows)\n16 dBm: start" in out
    spoilt_max = dry(tmp_path, TEXT.replace('max = "16 dBm"', 'max = "14.126 dBm"'))[1]
    assert "\n14.12 dBm: start" in spoilt_max, "never above what is allowed"


def test_the_setup_of_what_nothing_uses_is_listed_as_a_bench_does_it(tmp_path):
    spare = TEXT[TEXT.index("[instruments.drive_lo]") : TEXT.index("[instruments.readout_lo]")]
    spare = spare.replace("drive_lo", "spare_lo").replace("4882", "4999").replace("100001", "9")
    _, out = dry(tmp_path, f"{TEXT}\n{spare}")
    for instrument in ("drive_lo", "spare_lo"):
        assert f"{instrument} ref_osc_source (by its driver)\nEXT: start" in out
    assert "fridge setup" not in out


def test_own_limits_of_a_pulse_generator_are_listed_and_no_more_than_its_line_may_carry(tmp_path):
    pulser = """
[instruments.pulser]
driver = "keysight_33522b"
address = "TCPIP0::10.0.0.9::5025::SOCKET"
limits.volts = { min = "-200 mV", max = "1 V", max_rate = "1 V/ns" }
attenuation = "20 dB"
max_at_device = "-10 dBm"
"""
    own = "(its own limit, what lab.toml allows)"
    _, out = dry(tmp_path, TEXT + pulser)
    assert f"pulser channels.voltage_limit_low {own}\n-200 mV: start" in out
    assert f"pulser channels.voltage_limit_high {own}\n707 mV: start" in out, "10 dBm into 50 ohm"
    assert f"pulser channels.voltage_limits {own}\non: start" in out


@pytest.mark.parametrize(
    ("instrument", "driver"),
    [
        ("awg1", "tektronix_awg5208"),
        ("drive_lo", "rohde_schwarz_sgs100a"),
        ("readout_lo", "rohde_schwarz_sgs100a"),
        ("digitizer", "alazar_ats9360"),
    ],
)
def test_what_configuring_sets_is_listed_whole(tmp_path, instrument, driver):
    _, out = dry(tmp_path, TEXT)
    lines = out.splitlines()
    setup = setup_of(installed_drivers()[driver]())
    assert setup is not None
    for setting in setup(1e9):
        below = lines[lines.index(f"{instrument} {setting.quantity} (by its driver)") + 1 :]
        values = below[: next(n for n, line in enumerate(below) if ": start" not in line)]
        assert f"{setting}: start" in values


def test_markers_and_what_arrives_at_the_device_are_listed(tmp_path):
    _, out = dry(tmp_path, TEXT)
    lines = out.splitlines()
    place = lines.index("awg1.5 marker 1 (high or low, as it is set up)")
    assert lines[place + 1].startswith("pulses: ")
    place = lines.index("awg1.5 and awg1.6, at the device (at most -70 dBm, behind 80 dB)")
    assert lines[place + 1].startswith("up to -90.9 dBm: "), "both tones, 90 mV, less 80 dB"
    assert "0 V, output on: resonator_spectroscopy" in lines
    unrated = spoilt(', attenuation = "67 dB", max_at_device = "-62 dBm"', "")
    assert "awg1.1 and awg1.2, at the device (no limit, behind 0 dB)" in dry(tmp_path, unrated)[1]


def test_the_levels_of_a_generator_have_their_units(tmp_path):
    _, out = dry(tmp_path, TEXT)
    assert "awg1 channels.awg_amplitude (by its driver)\n1 Vpp: start" in out
    assert "awg1 channels.resolution (by its driver)\n15 bit: start" in out
    assert "awg1 sample_rate (by its driver)\n1 GHz: start" in out
    assert "not named by its driver" not in out


def test_a_driver_that_does_not_say_what_it_sets_is_named(tmp_path):
    path = tmp_path / "lab.toml"
    path.write_text(TEXT, encoding="utf-8")
    silent = {name: lambda: lambda name, address: None for name in installed_drivers()}
    writes = intended(load(path), (), datetime.now(UTC), silent)
    unsaid = {w.output for w in writes if w.new == "not named by its driver"}
    assert unsaid == {"awg1", "drive_lo", "readout_lo", "digitizer"}


def test_a_driver_whose_package_is_not_here_is_named_and_why(tmp_path):
    def gone():
        raise ModuleNotFoundError("No module named 'vendor_sdk'")

    path = tmp_path / "lab.toml"
    path.write_text(TEXT, encoding="utf-8")
    drivers = installed_drivers() | {"alazar_ats9360": gone}
    writes = intended(load(path), (), datetime.now(UTC), drivers)
    [unsaid] = [w for w in writes if "cannot be loaded" in w.new]
    assert unsaid.output == "digitizer"
    assert unsaid.new.endswith("ModuleNotFoundError: No module named 'vendor_sdk'")
    assert {"awg1", "drive_lo"} <= {w.output for w in writes if w.limit == "by its driver"}


def test_a_bias_whose_driver_is_not_here_has_own_limits_that_nobody_knows(tmp_path):
    def gone():
        raise ModuleNotFoundError("No module named 'vendor_sdk'")

    path = tmp_path / "lab.toml"
    path.write_text(TEXT, encoding="utf-8")
    lab = load(path)
    volts = {"volts": Limit(-1.0, 1.0, 0.1)}
    bias = InstrumentEntry("bias", "yokogawa_gs200", "there", volts)
    lab = replace(lab, instruments={**lab.instruments, "bias": bias})
    drivers = installed_drivers() | {"yokogawa_gs200": gone}
    [unsaid] = [w for w in intended(lab, (), datetime.now(UTC), drivers) if "loaded" in w.new]
    assert (unsaid.output, unsaid.quantity) == ("bias", "own limits")


def test_each_value_is_said_once_for_an_instrument_and_fits_80_columns(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    _, out = dry(tmp_path, TEXT)
    lines = out.splitlines()
    assert max(map(len, lines)) <= 80
    heads = [line for line in lines if "unknown until read" in line]
    assert heads[0] == "awg1 (before: unknown until read)"
    assert len(heads) == len(set(heads))
    assert sum(line.startswith("4.8 GHz: ") for line in lines) == 1


def test_what_the_gate_would_refuse_is_told_and_is_the_exit_code(tmp_path):
    volts = 'limits.volts = { min = "-0.5 V", max = "0.5 V", max_rate = "1 V/ns" }'
    code, out = dry(tmp_path, spoilt(volts, ""))
    assert code == 3
    assert "volts cannot be set without limits.volts of instruments.awg1" in out
    code, out = dry(tmp_path, spoilt("1 V/ns", "1 mV/ns"))
    assert code == 3
    assert "faster than 1 MV/s, max_rate of limits.volts" in out.replace("\n", " ")


def with_a_budget(watts: str) -> str:
    stages = 'attenuation = { room = "7 dB", 4k = "60 dB" }'
    text = TEXT.replace('attenuation = "67 dB"', stages).replace('attenuation = "80 dB"', stages)
    return spoilt("[sync]", f'[heat_budget]\n4k = "{watts}"\n\n[sync]', text)


def test_the_heat_of_each_calibration_is_listed_beside_its_budget(tmp_path):
    code, out = dry(tmp_path, with_a_budget("1 mW"))
    assert code == 0
    lines = out.splitlines()
    below = lines[lines.index("refrigerator heat of 4k (1 mW on average)") + 1 :]
    assert any(re.fullmatch(r"[\d.]+ [pnµ]W: .*\bt1\b.*", line) for line in below)
    checked = CliRunner().invoke(app, ["check", str(tmp_path / "lab.toml")]).stdout
    pattern = r"^heat of 4k: up to ([\d.]+ [pnµ]W) \(\w+\), of 1 mW on average$"
    most = re.findall(pattern, checked, re.MULTILINE)
    taken = [line.partition(":")[0] for line in below if re.match(r"[\d.]+ [pnµ]W: ", line)]
    assert len(most) == 1, "one line a stage, not one a calibration"
    assert parse(most[0], "W") == max(parse(each, "W") for each in taken)
    assert "hint" not in checked


def test_what_is_too_hot_is_refused_in_the_list_too(tmp_path):
    code, out = dry(tmp_path, with_a_budget("0.01 nW"))
    assert code == 3
    assert "refused: t1: 4k would take " in out
    checked = CliRunner().invoke(app, ["check", str(tmp_path / "lab.toml")]).stdout
    assert "refused: t1: 4k would take " in checked
