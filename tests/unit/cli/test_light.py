"""What a command that only reads a database does not load: a third of a second, or two."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("aiomqtt", "scipy", "numba", "qcodes", "xarray", "matplotlib")


@pytest.mark.parametrize("command", ["status", "log", "why q0.f01", "verify"])
def test_it_loads_nothing_that_the_daemon_alone_needs(command, tmp_path):
    words = [*command.split(), str(tmp_path / "kammerton.sqlite")]
    (tmp_path / "kammerton.sqlite").touch()
    code = (
        "import sys\nfrom kammerton.cli import app\n"
        f"try: app({words!r})\n"
        f"finally: print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ended.returncode in (1, 2), ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == "[]\n"
