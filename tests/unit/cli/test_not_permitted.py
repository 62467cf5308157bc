"""A path in somebody else's folder is answered in a sentence, whatever the command."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from kammerton.cli import main


@pytest.mark.parametrize(
    "command",
    [["status", "--lab"], ["log", "--lab"], ["verify"], ["check"], ["run"], ["fit", "--kind", "t1"],
     ["why", "q0.t1", "--lab"], ["hold", "q0", "--why", "x", "--lab"]],
)  # fmt: skip
def test_a_path_that_may_not_be_looked_at_is_named(command, tmp_path, monkeypatch, capsys):
    barred, stat = tmp_path / "theirs" / "lab.toml", os.stat

    def refusing(path: object, *args: object, **how: object) -> os.stat_result:
        if isinstance(path, str | os.PathLike) and Path(path) == barred:
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, *args, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "stat", refusing)
    monkeypatch.setattr(sys, "argv", ["kammerton", *command, str(barred)])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert capsys.readouterr().err.strip() == f"this user may not look at {barred}"
