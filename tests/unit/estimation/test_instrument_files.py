"""Files as network analysers and LabVIEW write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kammerton.estimation.files.columns import Choice
from kammerton.estimation.files.read import read_files
from kammerton.model import Trace, TraceError

F = np.linspace(7.1e9, 7.2e9, 5)
S = 0.1 * np.exp(0.3j * np.arange(5))
LEVELS = (
    "Freq(Hz),S21 Log Mag(dB),S21 Phase(deg)",
    20 * np.log10(np.abs(S)),
    np.angle(S, deg=True),
)
PARTS = ("Freq(Hz),S21(REAL),S21(IMAG),S11(REAL),S11(IMAG)", S.real, S.imag, S.real, -S.imag)


def read(path: Path, text: str, kind: str) -> Trace:
    path.write_bytes(text.replace("\n", "\r\n").encode())
    trace = read_files([path], kind, Choice()).trace
    assert isinstance(trace, Trace)
    return trace


def keysight(header: str, *columns: np.ndarray, channel: int = 1) -> str:
    rows = (",".join(repr(float(v)) for v in row) for row in zip(F, *columns, strict=True))
    return "\n".join([f"BEGIN CH{channel}_DATA", header, *rows, "END", "", ""])


@pytest.mark.parametrize("maker", ["!Keysight Technologies", "! Agilent", "Agilent Technologies"])
@pytest.mark.parametrize("columns", [LEVELS, PARTS])
def test_the_file_of_a_network_analyser(tmp_path: Path, maker: str, columns) -> None:  # type: ignore[no-untyped-def]
    head = f"!CSV A.01.01\n{maker},N5247B,MY1,A.19.30\n!Date: Friday, 11 September\n!Source: 1\n\n"
    trace = read(tmp_path / "s21.csv", head + keysight(*columns), "resonator_spectroscopy")
    np.testing.assert_allclose(trace.x, F)
    np.testing.assert_allclose(trace.y, S, rtol=1e-9)


def test_one_of_two_channels_is_to_be_left(tmp_path: Path) -> None:
    both = keysight(*LEVELS) + keysight(*LEVELS, channel=2)
    with pytest.raises(TraceError, match=r"s21.csv: holds 2 channels"):
        read(tmp_path / "s21.csv", both, "resonator_spectroscopy")


FILE = (
    "LabVIEW Measurement\t\nWriter_Version\t2\nReader_Version\t2\nSeparator\t{name}\n"
    "Decimal_Separator\t{mark}\nMulti_Headings\tNo\nX_Columns\t{told}\nTime_Pref\tRelative\n"
    "Date\t2019/07/22\n***End_of_Header***\t\n\t\n"
)
SEGMENT = (
    "Channels\t2\nSamples\t3\t3\nDate\t2019/07/22\t2019/07/22\nY_Unit_Label\tVolts\tmV\n"
    "X_Dimension\tTime\tTime\nX0\t0.5E-6\t0.5E-6\nDelta_X\t1E-6\t1E-6\n***End_of_Header***\t\t\n"
    "X_Value\tUntitled\tUntitled 1\tComment\n"
)
X, Y = (0.5e-6, 1.5e-6, 2.5e-6), (0.9, 0.5, 0.25)


def labview(told: str, name: str, mark: str) -> str:
    cells = [["" if told == "No" else repr(x), repr(y), repr(y)] for x, y in zip(X, Y, strict=True)]
    text = SEGMENT + "".join("\t".join(row) + "\n" for row in cells)
    text = FILE.format(told=told, name=name, mark=mark) + text.replace(".", mark)
    return text.replace("\t", {"Tab": "\t", "Comma": ","}[name])


@pytest.mark.parametrize("told", ["No", "One"])
@pytest.mark.parametrize(("name", "mark"), [("Tab", "."), ("Tab", ","), ("Comma", ".")])
def test_a_labview_measurement(tmp_path: Path, told: str, name: str, mark: str) -> None:
    trace = read(tmp_path / "t1.lvm", labview(told, name, mark), "t1")
    np.testing.assert_allclose(trace.x, X)
    np.testing.assert_allclose(trace.y, Y)
    assert (trace.x_name, trace.x_unit, trace.y_name, trace.y_unit) == (
        "X_Value",
        "s",
        "Untitled",
        "V",
    )


def test_one_of_two_segments_is_to_be_left(tmp_path: Path) -> None:
    text = labview("One", "Tab", ".")
    with pytest.raises(TraceError, match=r"t1.lvm: holds 2 segments"):
        read(tmp_path / "t1.lvm", text + SEGMENT + "1\t2\t3\n", "t1")
