"""What is said of outputs at an end: only what this process has read back itself."""

from __future__ import annotations

from kammerton.bench import OutputChange
from kammerton.publish.session import NOT_KNOWN
from kammerton.serve.outputs import ALL, Outputs
from kammerton.store import Store


def test_off_is_said_by_who_has_read_it_back_alone(tmp_path) -> None:
    """A second daemon that is refused has a database of its own that knows of no output."""
    with Store.open(tmp_path / "two.sqlite", "two", data=tmp_path / "runs") as store:
        outputs = Outputs(store, lambda act, *args: act(*args))
        assert outputs.known_off
        assert outputs.words == NOT_KNOWN
        outputs.changed(OutputChange(ALL, None, "off", "daemon"))
        assert outputs.words == "off"
        outputs.changed(OutputChange("drive_lo", "off", "on", "daemon"))
        assert outputs.words == NOT_KNOWN
