"""docs/mqtt.md: what a QoS 1 wildcard over many retained topics receives from Mosquitto."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from tests.brokers import BrokerProcess
from tests.system.test_publish import needs_mosquitto

pytestmark = [pytest.mark.timeout(120), needs_mosquitto]

PAGE = Path(__file__).parents[2] / "docs" / "mqtt.md"
TOPICS = 3000
IN_FLIGHT, QUEUED = 20, 1000  # of Mosquitto, as it is shipped
PAUSE = 4.0  # s without a message, after which none comes: a busy machine takes a second


def connected(port: int) -> Client:
    client = Client(CallbackAPIVersion.VERSION2)
    client.max_inflight_messages_set(1000)
    client.connect("127.0.0.1", port)
    client.loop_start()
    return client


def received(folder: Path, settings: Sequence[str], qos: int) -> int:
    """Return how many of the retained topics a new subscriber of all gets."""
    broker = BrokerProcess(folder, ["allow_anonymous true", *settings])
    broker.start()
    try:
        publisher, got = connected(broker.port), set[str]()
        sent = [
            publisher.publish(f"kammerton/v1/c/param/q/{n}", b"1", 1, True) for n in range(TOPICS)
        ]
        for each in sent:
            each.wait_for_publish(60)
        subscriber = connected(broker.port)
        subscriber.on_message = lambda _client, _data, message: got.add(message.topic)
        subscriber.subscribe("kammerton/v1/#", qos)
        known, since = -1, time.monotonic()
        while time.monotonic() - since < PAUSE and len(got) < TOPICS:
            if len(got) != known:
                known, since = len(got), time.monotonic()
            time.sleep(0.02)
        for client in (publisher, subscriber):
            client.disconnect()
            client.loop_stop()
        return len(got)
    finally:
        broker.kill()


def test_with_the_defaults_only_the_first_are_received_as_the_page_says(tmp_path: Path) -> None:
    assert received(tmp_path, [], 1) == QUEUED + IN_FLIGHT
    assert received(tmp_path, [], 0) == TOPICS


def test_with_what_the_page_advises_all_are_received(tmp_path: Path) -> None:
    (advised,) = re.findall(
        r"^    (max_queued_messages \d+)$", PAGE.read_text("utf-8"), re.MULTILINE
    )
    assert received(tmp_path, [advised], 1) == TOPICS
