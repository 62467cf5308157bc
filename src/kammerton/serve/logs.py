"""The log of the daemon: one line each on stderr, of all its processes."""

from __future__ import annotations

import logging
import re
import sys

TALKATIVE = ("qcodes", "pyvisa", "numba", "mqtt", "matplotlib", "asyncio")

NOT_OFF = " is not known to be off"
"""As in `model.alarm`, which is heavy; an alarm says it once, before all of them."""

_AROUND = re.compile(
    r"(on the way out: |(?P<doubt>outputs of [^:;]+ are not known to be off: ))?[; ]*|"
    r"(?P<left>unclean end of process \d+ [^(]*\([; ]*\); outputs may be on[^;]*)"
)
"""What may stand around causes that were said. What does not fit is news."""


class _News(logging.Filter):
    """Lets no line pass in which nothing is left once what was said before is taken out of it.

    said: what stood in the way. doubt: what an alarm said of the outputs; one that says more, or
    less, is news, whatever else was said.
    """

    def __init__(self, said: str, doubt: str) -> None:
        super().__init__()
        self._said, self._doubt = _causes(said), _causes(doubt)

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether a line is news."""
        rest = text = "; ".join(_causes(record.getMessage()))
        for each in sorted(self._said + self._doubt, key=len, reverse=True):
            rest = rest.replace(each, "")
        around = None if rest == text else _AROUND.fullmatch(rest)
        if around is None:
            return True
        of_outputs = around["doubt"] or around["left"]
        wholes = [self._doubt] if of_outputs else [self._said, self._doubt]
        return not any(whole and all(each in text for each in whole) for whole in wholes)


def _causes(words: str) -> list[str]:
    """Return one cause after the other, as an alarm names them."""
    return words.replace(NOT_OFF, "").splitlines()


def log_to_stderr(label: str = "", *, said: str = "", doubt: str = "") -> None:
    """Log with time and level, and with the label of the computer where there are several.

    said: what stood in the way of the last start, and was said; then only warnings that say
    something else, until `say_all`. doubt: what was said then of outputs that may be on.
    """
    prefix = f"{label}: ".replace("%", "%%") if label else ""
    form = f"%(asctime)s %(levelname).1s {prefix}%(message)s"
    level = logging.WARNING if said else logging.INFO
    logging.basicConfig(level=level, stream=sys.stderr, format=form, force=True)
    for handler in logging.getLogger().handlers if said else ():
        handler.addFilter(_News(said, doubt))
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.ERROR)


def say_all() -> bool:
    """Log as usual from now on; return whether it was not so."""
    root = logging.getLogger()
    if root.level <= logging.INFO:
        return False
    root.setLevel(logging.INFO)
    for handler in root.handlers:
        for each in handler.filters[:]:
            if isinstance(each, _News):
                handler.removeFilter(each)
    return True


def tell(*lines: str) -> None:
    """Tell the person who started the daemon, without time and level."""
    sys.stderr.writelines(f"{line}\n" for line in lines)
    sys.stderr.flush()
