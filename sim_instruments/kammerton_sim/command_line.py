"""Command lines that are refused in a sentence: the option, what was written, what is near."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import NoReturn, TypeVar

from kammerton_sim.faults.words import near

_ARGUMENT = re.compile(r"argument ([^:]+): (.*)")

T = TypeVar("T")


class UsageError(ValueError):
    """A command line that says nothing sensible."""


@dataclass(frozen=True)
class _Wrong:
    """What stands in an option's place until everything else has been read."""

    says: str


class Parser(argparse.ArgumentParser):
    """Says what is wrong instead of printing the usage and ending the process."""

    def read(self, argv: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
        """Return the options, and everything that is wrong with them.

        An option that says nothing sensible has its default. UsageError: words of which not
        even that can be told, such as an option at the end without its value.
        """
        known, strange = self._sorted(argv)
        options, many = self.parse_known_intermixed_args(known)
        short = [word for word in many if word.startswith("-")]
        problems = [*strange, *(f"there is no option {word}" for word in short)]
        problems += [f"too many: {word}" for word in many if word not in short]
        for action in self._actions:
            value = getattr(options, action.dest, None)
            if isinstance(value, _Wrong):
                problems.append(f"{'/'.join(action.option_strings)}: {value.says}")
                setattr(options, action.dest, action.default)
        return options, problems

    def _sorted(self, argv: Sequence[str]) -> tuple[list[str], list[str]]:
        """Return what can be read, and what is to be said of options that there are not.

        The word after one goes with it where the option that was perhaps meant takes a value.
        """
        actions = {option: action for action in self._actions for option in action.option_strings}
        known, strange, words = list[str](), list[str](), iter(argv)
        for word in words:
            option, _, value = word.partition("=")
            if not option.startswith("--") or option in actions:
                known.append(word)
                continue
            strange.append(f"there is no option {option}{near(option, actions)}")
            meant = get_close_matches(option, actions, 1)
            if meant and actions[meant[0]].nargs != 0 and not value:
                next(words, None)
        return known, strange

    def error(self, message: str) -> NoReturn:
        """Say it in words."""
        if argument := _ARGUMENT.fullmatch(message):
            message = f"{argument[1]}: {argument[2]}"
        raise UsageError(f"{message}; --help tells how it is written")


def number(
    kind: Callable[[str], T], holds: Callable[[T], bool], what: str
) -> Callable[[str], T | _Wrong]:
    """Return the type of an option: a number for which something holds, else "is no `what`"."""

    def read(text: str) -> T | _Wrong:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not holds(value):
            return _Wrong(f"{text.strip()!r} is no {what}")
        return value

    return read


def refuse(problems: Sequence[str]) -> None:
    """Raise UsageError with everything that is wrong, if anything is."""
    if problems:
        raise UsageError("\n".join(problems))


def told(error: OSError) -> str:
    """Return what is wrong with a file, in its name."""
    if error.filename is None or error.strerror is None:
        return str(error)
    return f"{error.filename}: {error.strerror[0].lower()}{error.strerror[1:]}"


WHOLE = number(int, lambda n: n >= 0, "whole number from 0 on")
