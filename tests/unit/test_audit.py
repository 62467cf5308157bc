"""What the ledger proves: spans outside limits, writes to the wrong box, values that are wrong."""

from __future__ import annotations

import json
import math
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kammerton_sim.evidence.audit import AuditError, limited, unmet, unsafe, wrong_box
from kammerton_sim.evidence.contradicted import contradicted
from kammerton_sim.evidence.ledger import Ledger
from kammerton_sim.evidence.limits import limits_of

POWER = ("lo", "rf", "power")
START = {("lo", "rf", "on"): False, POWER: -30.0, ("awg", "1", "on"): False}


def changes(*entries: tuple[float, str, str, str, object]) -> list[dict[str, object]]:
    return [
        {"time": t, "instrument": box, "output": output, "what": what, "old": None, "new": new}
        for t, box, output, what, new in entries
    ]


def spans(*entries, limits=None, now=100.0):
    limits = limits or {"lo.rf.power": (-20.0, 10.0)}
    found = unsafe(changes(*entries), limits, START, now)
    return [(s["output"], s["what"], s["value"], s["from"], s["to"]) for s in found]


def test_what_is_off_is_safe():
    assert spans((1, "lo", "rf", "power", 20.0)) == []


def test_a_level_is_unsafe_from_on_to_off():
    seen = spans(
        (1, "lo", "rf", "power", 20.0), (2, "lo", "rf", "on", True), (5, "lo", "rf", "on", False)
    )
    assert seen == [("lo.rf", "power", 20.0, 2, 5)]


def test_the_level_of_power_on_counts_too():
    assert spans((2, "lo", "rf", "on", True)) == [("lo.rf", "power", -30.0, 2, 100.0)]


def test_what_a_box_limits_itself_does_not_come_out():
    loud, on = (1, "lo", "rf", "power", 20.0), (2, "lo", "rf", "on", True)
    assert spans((0, "lo", "rf", "power_limit", 5.0), loud, on) == []
    seen = spans(
        (0, "lo", "rf", "power_limit", 15.0), loud, on, (3, "lo", "rf", "power_limit", 5.0)
    )
    assert seen == [("lo.rf", "power", 15.0, 2, 3)]


def test_a_channel_of_an_analyzer_without_a_trace_is_mute_and_not_counted():
    channels = {("vna", f"rf{n}", "power"): -10.0 for n in (1, 2, 3)}
    swept = {("vna", "rf1", "sweep_from"): 1e9, ("vna", "rf1", "sweep_to"): 2e9}
    start, most = {("vna", "all", "on"): True, **channels, **swept}, {"vna.power": (-20.0, 0.0)}
    loud, trace = (1, "vna", "rf2", "power", 5.0), (2, "vna", "rf2", "sweep_from", 1e9)
    assert unsafe(changes(loud), most, start, 9.0) == []
    assert limited(changes(loud), most, start) == ["vna.rf1"]
    gone = (4, "vna", "rf2", "sweep_from", None)
    (span,) = unsafe(changes(loud, trace, gone), most, start, 9.0)
    assert (span["output"], span["value"], span["from"], span["to"]) == ("vna.rf2", 5.0, 2, 4)
    assert limited(changes(loud, trace, gone), most, start) == ["vna.rf1", "vna.rf2"]
    assert unmet([], {"vna.rf3.power": (0.0, 1.0)}, start) == ["vna.rf3.power"]


def test_a_safe_level_ends_it_and_another_unsafe_one_begins_anew():
    seen = spans(
        (1, "lo", "rf", "power", 12.0), (2, "lo", "rf", "on", True), (3, "lo", "rf", "power", 15.0),
        (4, "lo", "rf", "power", 5.0), (6, "lo", "rf", "power", -25.0),
    )  # fmt: skip
    assert seen == [
        ("lo.rf", "power", 12.0, 2, 3),
        ("lo.rf", "power", 15.0, 3, 4),
        ("lo.rf", "power", -25.0, 6, 100.0),
    ]


@pytest.mark.parametrize(("level", "count"), [(10.0, 0), (10.000001, 1), (-20.0, 0)])
def test_limits_belong_to_what_is_safe(level, count):
    assert len(spans((1, "lo", "rf", "power", level), (2, "lo", "rf", "on", True))) == count


def test_a_generator_puts_out_only_while_it_runs():
    limits = {"awg.peak": (-0.4, 0.4)}
    entries = [
        (1, "awg", "all", "clock_rate", 1e9), (1, "awg", "1", "on", True),
        (1, "awg", "all", "run", "stopped"), (2, "awg", "1", "peak", 0.5),
        (3, "awg", "all", "run", "running"), (4, "awg", "all", "run", "stopped"),
    ]  # fmt: skip
    assert spans(*entries, limits=limits) == [("awg.1", "peak", 0.5, 3, 4)]
    (span,) = unsafe(changes(*entries), limits, START, 9.0)
    assert span["samples"] == 1_000_000_000
    off = [*entries[:4], (2.5, "awg", "all", "all_off", True), *entries[4:]]
    assert spans(*off, limits=limits) == []
    late = [*entries[:5], (3.5, "awg", "all", "all_off", True), entries[5]]
    assert spans(*late, limits=limits) == [("awg.1", "peak", 0.5, 3, 3.5)]


