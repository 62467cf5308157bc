"""`kammerton status`: what is held, how old it is, what runs now."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kammerton.cli import app
from kammerton.cli.place import At, Where, either

if TYPE_CHECKING:
    from pathlib import Path

    from rich.table import Table

    from kammerton.keeping import Note
    from kammerton.model import Estimate
    from kammerton.store import Activity, ReadStore
    from kammerton.store.rows import Lease


WIDE = 160
"""Columns that the table gets, however narrow the terminal is, which then breaks its lines."""
TO_COME = 5.0  # s by which a value is of a time to come: a clock was wrong
WELL = "is known well enough"
SUPERVISED = (
    "a supervised run: a person is asked before the first write of each kind; kammerton approve"
    " lists what waits"
)
SILENT = 15.0  # s after which what the daemon said last is told with its age


@app.command(short_help="Say what is held, how old it is, what runs now.")
def status(
    lab: Where = None,
    *,
    at: At = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say what is held, how old it is and what runs now; works beside the daemon."""
    from rich.console import Console
    from rich.markup import escape

    from kammerton.cli.output import opened, print_json
    from kammerton.cli.wrapped import print_styled
    from kammerton.client.locate import has_broker, note_beside
    from kammerton.client.words import ahead, doubts, forecasts, tolerable
    from kammerton.keeping import there
    from kammerton.store.caution import unlocked

    place = either(lab, at)
    with opened(place) as store:
        note, alive = note_beside(place), lives(store)
        running = _working(store) if alive is not False else None
        keeps = there(store.place.keeping)
        if as_json:
            certain = alive is not None and not unlocked(store)
            daemon = _daemon(keeps, running, certain=certain)
            silent = (_unpublished(store, place) if running else "") or None
            said = {"daemon": daemon, "unpublished": silent, "note": note}
            print_json({**_object(store, running), **said})
            return
        console = Console()
        headline = _headline(store, running, keeps, broker=has_broker(place))
        print_styled(console, headline)
        if running and keeps and keeps.pid and keeps.pid != running.pid:
            words = f"Ctrl-C in its shell, or SIGTERM to process {keeps.pid}, ends the daemon"
            print_styled(console, words, "dim")
        if keeps is not None and keeps.supervised:
            print_styled(console, SUPERVISED, "yellow")
        for style, words in _beside(store, running, note, place):
            print_styled(console, escape(words), style)
        known, doubted, now = store.parameters(), store.doubted(), store.now()
        within = [n for n, d in doubted.items() if n in known and tolerable(n, known[n], d, now)]
        for words in doubts(doubted, within):
            console.print(f"[yellow]{escape(words)}[/yellow]")
        if far := ahead(now):
            words = f"ages are those of laboratory time, which is {far} ahead of this computer"
            console.print(words, style="dim")
        for words in forecasts(known):
            console.print(words, style="dim")
        wide = Console(width=max(console.width, WIDE))  # a value that is cut is none
        wide.print(_table(known, doubted, within, now) if known else "nothing was measured yet")


def _beside(
    store: ReadStore, running: Activity | None, note: str, place: Path | None
) -> Iterator[tuple[str, str]]:
    """Yield what stands between the headline and the values, the worst first, each with a style."""
    from kammerton.client.hindrance import clock_set, publishing
    from kammerton.store.caution import admitted, doubtful

    if running and doubtful(store) and (which := admitted(store, running)):
        yield "bold red", which
    if running and (stopped := publishing(store)):  # which no message can tell
        yield "bold red", stopped
    elif running and (silent := _unpublished(store, place)):
        yield "yellow", silent
    yield from (("yellow", words) for words in clock_set(store))
    if note:
        yield "dim", note
    yield from (("yellow", words_of(*each)) for each in together(store.leases()))
    if not running:  # a daemon that runs says it itself
        yield from (("yellow", words) for words in _stuck(store))


def _unpublished(store: ReadStore, place: Path | None) -> str:
    from kammerton.client.locate import has_broker
    from kammerton.client.unpublished import unpublished

    return unpublished(store, place) if has_broker(place) else ""


