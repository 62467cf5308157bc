"""What calibrations declare, looked at before anything is run: all that is wrong, at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import get_args

from kammerton.estimation.kinds import FIT_KINDS
from kammerton.lab.nearest import hint
from kammerton.lab.plug_ins import is_ours
from kammerton.loop.plug_in import Loaded, named
from kammerton.model import Calibration, Give, Need
from kammerton.model.calibration import Uses
from kammerton.model.parameter import RELATIVE

USES = get_args(Uses)

WORDS: dict[type, tuple[str, ...]] = {
    str: ("name", "kind", "uses"), Mapping: ("known",), bool: ("on_request",),
}  # fmt: skip
"""What each field is to be, but for those that are looked at one by one."""

CALLED = ("program", "propose", "reject", "explain")


def mistakes(found: Sequence[Loaded], *, whole: bool) -> list[str]:
    """Return what is wrong with declarations, each with the plug-in.

    whole: nothing is missing that is installed; else nobody knows what would be given.
    """
    said = [f"{each.who}: {words}" for each in found for words in _of(each)]
    said += _twice(found)
    return said if said or not whole else _never_given(found)


def _of(each: Loaded) -> Iterator[str]:
    calibration, name = each.calibration, each.point.name
    if wrong := list(_of_another_kind(calibration)):
        yield from wrong
        return
    if calibration.name != name:
        yield (
            f'its calibration is named "{calibration.name}", the entry point "{name}"; '
            "give both one name"
        )
    yield from _parameters("needs", calibration.needs, Need)
    yield from _parameters("gives", calibration.gives, Give)
    yield from _fit(calibration)


def _of_another_kind(calibration: Calibration) -> Iterator[str]:
    for kind, fields in WORDS.items():
        for field in fields:
            if not isinstance(value := getattr(calibration, field), kind):
                yield f"{field} is {value!r}, and is to be a {kind.__name__}"
    for field in CALLED:
        if not callable(value := getattr(calibration, field)):
            yield f"{field} is {value!r}, and is to be a function"


def _parameters(field: str, declared: object, kind: type[Need | Give]) -> Iterator[str]:
    one = kind.__name__
    if not isinstance(declared, tuple | list) or not all(isinstance(e, kind) for e in declared):
        yield f"{field} is to be a tuple of {one}, e.g. ({one}(...),), with its last comma"
        return
    for parameter in (each.parameter for each in declared):
        if not isinstance(parameter, str):
            yield f"{field} names {parameter!r}, and a parameter is named by a str"
        elif parameter not in RELATIVE:
            meant = hint(parameter, RELATIVE)
            yield f'{field} names "{parameter}", and there is no such parameter{meant}'


def _fit(calibration: Calibration) -> Iterator[str]:
    kind, uses = calibration.kind, calibration.uses
    if uses not in USES:
        yield f'uses is "{uses}", and data are prepared in no such way{hint(uses, USES)}'
    if kind not in FIT_KINDS:
        yield f'kind is "{kind}", and there is no such kind of fit{hint(kind, FIT_KINDS)}'
        return
    for name in sorted(calibration.known.keys() - set(FIT_KINDS[kind].known)):
        takes = hint(name, FIT_KINDS[kind].known)
        yield f'known has "{name}", of which a fit of kind {kind} can make nothing{takes}'


def _twice(found: Iterable[Loaded]) -> Iterator[str]:
    """Say whose name another calibration has; ours are first."""
    first = dict[str, Loaded]()
    named_so = (each for each in found if isinstance(each.calibration.name, str))
    for each in sorted(named_so, key=lambda e: not is_ours(e.point)):
        other = first.setdefault(each.calibration.name, each)
        if other is not each:
            yield (
                f'{each.who}: its calibration is named "{each.calibration.name}", as is that of '
                f"{named(other.point)}; give it a name of its own"
            )


def _never_given(found: Iterable[Loaded]) -> list[str]:
    """Return the needs that are to be measured, and that nothing measures."""
    given = {give.parameter for each in found for give in each.calibration.gives}
    return [
        f"{each.who}: it needs {need.parameter} to be measured, and no calibration gives that: "
        "it would never run"
        for each in found
        for need in each.calibration.needs
        if need.measured and need.parameter not in given
    ]
