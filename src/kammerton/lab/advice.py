"""What is odd in a lab.toml, though it can be used."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from kammerton.lab.document import Document, Problem
from kammerton.lab.heat import not_counted
from kammerton.lab.sizes import LIMITS, too_slow
from kammerton.lab.slips import slips
from kammerton.lab.values import PORTS, broker
from kammerton.lab.wiring import BIAS, channel_at, lines_in, uses
from kammerton.lab.words import Lab
from kammerton.model.quantity import show

LOOPBACK = ("127.0.0.1", "::1", "localhost")
OTHERS = 0o026
"""Rights that nobody but the owner, and who reads with the group, shall have on a secret."""

NEAR = {"f01": 10e6, "f12": 20e6}
"""Hz from the carrier; within some MHz leakage harms, and designs are known about as well."""

BOUNDS = {"generator": ("volts",), "source": ("frequency", "power"), BIAS: ("volts",)}


def advise(document: Document) -> Iterator[Problem]:
    """Yield warnings, as far as the file can be read."""
    yield from _limits(document)
    yield from _at_the_device(document)
    yield from not_counted(document)
    yield from too_slow(document)
    yield from _unused(document)
    yield from _coherence(document)
    yield from _at_the_carrier(document)
    yield from slips(document)
    yield from _readout_sum(document)
    yield from _open_broker(document)


def named_files(lab: Lab) -> Iterator[Problem]:
    """Yield warnings for the files that lab.toml names: those that are not there, or not secret."""
    if lab.broker is None:
        return
    secret = {"password_file": lab.broker.password_file, "commands": lab.broker.commands}
    for key, path in {**secret, "ca_file": lab.broker.ca_file}.items():
        if path is None:
            continue
        if not path.is_file():
            yield Problem(("broker", key), f"there is no file {path}")
        elif key in secret and os.name == "posix" and (rights := path.stat().st_mode & OTHERS):
            may = "change" if rights & 0o022 else "read"
            words = f"others may {may} {path}, which holds secrets: chmod 600 {path}"
            yield Problem(("broker", key), words)


def left_behind(document: Document, lab: Lab, said: str) -> Iterator[Problem]:
    """Yield a problem where the database lies beside a link to lab.toml and not beside the file."""
    beside = document.file.absolute().parent / said
    meant = lab.database
    if isinstance(meant, Path) and beside.exists() and not meant.exists():
        text = (
            f"{document.file} is a link: its database is {meant}, which is not there, while "
            f"{beside} is; move that there, with -wal, backups and raw data, or name it by an "
            "absolute path"
        )
        yield Problem(("store", "database"), text)


def _limits(document: Document) -> Iterator[Problem]:
    """Fail closed: say what the gate will refuse, and which limits limit nothing."""
    roles = {name: role for name, role, _ in uses(document)}
    for name in document.names("instruments"):
        bounds = BOUNDS.get(roles.get(name, ""), ())
        has = document.names("instruments", name, "limits")
        missing = [f"limits.{bound}" for bound in bounds if bound not in has]
        if missing:
            yield Problem(
                ("instruments", name), f"has no {' and no '.join(missing)}: its outputs stay off"
            )
        for bound in has:
            if name in roles and bound in LIMITS and bound not in bounds:
                path = ("instruments", name, "limits", bound)
                yield Problem(path, f"limits nothing: {name} is used as a {roles[name]}")


def _at_the_device(document: Document) -> Iterator[Problem]:
    """The limits of a generator hold at its sockets; what is behind its line is not limited."""
    for line in lines_in(document):
        there = document.names(*line)
        if there and "max_at_device" not in there:
            words = "has no max_at_device: what may arrive at the device is not limited"
            yield Problem(line, words)


def _unused(document: Document) -> Iterator[Problem]:
    used = {name for name, _, _ in uses(document)}
    yield from _idle(document, "instruments", used, "is used by nothing")
    yield from _idle(document, "resonators", _named(document, "qubits", "resonator"),
                     "reads out no qubit")  # fmt: skip
    yield from _idle(document, "feedlines", _named(document, "resonators", "feedline"),
                     "has no resonator")  # fmt: skip


def _named(document: Document, section: str, key: str) -> set[str]:
    texts = (document.text(section, name, key) for name in document.names(section))
    return {text for text in texts if text is not None}


def _idle(document: Document, section: str, used: set[str], text: str) -> Iterator[Problem]:
    for name in document.names(section):
        if name not in used:
            yield Problem((section, name), text)


def _coherence(document: Document) -> Iterator[Problem]:
    for name in document.names("qubits"):
        t1 = document.si("s", "qubits", name, "t1", "value")
        for key in ("t2_star", "t2_echo"):
            t2 = document.si("s", "qubits", name, key, "value")
            if t1 is not None and t2 is not None and t2 > 2 * t1:
                path = ("qubits", name, key)
                yield Problem(path, f"{show(t2, 's')} is longer than 2 t1, {show(2 * t1, 's')}")


def _at_the_carrier(document: Document) -> Iterator[Problem]:
    """What leaks of a carrier sounds all the time, and shifts levels as 1 / its detuning."""
    for name in document.names("qubits"):
        qubit = ("qubits", name)
        carrier = document.si("Hz", *qubit, "drive", "carrier")
        f01 = document.si("Hz", *qubit, "f01", "value")
        bend = document.si("Hz", *qubit, "anharmonicity", "value")
        if carrier is None or f01 is None:
            continue
        for which, at in {"f01": f01, "f12": f01 + (math.nan if bend is None else bend)}.items():
            if abs(at - carrier) < NEAR[which]:
                yield Problem((*qubit, "drive", "carrier"), _leaks(which, at, carrier))


def _leaks(which: str, at: float, carrier: float) -> str:
    return (
        f"{which} lies {show(abs(at - carrier), 'Hz')} from it by design: what the mixer leaks of "
        "the carrier drives that transition all the time, and f01 is measured off"
    )


def _readout_sum(document: Document) -> Iterator[Problem]:
    """All tones of a feedline sound together; their peaks may add up."""

    def feedline_of(name: str) -> str:
        return document.text("resonators", name, "feedline") or ""

    names = sorted(document.names("resonators"), key=feedline_of)
    for feedline, members in groupby(names, key=feedline_of):
        found = channel_at(document, ("feedlines", feedline, "i"))
        if found is None:
            continue
        tones = [document.si("V", "resonators", n, "readout_amplitude", "value") for n in members]
        total = sum(tone for tone in tones if tone is not None)
        most = document.si("V", "instruments", found.instrument, "limits", "volts", "max")
        if most is not None and total > most > 0 and len(tones) > 1:
            yield Problem(
                ("feedlines", feedline),
                f"its {len(tones)} readout tones may add up to {show(total, 'V')}, beyond "
                f"limits.volts of {found.instrument}, {show(most, 'V')}",
            )


def _open_broker(document: Document) -> Iterator[Problem]:
    try:
        url = broker(document.value("broker", "url"))
    except ValueError:
        return
    if url.scheme == "mqtt" and document.text("broker", "ca_file"):
        yield Problem(("broker", "ca_file"), "is not used: the url begins with mqtt://, not mqtts")
    if url.hostname in LOOPBACK:
        return
    named, port = document.text("broker", "username"), PORTS["mqtts"]
    if url.scheme == "mqtt" and named:
        words = f"name and password travel in clear; use mqtts:// (port {port})"
        yield Problem(("broker", "url"), words)
    elif not named:
        words = "anybody in this network may publish as this computer; give the broker names"
        yield Problem(
            ("broker", "url"), f"{words} and rights, and use mqtts:// with username (port {port})"
        )
