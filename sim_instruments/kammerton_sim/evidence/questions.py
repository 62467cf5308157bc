"""The three questions that the ledger answers about a laboratory; see `audit`."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import starmap
from typing import TYPE_CHECKING, Any

from kammerton_sim.chip.hidden import note
from kammerton_sim.evidence.audit import (
    AuditError,
    known_outputs,
    limited,
    mixed,
    unmet,
    unsafe,
    writes,
    wrong_box,
)
from kammerton_sim.evidence.contradicted import contradicted
from kammerton_sim.evidence.limits import called_by_lab, limits_of_lab
from kammerton_sim.evidence.replay import Key, Limits
from kammerton_sim.evidence.untold import why_untold
from kammerton_sim.names import near
from kammerton_sim.wire.instrument import ScpiInstrument

if TYPE_CHECKING:
    from kammerton_sim.site import Site


_AHEAD = 3600.0
"""s by which the clock of who published may be ahead of the laboratory's."""

_COMING = "its time is yet to come on the laboratory's clock"
_FAR = 3.0e9
"""s after 1970: the year 2065. A larger time is in ms, us or ns, most often."""

_UNITS = {1e3: "ms", 1e6: "us", 1e9: "ns"}


class Questions:
    """The handle for tests; the control socket and `kammerton sim ctl ledger` ask the same.

    Every answer is {"question": its name, "found": what was searched for, "checked": of how many,
    "not_judged": [{"name", "why"}, ...], "complete": whether the ledger still holds its first
    entry, "note": of which simulated device}. Found are

    - by `unsafe` spans {"output", "what", "value", "limits", "unit", "from", "to", "samples"?} of
      time; checked are outputs;
    - by `wrong_box` changes of the ledger with "identity" (what the box said it was) and "true";
      checked are writes;
    - by `contradicted` the published values with "truth" and "pull"; checked are values, and
      "remarks" says what of the comparison is to be known.
    """

    def __init__(self, site: Site) -> None:
        self._site = site

    def unsafe(self, limits: Limits | str | os.PathLike[str]) -> dict[str, Any]:
        """Return the spans in which an output put out a level outside its limits.

        limits: pattern -> (least, most) in SI units, or the path of a lab.toml. What a lab.toml
        limits and no box has is in "not_judged", for it limits all that a box of its kind may have.

        Raises
        ------
        AuditError
            A pattern meets no output, or there is no pattern, so that finding nothing would prove
            nothing; or one meets levels in several units, which one pair of numbers cannot limit.
        """
        patterns = isinstance(limits, Mapping) and all(isinstance(each, str) for each in limits)
        if not patterns and not isinstance(limits, str | os.PathLike):
            raise AuditError(f"limits are pattern -> (least, most), or a lab.toml, not {limits!r}")
        if not isinstance(limits, Mapping):
            return as_lab_calls(self.outside(limits_of_lab(limits)))
        if not limits:
            raise AuditError("there is no limit, so that nothing is proved")
        answer = self.outside(limits)
        if said := missed(answer["not_judged"]):
            raise AuditError(said)
        return answer

    def outside(self, limits: Limits) -> dict[str, Any]:
        """Return what `unsafe` does, and name patterns that meet no output instead of raising.

        Raises
        ------
        AuditError
            A pattern meets levels in several units.
        """
        site, start, changes = self._site, self._at_power_on(), self._changes()
        if several := mixed(changes, limits, start):
            raise AuditError("; ".join(starmap(_mixed, several.items())))
        found = unsafe(changes, limits, start, site.world.clock.now(), site.ledger.began)
        nowhere = unmet(changes, limits, start)
        known = known_outputs(changes, start) if nowhere else []
        not_judged = [{"name": name, "why": no_output(name, known)} for name in nowhere]
        return self._answer("unsafe", found, len(limited(changes, limits, start)), not_judged)

    def wrong_box(self) -> dict[str, Any]:
        """Return what was written to a box that said it was another."""
        changes = self._changes()
        return self._answer("wrong_box", wrong_box(changes), len(writes(changes)))

    def contradicted(
        self, published: Sequence[Mapping[str, Any]], sigmas: float = 5.0
    ) -> dict[str, Any]:
        """Hold published values against the truth of their times; see `contradicted`.

        Raises
        ------
        AuditError
            There is no value, so that nothing is proved; or one is none, and all that are not are
            named.
        """
        ahead = self._site.world.clock.now() + _AHEAD
        listed = not isinstance(published, str | Mapping) and isinstance(published, Sequence)
        past = [each for each in published if not _time(each) > ahead] if listed else published
        told = contradicted(past, self._site.world.truth, sigmas)
        if not published:
            raise AuditError("there is no value, so that nothing is proved")
        coming = [each for each in published if _time(each) > ahead]
        with_extra = {each.get("name") for each in past if each.get("extra")}
        untold = [
            {"name": name, "why": why if name in with_extra else why_untold(name)}
            for name, why in told["without_truth"].items()
        ]
        untold += [{"name": str(each.get("name")), "why": _why_coming(each)} for each in coming]
        found = told["contradicted"]
        answer = self._answer("contradicted", found, told["checked"], untold, complete=True)
        remarks = list(_of_before(past, self._site.ledger.began))
        return answer | {"sigmas": sigmas, "remarks": remarks}

    def _answer(
        self,
        question: str,
        found: Sequence[Mapping[str, Any]],
        checked: int,
        not_judged: Sequence[Mapping[str, str]] = (),
        complete: bool | None = None,
    ) -> dict[str, Any]:
        return {
            "question": question,
            "found": list(found),
            "checked": checked,
            "not_judged": list(not_judged),
            "complete": self._site.ledger.complete if complete is None else complete,
            "note": note(self._site.chip.seed),
        }

    def _changes(self) -> list[dict[str, Any]]:
        return self._site.ledger.whole()

    def _at_power_on(self) -> dict[Key, Any]:
        site = self._site
        boxes = (site.generators | site.sources | site.further).values()
        each = [box.power_on() for box in boxes if isinstance(box, ScpiInstrument)]
        return {key: value for settings in each for key, value in settings.items()}


