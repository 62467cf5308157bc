"""Reading device tables: what they hold, and every reason to refuse one."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kammerton_sim.chip import ChipError
from kammerton_sim.devices import device_chip, read_device
from tests.unit.devices.conftest import HEADER, PAIRS, ROWS


def problems_of(path, **options) -> tuple[str, ...]:
    with pytest.raises(ChipError) as caught:
        read_device(path, **options)
    return caught.value.problems


def test_a_table_is_read(table):
    device = read_device(table())
    assert device.name == "made-up"
    assert [q.name for q in device.qubits] == ["q0", "q1", "q2"]
    first, _, last = device.qubits
    assert (first.t1, first.t2, first.f01, first.anharmonicity) == (1.2e-4, 9e-5, 5.1e9, -3.4e8)
    assert first.readout_error == 0.02
    assert last.readout_error is None
    assert device.couplings == ((0, 1), (1, 2))


def test_columns_may_stand_in_any_order_and_others_are_ignored(table):
    order = [4, 0, 3, 1, 2]
    header = ",".join(HEADER.split(",")[n] for n in order) + ",colour"
    rows = [",".join(row.split(",")[n] for n in order) + ",red" for row in ROWS]
    device = read_device(table(*rows, header=header, pairs=None))
    assert device.qubits[1].f01 == 4.95e9
    assert device.couplings == ()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("readout_eror", "readout_error"),
        ("Readout_Error", "readout_error"),
        ("p_read_0_prepared1", "p_read0_prepared1"),
    ],
)
def test_a_column_that_is_misspelt_is_not_passed_over(table, written, meant):
    header = HEADER.replace(meant, written)
    (found,) = problems_of(table(*ROWS, header=header, pairs=None))
    assert found == f"column {written!r}: is {meant!r} meant?"


def test_a_column_that_is_something_else_is_no_slip(table):
    header = HEADER.replace("p_read0_prepared1", "p_read0_prepared0")
    assert len(read_device(table(*ROWS, header=header, pairs=None)).qubits) == 3


def test_the_two_errors_make_the_mean_where_it_is_missing(table):
    device = read_device(table("0,1e-4,1e-4,5e9,-3e8,,0.03,0.01,", pairs=None))
    assert device.qubits[0].readout_error == pytest.approx(0.02)


def test_a_readout_that_errs_more_often_than_a_coin_is_refused(table):
    path = table("0,1e-4,1e-4,5e9,-3e8,0.7,,,", "1,1e-4,1e-4,5e9,-3e8,,0.9,0.3,", pairs=None)
    with pytest.raises(ChipError) as caught:
        read_device(path)
    assert caught.value.problems == (
        "row 2: a readout error of 0.7 is above 0.5, that of a coin: its answers are exchanged"
        " (--mend cuts it to 0.5)",
        "row 3: a readout error of 0.6 is above 0.5, that of a coin: its answers are exchanged"
        " (--mend cuts it to 0.5)",
    )
    device = read_device(path, mend=True)
    assert [qubit.readout_error for qubit in device.qubits] == [0.5, 0.5]
    assert (
        device.mended[0] == "row 2: a readout error of 0.7 is above 0.5, that of a coin: cut to 0.5"
    )


def test_empty_lines_and_a_byte_order_mark_do_not_matter(table):
    path = table("", ROWS[0], "", ROWS[1], pairs=None)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(read_device(path).qubits) == 2


def test_couplings_name_each_pair_once(table):
    assert read_device(table(pairs="qubit_a,qubit_b\n1,0\n0,1\n")).couplings == ((0, 1),)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("0,-1e-4,9e-5,5.1e9,-3.4e8", "row 2: T1 [s]: -1e-4 must lie between 1e-9 and 1 s"),
        ("0,120,9e-5,5.1e9,-3.4e8", "row 2: T1 [s]: 120 must lie between 1e-9 and 1 s"),
        ("0,1e-4,0,5.1e9,-3.4e8", "row 2: T2 [s]: 0 must lie between"),
        ("0,1e-4,2.1e-4,5.1e9,-3.4e8", "row 2: T2 of 0.00021 s is longer than 2 T1 = 0.0002 s"),
        ("0,1e-4,9e-5,5.1,-3.4e8", "row 2: f01 [Hz]: 5.1 must lie between 1e8 and 1.27e10 Hz"),
        (
            "0,1e-4,9e-5,13.5e9,-3.4e8",
            "row 2: f01 [Hz]: 13.5e9 must lie between 1e8 and 1.27e10 Hz",
        ),
        ("0,1e-4,9e-5,5.1e9,3.4e8", "row 2: anharmonicity [Hz]: 3.4e8 must lie between -1e9 and"),
        ("0,1e-4,9e-5,5.1e9,-340", "row 2: anharmonicity [Hz]: -340 must lie between -1e9 and"),
        ("0,fast,9e-5,5.1e9,-3.4e8", "row 2: T1 [s]: 'fast' is not a number"),
        ("0,1_0e-5,9e-5,5.1e9,-3.4e8", "row 2: T1 [s]: '1_0e-5' is not a number"),
        ("0,١e-4,9e-5,5.1e9,-3.4e8", "row 2: T1 [s]: '١e-4' is not a number"),
        ("0,1e-4,9e-5,0.2e9,-9e8", "row 2: an anharmonicity of -9e+08 Hz leaves nothing of f01"),
        ("0,nan,9e-5,5.1e9,-3.4e8", "row 2: T1 [s]: nan must lie"),
        ("0,1e-4,9e-5,inf,-3.4e8", "row 2: f01 [Hz]: inf must lie"),
        ("0,1e-4,9e-5,5.1e9,-3.4e8,1.2", "row 2: readout_error: 1.2 must lie between 0 and 1"),
        ("0,1e-4,9e-5,5.1e9,-3.4e8,,-1", "row 2: p_read0_prepared1: -1 must lie between 0 and 1"),
        (
            "0,1e-4,9e-5,5.1e9,-3.4e8,0.02,0.3,0.62",
            "row 2: a readout_error of 0.02 is not the mean of p_read0_prepared1 and"
            " p_read1_prepared0, 0.46",
        ),
        (
            "0,1e-4,9e-5,5.1e9,-3.4e8,0.02,0.3",
            "row 2: a readout_error of 0.02 is not the mean of p_read0_prepared1 and"
            " p_read1_prepared0, 0.15 to 0.65",
        ),
        (",1e-4,9e-5,5.1e9,-3.4e8", "row 2: '' is no name of a qubit, such as 3 or q3"),
        ("_a,1e-4,9e-5,5.1e9,-3.4e8", "row 2: '_a' is no name of a qubit"),
        ("é,1e-4,9e-5,5.1e9,-3.4e8", "row 2: 'é' is no name of a qubit"),
        ("a" * 32 + ",1e-4,9e-5,5.1e9,-3.4e8", "is no name of a qubit"),
        ("feed0,1e-4,9e-5,5.1e9,-3.4e8", "row 2: 'feed0' is a feedline"),
        ("a b,1e-4,9e-5,5.1e9,-3.4e8", "row 2: 'a b' is no name of a qubit"),
        (ROWS[0] + ",1,2", "row 2: 11 cells for 9 columns"),
        ("0,1e-4,9e-5,5.1e9", "row 2: 4 cells for 9 columns"),
    ],
)
def test_a_bad_value_is_named_with_its_row(table, row, problem):
    (found,) = problems_of(table(row, pairs=None))
    assert problem in found


def test_half_a_readout_error_is_left_out_and_said(table):
    device = read_device(table("0,1e-4,9e-5,5.1e9,-3.4e8,,0.3", ROWS[1], pairs=None))
    assert device.qubits[0].readout_error is None
    (said,) = device.mended
    assert said.startswith("row 2: of p_read0_prepared1 and p_read1_prepared0 one is missing")


def test_a_qubit_that_is_there_twice_is_named_with_both_rows(table):
    (found,) = problems_of(table(ROWS[0], ROWS[1], ROWS[0], pairs=None))
    assert found == "row 4: qubit '0' is already in row 2"


def test_a_number_and_the_name_that_it_gives_are_one_qubit(table):
    (found,) = problems_of(table(ROWS[0], "q" + ROWS[0], pairs=None))
    assert found == "row 3: qubit 'q0' is already in row 2"


def test_capitals_become_small_and_it_is_said(table):
    device = read_device(table("QB1" + ROWS[0][1:], ROWS[1], pairs="qubit_a,qubit_b\nQB1,1\n"))
    assert [q.name for q in device.qubits] == ["qb1", "q1"]
    assert device.couplings == ((0, 1),)
    assert device.mended == ("row 2: 'QB1' is called qb1: names are in small letters",)


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ("A1", "a1", "row 3: qubit 'a1' is already in row 2"),
        ("a", "qa", "row 3: 'qa' and 'a' would share resonator ra"),
        ("ra", "a", "row 2: 'ra' is the resonator of 'a'"),
    ],
)
def test_no_two_things_have_one_name(table, first, second, said):
    assert problems_of(table(first + ROWS[0][1:], second + ROWS[1][1:], pairs=None)) == (said,)


@pytest.mark.parametrize(("mark", "name"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
def test_cells_that_stand_apart_by_something_else_are_said_to(table, mark, name):
    path = table(pairs=None)
    path.write_text(path.read_text().replace(".", ",").replace(",", mark))
    (found,) = problems_of(path)
    assert f"its cells stand apart by {name}: write commas" in found


def test_more_qubits_than_can_be_served_are_named_as_the_tables(table):
    rows = [f"{n},1e-4,9e-5,5.1e9,-3.4e8" for n in range(1001)]
    (found,) = problems_of(table(*rows, pairs=None))
    assert found == "made-up.csv: 1001 qubits; at most 1000 are served"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            "T1 [s]",
            "T1 [us]",
            "column 'T1 [s]' is missing: 'T1 [us]' has another unit; tables are in SI",
        ),
        ("T2 [s]", "T2[s]", "column 'T2 [s]' is missing: if 'T2[s]' is it, write 'T2 [s]' there"),
        ("f01 [Hz]", "frequency", "column 'f01 [Hz]' is missing"),
        ("qubit,", "qbit,", "column 'qubit' is missing: if 'qbit' is it, write 'qubit' there"),
        ("T2 [s]", "T1 [s]", "column 'T1 [s]' is there twice"),
    ],
)
def test_a_missing_column_is_named_with_the_nearest(table, old, new, problem):
    found = problems_of(table(header=HEADER.replace(old, new), pairs=None))
    assert problem in found


def test_a_table_without_names_is_refused_in_one_line_a_column(table):
    found = problems_of(table("x,1,2", "y,1,2", header="a,b,c", pairs=None))
    assert len(found) == 5
    assert all(problem.startswith("column ") for problem in found)


def test_couplings_are_told_from_a_table(table):
    path = table()
    said = "these are couplings: name the table that they stand beside"
    assert problems_of(path.with_suffix(".couplings.csv")) == (said,)


def test_a_column_that_nothing_is_made_of_is_known(table):
    path = table("0,1e-4,1e-4,5e9,-3e8,fine", pairs=None)
    text = path.read_text(encoding="utf-8")
    header, _, row = text.partition("\n")
    columns = "qubit,T1 [s],T2 [s],f01 [Hz],anharmonicity [Hz],remarks"
    path.write_text(f"{columns}\n{row}", encoding="utf-8")
    assert header != columns
    assert read_device(path).unused == ("remarks",)


@pytest.mark.parametrize(
    ("pairs", "problem"),
    [
        ("qubit_a,qubit_b\n0,7\n", "made-up.couplings.csv, row 2: there is no qubit '7'"),
        ("qubit_a,qubit_b\n1,1\n", "row 2: 1 is coupled to itself"),
        ("qubit_a,qubit_b\n1\n", "made-up.couplings.csv, row 2: a pair has two qubits"),
        ("qubit_a,qubit_b\n0,1,5\n", "made-up.couplings.csv, row 2: 3 cells for 2 columns"),
        ("a,b\n0,1\n", "its columns must be qubit_a and qubit_b"),
        ("", "its columns must be qubit_a and qubit_b"),
    ],
)
def test_bad_couplings_are_named(table, pairs, problem):
    (found,) = problems_of(table(pairs=pairs))
    assert problem in found


def test_everything_is_named_at_once(table):
    bad = "0,-1,x,5.1,3", "0,1e-4,3e-4,5e9,-3e8"
    assert len(problems_of(table(*bad, pairs=PAIRS))) == 9


@pytest.mark.parametrize("pairs", ['qubit_a,qubit_b\n"0,1\n', "qubit_a;qubit_b\n0;1\n"])
def test_couplings_that_are_no_table_hide_nothing(table, pairs):
    row, couplings = problems_of(table("0,-1,9e-5,5.1e9,-3.4e8", pairs=pairs))
    assert row.startswith("row 2: T1 [s]: -1 must lie")
    assert couplings.startswith("made-up.couplings.csv: ")


def test_a_table_without_names_hides_nothing(table):
    header = HEADER.replace("qubit,", "Qubit,")
    column, row = problems_of(table("0,-1,9e-5,5.1e9,-3.4e8", header=header))
    assert column == "column 'qubit' is missing: if 'Qubit' is it, write 'qubit' there"
    assert row.startswith("row 2: T1 [s]: -1 must lie")


def test_no_qubits(table):
    path = table(pairs=None)
    path.write_text(HEADER + "\n")
    assert problems_of(path) == ("made-up.csv: no qubits in it",)
    path.write_text("")
    assert "made-up.csv: no qubits in it" in problems_of(path)


def test_what_is_no_text_is_refused(table):
    path = table(pairs=None)
    path.write_bytes(b"\xff\xfe\x00\x01")
    assert "not a table" in problems_of(path)[0]
    with pytest.raises(FileNotFoundError):
        read_device(path.with_name("absent.csv"))


def test_mending_cuts_t2_and_says_so(table):
    device = read_device(table("0,1e-4,2.5e-4,5e9,-3e8", pairs=None), mend=True)
    assert device.qubits[0].t2 == 2e-4
    assert device.mended == ("row 2: T2 of 0.00025 s is longer than 2 T1 = 0.0002 s: cut there",)


def test_an_anharmonicity_of_zero_was_not_measured(table):
    rows = "0,1e-4,1e-4,5e9,0", "1,1e-4,1e-4,5e9,-3.1e8"
    (found,) = problems_of(table(*rows, pairs=None))
    assert found.startswith("row 2: anharmonicity [Hz]: 0 is no transmon's (--mend")
    device = read_device(table(*rows, pairs=None), mend=True)
    assert device.qubits[0].anharmonicity is None
    assert device.mended == ("row 2: anharmonicity [Hz]: 0 is no transmon's: filled in",)
    assert device_chip(device, 1).qubits[0].anharmonicity == -3.1e8


def test_mending_mends_nothing_else(table):
    assert len(problems_of(table("0,-1e-4,2.5e-4,5e9,-3e8", pairs=None), mend=True)) == 1


@given(st.binary(max_size=200))
def test_whatever_the_bytes_there_is_a_device_or_a_list_of_problems(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("fuzz") / "table.csv"
    path.write_bytes(content)
    with contextlib.suppress(ChipError):
        assert read_device(path).qubits
