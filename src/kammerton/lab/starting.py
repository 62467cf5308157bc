"""What to write where lab.toml does not say how its generators start."""

from __future__ import annotations

from kammerton.lab.document import Document
from kammerton.lab.lines import Path
from kammerton.lab.wiring import channel_at, lines_in

SAID: dict[Path, str] = {
    ("sync",): 'missing: write [sync] with master = "{master}" and go = "{go}"; {why}',
    ("sync", "master"): 'missing: write master = "{master}"; {why}',
    ("sync", "go"): 'missing: write go = "{go}"; {why}',
}
ALONE = "a run starts the master, also where it is the only generator, and go triggers no digitizer"
SEVERAL = "marker 1 of go starts the other generators, and triggers no digitizer"


def said_of_start(document: Document, path: Path) -> str | None:
    """Return what is to be written at a path of [sync], by the names of this file.

    None where it is no path of [sync], or the file has no channels to name.
    """
    owners = _channels(document)
    known = document.text("sync", "master")
    master = known if known in owners else next(iter(owners), None)
    if path not in SAID or master is None:
        return None
    triggers = [channel_at(document, ("feedlines", f, "trigger"))
                for f in document.names("feedlines")]  # fmt: skip
    taken = {each.number for each in triggers if each and each.instrument == master}
    go = next((number for number in sorted(owners[master]) if number not in taken), None)
    if go is None:
        return None
    why = SEVERAL if len(owners) > 1 else ALONE
    return SAID[path].format(master=master, go=f"{master}.{go}", why=why)


def _channels(document: Document) -> dict[str, set[int]]:
    """Return the channels of each generator that lines name, in the order of the file."""
    found: dict[str, set[int]] = {}
    for line in lines_in(document):
        for part in ("i", "q"):
            if channel := channel_at(document, (*line, part)):
                found.setdefault(channel.instrument, set()).add(channel.number)
    return found