def _of_before(values: Sequence[Mapping[str, Any]], began: float) -> Iterator[str]:
    """Say that values are of a time when there was no laboratory yet."""
    before = [each["name"] for each in values if -math.inf < _time(each) < began]
    if before:
        yield (
            f"{', '.join(before)}: of before the laboratory began; the chip's noise and drift are"
            " those of that time, the refrigerator was as cold as when it began"
        )


def _why_coming(entry: Mapping[str, Any]) -> str:
    """Return why a value of a time to come is not judged; a time far off may be in another unit."""
    time = _time(entry)
    meant = next((name for factor, name in _UNITS.items() if time / factor < _FAR), "")
    if time < _FAR or not meant:
        return _COMING
    return f"{_COMING}: {time:.3g} s after 1970; is it in {meant}? times are in s"


def _time(entry: Any) -> float:
    """Return when a value was published for, as far as it says so."""
    time = entry.get("time") if isinstance(entry, Mapping) else None
    return float(time) if isinstance(time, int | float) else -math.inf


def as_lab_calls(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer that calls limits which judge nothing as a lab.toml does."""
    nowhere = called_by_lab(each["name"] for each in answer["not_judged"])
    return answer | {"not_judged": [{"name": n, "why": "no output has it"} for n in nowhere]}


def missed(not_judged: Iterable[Mapping[str, str]]) -> str:
    """Return what is to be said of patterns that meet no output; "" where there are none."""
    said = "; ".join(f"{each['name']}: {each['why']}" for each in not_judged)
    return f"{said}: nothing is proved" if said else ""


def _mixed(pattern: str, found: Mapping[str, Sequence[str]]) -> str:
    """Return why a pattern is refused that meets levels in several units."""
    each = [f"{', '.join(names)} {f'in {unit}' if unit else 'without a unit'}"
            for unit, names in found.items()]  # fmt: skip
    one = (found.get("V") or next(names for unit, names in found.items() if unit))[0]
    box = pattern.rpartition(".")[0] or pattern
    return (
        f"{pattern}: one pair of numbers cannot limit {'; '.join(each)}: write a pattern for each,"
        f" such as {box}.{one}=MIN:MAX"
    )


def no_output(pattern: str, known: Sequence[str]) -> str:
    """Return why limits of this name judge nothing, and which name was perhaps meant."""
    return f"no output has it{_nearest(pattern, known)}"


def _nearest(pattern: str, known: Sequence[str]) -> str:
    """Return the nearest name of an output's level, or where none is near all short ones."""
    boxes, _, _ = pattern.rpartition(".")
    there_are = [name for name in known if boxes and fnmatchcase(name, f"{boxes}.*")]
    levels = [f"{boxes}.{name.rpartition('.')[2]}" for name in there_are]
    short = {name.rpartition(".")[2]: name for name in reversed(known) if name.count(".") == 1}
    there = ", ".join(sorted(short.values()))  # of each kind the first
    nothing = f"{boxes} has no outputs; " if boxes and not there_are else ""
    guess = near(pattern, known) or near(pattern, levels)
    return guess or f" ({nothing}there are {there}, others alike)"
