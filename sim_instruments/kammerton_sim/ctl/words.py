"""What a laboratory answers, in the words of a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from kammerton_sim.ctl.terminal import columns, width
from kammerton_sim.evidence.units import UNITS
from kammerton_sim.faults import CATALOGUE
from kammerton_sim.faults.amounts import shown
from kammerton_sim.quantities import lasted, quantity

_UNITS = {"f01": "Hz", "anharmonicity": "Hz", "t1": "s", "t2_echo": "s", "t2_star": "s",
          "pi_amplitude": "V", "g": "Hz", "zz": "Hz", "frequency": "Hz", "linewidth": "Hz",
          "bare_frequency": "Hz"}  # fmt: skip
_DIGITS = {**dict.fromkeys(("f01", "frequency", "bare_frequency"), 9), "anharmonicity": 6}
_FEW = 4
"""Digits of a truth that is said: a frequency to 10 Hz, a time to a thousandth."""
_EXACT = {"Hz": 14}
"""Digits of a setting where ten are too few: a frequency to 1 mHz."""

_STANDS = 1e-6  # mol/s, below which nothing flows; at rest it is some hundred times as much
_HEADING = ("FAULT", "TAKES", "ROW", "WHAT HAPPENS")


def table() -> str:
    """Every fault: name, what it takes, its row, what happens."""
    rows = [_HEADING, *((f.name, f.usage() or "-", f.row, f.says) for f in CATALOGUE.values())]
    return "\n".join(columns(rows, width()))


def alike(said: Sequence[str]) -> list[str]:
    """Say once what is said of several names, "NAME: what", in the order of the first of each.

    A sentence with a colon in it is of no name, and said once as it is.
    """
    names: dict[str, list[str]] = {}
    for each in said:
        name, _, what = each.partition(": ")
        of_name = bool(what) and " " not in name
        names.setdefault(what if of_name else each, []).extend([name] if of_name else [])
    return [f"{', '.join(each)}: {what}" if each else what for what, each in names.items()]


def injected(fault: Mapping[str, Any], named: str, remark: str = "") -> str:
    """One line for a fault that was put on; named: how the command named the laboratory.

    Where it is done it has struck, and there is nothing to take off. remark: what is to be known
    of it.
    """
    waits, when, number = [], fault["when"], fault["number"]
    if when.get("after"):
        waits.append(f"in {lasted(when['after'])}")
    if when.get("after_records"):
        waits.append(f"after {when['after_records']} records")
    first = ", whichever is first" if len(waits) > 1 else ""
    state = f"comes {' or '.join(waits)}{first}" if waits else "is on"
    during = lasted(when["lasting"]) if when.get("lasting") else ""
    and_lasts = f"{',' * bool(first)} and lasts" if waits else " for"
    lasting = f"{and_lasts} {during}" if during else ""
    values = _pairs(fault)
    what = f"fault {number}, {fault['name']}{' ' * bool(values)}{values}"
    if fault["state"] == "done":
        return f"{what}, is done"
    said = f"{what}, {state}{lasting}; `kammerton sim ctl{named} clear {number}` takes it off"
    return f"{said}\n{remark}" if remark else said


_NO_FAULT = "no fault is on, none waits; --all tells those that were"


def faults(told: Sequence[Mapping[str, Any]]) -> str:
    """Faults that wait, are on, are done or were cleared, and since when."""
    if not told:
        return _NO_FAULT
    rows = [("", "FAULT", "STATE", "SEED", "STRUCK", "ON", "OFF", "WITH")] + [
        (
            str(f["number"]),
            f["name"],
            f["state"],
            str(f["seed"]),
            _struck(f),
            _came(f),
            _goes(f),
            _pairs(f) or "-",
        )
        for f in told
    ]
    return "\n".join(columns(rows, 10_000))


def _came(fault: Mapping[str, Any]) -> str:
    """When it came, or what it waits for."""
    if fault["on"] is not None:
        return utc(fault["on"])
    when = fault["when"]
    waits = [f"after {lasted(when['after'])}"] if "after" in when else []
    waits += [f"after {when['after_records']} records"] if "after_records" in when else []
    return " or ".join(waits) if fault["state"] == "waiting" else "-"


def _goes(fault: Mapping[str, Any]) -> str:
    """When it went, or how long it is to stay."""
    if fault["off"] is not None:
        return utc(fault["off"])
    lasting = fault["when"].get("lasting")
    return f"after {lasted(lasting)}" if lasting else "-"


def _struck(fault: Mapping[str, Any]) -> str:
    return f"{fault['struck']} of {fault['of']}" if "of" in fault else "-"


def cleared(numbers: Sequence[int]) -> str:
    """One line for faults that were cleared."""
    if not numbers:
        return "there was nothing to clear"
    return f"cleared: {', '.join(map(str, numbers))}"


def truths(values: Mapping[str, float]) -> str:
    """Parameters, values and units."""
    return "\n".join(f"{name} = {_to_digits(name, value)}" for name, value in values.items())


def _to_digits(parameter: str, value: float) -> str:
    """Return a value to as many digits as a good measurement of its kind has."""
    kind = parameter.partition(".")[2]
    return quantity(value, unit_of(parameter), _DIGITS.get(kind, _FEW))


def unit_of(parameter: str) -> str:
    """Return what a parameter is in; "" of a number alone."""
    return _UNITS.get(parameter.partition(".")[2], "")


def outputs(levels: Mapping[str, Mapping[str, Any] | None]) -> str:
    """Every output: what it puts out, or off."""
    rows = [(name, "off" if level is None else _levels(level)) for name, level in levels.items()]
    return "\n".join(columns(rows, 10_000)) if rows else "the laboratory has no outputs"


def refrigerator(now: Mapping[str, Any]) -> str:
    """Temperatures, flow, pressures, machines."""
    rows = [(stage.replace("_", " "), kelvin(t)) for stage, t in now["temperatures"].items()]
    rows.append(("flow", f"{1e3 * now['flow']:.3g} mmol/s"))
    rows.append(("mixture", f"{100 * now['liquid']:.0f} % condensed, {_mixture(now)}"))
    for gauge, pascal in now["pressures"].items():
        rows.append((f"pressure, {gauge.replace('_', ' ')}", f"{pascal / 100:.4g} mbar"))
    for machine, runs in now["running"].items():
        rows.append((machine.replace("_", " "), "runs" if runs else "STANDS"))
    return "\n".join(columns(rows, 10_000))


def _mixture(now: Mapping[str, Any]) -> str:
    """Return what the mixture does; that it shall circulate does not make it flow."""
    if not now["circulating"]:
        return "being collected"
    return "circulating" if now["flow"] > _STANDS else "not flowing"


def kelvin(value: float) -> str:
    """A temperature: 12 mK, 3.6 K."""
    return f"{1e3 * value:.4g} mK" if value < 1 else f"{value:.4g} K"


def moment(unix: float) -> str:
    """A time of the laboratory: UTC to the millisecond, and unix seconds."""
    return f"{utc(unix)} UTC, unix {unix:.3f}"


def changes(entries: Sequence[Mapping[str, Any]], since: int) -> str:
    """Entries of the ledger, a line each."""
    if not entries:
        return f"the ledger has no entry from {since} on" if since else "the ledger has no entry"
    lines = [f"{e['index']:6d}  {change(e)}" for e in entries]
    if (first := int(entries[0]["index"])) > since:
        lines.insert(0, f"forgotten: the entries {since} to {first - 1}; the latest are kept")
    return "\n".join(lines)


def change(entry: Mapping[str, Any]) -> str:
    """One entry: when, what, from what to what."""
    where = f"{entry['instrument']}.{entry['output']} {entry['what']}"
    unit = entry.get("unit", "")
    if entry["old"] is None and entry["new"] is None:
        return f"{utc(entry['time'])}  {where}"
    old, new = (_said(entry[key], unit) for key in ("old", "new"))
    return f"{utc(entry['time'])}  {where}: {old} -> {new}"


def _levels(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{what} = {level(what, value)}" for what, value in values.items())


def level(what: str, value: Any) -> str:
    """Return a level of an output with its unit."""
    return _said(value, UNITS.get(what, ""))


def _said(value: Any, unit: str) -> str:
    """Return what a setting is; a number to the digits that a box resolves."""
    if unit and type(value) in (int, float):
        return quantity(value, unit, _EXACT.get(unit, 10))
    return _none(value)


def _pairs(fault: Mapping[str, Any]) -> str:
    """Return what a fault was given, as it may be written again, with units."""
    units, given = fault.get("units", {}), fault["given"]
    return " ".join(f"{key}={shown(key, value, units)}" for key, value in given.items())


def _none(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else f"{value:.10g}" if isinstance(value, float) else str(value)


def utc(unix: float) -> str:
    """A time of the laboratory to the millisecond, rounded as its unix seconds are."""
    return datetime.fromtimestamp(round(unix, 3), UTC).isoformat(" ", "milliseconds")[:-6]
