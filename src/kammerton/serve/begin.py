"""Where the process of a computer begins: `python -m kammerton.serve.begin`."""

from __future__ import annotations

import sys

from kammerton import early
from kammerton.serve import heaps
from kammerton.serve.words import AT_ONCE, KEPT_READY


def main() -> None:
    """Keep signals first and heaps few, then load the rest, which takes a while, and live."""
    early.remember()
    heaps.keep_few()
    if KEPT_READY in sys.argv[1:]:
        from kammerton.serve import ready

        ready.main(at_once=AT_ONCE in sys.argv[1:])
    else:
        from kammerton.serve import child

        child.leave(child.main())


if __name__ == "__main__":
    main()
