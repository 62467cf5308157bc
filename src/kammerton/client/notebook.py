"""The client for notebooks: a computer's parameters, their evidence, and what is asked of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self

from kammerton.client.hands_off import outputs_after
from kammerton.client.holding import asked_for, outputs_go_off, seen, strange
from kammerton.client.locate import find_database, find_lab, groups, note_beside
from kammerton.client.measuring import Measured, measure
from kammerton.client.missing import missing
from kammerton.client.why import Why, explain
from kammerton.client.words import doubts, table
from kammerton.lab.holdable import members
from kammerton.model import Estimate, LabError, StoreError
from kammerton.store import Store, StoredRun, change, open_traces
from kammerton.store.rows import Doubted

if TYPE_CHECKING:
    import xarray

    from kammerton.lab import Lab


class Client(Mapping[str, Estimate]):
    """Read the database of a computer, while the daemon runs or after it.

    `place` is a lab.toml, a directory that holds one, or a database file; without it, lab.toml
    here or in kammerton-demo. Each access reads the present state.

        client = Client("lab.toml")
        client["q0.f01"].value, client.why("q0.f01"), client.data("r000017")

    `with Client("lab.toml") as client` closes it at the end.

    Raises
    ------
    StoreError
        There is no such database, or it cannot be read.
    LabError
        lab.toml cannot be used.
    """

    def __init__(self, place: Path | str | None = None) -> None:
        self._place = Path(place) if place is not None else None
        self._database = find_database(self._place)
        self._store = Store.read(self._database)

    def __getitem__(self, name: str) -> Estimate:
        parameters = self.parameters()
        if name not in parameters:
            raise KeyError(missing(self._store, name, self._lab()))
        return parameters[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.parameters())

    def __len__(self) -> int:
        return len(self.parameters())

    def __repr__(self) -> str:
        snapshot, note = self._store.snapshot(), self._note()
        title = f"{snapshot.computer}, revision {snapshot.revision}" + (f"; {note}" if note else "")
        known, doubted, now = self.parameters(), self.doubted(), self._store.now()
        return "\n".join([title, table(known, now, doubted), *doubts(doubted)])

    def _lab(self) -> Lab | None:
        from kammerton.lab import load

        file = find_lab(self._place)
        return load(file) if file else None

    def _note(self) -> str:
        return note_beside(self._place)

    def parameters(self) -> dict[str, Estimate]:
        """Return the newest estimate of every parameter, with what lab.toml says beside it."""
        note = self._note()
        return {name: replace(each, note=note) for name, each in self._store.parameters().items()}

    def doubted(self) -> dict[str, Doubted]:
        """Return what is doubted until it is measured again: how far it is believed, and why.

        A value stays as it was measured; `sigma` is the error that it is believed with (SI), at
        least its own, `why` says what happened, `since` when, in laboratory time.
        """
        known = self._store.parameters()
        return {name: each for name, each in self._store.doubted().items() if name in known}

    def why(self, name: str) -> Why:
        """Return the evidence behind a parameter: run, fit, verdict, earlier values.

        Raises
        ------
        KeyError
            The parameter was never measured; the message names the nearest one.
        """
        self[name]
        return explain(self._store, name, note=self._note())

    def runs(self, limit: int = 20) -> list[StoredRun]:
        """Return the last runs, newest first."""
        note = self._note()
        return [replace(run, note=note) for run in self._store.runs(limit)]

    def run(self, run: str | StoredRun) -> StoredRun:
        """Return a run: its times, its fits and verdicts, and where its data are.

        run: its name, as `Estimate.run` has it, or the run, as `Measured.run` does.

        Raises
        ------
        KeyError
            There is no such run.
        """
        run_id = run.id if isinstance(run, StoredRun) else run
        return replace(self._store.run(run_id), note=self._note())

    def data(self, run: str | StoredRun) -> xarray.Dataset:
        """Open the raw traces of a run, which is named or given as in `run`.

        Raises
        ------
        KeyError
            There is no such run.
        StoreError
            The run measured nothing, or its file is gone.
        """
        found = self.run(run)
        path = found.data
        if path is None or not path.is_file():
            raise StoreError(f"{found.id} has no data file" + (f": {path}" if path else ""))
        return open_traces(path)

    def measure(self, target: str, calibration: str, shots: int | None = None) -> Measured:
        """Have the running daemon run one calibration of one qubit next; wait for what it gives.

            client.measure("q3", "t1", shots=4000)

        It takes the way of all measurements: limits, interlock, verdict, database, MQTT.

        Raises
        ------
        NotMeasured
            No daemon runs; it refused, and the message says why; or it did not answer.
        StoreError
            There is no such database; or the run is stored, and cannot be read now.
        """
        database = find_database(self._place)
        return measure(database, target, calibration, shots, note=self._note())

    def hold(
        self,
        *names: str,
        why: str,
        lasting: timedelta | None = None,
        now: bool = False,
    ) -> str:
        """Take what is named out of the daemon's hands, all of it or none; return what is held.

            client.hold("q0", "drive_lo", why="two-tone by hand", lasting=timedelta(hours=2))

        A group of lab.toml stands for its members. Where outputs go off for it this waits for
        that, and says whether they are known to be off. lasting: None until it is released. now:
        do not wait for a safe point.

        Raises
        ------
        StoreError
            Somebody else holds some of it, it is not there, or it cannot be left: nothing is held.
        OutcomeUnknown
            Nobody has answered: it is held once the daemon turns again.
        """
        wanted, lab = self._meant(names), self._lab_if_whole()
        if lab is not None and (unknown := strange(lab, wanted)):
            raise StoreError("; ".join(unknown))
        said = change(self._database, "hold", asked_for(wanted, why, lasting, now=now))
        outputs = outputs_after(self._database) if outputs_go_off(lab, wanted) else ""
        return "; ".join(filter(None, [said, outputs]))

    def release(self, *names: str, force: bool = False) -> str:
        """Give back what is held, all of it or none. force: although another person holds it.

        Raises
        ------
        StoreError
            Nobody holds it, or, without `force`, another person.
        """
        asked = seen(self._database, self._meant(names))
        return change(self._database, "release", {**asked, "force": force})

    def _meant(self, names: Sequence[str]) -> list[str]:
        if not names:
            raise StoreError("name what is meant")
        return members(groups(self._place), names)

    def _lab_if_whole(self) -> Lab | None:
        """Return what lab.toml says, None while it is edited: that keeps nobody from holding."""
        try:
            return self._lab()
        except LabError:
            return None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database file."""
        self._store.close()

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)
