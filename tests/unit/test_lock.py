"""requirements.lock: every dependency at one version that pyproject.toml allows, by hash (X9)."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
EXTRAS = ("demo", "postgresql", "dev")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def locked() -> list[tuple[Requirement, list[str]]]:
    """Return each pinned requirement of the lock, with its hashes."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    entries = "\n".join(lines).replace("\\\n", " ").splitlines()
    return [(Requirement(e.split("--hash")[0].strip()), HASH.findall(e)) for e in entries if e]


def wanted() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = (project["optional-dependencies"][name] for name in EXTRAS)
    return [Requirement(each) for group in (project["dependencies"], *extras) for each in group]


def test_x9_every_entry_of_the_lock_is_one_version_and_has_hashes():
    found = locked()
    assert len(found) > 50
    for entry, hashes in found:
        assert hashes, entry
        assert entry.url is None, entry
        (pin,) = entry.specifier
        assert pin.operator == "==", entry


def test_x9_the_lock_holds_what_the_project_asks_for():
    """For the environment of this test: other platforms and Pythons may have other versions."""
    pins = {
        canonicalize_name(entry.name): next(iter(entry.specifier)).version
        for entry, _ in locked()
        if entry.marker is None or entry.marker.evaluate()
    }
    missing = [str(each) for each in wanted() if canonicalize_name(each.name) not in pins]
    assert missing == []
    wrong = [
        (str(each), pins[canonicalize_name(each.name)])
        for each in wanted()
        if not each.specifier.contains(pins[canonicalize_name(each.name)], prereleases=True)
    ]
    assert wrong == []
