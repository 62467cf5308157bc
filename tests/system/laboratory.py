"""A simulated laboratory in a process of its own, as a test drives it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KAMMERTON = (sys.executable, "-m", "kammerton")
END = 30.0  # s that a process gets to end
TOLD = 10_000  # characters of its last words


@dataclass
class Laboratory:
    """The laboratory's control socket, and the lab.toml it wrote."""

    lab: Path
    control: int
    process: subprocess.Popen[str]

    def ask(self, **question: Any) -> Any:
        with socket.create_connection(("127.0.0.1", self.control), timeout=20) as connection:
            connection.sendall(json.dumps(question).encode() + b"\n")
            with connection.makefile() as answers:
                answer = json.loads(answers.readline())
        assert not (isinstance(answer, dict) and "error" in answer), answer
        return answer


def unpublished(lab: str) -> str:
    """Return a lab.toml without its broker."""
    text, found = re.subn(r"\[broker\]\nurl = .*\n", "", lab)
    assert found == 1
    return text


def undrawn(lab: str) -> str:
    """Return a lab.toml that wants no pictures: drawing is a fifth of what a bring-up costs."""
    assert "pictures = true" in lab
    return lab.replace("pictures = true", "pictures = false")


@contextlib.contextmanager
def laboratory(
    folder: Path,
    qubits: int = 1,
    seed: int = 3,
    broker: int | None = None,
    chip: Path | None = None,
    options: Sequence[str] = (),
) -> Iterator[Laboratory]:
    """Without a port of a broker lab.toml names none: a daemon would wait for it at its end."""
    lab = folder / "lab.toml"
    command = [*KAMMERTON, "sim", *([str(chip)] if chip else ["--qubits", str(qubits)])]
    command += ["--seed", str(seed), *options]
    command += ["--write-lab", str(lab), "--broker", f"mqtt://127.0.0.1:{broker or 1}"]
    said = folder / "sim.log"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    environment = os.environ | {"PYTHONFAULTHANDLER": "1"}
    with (
        said.open("ab") as log,
        subprocess.Popen(command, **pipes, stderr=log, text=True, env=environment) as process,
    ):
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            lab.write_text(undrawn(lab.read_text() if broker else unpublished(lab.read_text())))
            yield Laboratory(lab, ready["control"], process)
        finally:
            process.terminate()
            ended(process, said)


def ended(process: subprocess.Popen[str], said: Path | None = None) -> None:
    """Wait until a process is over; of one that hangs show where, as far as it can tell."""
    try:
        process.wait(END)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)  # its fault handler writes down every thread
        process.wait(END)
        words = said.read_text(errors="replace")[-TOLD:] if said else ""
        raise AssertionError(f"{process.args} did not end within {END:.0f} s\n{words}") from None


def _heed_hangups() -> None:
    """Undo what `nohup` hands down: that a hangup is ignored."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


_heeds = None if sys.platform == "win32" else _heed_hangups


@contextlib.contextmanager
def daemon(
    lab: Path, *options: str, program: Sequence[str] = (*KAMMERTON, "run", "--no-spare")
) -> Iterator[subprocess.Popen[str]]:
    """Run the daemon; with nothing kept ready, which costs seconds and these tests do not need."""
    with subprocess.Popen(
        [*program, str(lab), *options], stderr=subprocess.PIPE, text=True, preexec_fn=_heeds
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
            ended(process)
