"""A simulated laboratory in a process of its own, as a test drives it."""

from __future__ import annotations

import contextlib
import json
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
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            lab.write_text(undrawn(lab.read_text() if broker else unpublished(lab.read_text())))
            yield Laboratory(lab, ready["control"], process)
        finally:
            process.terminate()
            process.wait(END)


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
            process.wait(END)
