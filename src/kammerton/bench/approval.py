"""Classes of writes, each of which a person may be asked for once before the first of them.

A class is an instrument and a kind of write, as `run --dry-run` lists them. What is shown of its
limits and its wiring belongs to it: where that changes it is another class.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from kammerton.bench.device_plane import at_device, envelope, lines, power_at_device
from kammerton.bench.limits import UNITS
from kammerton.lab import IqLine, Lab
from kammerton.model.quantity import show
from kammerton.model.roles import Playlist
from kammerton.program.compiled import Compiled


@dataclass(frozen=True)
class WriteClass:
    """One kind of write to one instrument.

    value: the first one, with unit. limits: of it. terms: limits and wiring in full, which hold for
    all of the class. arrives: where that value goes, and what comes to the device by it. box: whose
    driver at which address; said once of each instrument. about: the names by which it may be
    answered.
    """

    instrument: str
    kind: str
    value: str
    terms: str
    limits: str = ""
    arrives: str = ""
    box: str = ""
    about: frozenset[str] = frozenset()

    @property
    def key(self) -> str:
        """Return what the audit log calls it: another limit, or another wiring, is another key."""
        mark = hashlib.sha256(f"{self.instrument} {self.kind}: {self.terms}".encode()).hexdigest()
        return f"approval of {self.instrument} {self.kind} [{mark[:16]}]"

    @property
    def words(self) -> str:
        """Return what a person is shown."""
        limits = f" (allowed {self.limits})" if self.limits else ""
        arrives = f"; {self.arrives}" if self.arrives else ""
        return f"{self.instrument} {self.kind}: {self.value}{limits}{arrives}"


Approve = Callable[[Sequence[WriteClass]], Awaitable[bool]]
"""Returns once a person has approved all; says whether that was waited for."""


def of_program(lab: Lab, compiled: Compiled) -> list[WriteClass]:
    """Return the classes of all that is written for a program."""
    found = list[WriteClass]()
    for source, (hz, dbm) in sorted(compiled.carriers.items()):
        found += [*of_carrier(lab, source, hz, dbm), of_source(lab, source)]
    for name, playlist in sorted(compiled.playlists.items()):
        found += [*of_playlist(lab, name, playlist), of_channels(lab, name, playlist.channels)]
        found.append(of_playing(lab, name))
    return found


def of_carrier(lab: Lab, source: str, hz: float, dbm: float) -> list[WriteClass]:
    """Return the classes of a carrier and its power."""
    return [of_value(lab, source, "frequency", hz), of_value(lab, source, "power", dbm)]


def of_value(
    lab: Lab, instrument: str, quantity: str, value: float, kind: str | None = None
) -> WriteClass:
    """Return the class of a value at the instrument's own socket."""
    entry, arrives = lab.instruments[instrument], ""
    if quantity != "frequency" and entry.max_at_device is not None:
        arriving = at_device(quantity, value, entry.attenuation)
        arrives = _arrives(arriving, entry.attenuation, entry.max_at_device)
    said = show(value, UNITS[quantity])
    return _class(lab, instrument, kind or quantity, said, (quantity,), arrives=arrives)


def of_source(lab: Lab, source: str) -> WriteClass:
    """Return the class of switching a source on."""
    return _class(lab, source, "output", "on", ("power", "frequency"))


def of_channels(lab: Lab, generator: str, channels: Collection[int]) -> WriteClass:
    """Return the class of switching channels on."""
    numbers = ", ".join(map(str, sorted(channels)))
    of = [line for name, line in lines(lab) if _on(line, generator, channels)]
    return _class(lab, generator, f"outputs {numbers}", "on", ("volts",), feeding=of)


def of_playing(lab: Lab, generator: str) -> WriteClass:
    """Return the class of letting a generator play what it has loaded."""
    return _class(lab, generator, "playing", "start and stop", ("volts",))


def of_playlist(lab: Lab, generator: str, playlist: Playlist) -> list[WriteClass]:
    """Return the classes of an upload: one for each line that it drives."""
    peaks = {number: peak for number, peak in _peaks(playlist) if peak}
    found, left = list[WriteClass](), set(peaks)
    for name, line in lines(lab):
        if mine := _on(line, generator, peaks):
            left -= mine
            up_to = max(peaks[number] for number in mine)
            found.append(_upload(lab, generator, f"waveforms on {name}", up_to, line, playlist))
    for number in sorted(left):
        kind = f"waveforms on channel {number}"
        found.append(_upload(lab, generator, kind, peaks[number], None, playlist))
    return found


