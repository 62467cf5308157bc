"""Why an instrument does not connect, in words, and what a person may look at first."""

from __future__ import annotations

import re

from kammerton.lab import InstrumentEntry

LOOK = "Is it switched on and cabled, and is this its address?"
ELSEWHERE = "Is it busy, or does another program have its only connection?"

_CAUSES = (
    (("rsrc_nfound", "connection refused", "unreachable", "no route"),
     "nobody answers there", LOOK),
    (("name or service", "getaddrinfo", "nodename", "name resolution"),
     "no computer has that name", "Is the address right, and does the name server know it?"),
    (("rsrc_busy", "rsrc_locked", "already in use"), "somebody else has it", ELSEWHERE),
    (("tmo", "timed out", "timeout", "no answer"), "it does not answer in time", ELSEWHERE),
)  # fmt: skip
_QCODES = re.compile(r" (?:asking|writing) (?=.* to )| getting (?=\w+$)")
"""Where QCoDeS adds which question it was and which object asked."""
_VISA = re.compile(r"VI_ERROR_\w+")


def does_not_connect(entry: InstrumentEntry, error: Exception) -> str:
    """Return a sentence that names instrument, driver, address, cause, and what to look at."""
    said = str(error).removeprefix(f"{entry.name} ({entry.address}): connect: ")
    who = f"{entry.name} ({entry.driver} at {entry.address}) does not connect"
    for signs, words, look in _CAUSES:
        if any(sign in said.lower() for sign in signs):
            return f"{who}: {words} ({_short(said)}). {look}"
    return f"{who}: {said}"


def _short(said: str) -> str:
    """Return what an expert searches for: of VISA's many words only the code."""
    code = _VISA.search(said)
    return code[0] if code else re.sub(r"^(\[Errno -?\d+\]|-?\d+) ", "", _QCODES.split(said)[0])
