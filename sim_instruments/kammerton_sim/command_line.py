"""Command lines that are refused in a sentence: the option, what was written, what is near."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import NoReturn, TypeVar

from kammerton_sim.faults.words import near

_UNKNOWN = re.compile(r"unrecognized arguments: (.*)")
_ARGUMENT = re.compile(r"argument ([^:]+): (.*)")

T = TypeVar("T")


class UsageError(ValueError):
    """A command line that says nothing sensible."""


class Parser(argparse.ArgumentParser):
    """Raises UsageError instead of printing the usage and ending the process."""

    def error(self, message: str) -> NoReturn:
        """Say it in words, with the nearest option."""
        if unknown := _UNKNOWN.fullmatch(message):
            options = [word for action in self._actions for word in action.option_strings]
            words = unknown[1].split()
            message = "; ".join(
                f"there is no option {word}{near(word, options)}"
                if word.startswith("-")
                else f"too many: {word}"
                for word in words
            )
        elif argument := _ARGUMENT.fullmatch(message):
            message = f"{argument[1]}: {argument[2]}"
        raise UsageError(f"{message}; --help tells how it is written")


def number(kind: Callable[[str], T], holds: Callable[[T], bool], what: str) -> Callable[[str], T]:
    """Return the type of an option: a number for which something holds, else "is no `what`"."""

    def read(text: str) -> T:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not holds(value):
            raise argparse.ArgumentTypeError(f"{text.strip()!r} is no {what}")
        return value

    return read


def told(error: OSError) -> str:
    """Return what is wrong with a file, in its name."""
    if error.filename is None or error.strerror is None:
        return str(error)
    return f"{error.filename}: {error.strerror[0].lower()}{error.strerror[1:]}"


WHOLE = number(int, lambda n: n >= 0, "whole number from 0 on")
