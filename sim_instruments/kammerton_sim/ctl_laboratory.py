"""The laboratory that `kammerton sim ctl` speaks to: the one that is named, or the only one."""

from __future__ import annotations

from typing import Any

from kammerton_sim.asked import HOST, asked, name_of
from kammerton_sim.running import found


class Refused(Exception):
    """The laboratory said no."""


class ControlPort:
    """The control port of one laboratory, which has told its name, and what its results are."""

    def __init__(self, address: str | None) -> None:
        self._address = _parsed(address) if address else (HOST, _only())
        self.named = f" --control {address}" if address else ""
        said = name_of(*self._address)
        self.chip, self.note = str(said["chip"]), str(said.get("note", ""))

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


def _parsed(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"--control {address}: write PORT or HOST:PORT")
    return host or HOST, int(port)


def _only() -> int:
    running = found()
    if len(running) == 1:
        return running[0].control
    if not running:
        raise ConnectionError("no simulated laboratory runs here; name one by --control PORT")
    names = ", ".join(f"{each.chip} (--control {each.control})" for each in running)
    raise ValueError(f"several laboratories run: {names}")
