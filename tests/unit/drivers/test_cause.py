"""What a driver raises, in the words of a person."""

from __future__ import annotations

from kammerton_drivers.said import cause_of


def test_an_address_where_nobody_answers_is_said_as_at_the_start():
    words = "VI_ERROR_RSRC_NFOUND (-1073807343): Insufficient location information or the resource"
    assert cause_of(OSError(words)) == "nobody answers there (VI_ERROR_RSRC_NFOUND)"


def test_whom_qcodes_asked_is_called_by_its_name_in_lab_toml():
    error = OSError("no answer", "asking '*IDN?' to <_Source: drive_lo_3>")
    assert cause_of(error) == "no answer asking '*IDN?' to drive_lo"