def _upload(
    lab: Lab, generator: str, kind: str, peak: float, line: IqLine | None, playlist: Playlist
) -> WriteClass:
    said, arrives = f"up to ±{show(peak, 'V')}", "no line in lab.toml: nobody knows what arrives"
    known = line is not None and line.i.instrument == line.q.instrument == generator
    if line is not None and known:
        power = power_at_device(envelope(playlist, line), line.attenuation)
        arrives = _arrives(power, line.attenuation, line.max_at_device)
        arrives = f"by {line.i} and {line.q} {arrives}"
    elif line is not None:
        arrives = "two generators feed the line: what arrives at the device is not known"
    feeding = [] if line is None else [line]
    return _class(
        lab, generator, kind, said, ("volts",), feeding=feeding, arrives=arrives, goes=not known
    )


def _arrives(dbm: float, attenuation: float, most: float | None) -> str:
    limit = "no limit there" if most is None else f"at most {show(most, 'dBm')} there"
    return f"{dbm:.1f} dBm at the device, behind {attenuation:g} dB ({limit})"


def _class(
    lab: Lab,
    instrument: str,
    kind: str,
    value: str,
    quantities: Sequence[str],
    *,
    feeding: Sequence[IqLine] | None = None,
    arrives: str = "",
    goes: bool = True,
) -> WriteClass:
    """Return a class. feeding: the lines that it reaches; None: all of the instrument's.

    goes: say which these are; `arrives` does not.
    """
    entry = lab.instruments[instrument]
    reached = [(n, line) for n, line in lines(lab) if _feeds(line, instrument, feeding)]
    limits = [_limit(lab, instrument, each) for each in quantities]
    wired = [_wired(name, line) for name, line in reached]
    most = entry.max_at_device
    own = "" if most is None else f"; {_behind(entry.attenuation, most)} behind it"
    box = "" if entry.serial is None else f", serial number {entry.serial}"
    where = f"{entry.driver} at {entry.address}{box}"
    terms = f"allowed {', '.join(limits)}; {where}{own}"
    if wired:
        terms += f"; to {', '.join(wired)}"
    about = {instrument, *(part for name, _ in reached for part in (name, name.split(".")[1]))}
    to = _goes(instrument, reached) if goes else ""
    return WriteClass(
        instrument, kind, value, terms, _shown(limits), "; ".join(filter(None, [to, arrives])),
        where, frozenset(about),
    )  # fmt: skip


def _shown(limits: Sequence[str]) -> str:
    """Return limits as a person is shown them; the unit tells of what a single one is."""
    return limits[0].partition(" ")[2] if len(limits) == 1 else ", ".join(limits)


def _goes(instrument: str, reached: Sequence[tuple[str, IqLine]]) -> str:
    """Return to which lines an instrument's output goes, and what is behind its channels."""
    groups = dict[str, list[str]]()
    for name, line in reached:
        mine = [str(c) for c in (line.i, line.q) if c.instrument == instrument]
        behind = f", behind {_behind(line.attenuation, line.max_at_device)}" if mine else ""
        by = f" ({' and '.join(mine)})" if mine else ""
        groups.setdefault(behind, []).append(name.partition(".")[2] + by)
    said = [f"{', '.join(names)}{behind}" for behind, names in groups.items()]
    return f"to {'; '.join(said)}" if said else ""


def _feeds(line: IqLine, instrument: str, feeding: Sequence[IqLine] | None) -> bool:
    if feeding is not None:
        return line in feeding
    return instrument in (line.source, line.i.instrument, line.q.instrument)


def _wired(name: str, line: IqLine) -> str:
    behind = _behind(line.attenuation, line.max_at_device)
    return f"{name} ({line.i} and {line.q}, {line.source}, {behind})"


def _behind(attenuation: float, most: float | None) -> str:
    limit = "no limit" if most is None else f"at most {show(most, 'dBm')}"
    return f"{attenuation:g} dB, {limit} at the device"


def _limit(lab: Lab, instrument: str, quantity: str) -> str:
    limit, unit = lab.instruments[instrument].limits.get(quantity), UNITS[quantity]
    if limit is None:
        return f"{quantity}: none"
    rate = show(limit.max_rate, f"{unit.removesuffix('m')}/s")
    step = "" if limit.max_step is None else f" in steps of {show(limit.max_step, unit)}"
    return f"{quantity} {show(limit.minimum, unit)} to {show(limit.maximum, unit)}, {rate}{step}"


def _on(line: IqLine, generator: str, channels: Collection[int]) -> set[int]:
    both = (line.i, line.q)
    return {c.number for c in both if c.instrument == generator and c.number in channels}


def _peaks(playlist: Playlist) -> Iterator[tuple[int, float]]:
    top = {name: float(np.max(np.abs(wave.volts))) for name, wave in playlist.waves.items()}
    for track, number in enumerate(playlist.channels):
        used = {step.waves[track] for step in playlist.steps}
        yield number, max((top[name] for name in used), default=0.0)
