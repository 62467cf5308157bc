"""The committed example, to be spoilt."""

from pathlib import Path

FILE = Path(__file__).parents[3] / "examples" / "two-qubits" / "lab.toml"
TEXT = FILE.read_text(encoding="utf-8")
DRIVERS = ("tektronix_awg5208", "rohde_schwarz_sgs100a", "alazar_ats9360", "oxford_triton")


def line_of(text: str, part: str) -> int:
    """Return the line of the only place where `part` stands."""
    assert text.count(part) == 1, f"{part!r} stands there {text.count(part)} times"
    return text[: text.index(part)].count("\n") + 1


def spoilt(old: str, new: str, text: str = TEXT) -> str:
    """Return the example with its first `old` replaced."""
    assert old in text
    return text.replace(old, new, 1)