def test_pulse_modulation_without_pulses_is_silence():
    entries = [(1, "lo", "rf", "power", 20.0), (2, "lo", "rf", "on", True),
               (4, "lo", "rf", "pulse", True)]  # fmt: skip
    assert spans(*entries) == [("lo.rf", "power", 20.0, 2, 4)]
    pulses = [*entries, (5, "lo", "rf", "pulse_source", "INT"),
              (6, "lo", "rf", "pulse_source", "EXT")]  # fmt: skip
    assert spans(*pulses)[1:] == [("lo.rf", "power", 20.0, 5, 6)]


def test_an_inverted_pulse_input_without_pulses_is_open():
    entries = [
        (1, "lo", "rf", "power", 20.0),
        (1, "lo", "rf", "pulse_source", "EXT"),
        (2, "lo", "rf", "on", True),
        (2, "lo", "rf", "pulse", True),
        (3, "lo", "rf", "pulse_polarity", "INV"),
        (5, "lo", "rf", "pulse_polarity", "NORM"),
    ]
    assert spans(*entries)[1:] == [("lo.rf", "power", 20.0, 3, 5)]


def test_a_peak_has_a_sign_where_its_ends_are_known():
    entries = [(1, "awg", "1", "on", True), (2, "awg", "1", "low", -0.4),
               (2, "awg", "1", "high", 0.3), (2, "awg", "1", "peak", 0.4)]  # fmt: skip
    for pattern, found in (((-0.1, 0.5), ("low", -0.4)), ((-0.5, 0.2), ("high", 0.3))):
        seen = spans(*entries, limits={"awg.peak": pattern})
        assert seen == [("awg.1", *found, 2, 100.0)]
    assert spans(*entries, limits={"awg.peak": (-0.4, 0.3)}) == []


@pytest.mark.parametrize("run", ["running", "waiting"])
def test_a_marker_is_put_out_through_the_relay_of_its_channel(run):
    entries = [(1, "awg", "all", "run", "stopped"), (1, "awg", "3", "on", True),
               (2, "awg", "3.1", "marker_high", 1.7), (3, "awg", "all", "run", run),
               (4, "awg", "3", "on", False)]  # fmt: skip
    limits = {"awg*.marker_high": (0.0, 1.2)}
    assert spans(*entries, limits=limits) == [("awg.3.1", "marker_high", 1.7, 3, 4)]


@pytest.mark.parametrize("order", [1, -1])
def test_of_several_limits_of_one_output_each_holds(order):
    limits = dict([("*.power", (-30.0, 25.0)), ("lo.power", (-40.0, 16.0))][::order])
    entries = [(1, "lo", "rf", "power", 20.0), (2, "lo", "rf", "on", True),
               (3, "lo", "rf", "power", -35.0), (4, "lo", "rf", "power", 0.0)]  # fmt: skip
    assert [s[2] for s in spans(*entries, limits=limits)] == [20.0, -35.0]
    assert limits_of(["lo.power=-30:25", "lo.power=-40:16"]) == {"lo.power": (-30.0, 16.0)}


def test_a_ramp_is_at_both_its_ends_until_a_level_comes():
    log = changes((1, "bias", "out", "on", True), (2, "bias", "out", "ramp", 0.0),
                  (9, "bias", "out", "level", 0.0))  # fmt: skip
    log[1]["old"] = 5.0
    (span,) = unsafe(log, {"bias.level": (-1.0, 1.0)}, START, 100.0)
    assert (span["value"], span["from"], span["to"]) == (5.0, 2, 9)


def test_no_answer_has_an_infinity_in_it():
    """An answer is JSON, which has none."""
    power = changes((1, "lo", "rf", "power", 20.0), (2, "lo", "rf", "on", True))
    (span,) = unsafe(power, {"lo.power": (-math.inf, 10.0)}, START, 100.0)
    assert json.loads(json.dumps(span, allow_nan=False))["limits"][1] == 10.0
    far = [published(value=4e9, stderr=5e-324), published(value=9e307, stderr=1e-9)]
    found = contradicted(far, truth)["contradicted"]
    assert [off["pull"] for off in json.loads(json.dumps(found, allow_nan=False))] == [
        -1e300,
        1e300,
    ]


