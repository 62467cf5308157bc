"""What is said of outputs at an end: only what this process has read back itself."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from kammerton.bench import OutputChange
from kammerton.bench.words import NEVER_REFUSED
from kammerton.cli import app
from kammerton.model import InstrumentError
from kammerton.model.alarm import Alarm
from kammerton.publish.alarms import Alarms
from kammerton.publish.session import NOT_KNOWN
from kammerton.serve import last
from kammerton.serve.outputs import ALL, Outputs
from kammerton.serve.repeats import AS
from kammerton.store import Store
from kammerton.store.caution import admitted, doubtful
from kammerton.store.rows import SETTLED
from kammerton.store.verbs import do


def test_what_did_not_go_off_is_named_with_its_reason(tmp_path, caplog) -> None:
    """Whoever goes to the rack must know which front panel to look at."""
    path, why = tmp_path / "two.sqlite", "lo is not known to be off: no answer within 4.9 s"
    with Store.open(path, "two", data=tmp_path / "runs") as store:
        outputs = Outputs(store, lambda act, *args: act(*args))
        outputs.at_work("idle")
        outputs.changed(OutputChange(ALL, None, "off", "closing", why))
        outputs.close()
        assert (store.log(1)[0].new, store.log(1)[0].why) == ("not verified off", why)
        assert last._left(SimpleNamespace(database=path)) is None, "it is at work"
    said = " ".join(CliRunner().invoke(app, ["status", str(path)]).stdout.split())
    assert said.endswith(
        f"no process runs; CAUTION: outputs may be on: {why} nothing was measured yet"
    )
    assert last._left(SimpleNamespace(database=path)) == why
    with Store.open(path, "two", data=tmp_path / "runs") as store:
        Outputs(store, lambda act, *args: act(*args))
        assert f" UTC ({why}); outputs may be on" in caplog.text
        assert do(store, "hold", {"scope": "computer"}, "ada").endswith(f"may be on: {why}")
        outputs = Outputs(store, lambda act, *args: act(*args))
        outputs.changed(OutputChange(ALL, None, "off", "opening"))
        outputs.close()
    assert "no daemon runs" in CliRunner().invoke(app, ["status", str(path)]).stdout
    assert last._left(SimpleNamespace(database=path)) is None


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


def test_who_kept_a_start_from_being_known_off_is_in_the_audit_log(tmp_path) -> None:
    """Else the next process would say that outputs may be on `connecting to the instruments`."""
    with Store.open(tmp_path / "two.sqlite", "two", data=tmp_path / "runs") as store:
        store.activity("t1 on q0")
    with Store.open(tmp_path / "two.sqlite", "two", data=tmp_path / "runs") as store:
        outputs = Outputs(store, lambda act, *args: act(*args))
        outputs.left_on(InstrumentError("lo does not connect"))
        assert (store.log(1)[0].what, store.log(1)[0].why) == (ALL, "lo does not connect")
        assert doubtful(store) == "lo does not connect"


def test_an_unclean_end_is_known_by_what_it_left_and_not_by_its_process(tmp_path, caplog) -> None:
    """Each start that fails is one more process; the next one need not say the same again."""
    what = "lo is not known to be off"
    with Store.open(tmp_path / "two.sqlite", "two", data=tmp_path / "runs") as store:
        store.activity(what)
    with Store.open(tmp_path / "two.sqlite", "two", data=tmp_path / "runs") as store:
        Outputs(store, lambda act, *args: act(*args), touch=False)
    (record,) = caplog.records
    assert "unclean end of process " in record.message
    assert getattr(record, AS) == f"unclean end ({what}): no instrument is touched"


def test_what_is_found_changed_is_not_called_allowed(tmp_path) -> None:
    with Store.open(tmp_path / "two.sqlite", "two", data=tmp_path / "runs") as store:
        outputs = Outputs(store, lambda act, *args: act(*args))
        other = OutputChange("lo power", "13 dBm", "3 dBm", "somebody else", found=True)
        outputs.changed(other)
        outputs.changed(OutputChange("lo power", "3 dBm", "13 dBm", "daemon", rule="limits.power"))
        outputs.changed(OutputChange("awg1", "playing", "stopped", "daemon", rule=NEVER_REFUSED))
        stopped, mine, theirs = (row.why for row in store.log(3))
    assert mine == "allowed by limits.power"
    assert stopped == "allowed: never refused"
    assert theirs == "found so; Kammerton did not set it"
    assert not outputs.known_off


def test_of_outputs_that_are_let_go_it_is_said_when_they_were_off_not_that_they_are(tmp_path):
    """Whoever took them may have switched one on by hand since."""
    path, never = tmp_path / "two.sqlite", "outputs are as they were: no daemon has switched any on"
    with Store.open(path, "two", data=tmp_path / "runs") as store:
        outputs = Outputs(store, lambda act, *args: act(*args))
        assert outputs.left_alone() == never
        outputs.changed(OutputChange(ALL, None, "off", "closing"))
        outputs._off_at = datetime(2026, 11, 28, 0, 31, tzinfo=UTC)
        said = outputs.left_alone()
        assert said == "outputs were off at 2026-11-28 00:31 UTC, when the daemon let go of them"
        assert outputs.known() == said, "as who stops it while it connects anew hears it"
        off = store.log(1, ALL)[0].time
        later = Outputs(store, lambda act, *args: act(*args)).left_alone()
        assert later.startswith(f"outputs were off at {off:%Y-%m-%d %H:%M} UTC, "), "an earlier one"
    assert all(SETTLED.fullmatch(f"hands off: x is held by ann; {each}") for each in (never, said))


OFF = "outputs were off at 2026-11-28 00:31 UTC, when the daemon let go of them"
HANDS_OFF = f"hands off: computer is held by ada: a cable; {OFF}"


def killed_in_a_hold(path, *, what=HANDS_OFF, scope="computer", owner="ada", after=()):
    """Leave what a process said last that was killed; after: what others did then."""
    with Store.open(path, "two", data=path.parent / "runs") as store:
        store.hold(scope, owner, "a cable")
        store.activity(what)
        for each in after:
            store.release(scope, owner) if each == "release" else store.hold(scope, "ben", "mine")


def test_r4_who_is_killed_while_a_person_holds_the_computer_left_outputs_as_they_were_verified(
    tmp_path,
):
    """Nobody leaves a hold that stands, so nothing was driven since."""
    path, told = tmp_path / "two.sqlite", list[Alarm]()
    killed_in_a_hold(path)
    said = " ".join(CliRunner().invoke(app, ["status", str(path)]).stdout.split())
    assert f"no daemon runs; {OFF}" in said
    assert "CAUTION" not in said
    assert last._left(SimpleNamespace(database=path)) is None
    with Store.open(path, "two", data=tmp_path / "runs") as store:
        outputs = Outputs(store, lambda act, *args: act(*args), told.append)
        assert outputs.unclean is None
        assert outputs.left_alone() == OFF
        outputs.changed(OutputChange("lo", "off", "on", "daemon"))
        assert "NOT known to be off" in outputs.left_alone()
    assert len(told) == 1


@pytest.mark.parametrize(
    "how",
    [
        {"after": ["release"]},
        {"after": ["release", "hold"]},
        {"scope": "awg1"},
        {"owner": "the daemon"},
        {"what": "connecting to the instruments"},
        {"what": "hands off: computer is held by ada: x; outputs are NOT known to be off"},
    ],
)
def test_r4_only_under_a_hold_of_the_whole_computer_that_stands_nothing_was_driven(tmp_path, how):
    path = tmp_path / "two.sqlite"
    killed_in_a_hold(path, **how)
    assert "CAUTION" in CliRunner().invoke(app, ["status", str(path)]).stdout
    with Store.open(path, "two", data=tmp_path / "runs") as store:
        outputs = Outputs(store, lambda act, *args: act(*args))
        assert "NOT known to be off since the unclean end" in outputs.left_alone()


def test_whoever_holds_after_an_unclean_end_hears_which_output_may_be_on(tmp_path):
    """And the alarm that is retained names it still; so does who looks while it is connected."""
    path, why = tmp_path / "two.sqlite", "lo is not known to be off: no answer"
    with Store.open(path, "two", data=tmp_path / "runs") as store:
        outputs = Outputs(store, lambda act, *args: act(*args))
        assert outputs.caution == ""
        outputs.at_work("idle")
        outputs.changed(OutputChange(ALL, None, "off", "closing", why))
    told = list[Alarm]()
    with Store.open(path, "two", data=tmp_path / "runs") as store:
        outputs = Outputs(store, lambda act, *args: act(*args), told.append)
        said = outputs.left_alone()
        assert said == "outputs are NOT known to be off since the unclean end: lo: no answer"
        assert [alarm.text for alarm in told] == [said]
        assert "outputs are not known to be off yet" in outputs.caution


def test_an_alarm_of_another_output_is_told_though_one_was_told_a_minute_ago(tmp_path, caplog):
    """It was kept back as the same, and nobody said anywhere what stays on."""
    alarms = Alarms(lambda: 60.0)
    with Store.open(tmp_path / "two.sqlite", "two", data=tmp_path / "runs") as store:
        outputs = Outputs(store, lambda act, *args: act(*args), alarms.tell)
        for why in ("awg1: no answer", "lo: it stays on", "lo: it stays on"):
            outputs.changed(OutputChange(ALL, None, "off", "closing", why))
            outputs.left_on(InstrumentError(why))
    said = [record.message for record in caplog.records if "not known to be off" in record.message]
    assert [each.rpartition("off: ")[2] for each in said] == ["awg1: no answer", "lo: it stays on"]


def test_what_a_person_says_of_outputs_is_no_caution_where_they_are_off(tmp_path):
    held = "hands off: lo is held by ann: lo is not known to be off, I look"
    off = "outputs were off at 2026-11-28 07:20 UTC, when the daemon let go of them"
    not_off = "outputs are NOT known to be off: lo: no answer"
    with Store.open(tmp_path / "two.sqlite", "two", data=tmp_path / "runs") as store:
        found = []
        for words in (off, not_off):
            store.activity(f"{held}; {words}")
            found.append(admitted(store, store.current_activity()))
    assert found == [None, f"CAUTION: outputs may be on: {held}; {not_off}"]
