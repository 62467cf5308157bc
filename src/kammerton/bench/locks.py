"""One daemon per set of instruments: an operating-system lock for each address and each box."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from pathlib import Path

from kammerton.bench.taken import Locks, taken
from kammerton.lab import InstrumentEntry, Lab
from kammerton.lab.serials import simulated
from kammerton.model import InstrumentError, InstrumentInUse
from kammerton.model.roles import Identity

PLACEHOLDERS = ("", "na", "none", "null", "unknown", "serial", "1", "1234", "12345", "123456")
"""What boxes of many makers say that have no serial number, without zeros around it."""


RESOLVE = 2.0
"""s that names of hosts get to become numbers: a resolver that is broken may take far longer."""

LOOPBACK, DISCARD = "127.0.0.1", 9

Numbers = Mapping[str, str]

NOBODY: Mapping[str, str] = {}


def numbers_of(addresses: Iterable[str]) -> Numbers:
    """Return the numbers of hosts by name, as far as they are told within RESOLVE s; blocks.

    A name that is not told stays what it is: two names of one box are then told apart by its
    serial number alone. A thread that hangs in the resolver is left to it.
    """
    found: dict[str, str] = {}

    def ask(host: str) -> None:
        with suppress(OSError, UnicodeError):
            found[host] = _number(host)

    hosts = {parts[1] for each in addresses if (parts := _parts(each.strip().lower()))}
    threads = [threading.Thread(target=ask, args=(host,), daemon=True) for host in hosts]
    for thread in threads:
        thread.start()
    end = time.monotonic() + RESOLVE
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return dict(found)


def _number(host: str) -> str:
    """Return the number of a host: LOOPBACK for whatever number of its own this computer has.

    No packet is sent: of its own address alone a computer says that it would come from there.
    """
    bare = host.strip("[]")
    kind = socket.AF_INET6 if ":" in bare else socket.AF_INET
    number = bare if ":" in bare else socket.gethostbyname(bare)
    if number.startswith("127."):
        return number  # forwards to different boxes may listen on several of these
    with suppress(OSError), socket.socket(kind, socket.SOCK_DGRAM) as link:
        link.connect((number, DISCARD))
        own = ip_address(link.getsockname()[0])
        if own in (ip_address(number), ip_address("127.0.0.1"), ip_address("::1")):
            return LOOPBACK
    return host if ":" in bare else number


@contextmanager
def held_locks(
    lab: Lab, folder: Path | None = None, numbers: Numbers | None = None
) -> Iterator[Locks]:
    """Hold the locks of all instruments of a lab; they end with the process, however it ends.

    The folder does not hang on the session (as XDG_RUNTIME_DIR does): a service and a shell of the
    same user must meet there. numbers: of hosts; None: they are asked for here.

    Raises
    ------
    InstrumentInUse
        Names every instrument that another process holds, its pid and its lab file.
    """
    entries = lab.instruments.values()
    numbers = numbers_of(e.address for e in entries) if numbers is None else numbers
    wanted = [(entry, canonical(entry.address, numbers)) for entry in entries]
    with taken(lab, folder, wanted) as locks:
        yield locks


@contextmanager
def held_boxes(
    lab: Lab,
    identities: Mapping[str, Identity],
    folder: Path | None = None,
    numbers: Numbers | None = None,
    claimed: Mapping[str, str] = NOBODY,
) -> Iterator[Locks]:
    """Hold the locks of the boxes that answered, by serial number, before anything is written.

    One box has many addresses (another protocol, another of its names), but one serial number.
    Left out is what tells none, and what answers on this computer with a number of the simulated
    laboratory: those that run side by side repeat them. Two forwards to one box exclude each other.
    claimed: whose a box is that is another computer's, see `numbered`.

    Raises
    ------
    InstrumentInUse
        Names every instrument that another process, or another computer's, holds.
    InstrumentError
        lab.toml names one twice.
    """
    boxes = numbered(lab, identities, numbers)
    _once(boxes)
    if foreign := [(entry, claimed[key]) for entry, key in boxes if key in claimed]:
        lines = (f"{e.name} ({e.address}) is in use by {whose}" for e, whose in foreign)
        raise InstrumentInUse("\n".join(lines))
    with taken(lab, folder, boxes) as locks:
        yield locks


def numbered(
    lab: Lab, identities: Mapping[str, Identity], numbers: Numbers | None = None
) -> list[tuple[InstrumentEntry, str]]:
    """Return instruments with what tells their box from any other, of those that tell it."""
    return [
        (lab.instruments[name], f"{who.vendor} {who.model} serial {who.serial}".lower())
        for name, who in identities.items()
        if tells(who.serial)
        and not (simulated(who.serial) and on_this_computer(lab.instruments[name].address, numbers))
    ]


def tells(serial: str) -> bool:
    """Return whether a serial number can be one box's alone."""
    bare = re.sub(r"[\W_]", "", serial).lower()
    return bare.removeprefix("sn").strip("0") not in PLACEHOLDERS


def _once(numbered: list[tuple[InstrumentEntry, str]]) -> None:
    """Raise where two instruments of one lab say that they are the same box."""
    first: dict[str, str] = {}
    for entry, key in numbered:
        if (other := first.setdefault(key, entry.name)) != entry.name:
            raise InstrumentError(f"{other} and {entry.name} are one box: both say {key}")


def canonical(address: str, numbers: Numbers | None = None) -> str:
    """Return one spelling for addresses that lead to the same box.

    Lower case, without VISA's board number, with its usual device and port written out or left
    out alike, host names as numbers where they can be resolved (numbers: by name; None: asked
    for here).
    """
    text = address.strip().lower()
    if (parts := _parts(text)) is None:
        return text
    scheme, host, rest = parts
    known = numbers_of([text]) if numbers is None else numbers
    number = known.get(host, host)
    return f"{scheme}{number}{rest}" if scheme else _visa(number, rest.split("::")[1:])


def _parts(text: str) -> tuple[str, str, str] | None:
    """Return scheme (of a URL), host and rest of an address that names a host."""
    if match := re.fullmatch(r"tcpip\d*::(\[[^\]]+\]|[^:]+)((?:::.*)?)", text):
        return "", match[1], match[2]
    if match := re.match(r"([a-z][a-z0-9+.-]*://)(\[[^\]]+\]|[^:/\s]+)", text):
        return match[1], match[2], text[match.end() :]
    return None


def on_this_computer(address: str, numbers: Numbers | None = None) -> bool:
    """Return whether an address leads to a server on this computer."""
    return re.match(r"[a-z]+(://|::)127\.", canonical(address, numbers)) is not None


def _visa(host: str, rest: list[str]) -> str:
    """Return the one spelling of a VISA address at a host; `rest` is what follows it."""
    if rest[-1:] == ["socket"]:
        return f"tcp://{host}:{':'.join(rest[:-1])}"
    device = [part for part in rest if part not in ("instr", "inst0")]
    written_out = [re.sub(r"^(hislip\d+)$", r"\1,4880", part) for part in device]
    return "::".join(["tcpip", host, *written_out, "instr"])