def together(leases: Iterable[Lease]) -> list[list[Lease]]:
    """Return leases with those beside each other that were taken in one command."""
    found: dict[tuple[object, ...], list[Lease]] = {}
    for each in leases:
        found.setdefault((each.owner, each.why, each.since, each.until), []).append(each)
    return list(found.values())


def words_of(*held: Lease) -> str:
    """Return who holds what was taken together, and why."""
    from kammerton.store.request import are

    lease = held[0]
    until = f", until {lease.until:%Y-%m-%d %H:%M:%S} UTC" if lease.until else ""
    return f"{are([each.scope for each in held])} held by {lease.owner}: {lease.why}{until}"


def _stuck(store: ReadStore) -> list[str]:
    """Return what fails on which qubit."""
    from kammerton.client.hindrance import hindrances

    return [str(each) for _, each in sorted(hindrances(store).items())]


def _headline(
    store: ReadStore, running: Activity | None, keeps: Note | None, *, broker: bool
) -> str:
    from rich.markup import escape

    from kammerton.store.caution import caution, since_unlocked, unlocked

    said = store.current_activity()
    if running is None and (alone := unlocked(store)) is not None:
        doing = escape(_without_lock(alone))
        if words := since_unlocked(store, alone):
            doing += f"; [bold red]{escape(words)}[/bold red]"
    elif running is not None:
        doing = escape(f"process {running.pid}: {running.what}")
        doing += _since(store, str(running.what))
        doing += f" (said {_silent(running):.0f} s ago)" if _silent(running) > SILENT else ""
    elif said is not None and said.doubtful:
        words = caution(store, said)
        nobody = str(keeps.without(words) if keeps else "no process runs")
        doing = f"{escape(nobody)}; [bold red]{escape(words)}[/bold red]"
    else:
        let_go = f"; {said.let_go}" if said is not None and said.let_go else ""
        doing = escape(f"{keeps or 'no daemon runs'}{let_go}")
    late = store.backlog() if broker else 0
    waiting = f"; {late} result{'s wait' if late > 1 else ' waits'} for the broker" if late else ""
    return f"{store.computer}, revision {store.revision()}; {doing}{waiting}"


def _since(store: ReadStore, what: str) -> str:
    """Name what is stale or doubted since it was said that all is known well enough."""
    from kammerton.client.words import tolerable

    if not what.endswith(WELL):
        return ""
    known, doubted, now = store.parameters(), store.doubted(), store.now()
    poor = [n for n, d in doubted.items() if n in known and not tolerable(n, known[n], d, now)]
    stale = [n for n, e in known.items() if e.valid_until is not None and e.valid_until <= now]
    news = [n for n in sorted({*poor, *stale}) if n not in what]
    verb = "is" if len(news) == 1 else "are"
    return f"; since then {', '.join(news)} {verb} stale or doubted" if news else ""


def _without_lock(said: Activity) -> str:
    return (
        f"process {said.pid} is up without its lock, which was deleted or replaced: it stores "
        f"nothing any more; {_silent(said):.0f} s ago it said: {said.what}"
    )


def lives(store: ReadStore) -> bool | None:
    """Say whether who spoke last has the database; None: who may only read cannot know."""
    from kammerton.model import StoreError
    from kammerton.store.caution import speaks

    try:
        return speaks(store, store.current_activity())
    except StoreError:
        return None


def _working(store: ReadStore) -> Activity | None:
    """Return what was said last of the work; one that ended with all outputs off says nothing."""
    said = store.current_activity()
    return None if said is None or said.what is None else said


def _silent(said: Activity) -> float:
    return (datetime.now(said.time.tzinfo) - said.time).total_seconds()


