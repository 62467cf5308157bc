"""Text files as they come from any machine."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

from kammerton.estimation.files.binary import HEAD, refuse_binary
from kammerton.model import TraceError

MAX_BYTES = 64_000_000

Line = tuple[int, str]


def nearest(name: str, names: Iterable[str]) -> str:
    """Return ' (did you mean ...?)' with those of `names` that it begins, ends or is a word of.

    Else with the nearest.

    >>> nearest("rabi", ["t1", "rabi_amplitude", "rabi_length"]), nearest("cz", ["cz_chevron"])
    (" (did you mean 'rabi_amplitude' or 'rabi_length'?)", " (did you mean 'cz_chevron'?)")
    """
    by_folded, said = {n.casefold(): n for n in names}, name.casefold()
    near = [n for n in by_folded if len(said) > 2 and (n.startswith(said) or n.endswith(said))]
    near = near or [n for n in by_folded if said in n.split("_")]
    near = near or difflib.get_close_matches(said, list(by_folded), n=1, cutoff=0.5)
    return f" (did you mean {' or '.join(repr(by_folded[n]) for n in near)}?)" if near else ""


def text_lines(path: Path) -> list[Line]:
    """Return the lines of a file that hold anything, numbered from 1.

    Any byte order mark is understood; what is not UTF-8 is taken as Latin-1.

    Raises
    ------
    TraceError
        The file is missing, too large, no text or empty; a missing one names the nearest.
    """
    text = _text(path)
    lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
    if lines and lines[0][1].lower().startswith("sep="):  # a hint for a spreadsheet
        del lines[0]
    if not lines:
        raise TraceError(f"{path}: the file is empty")
    return lines


def _text(path: Path) -> str:
    if not path.exists():
        near = _near_name(path)
        raise TraceError(f"{path}: no such file{near}")
    if not path.is_file():
        raise TraceError(f"{path}: not a file")
    try:
        with path.open("rb") as file:
            refuse_binary(path, file.read(HEAD))
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise TraceError(f"{path}: {size / 1e6:.0f} MB; at most {MAX_BYTES / 1e6:.0f} MB")
        raw = path.read_bytes()
    except OSError as error:
        raise TraceError(f"{path}: {error.strerror}") from error
    return _decoded(path, raw)


def _near_name(path: Path) -> str:
    """Name files of this name but for its ending, or a slip: an ending alone makes none alike."""
    names = _siblings(path)
    stems = {Path(name).stem.casefold(): name for name in names}
    begun = [name for name in names if name.casefold().startswith(path.name.casefold())]
    stem = path.stem.casefold()
    near = begun[:1] or [stems[each] for each in difflib.get_close_matches(stem, stems, n=1)]
    return f" (did you mean {near[0]!r}?)" if near else ""


def _siblings(path: Path) -> list[str]:
    try:
        return [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    except OSError:
        return []


def _decoded(path: Path, raw: bytes) -> str:
    utf16 = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = raw.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    if "\0" in text:
        raise TraceError(f"{path}: not a text file; export it as one, in columns: x, then y")
    return text
