"""Complex signals in files: as two columns, as complex cells, as Touchstone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kammerton.estimation.files.cells import complex_number
from kammerton.estimation.files.columns import Choice
from kammerton.estimation.files.read import fit_file, read_files
from kammerton.model import TraceError

RESONATOR = "resonator_spectroscopy"
S = np.array([0.3 - 0.4j, -0.01 + 0.02j, 1e-3 + 0j])


def read(path: Path, text: str, kind: str = RESONATOR, **choice: object):  # type: ignore[no-untyped-def]
    path.write_text(text)
    return read_files([path], kind, Choice(**choice))  # type: ignore[arg-type]


def parts(header: str) -> str:
    return f"{header}\n" + "".join(f"{4 + n}e9,{z.real},{z.imag}\n" for n, z in enumerate(S))


@pytest.mark.parametrize(
    "titles",
    ["re,im", "real,imag", "Re(S21),Im(S21)", "I,Q", "S21_real,S21_imag", "re:Trc1_S21,im:Trc1_S21",
     "in-phase,quadrature", "I [V],Q [V]"],
)  # fmt: skip
def test_two_columns_are_one_complex_signal(tmp_path: Path, titles: str) -> None:
    chosen = read(tmp_path / "a.csv", parts(f"freq_Hz,{titles}"))
    np.testing.assert_allclose(chosen.trace.y, S, atol=1e-15)
    first, second = (title.removesuffix(" [V]") for title in titles.split(","))
    assert chosen.notes == (f"y is '{first} + i {second}', x is 'freq_Hz'",)


def test_two_columns_that_are_no_pair_are_not_taken_together(tmp_path: Path) -> None:
    chosen = read(tmp_path / "a.csv", parts("freq_Hz,Re(S21),Im(S11)"))
    np.testing.assert_allclose(chosen.trace.y, S.real)
    assert chosen.notes[-1] == "not used: 'Im(S11)'"
    with pytest.raises(TraceError, match=r"'I \[V\]' and 'Q \[mV\]' are in different units"):
        read(tmp_path / "a.csv", parts("f,I [V],Q [mV]"))


def test_a_part_that_the_user_chooses_is_taken_alone(tmp_path: Path) -> None:
    chosen = read(tmp_path / "a.csv", parts("freq_Hz,re,im"), y="im")
    np.testing.assert_allclose(chosen.trace.y, S.imag)
    assert chosen.notes[-1] == "not used: 're'"


@pytest.mark.parametrize("style", ["({})", "{}"])
@pytest.mark.parametrize("letter", ["j", "i"])
def test_complex_cells(tmp_path: Path, style: str, letter: str) -> None:
    cells = [style.format(str(z).strip("()").replace("j", letter)) for z in S]
    text = "".join(f"{4 + n}e9,{cell}\n" for n, cell in enumerate(cells))
    for header in ("freq [Hz],S21 [V]\n", "freq,S21\nHz,V\n"):
        chosen = read(tmp_path / "a.csv", header + text)
        np.testing.assert_allclose(chosen.trace.y, S, atol=1e-15)
        assert chosen.trace.y_unit == "V"
        assert chosen.notes == (f"y is 'S21', x is '{header.split(',')[0]}'",)
    named = read(tmp_path / "a.csv", "freq [Hz],S21\n" + text, y="S21")
    np.testing.assert_allclose(named.trace.y, S, atol=1e-15)
    np.testing.assert_allclose(read(tmp_path / "a.csv", text).trace.y, S, atol=1e-15)


def test_a_complex_cell_may_be_missing_or_real(tmp_path: Path) -> None:
    y = read(tmp_path / "a.csv", "f,S\n1e9,(1+2j)\n2e9,\n3e9,(nan+nanj)\n4e9,2j\n5e9,3\n").trace.y
    np.testing.assert_allclose(y, [1 + 2j, np.nan, np.nan, 2j, 3], atol=1e-15)


@pytest.mark.parametrize("text", ["i", "j", "ij", "hi", "1", "x+1j", "1+2", ""])
def test_what_is_no_complex_number(text: str) -> None:
    assert complex_number(text) is None


def test_a_map_and_two_states_from_parts(tmp_path: Path) -> None:
    rows = "".join(f"{f},{p},3,4\n" for f in (4e9, 5e9) for p in (-20, -10))
    grid = read(tmp_path / "a.csv", "freq,power,I,Q\n" + rows, "punch_out").trace
    np.testing.assert_allclose(grid.y, 3 + 4j)
    wide = "freq,I 0,Q 0,I 1,Q 1\n4e9,1,2,3,4\n5e9,5,6,7,8\n"
    grid = read(tmp_path / "a.csv", wide, "dispersive_shift").trace
    np.testing.assert_allclose(grid.y, [[1 + 2j, 5 + 6j], [3 + 4j, 7 + 8j]])


def decay(folder: Path, header: str) -> Path:
    t = np.linspace(0, 150, 76)
    z = 0.3 + 0.5j + 0.3 * np.exp(2j - t / 30)
    rng = np.random.default_rng(7)
    z += 0.01 * (rng.normal(size=76) + 1j * rng.normal(size=76))
    path = folder / "t.csv"
    np.savetxt(path, np.column_stack([t, z.real, z.imag]), delimiter=",", header=header,
               comments="")  # fmt: skip
    return path


def test_a_decay_is_read_along_the_axis_of_both_parts(tmp_path: Path) -> None:
    """Hidden truth T1 = 30 us; I alone holds two fifths of the change."""
    chosen, fit = fit_file(decay(tmp_path, "delay_us,I,Q"), "t1")
    assert chosen.notes == ("y is 'I and Q along their largest change', x is 'delay_us'",)
    t1, alone = fit.values["t1"], fit_file(tmp_path / "t.csv", "t1", Choice(y="I"))[1].values["t1"]
    assert abs(t1.value - 30e-6) < 4 * t1.stderr < 0.6 * 4 * alone.stderr


def test_other_kinds_take_one_part_and_say_so_or_refuse(tmp_path: Path) -> None:
    chosen = read(tmp_path / "a.csv", "n,I,Q\n1,2,3\n2,3,4\n", "fine_amplitude")
    assert chosen.notes == ("y is 'I', x is 'n'", "not used: 'Q'")
    with pytest.raises(TraceError, match="'I' and 'Q' are two parts of one signal; --y chooses"):
        read(tmp_path / "a.csv", "beta,I,Q\n1,2,3\n2,3,4\n", "drag_sequences")


def touchstone(form: str, ports: int, turned: bool = False) -> str:
    def pair(z: complex) -> str:
        if form == "RI":
            return f"{float(z.real)!r} {float(z.imag)!r}"
        size = abs(z) if form == "MA" else 20 * np.log10(abs(z))
        return f"{float(size)!r} {float(np.angle(z, deg=True))!r}"

    lines = ["! analyser", f"# GHz S {form} R 50 ! option"]
    lines += ["[Two-Port Data Order] 12_21"] if turned else []
    for n, z in enumerate(S):
        other = [0.1j, z, 0.3, 0.4] if not turned else [0.1j, 0.3, z, 0.4]
        lines.append(f"{4 + n} " + " ".join(map(pair, other if ports == 2 else [z])))
    return "\n".join([*lines, *(["2 1 2 3 4", "3 1 2 3 4"] if ports == 2 else [])])


@pytest.mark.parametrize("ports", [1, 2])
@pytest.mark.parametrize("form", ["RI", "MA", "DB"])
def test_touchstone(tmp_path: Path, form: str, ports: int) -> None:
    chosen = read(tmp_path / f"a.s{ports}p", touchstone(form, ports))
    np.testing.assert_allclose(chosen.trace.y, S, atol=1e-12)
    np.testing.assert_allclose(chosen.trace.x, [4e9, 5e9, 6e9])
    assert chosen.notes[0].startswith(f"y is '{'S21' if ports == 2 else 'S11'}'")


def test_of_touchstone_any_parameter_is_chosen(tmp_path: Path) -> None:
    path = tmp_path / "a.S2P"
    for form in ("RI", "MA", "DB"):
        y = read(path, touchstone(form, 2), y="s11").trace.y
        np.testing.assert_allclose(y, 0.1j, atol=1e-12)
    np.testing.assert_allclose(read(path, touchstone("RI", 2, turned=True)).trace.y, S, atol=1e-15)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.s3p", "# Hz S RI R 50\n1 2 3\n", "of Touchstone files, .s1p and .s2p are read"),
        ("a.s1p", "1 2 3\n2 3 4\n", "no option line"),
        ("a.s1p", "# Hz Z RI R 50\n1 2 3\n", "line 1: scattering parameters"),
        ("a.s1p", "# Hz S RI R 50\n1 2 3\n2 3\n", "line 3: 3 numbers are needed: '2 3'"),
        ("a.s1p", "# Hz S RI R 50\n", "no line has numbers"),
        ("a.s1p", "# Hz S RI R 50\n1 2 x\n2 3 4\n", "line 2: 'x' in column 'im S11' is not a num"),
    ],
)
def test_touchstone_that_cannot_be_read(tmp_path: Path, name: str, text: str, says: str) -> None:
    with pytest.raises(TraceError, match=says) as raised:
        read(tmp_path / name, text)
    assert name in str(raised.value)
    with pytest.raises(TraceError, match=r"no 'S31'; it holds S11, S21, S12, S22"):
        read(tmp_path / "b.s2p", touchstone("RI", 2), y="S31")


def test_a_column_that_is_left_aside_is_named(tmp_path: Path) -> None:
    text = "t [us],p1,p1_err,remark\n1,2,0.1,a\n2,3,0.1,b\n"
    _, error, other = read(tmp_path / "a.csv", text, "t1").notes
    assert error == "'p1_err' is there, but not used: --sigma p1_err takes it as the error of y"
    assert other == "not used: 'remark'"
    assert len(read(tmp_path / "a.csv", text, "t1", sigma="p1_err").notes) == 2
    many = "t [us],y," + ",".join(f"c{n}" for n in range(9))
    said = read(tmp_path / "a.csv", f"{many}\n" + "1,2" + ",1" * 9 + "\n2,2" + ",1" * 9, "t1").notes
    assert said[-1].endswith("'c5' and 3 more")