def _table(
    parameters: dict[str, Estimate],
    doubted: Collection[str],
    within: Collection[str],
    now: datetime,
) -> Table:
    from rich.table import Table

    from kammerton.client.words import WITHIN
    from kammerton.model.quantity import brief

    table = Table(box=None, pad_edge=False)
    for heading in ("parameter", "value", "age", "holds for", "run"):
        table.add_column(heading, no_wrap=True)
    for name, e in sorted(parameters.items()):
        holds = "[yellow]doubted[/yellow]" if name in doubted else _holds(e, now)
        holds = f"doubted, {WITHIN}" if name in within else holds
        table.add_row(name, brief(e.value, e.unit, e.stderr), _age(e, now), holds, e.run)
    return table


def _age(estimate: Estimate, now: datetime) -> str:
    return _span((now - estimate.time).total_seconds())


def _holds(estimate: Estimate, now: datetime) -> str:
    from kammerton.client.words import COARSE, is_coarse

    if (estimate.time - now).total_seconds() > TO_COME:
        return "[yellow]of a time to come[/yellow]"
    if estimate.valid_until is None:
        return ""
    if is_coarse(estimate):
        return f"[yellow]{COARSE}[/yellow]"
    left = (estimate.valid_until - now).total_seconds()
    return _span(left) if left > 0 else "[yellow]stale[/yellow]"


def _span(seconds: float) -> str:
    for unit, size in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0.0):.0f} s"


def _object(store: ReadStore, running: Activity | None) -> dict[str, Any]:
    from kammerton.cli.output import described_doubt
    from kammerton.client.hindrance import clock_set

    now, doubted = store.now(), store.doubted()
    return {
        "computer": store.computer,
        "time": now.isoformat(),
        "clock": clock_set(store),
        "revision": store.revision(),
        "doing": running.what if running else None,
        "silent_seconds": _silent(running) if running else None,
        "caution": _caution(store, running),
        "waiting_for_broker": store.backlog(),
        "held": [_lease(lease) for lease in store.leases()],
        "parameters": {
            name: {**_entry(e, now), "doubted": described_doubt(name, e, doubted.get(name), now)}
            for name, e in sorted(store.parameters().items())
        },
    }


def _caution(store: ReadStore, running: Activity | None) -> str | None:
    """Return that outputs may be on, and which, whoever says it; None where nobody does."""
    from kammerton.store.caution import admitted, caution, since_unlocked, unlocked

    if running is not None:
        return admitted(store, running)
    if (alone := unlocked(store)) is not None:
        return since_unlocked(store, alone)
    said = store.current_activity()
    return caution(store, said) if said is not None and said.doubtful else None


def _daemon(keeps: Note | None, running: Activity | None, *, certain: bool) -> dict[str, Any]:
    """Return whether a daemon runs and this computer's process is up, else what it waits for.

    state: "up"; "starts", "waits" (for its next attempt) or "ends" where that process is not up;
    "none": no daemon runs; "unknown" to who may only read, where it left no note, and where its
    lock was deleted.
    """
    waits = None if running else keeps
    starts = None if waits is None or waits.starts is None else max(0.0, waits.starts - time.time())
    return {
        "state": _state(waits, running, certain=certain),
        "process": (keeps.pid or None) if keeps else None,
        "attempt": waits.failures + 1 if waits else None,
        "starts_in_seconds": starts,
        "why": (waits.why or None) if waits else None,
        "ends": bool(keeps and keeps.ends),
        "supervised": bool(keeps and keeps.supervised),
    }


def _state(waits: Note | None, running: Activity | None, *, certain: bool) -> str:
    from kammerton.keeping import Note

    if running is not None:
        return "up" if certain else "unknown"
    if waits is None:
        return "none" if certain else "unknown"
    if waits == Note() or not certain:
        return "unknown"
    return "ends" if waits.ends else "starts" if waits.starts is None else "waits"


def _lease(lease: Lease) -> dict[str, Any]:
    return {
        "scope": lease.scope,
        "owner": lease.owner,
        "why": lease.why,
        "since": lease.since.isoformat(),
        "until": lease.until.isoformat() if lease.until else None,
    }


def _entry(estimate: Estimate, now: datetime) -> dict[str, Any]:
    from kammerton.cli.output import described_estimate

    age = (now - estimate.time).total_seconds()
    return {**described_estimate(estimate), "age_seconds": age}
