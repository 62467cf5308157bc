"""Which files a database is open in: a name can be given to another file, or to none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from kammerton.model import StoreLost

Number = tuple[int, int]


@dataclass(frozen=True)
class Identity:
    """The files of an open database, each with the device and the number it had then.

    A file that was deleted can be written for as long as it is open. What lies in it is gone at
    the end of the process, and no other process sees it. why_not: what is wrong with them; "":
    nothing that is known.
    """

    files: tuple[tuple[Path, Number | None], ...]
    why_not: str = ""

    @classmethod
    def of(cls, paths: Iterable[Path]) -> Identity:
        """Return what lies under these names now."""
        return cls(tuple((path, _number(path)) for path in paths))

    def now(self) -> Identity:
        """Return what lies under the same names now; another, where a name has another file."""
        return Identity.of(path for path, _ in self.files)

    def condemned(self, why: str) -> Identity:
        """Return the same, to which nothing is to be written any more."""
        return replace(self, why_not=why)

    def demand(self) -> None:
        """Refuse where a name is another file's now, or nobody's, and what is known to be damaged.

        Raises
        ------
        StoreLost
            Names the file, and what a person can do.
        """
        if self.why_not:
            raise StoreLost(self.why_not)
        for path, number in self.files:
            now = _number(path)
            if now != number:
                done = "deleted or moved" if now is None else "replaced"
                raise StoreLost(
                    f"{path} was {done} while the daemon has it open, so nothing is stored any "
                    f"more: put the same file back under its name, or end the daemon, and then "
                    f"restore a backup (kammerton restore)"
                )


def _number(path: Path) -> Number | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
