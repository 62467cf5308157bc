"""pyvisa-py's HiSLIP that hangs up where a session does not come about.

As released (0.8.1), it leaves what it has opened to the garbage collector, in a cycle, so that each
try on a box that is away or just starting costs a descriptor or two until then; and a box with few
sessions keeps them for nobody.
"""

from __future__ import annotations

import contextlib
from typing import Any

from pyvisa_py.protocols import hislip


class _Whole(hislip.Instrument):  # type: ignore[misc]  # pyvisa-py has no types
    """Both connections, or none."""

    def __init__(self, *args: Any, **given: Any) -> None:
        with contextlib.ExitStack() as failed:
            failed.callback(self._hang_up)
            super().__init__(*args, **given)
            failed.pop_all()

    def _hang_up(self) -> None:
        for name in ("_sync", "_async"):
            if (link := getattr(self, name, None)) is not None:
                link.close()


hislip.Instrument = _Whole
