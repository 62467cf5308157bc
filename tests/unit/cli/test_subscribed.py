"""The subscriber of the demonstration: what it makes of what is published."""

import json

from kammerton.cli.demonstration.subscriber import Received

TOPIC = "kammerton/v1/two-qubits/param/q0/t1"


def test_a_value_comes_and_is_taken_back():
    received = Received()
    said = {"value": 5e-5, "stderr": 1e-6, "unit": "s", "run": "r000001"}
    time = {"time": "2026-01-21T12:00:00.123+00:00", "valid_until": None}
    received.take(TOPIC, json.dumps(said | time).encode())
    assert received.parameters["q0.t1"].value == 5e-5
    received.take(TOPIC, b"")
    assert received.parameters == {}
