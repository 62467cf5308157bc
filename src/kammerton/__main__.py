"""`python -m kammerton` is the command line; Ctrl-C ends it without a traceback at any moment."""

from __future__ import annotations

import os
import sys

INTERRUPTED = 130

# Our matrices are small: threads of the linear algebra library would only wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def main() -> None:
    """Run the command line. Even its imports may be interrupted."""
    try:
        from kammerton.cli import main as command_line

        command_line()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
