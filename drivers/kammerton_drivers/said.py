"""What drivers raise and boxes answer, in words."""

from __future__ import annotations

import re

from kammerton.model.roles import Identity

_NOBODY = "VI_ERROR_RSRC_NFOUND"
_REPR = re.compile(r"<\w+: (\w+?)_\d+>")  # what QCoDeS adds: whom it asked, by our numbered name


def cause_of(error: Exception) -> str:
    """Return what went wrong as a person reads it; that nobody answers takes VISA many words."""
    said = " ".join(str(part) for part in error.args) or repr(error)
    if _NOBODY in said:
        return f"nobody answers there ({_NOBODY})"
    return _REPR.sub(r"\1", said)


def words_of(who: Identity) -> str:
    """Return an identity as a person reads it."""
    return f"{who.vendor} {who.model} no. {who.serial}, firmware {who.firmware}"
