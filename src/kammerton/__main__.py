"""`python -m kammerton` is the command line."""

from __future__ import annotations

import os
import signal
import sys

from kammerton import early

# Our matrices are small: threads of the linear algebra library would only wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def main() -> None:
    """Run the command line.

    Until a command takes Ctrl-C over, it ends the process at once: an exception in the middle of
    an import would show as a traceback, and there is nothing yet that had to be put in order.
    The daemon keeps what asks it to end until it can end in order.
    """
    if sys.argv[1:2] == ["run"] and not {"--dry-run", "--help"} & set(sys.argv):
        early.remember()
    else:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from kammerton.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
