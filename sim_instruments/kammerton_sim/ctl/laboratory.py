"""The laboratory that `kammerton sim ctl` speaks to: the one that is named, or the one here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kammerton_sim.command_line import Wrong
from kammerton_sim.ctl.asked import HOST, asked, name_of
from kammerton_sim.ctl.running import found, which


class Refused(Exception):
    """The laboratory said no."""


class ControlPort:
    """The control port of one laboratory, which has told its name, and what its results are."""

    def __init__(self, address: str | None) -> None:
        self._address = _parsed(address) if address else (HOST, _only())
        self.named = f" --control {address}" if address else ""
        said = name_of(*self._address)
        self.note = str(said.get("note", ""))
        self.computer = str(said.get("computer", ""))
        """As a lab.toml that the laboratory writes calls it."""
        port = address or self._address[1]
        self.which = which(said["chip"], port, said["pid"], said.get("folder", ""))
        """What ends every answer in words: of which laboratory it is."""
        self.signed = f"{self.which}: {self.note}"

    def ask(self, op: str, **request: Any) -> Any:
        """Ask one question; raises Refused with the laboratory's words."""
        host, port = self._address
        try:
            answer = asked(host, port, {"op": op, **request})
        except EOFError:
            if op == "stop":  # it may be gone before it says so
                return {"ok": True}
            raise ConnectionError(f"the laboratory at {host}:{port} hung up") from None
        if isinstance(answer, dict) and "error" in answer:
            raise Refused(answer["error"])
        return answer


def address(text: str) -> str | Wrong:
    """Return the address of a control port as it was written, where it is one."""
    _, _, port = text.rpartition(":")
    is_one = port.isdecimal() and port.isascii() and len(port) < 6 and 0 < int(port) < 65536
    return text if is_one else Wrong(f"PORT or HOST:PORT, not {text!r}")


def _parsed(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host or HOST, int(port)


def _only() -> int:
    """Return the control port of the one laboratory that was begun here.

    One that somebody began elsewhere is not this user's to spoil, though no other runs.
    """
    running = found()
    if not running:
        raise ConnectionError("no simulated laboratory runs here; name one by --control PORT")
    here = [each for each in running if _is_here(each.folder)]
    if len(here) == 1:
        return here[0].control
    several = "several laboratories run" if here else "what runs was begun in another folder"
    names = "\n".join(f"  {which(r.chip, r.control, r.pid, r.folder)}" for r in here or running)
    raise ValueError(f"{several}; choose one by its --control:\n{names}")


def _is_here(folder: str) -> bool:
    """Whether a laboratory's folder is this one, or one of both lies in the other."""
    there, here = Path(folder or ".").resolve(), Path.cwd().resolve()
    return there.is_relative_to(here) or here.is_relative_to(there)
