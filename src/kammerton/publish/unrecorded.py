"""An alarm where the database does not open, which alone knows what else is published."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime

from kammerton.lab import Broker
from kammerton.model import BrokerError
from kammerton.model.alarm import Alarm
from kammerton.publish import mqtt, payloads
from kammerton.publish.alarms import Notice
from kammerton.publish.topics import Topics

log = logging.getLogger(__name__)

PATIENCE = 2.0
"""s that the broker gets: outputs are dealt with by then, and the daemon may be about to end."""


async def tell_once(broker: Broker, computer: str, alarm: Alarm, now: datetime) -> None:
    """Log an alarm and publish it, without an epoch; not retained, since nobody would take it back.

    A broker that does not take it in time is one line in the log.
    """
    log.error("%s %s: %s", alarm.kind, alarm.subject, alarm.text)
    notice = Notice(alarm.kind, alarm.on, (alarm.subject,), (alarm.text,), alarm.what_to_do, 0)
    payload = payloads.encode(payloads.alarm(None, notice, now))
    try:
        async with asyncio.timeout(PATIENCE), mqtt.connect(broker) as connection:
            await connection.publish(Topics(computer).alarm, payload)
    except (BrokerError, TimeoutError) as problem:
        log.warning("the broker was not told: %s", str(problem) or f"no answer for {PATIENCE:g} s")
