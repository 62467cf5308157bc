"""Command lines that are refused in a sentence: the option, what was written, what is near."""

from __future__ import annotations

import argparse
import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import NoReturn, TypeVar

from kammerton_sim.names import near

_MINUS = re.compile(r"-$|-\.?\d|-inf|-nan", re.IGNORECASE)
"""How a value begins that looks like an option."""

_ARGUMENT = re.compile(r"argument ([^:]+): (.*)")

T = TypeVar("T")


class UsageError(ValueError):
    """A command line that says nothing sensible."""


@dataclass(frozen=True)
class Wrong:
    """What stands in an option's place until everything else has been read."""

    must: str
    """What it must be, and what was written: "a port from 1 to 65535, not 'x'"."""


class Parser(argparse.ArgumentParser):
    """Says what is wrong instead of printing the usage and ending the process."""

    def read(self, argv: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
        """Return the options, and everything that is wrong with them.

        An option that says nothing sensible has its default, and is among `options.unread`.
        """
        known, problems, unread = self._sorted(argv)
        options, many = self.parse_known_intermixed_args(known)
        short = [word for word in many if word.startswith("-")]
        problems += [f"there is no option {word}" for word in short]
        problems += [f"{word} is one word too many" for word in many if word not in short]
        for action in self._actions:
            value = getattr(options, action.dest, None)
            if isinstance(value, Wrong):
                problems.append(f"{'/'.join(action.option_strings)} must be {value.must}")
                setattr(options, action.dest, action.default)
                unread.add(action.dest)
        options.unread = unread
        return options, problems

    def _sorted(self, argv: Sequence[str]) -> tuple[list[str], list[str], set[str]]:
        """Return what can be read, what is wrong with the rest, and which options that leaves out.

        The word after an option that there is not goes with it where the option that was perhaps
        meant takes a value.
        """
        actions = {option: action for action in self._actions for option in action.option_strings}
        known, problems, unread = list[str](), list[str](), set[str]()
        words = deque(argv)
        while words:
            word = words.popleft()
            option, equals, value = word.partition("=")
            if not option.startswith("--") or option == "--":
                known.append(word)
            elif option not in actions:
                problems.append(f"there is no option {option}{near(option, actions)}")
                meant = get_close_matches(option, actions, 1)
                if meant and actions[meant[0]].nargs != 0 and not equals and _is_value(words):
                    words.popleft()
            elif actions[option].nargs == 0 and equals:
                problems.append(f"{option} takes no value: {value}")
            elif actions[option].nargs == 0 or equals:
                known.append(word)
            elif _is_value(words):
                known.append(f"{option}={words.popleft()}")
            else:
                problems.append(f"{option}: its value is missing")
                unread.add(actions[option].dest)
        return known, problems, unread

    def error(self, message: str) -> NoReturn:
        """Say it in words."""
        if argument := _ARGUMENT.fullmatch(message):
            message = f"{argument[1]}: {argument[2]}"
        raise UsageError(f"{message}; --help tells how it is written")


def _is_value(words: Sequence[str]) -> bool:
    """Whether the next word is one, and not an option."""
    return bool(words) and (not words[0].startswith("-") or bool(_MINUS.match(words[0])))


def number(
    kind: Callable[[str], T], holds: Callable[[T], bool], what: str
) -> Callable[[str], T | Wrong]:
    """Return the type of an option: a number for which something holds; what: "a number of ..."."""

    def read(text: str) -> T | Wrong:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not holds(value):
            return Wrong(f"{what}, not {text.strip()!r}")
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
    return f"{error.filename}: {reason(error)}"


def reason(error: OSError) -> str:
    """Return why, without the number of the error: no space left on device."""
    why = error.strerror or str(error)
    return f"{why[:1].lower()}{why[1:]}"


WHOLE = number(int, lambda n: n >= 0, "a whole number from 0 on")
PORT = number(int, lambda n: 0 < n < 65536, "a port from 1 to 65535")
