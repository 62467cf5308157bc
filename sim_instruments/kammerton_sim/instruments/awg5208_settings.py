"""The settings of an AWG5208: headers, ranges, power-on values (AWG5200 programmer manual).

Ranges: tables of the vendor's own Python package (tm_devices 3.7, AWG5200 with options 25 and
DC). It allows a sample rate to come back 0.1 % off, "due to 32 bit rounding": a rate is kept as a
float of 32 bits here, so that 1 GS/s is exact and 1,234,567,890 S/s is not. A waveform has any
number of samples (there: a memory page of one). From memory: levels in steps of 1 mV, markers in
steps of 10 mV.
"""

from __future__ import annotations

from kammerton_sim.wire.settings import Choice, Number, Setting, Switch

CHANNELS, MARKERS, BITS = 8, 4, 16
_ONE, _MARKED = (CHANNELS,), (CHANNELS, MARKERS)
_LEVEL = "[SOURce#]:VOLTage[:LEVel][:IMMediate]"
_MARKER = "[SOURce#]:MARKer#:VOLTage[:LEVel][:IMMediate]"
_HELD, _MARKER_HELD = ("FIRST", "ZERO"), ("FIRST", "LOW", "HIGH")
_WAITING = "OUTPut#:WVALue"
_PATHS = ("DCHB", "DCHV", "ACDirect", "ACAMplified")
_LEVELS, _MARKS = 1e-3, 1e-2
FGEN = "FGEN[:CHANnel#]"

SETTINGS = {
    "on": Setting("OUTPut#[:STATe]", Switch(), _ONE, output=True),
    "all_off": Setting("OUTPut:OFF", Switch(), output=True),
    "amplitude": Setting(
        f"{_LEVEL}[:AMPLitude]", Number(0.5, 0.025, 1.5, "V", step=_LEVELS), _ONE, output=True
    ),
    "offset": Setting(
        f"{_LEVEL}:OFFSet", Number(0, -2, 2, "V", step=_LEVELS), _ONE, output=True
    ),
    "resolution": Setting(
        "[SOURce#]:DAC:RESolution", Number(16, 12, BITS, whole=True), _ONE, output=True
    ),
    "path": Setting("OUTPut#:PATH", Choice(_PATHS, "DCHB"), _ONE, output=True),
    "marker_high": Setting(
        f"{_MARKER}:HIGH", Number(1, -0.5, 1.75, "V", step=_MARKS), _MARKED, output=True
    ),
    "marker_low": Setting(
        f"{_MARKER}:LOW", Number(0, -0.3, 1.55, "V", step=_MARKS), _MARKED, output=True
    ),
    "waiting_level": Setting(f"{_WAITING}[:ANALog][:STATe]", Choice(_HELD, "FIRST"), _ONE),
    "waiting_marker": Setting(f"{_WAITING}:MARKer#", Choice(_MARKER_HELD, "FIRST"), _MARKED),
    "stopped_marker": Setting("OUTPut#:SVALue:MARKer#", Choice(("OFF", "LOW"), "OFF"), _MARKED),
    "clock_rate": Setting(
        "CLOCk:SRATe", Number(2.5e9, 298, 2.5e9, "HZ", single=True), output=True
    ),
    "clock_source": Setting(
        "CLOCk:SOURce", Choice(("INTernal", "EFIXed", "EVARiable", "EXTernal"), "INT"), output=True
    ),
    "clock_external": Setting("CLOCk:ECLock:FREQuency", Number(6.25e9, 2.5e9, 12.5e9, "HZ")),
    "mode": Setting("INSTrument:MODE", Choice(("AWG", "FGEN"), "AWG"), output=True),
    "fgen_amplitude": Setting(f"{FGEN}:AMPLitude[:VOLTage]", Number(0.5, 0, 1.5, "V"), _ONE),
    "fgen_offset": Setting(f"{FGEN}:OFFSet", Number(0, -0.25, 0.25, "V"), _ONE),
    "fgen_level": Setting(f"{FGEN}:DCLevel", Number(0, -0.25, 0.25, "V"), _ONE),
    "fgen_frequency": Setting(f"{FGEN}:FREQuency", Number(1.2e6, 1, 1e9, "HZ"), _ONE),
    "fgen_phase": Setting(f"{FGEN}:PHASe", Number(0, -180, 180), _ONE),
    "fgen_symmetry": Setting(f"{FGEN}:SYMMetry", Number(100, 0, 100), _ONE),
    "fgen_path": Setting(f"{FGEN}:PATH", Choice(("DCHB", "DCHV", "ACD"), "DCHB"), _ONE),
    "fgen_type": Setting(
        f"{FGEN}:TYPE",
        Choice(("SINE", "SQUare", "TRIangle", "NOISe", "DC", "GAUSsian", "EXPRise", "EXPDecay",
                "NONE"), "SINE"),
        _ONE,
    ),
}  # fmt: skip
