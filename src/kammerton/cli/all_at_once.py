"""A command line is refused with everything that is wrong in it, not only with the first."""

from __future__ import annotations

import re
from typing import Any

import typer
from typer.core import TyperCommand

_Refusal: Any = typer.BadParameter.__mro__[1]  # of a command line; typer does not export its name


class AllAtOnce(TyperCommand):
    """A command that names every option it cannot take, and helps without words of Python."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters; help would say of an argument NAME that it is a `<list[str]>`."""
        params: list[Any] = super().get_params(ctx)
        for each in params:
            if each.param_type_name == "argument":
                vars(each)["display_type_rich"] = lambda ctx: None
        return params

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the words of the usage line; what must be there stands without braces."""
        pieces: list[str] = super().collect_usage_pieces(ctx)
        return [re.sub(r"^\{(\w+)\}", r"\1", piece) for piece in pieces]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse what can be parsed, and refuse the rest in one message."""
        problems, left = list[str](), list(args)
        while True:
            try:
                rest = super().parse_args(ctx, list(left))
            except _Refusal as problem:
                if not problems and _without(left, problem) == left:
                    raise
                problems.append(problem.format_message())
                left, before = _without(left, problem), left
                if left == before:
                    break
            else:
                break
        if problems:
            ctx.fail("\n".join(problems))
        return rest


def _without(words: list[str], problem: Any) -> list[str]:
    """Return the words without the option that is refused, and without its value."""
    option, name = getattr(problem, "param", None), getattr(problem, "option_name", None)
    names = (
        [name] if name else [*getattr(option, "opts", ()), *getattr(option, "secondary_opts", ())]
    )
    takes_value = option is not None and not getattr(option, "is_flag", True)
    left, value_follows = list[str](), False
    for word in words:
        if value_follows:
            value_follows = False
        elif word.partition("=")[0] in names:
            value_follows = takes_value and "=" not in word
        else:
            left.append(word)
    return left
