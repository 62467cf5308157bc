"""A bias source that belongs to one qubit."""

from collections.abc import Callable

import pytest

from kammerton.bench import bias
from kammerton.lab import Findings, examine, slips
from tests.unit.lab.example import DRIVERS, TEXT

BIAS = """
[instruments.bias_q0]
driver = "yokogawa_gs200"
address = "TCPIP0::10.0.0.9::7655::SOCKET"
safe = "zero"
attenuation = "20 dB"
max_at_device = "-20 dBm"
limits.volts = { min = "-1 V", max = "1 V", max_rate = "0.1 V/s" }
"""


def with_bias(**bias: str) -> str:
    text = TEXT + BIAS
    for qubit, name in bias.items():
        head = f"[qubits.{qubit}]\n"
        assert head in text
        text = text.replace(head, f'{head}bias = "{name}"\n')
    return text


@pytest.fixture
def found(tmp_path) -> Callable[[str], Findings]:
    def found(text: str) -> Findings:
        file = tmp_path / "lab.toml"
        file.write_text(text, encoding="utf-8")
        return examine(file, drivers=(*DRIVERS, "yokogawa_gs200"))

    return found


def test_a_qubit_has_the_bias_that_lab_toml_says(found):
    findings = found(with_bias(q0="bias_q0"))
    assert findings.problems == ()
    assert findings.lab.qubits["q0"].bias == "bias_q0"
    assert findings.lab.qubits["q1"].bias is None
    assert not [warning for warning in findings.warnings if "bias" in str(warning)]


@pytest.mark.parametrize(
    ("bias", "said"),
    [
        ({"q0": "bias_q9"}, 'there is no instrument "bias_q9"'),
        ({"q0": "bias_q0", "q1": "bias_q0"}, "bias_q0 already is qubits.q0.bias"),
        ({"q0": "drive_lo"}, "drive_lo cannot be a bias source: it is the source of"),
    ],
)
def test_a_bias_that_cannot_be_is_named(found, bias, said):
    assert any(said in str(problem) for problem in found(with_bias(**bias)).problems)


def test_a_bias_without_limits_is_warned_of_and_one_above_zero_may_hold(found):
    limits = BIAS[BIAS.index("limits.volts") :]
    warned = found(with_bias(q0="bias_q0").replace(limits, "")).warnings
    assert any("bias_q0" in each and "has no limits.volts" in each for each in warned)
    raised = with_bias(q0="bias_q0").replace('safe = "zero"', 'safe = "hold"')
    assert found(raised.replace('min = "-1 V", max = "1 V"', 'min = "0.1 V", max = "1 V"')).lab


@pytest.mark.parametrize(("safe", "warned"), [("zero", True), ("off", True), ("hold", False)])
def test_a_bias_that_would_take_days_to_be_safe_is_warned_of(found, safe, warned):
    """1 uV/s for 1 mV/s: each time that all is made safe would end with an error, an hour later."""
    text = with_bias(q0="bias_q0").replace('safe = "zero"', f'safe = "{safe}"')
    slow = text.replace('max_rate = "0.1 V/s"', 'max_rate = "1 uV/s"')
    assert slow != text
    said = "limits.volts.max_rate: from 1 V to 0 V, where it is safe, takes 11 d"
    assert any(said in str(each) for each in found(slow).warnings) == warned
    assert not any("where it is safe" in str(each) for each in found(text).warnings)


def test_a_bias_is_given_as_long_as_check_says():
    assert slips.LONGEST_RAMP == bias.LONGEST_RAMP
