"""A resonator's magnitude in a file may be a power: in W, by its name, or squared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kammerton.estimation.files.read import fit_file
from kammerton.model import TraceError, Verdict
from tests.unit.estimation import columns_of_text

RESONATOR = "resonator_spectroscopy"
POWERS = [4e-3, 1e-3, 2.25e-3, 0.0]
ROOTS = np.sqrt(POWERS)


def read(folder: Path, text: str, kind: str = RESONATOR, **choice: object):  # type: ignore[no-untyped-def]
    return columns_of_text.read(folder, text, kind, **choice)


def sweep(title: str, values: list[float] = POWERS, *more: float) -> str:
    return columns_of_text.sweep(f"frequency [Hz],{title}", values, *more)


@pytest.mark.parametrize(
    ("title", "scale"),
    [("power [mW]", 1.0), ("Power (W)", 1e3), ("transmitted power [uW]", 1e-3),
     ("signal [pW]", 1e-9), ("Pout_mW", 1.0), ("received [watts]", 1e3)],
)  # fmt: skip
def test_a_power_in_watts_becomes_the_voltage_over_that_of_0_dbm(
    tmp_path: Path, title: str, scale: float
) -> None:
    chosen = read(tmp_path, sweep(title))
    np.testing.assert_allclose(chosen.trace.y, ROOTS * np.sqrt(scale))
    assert chosen.trace.y_name.endswith("√(P / 1 mW)")
    said = f"y, column {title!r}, is a power: its square root is taken (--y-unit V says otherwise)"
    assert said in chosen.notes


@pytest.mark.parametrize(
    "title",
    ["|S21|^2", "|S21|²", "S21 power", "power", "abs(S21)**2", "mag squared", "S21 [V^2]",
     "S21 (V^2)", "S21_sq", "power [a.u.]", "transmitted power", "reflected_power", "power S21",
     "Transmission power", "magnitude squared", "amplitude^2", "mag²", "abs2"],
)  # fmt: skip
def test_a_power_is_known_by_its_name_or_a_squared_unit(tmp_path: Path, title: str) -> None:
    chosen = read(tmp_path, sweep(title))
    np.testing.assert_allclose(chosen.trace.y, ROOTS)
    assert chosen.trace.y_name.endswith("square root")
    assert chosen.trace.y_unit == ""


@pytest.mark.parametrize("title", ["S21", "amplitude [mV]", "|S21|", "mag2 [V]", "power [V]"])
def test_a_voltage_is_no_power(tmp_path: Path, title: str) -> None:
    chosen = read(tmp_path, sweep(title))
    factor = 1e-3 if "mV" in title else 1.0
    np.testing.assert_allclose(chosen.trace.y, np.array(POWERS) * factor)
    assert any("is named a power" in note for note in chosen.notes) == title.endswith("[V]")


SAYS = ["readout power", "transmission at high power", "pump power", "at power -30", "high-power",
        "pow_norm"]  # fmt: skip


@pytest.mark.parametrize(
    "title",
    [*SAYS, "low power magnitude", "|S21| at power -30", "mag low power", "Amplitude high-power",
     "square pulse", "magnitude (sq. avg)", "chi^2", "magnitude at power", "|S21| power",
     "Magnitude 2", "magnitude power"],
)  # fmt: skip
def test_at_which_power_a_magnitude_was_measured_makes_it_no_power(
    tmp_path: Path, title: str
) -> None:
    chosen = read(tmp_path, sweep(title))
    np.testing.assert_allclose(chosen.trace.y, POWERS)
    said = f"y, column {title!r}, says power, but not that it is one: taken as linear"
    assert any(note.startswith(said) for note in chosen.notes) == (title in SAYS)


def test_a_map_at_low_power_is_one_of_magnitudes(tmp_path: Path) -> None:
    rows = "".join(f"{b},{f},{f / 4}\n" for f in (4, 5) for b in (-1, 0, 1))
    chosen = read(tmp_path, f"bias,f [GHz],|S21| low power\n{rows}", "resonator_flux_map")
    np.testing.assert_allclose(chosen.trace.y, [[1.0] * 3, [1.25] * 3])


def test_the_user_says_what_y_is(tmp_path: Path) -> None:
    text = sweep("power")
    np.testing.assert_allclose(read(tmp_path, text, y_unit="V").trace.y, POWERS)
    np.testing.assert_allclose(read(tmp_path, sweep("S21"), y_unit="mW").trace.y, ROOTS)


@pytest.mark.parametrize("title", ["power [dBm]", "power [dB]", "|S21|^2 (dB)", "power"])
def test_a_level_stays_one(tmp_path: Path, title: str) -> None:
    chosen = read(tmp_path, sweep(title, [-40.0, -60.0, -46.0]))
    np.testing.assert_allclose(chosen.trace.y, [1e-2, 1e-3, 10**-2.3])
    assert not any("square root" in note for note in chosen.notes)


def test_no_power_is_negative(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"'power \[mW\]', goes from -0.5 to 1, but no power is"):
        read(tmp_path, sweep("power [mW]", [1.0, -0.5, 0.2]))


def test_a_phase_beside_a_power_and_its_error(tmp_path: Path) -> None:
    text = sweep("power [mW],error [uW],phase [rad]", [4.0, 1.0, 0.0], 10.0, 0.5)
    chosen = read(tmp_path, text, sigma="error")
    np.testing.assert_allclose(chosen.trace.y, np.array([2.0, 1.0, 0.0]) * np.exp(0.5j))
    np.testing.assert_allclose(chosen.trace.sigma, [0.0025, 0.005, 0.05])


def test_of_a_qubit_a_power_stays_what_it_is(tmp_path: Path) -> None:
    chosen = read(tmp_path, sweep("power [mW]"), "qubit_spectroscopy")
    np.testing.assert_allclose(chosen.trace.y, np.array(POWERS) * 1e-3)
    assert chosen.trace.y_unit == "W"


@pytest.mark.parametrize(
    "head", ["f [GHz],power [dBm],received [mW]", "f [GHz],power [dBm],received power [mW]"]
)
def test_of_a_punch_out_the_axis_stays_a_level(tmp_path: Path, head: str) -> None:
    rows = "".join(f"{f},{p},{f * 4}\n" for f in (4, 5) for p in (-20, -10, 0))
    chosen = read(tmp_path, f"{head}\n{rows}", "punch_out")
    np.testing.assert_allclose(chosen.trace.x[1], [-20.0, -10.0, 0.0])
    np.testing.assert_allclose(chosen.trace.y, [[4.0] * 3, [np.sqrt(20.0)] * 3])


def test_the_axis_of_a_punch_out_is_the_column_in_its_unit(tmp_path: Path) -> None:
    rows = "".join(f"{f},{f * 4},{p}\n" for f in (4, 5) for p in (-20, -10, 0))
    text = f"f [GHz],transmitted power [mW],power [dBm]\n{rows}"
    chosen = read(tmp_path, text, "punch_out")
    assert chosen.trace.names == ("f", "power")
    np.testing.assert_allclose(chosen.trace.y[:, 0], [4.0, np.sqrt(20.0)])


def test_series_and_matrices_of_powers(tmp_path: Path) -> None:
    text = "f [Hz],state 0 [mW],state 1 [mW]\n4e9,4,9\n5e9,1,4\n"
    series = read(tmp_path, text, "dispersive_shift").trace
    np.testing.assert_allclose(series.y, [[2.0, 1.0], [3.0, 2.0]])
    matrix = "f \\ bias,-0.2,0,0.2\n4e9,4,1,4\n5e9,4,9,4\n"
    chosen = read(tmp_path, matrix, "resonator_flux_map", y_unit="mW")
    np.testing.assert_allclose(chosen.trace.y, [[2.0, 1.0, 2.0], [2.0, 3.0, 2.0]])
    assert chosen.trace.y_name == "√(P / 1 mW)"


def test_a_linewidth_from_powers(tmp_path: Path) -> None:
    f = np.linspace(6.99e9, 7.01e9, 101)
    noise = np.random.default_rng(3).normal(size=(2, f.size)) * 2e-3
    s = 0.3 * (1 - 0.7 / (1 + 2j * (f - 7e9) / 1e6)) + noise[0] + 1j * noise[1]
    path = tmp_path / "data.csv"
    np.savetxt(path, np.column_stack([f, np.abs(s) ** 2]), delimiter=",",
               header="f [Hz],S21 power [uW]", comments="")  # fmt: skip
    _, fit = fit_file(path, RESONATOR)
    found = fit.values["linewidth"]
    assert fit.verdict is Verdict.ACCEPTED
    assert abs(found.value - 1e6) < 4 * found.stderr
