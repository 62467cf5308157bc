"""Lines of titles: a unit that blanks part from its name, and titles that stand over nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kammerton.model import TraceError
from tests.unit.estimation.columns_of_text import read

BLANKS, COMMAS, THREE = "0 1\n1 0.5\n2 0.25\n", "0,1\n1,0.5\n2,0.25\n", "0,1,5\n1,2,6\n2,3,7\n"


@pytest.mark.parametrize("mark", ["# ", "% ", ""])
@pytest.mark.parametrize(
    "header",
    ["delay (us) P1", "delay [us]  P1", "delay (us)   P1 (a.u.)", "wait time [us]   P1",
     "wait time (us), P1", "wait ( us ) P1"],
)  # fmt: skip
def test_a_unit_stays_with_its_name_where_blanks_separate(
    tmp_path: Path, mark: str, header: str
) -> None:
    found = read(tmp_path, f"{mark}{header}\n{BLANKS}", "t1").trace
    np.testing.assert_allclose(found.x, np.arange(3) * 1e-6)
    assert (found.x_name.split()[0], found.y_name) == (header.split()[0], "P1")


@pytest.mark.parametrize(
    "header", ["delay us P1", "delay (us)", "delay in us", "delay_us", "a b [ns] c", r"t $\mu$s y"]
)
@pytest.mark.parametrize("body", [BLANKS, COMMAS])
def test_a_comment_with_a_unit_that_stands_over_no_column_is_asked_about(
    tmp_path: Path, header: str, body: str
) -> None:
    with pytest.raises(TraceError, match=r"the comment .* names .*--x-unit says the unit of x"):
        read(tmp_path, f"# {header}\n{body}", "t1")
    told = read(tmp_path, f"# {header}\n{body}", "t1", x_unit="ns").trace
    np.testing.assert_allclose(told.x, np.arange(3) * 1e-9)


@pytest.mark.parametrize("said", ["a pulse of 2 us before", "5.1 GHz", "at (mK)", "of Monday"])
def test_other_comments_say_nothing_of_x(tmp_path: Path, said: str) -> None:
    assert read(tmp_path, f"# {said}\n{BLANKS}", "t1").trace.x_unit == "s"


@pytest.mark.parametrize(
    "header", ["delay, us,P1,P2", r"$\tau\,[\mu s]$,P1,P2", "delay (us),P1,P2,remark"]
)
@pytest.mark.parametrize("y", [None, "P1"])
def test_more_titles_than_columns_are_refused(tmp_path: Path, header: str, y: str | None) -> None:
    with pytest.raises(TraceError, match=r"4 titles over 3 columns .*'P1', 'P2'.* needs quotes"):
        read(tmp_path, f"{header}\n{THREE}", "t1", y=y)


def test_a_last_title_that_one_row_reaches_or_that_is_empty_is_none_too_many(
    tmp_path: Path,
) -> None:
    text = "delay (us),P1,P2,remark\n" + THREE
    assert read(tmp_path, text.replace("2,3,7", "2,3,7,warm"), "t1").trace.y.tolist() == [1, 2, 3]
    assert read(tmp_path, text.replace(",remark", ","), "t1").trace.y.tolist() == [1, 2, 3]


@pytest.mark.parametrize("between", ["\t", "  "])
def test_quoted_labels_below_names_have_the_units(tmp_path: Path, between: str) -> None:
    """As QCoDeS writes its files .dat: x was taken as s, with a note that no unit is named."""
    lines = ["# delay_set", '# "Delay (us)"', "# 3", "0", "1", "2"]
    more = ["readout_I", '"I (mV)"', None, "1", "0.5", "0.25"]
    text = "".join(f"{a}{between}{b}\n" if b else f"{a}\n"
                   for a, b in zip(lines, more, strict=True))  # fmt: skip
    found = read(tmp_path, text, "t1")
    np.testing.assert_allclose(found.trace.x, np.arange(3) * 1e-6)
    np.testing.assert_allclose(found.trace.y, [1e-3, 5e-4, 2.5e-4])
    assert (found.trace.x_name, found.trace.y_unit) == ("delay_set", "V")
    assert not any("names no unit" in note for note in found.notes)