def test_a_relay_may_belong_to_several_channels_of_a_box():
    limits = {"vna.power": (-60.0, -10.0)}
    entries = [(1, "vna", "all", "on", True), (2, "vna", "rf2", "power", 0.0)]
    assert spans(*entries, limits=limits) == [("vna.rf2", "power", 0.0, 2, 100.0)]
    off = [*entries, (3, "vna", "all", "on", False)]
    assert spans(*off, limits=limits) == [("vna.rf2", "power", 0.0, 2, 3)]


def test_a_ramp_counts_from_its_beginning_and_amperes_have_limits_of_their_own():
    limits = {"bias.level": (-1.0, 1.0)}
    entries = [(1, "bias", "out", "on", True), (2, "bias", "out", "ramp", 5.0),
               (9, "bias", "out", "level", 5.0)]  # fmt: skip
    assert spans(*entries, limits=limits) == [("bias.out", "level", 5.0, 2, 100.0)]
    amperes = [(0, "bias", "out", "function", "CURR"), *entries]
    own = limits | {"bias.current": (-1.0, 1.0)}
    assert spans(*amperes, limits=own) == [("bias.out", "level", 5.0, 2, 100.0)]
    assert spans(*amperes, limits=limits | {"bias.current": (-6.0, 6.0)}) == []


@pytest.mark.parametrize(
    ("amperes", "limiter", "volts"), [(9e-4, 30, 0), (5e-3, 30, 5.0), (5e-3, 1, 0), (5e-3, 2, 2.0)]
)
def test_a_current_makes_volts_across_the_line_up_to_the_limiter(amperes, limiter, volts):
    entries = [(1, "bias", "out", "function", "CURR"), (1, "bias", "out", "voltage_limit", limiter),
               (1, "bias", "out", "on", True), (2, "bias", "out", "level", amperes)]  # fmt: skip
    found = spans(*entries, limits={"bias.level": (-1.0, 1.0)})
    assert [span[2] for span in found] == ([volts] if volts else [])


def test_an_offset_is_there_while_nothing_plays():
    entries = [(1, "awg", "1", "on", True), (1, "awg", "all", "run", "stopped"),
               (2, "awg", "1", "offset", 2.0), (3, "awg", "1", "on", False)]  # fmt: skip
    assert spans(*entries, limits={"awg.offset": (-0.5, 0.5)}) == [("awg.1", "offset", 2.0, 2, 3)]


@pytest.mark.parametrize("pattern", ["lo.rf.power", "lo.power", "l*.power", "*.power", "lo.rf.*"])
def test_patterns(pattern):
    entries = (1, "lo", "rf", "power", 20.0), (2, "lo", "rf", "on", True)
    assert len(spans(*entries, limits={pattern: (-40.0, 10.0)})) == 1
    assert spans(*entries, limits={"hi" + pattern: (-40.0, 10.0)}) == []


def test_limits_the_wrong_way_round_are_named():
    with pytest.raises(
        AuditError, match="a: no value is at least 2 and at most 1; b: no value is at "
    ):
        unsafe([], {"a": (2, 1), "b": (math.nan, 1)}, {}, 0.0)


@pytest.mark.parametrize("limits", [3, (1,), (0, 1, 2), ("0", "1"), (True, 2), None, "01"])
def test_limits_that_are_no_pair_of_numbers_are_named(limits):
    with pytest.raises(AuditError, match=r"a\.peak: .* is not two numbers, the least and the most"):
        unsafe([], {"a.peak": limits}, {}, 1.0)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("on"), st.booleans()),
            st.tuples(st.just("power"), st.floats(-40, 30)),
        ),
        max_size=30,
    )
)
def test_unsafe_time_is_what_a_slow_count_finds(steps):
    entries = [(float(n), "lo", "rf", what, value) for n, (what, value) in enumerate(steps, 1)]
    on, power, expected = False, -30.0, 0
    for _, _, _, what, value in entries:
        on, power = (value, power) if what == "on" else (on, value)
        expected += on and not -20 <= power <= 10
    found = spans(*entries, now=len(entries) + 1.0)
    assert sum(to - start for *_, start, to in found) == expected


# ---------------------------------------------------------------- the wrong box


def test_writes_while_it_says_it_is_another_box():
    log = changes((1, "lo", "rf", "power", 1.0), (2, "lo", "all", "identity", "B"),
                  (3, "lo", "rf", "power", 2.0), (3, "awg", "1", "on", True),
                  (4, "lo", "session", "connection", "x"), (5, "lo", "all", "identity", "A"),
                  (6, "lo", "rf", "power", 3.0))  # fmt: skip
    log[1]["old"] = "A"
    (found,) = wrong_box(log)
    assert (found["time"], found["new"], found["identity"], found["true"]) == (3, 2.0, "B", "A")


# ---------------------------------------------------------------- the truth


