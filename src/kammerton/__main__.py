"""`python -m kammerton` is the command line."""

from kammerton.cli import main

if __name__ == "__main__":
    main()
