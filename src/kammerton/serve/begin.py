"""Where the process of a computer begins: `python -m kammerton.serve.begin`."""

from __future__ import annotations

from kammerton import early


def main() -> None:
    """Keep signals first, then load the rest, which takes a while, and live."""
    early.remember()
    from kammerton.serve import child

    child.leave(child.main())


if __name__ == "__main__":
    main()