def truth(name: str, at: float | None = None, **extra: object) -> float:
    if name != "q0.f01":
        raise ValueError(name)
    return 5e9 + (at or 0.0) + float(extra.get("more", 0.0))


def published(**more: object) -> dict[str, object]:
    return {"name": "q0.f01", "value": 5e9, "stderr": 1e3} | more


def test_values_off_by_more_than_so_many_sigma():
    entries = [published(value=5e9 + 4.9e3), published(value=5e9 - 5.1e3)]
    found = contradicted(entries, truth)
    assert found["checked"] == 2
    (off,) = found["contradicted"]
    assert (off["truth"], off["pull"]) == (5e9, pytest.approx(-5.1))
    assert len(contradicted(entries, truth, 4.0)["contradicted"]) == 2


def test_the_truth_is_that_of_the_time_and_of_the_pulse():
    assert contradicted([published(value=5e9 + 1e4, time=1e4)], truth)["contradicted"] == []
    extra = {"more": 2e4}
    assert contradicted([published(value=5e9 + 2e4, extra=extra)], truth)["contradicted"] == []


def test_what_has_no_truth_is_not_said_to_be_right():
    found = contradicted([published(), published(name="q0.charm")], truth)
    assert (found["checked"], found["without_truth"]) == (1, {"q0.charm": "q0.charm"})


def test_every_bad_entry_is_named():
    late = published(time="noon"), published(time=math.nan), published(extra=3)
    with pytest.raises(AuditError) as caught:
        contradicted([published(stderr=0), published(value=None), {}, 3, *late], truth, 0.0)
    for said in (
        "entry 1 (q0.f01): stderr 0 must be above 0",
        "entry 2 (q0.f01): value None is not a number",
        "entry 3 (no name): name is missing",
        "entry 4: 3 is no table",
        "entry 5 (q0.f01): time 'noon' is not a number of unix seconds",
        "entry 6 (q0.f01): time nan is not a number of unix seconds",
        "entry 7 (q0.f01): extra 3 is no table",
        "sigmas must be above 0, not 0",
    ):
        assert said in str(caught.value)


def test_a_misspelt_pattern_proves_nothing_and_is_named():
    from kammerton_sim.evidence.audit import unmet

    start = {("readout_lo", "rf", "power"): 13.0}
    limits = {"readout_lo.power": (-20.0, 16.0), "redout_lo.power": (-20.0, 16.0), "*.powr": (0, 1)}
    assert unmet([], limits, start) == ["redout_lo.power", "*.powr"]
    assert unmet([], {"*.power": (-20.0, 16.0), "readout_lo.power": (0.0, 1.0)}, start) == []


def test_a_long_ledger_is_looked_through_once(monkeypatch):
    """Patterns are held against names, of which there are few, not against changes."""
    from kammerton_sim.evidence import audit, replay

    asked: list[str] = []

    def counted(name: str, pattern: str) -> bool:
        asked.append(name)
        return fnmatchcase(name, pattern)

    monkeypatch.setattr(replay, "fnmatchcase", counted)
    limits = {"a.rf.power": (0.0, 1.0), "b.*": (0.0, 1.0)}
    turned = changes(*((float(n), "a", "rf", "power", float(n % 3)) for n in range(1000)))
    start = {("a", "rf", "on"): True, ("a", "rf", "power"): 0.0}
    assert len(audit.unsafe(turned, limits, start, 1000.0)) == 333
    assert audit.unmet(turned, limits, start) == ["b.*"]
    assert len(asked) < 20


def test_what_was_switched_on_before_all_that_is_kept_is_still_on():
    ledger = Ledger(lambda: 1.0, length=10)
    ledger.record("lo", "rf", "on", False, True)
    for n in range(100):
        ledger.record("awg", "1", "peak", 0.0, float(n))
    ledger.record("lo", "rf", "power", -30.0, 20.0)
    found = unsafe(ledger.whole(), {"lo.power": (-40.0, 10.0)}, START, 9.0)
    assert [(span["output"], span["value"]) for span in found] == [("lo.rf", 20.0)]
    assert not ledger.complete
    assert len(ledger.since()) == 10
    assert len(ledger.whole()) == 12


def test_a_box_that_became_another_one_long_ago_is_still_the_wrong_one():
    ledger = Ledger(lambda: 1.0, length=3)
    for old, new in (("A", "B"), ("B", "A"), ("A", "B")):
        ledger.record("lo", "all", "identity", old, new)
    for power in (1.0, 2.0, 3.0, 4.0, 5.0):
        ledger.record("lo", "rf", "power", power - 1, power)
    assert [write["new"] for write in wrong_box(ledger.whole())] == [2.0, 3.0, 4.0, 5.0]
    ledger.record("lo", "all", "identity", "B", "A")
    for _ in range(5):
        ledger.record("lo", "rf", "power", 5.0, 6.0)
    assert wrong_box(ledger.whole()) == []
