"""A broker on loopback: Mosquitto where it is installed, otherwise amqtt inside this process."""

from __future__ import annotations

import asyncio
import logging
import shutil
import socket
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from kammerton.cli.demonstration.processes import LAST, child
from kammerton.model import KammertonError

LOOPBACK = "127.0.0.1"
ANONYMOUS = "amqtt.plugins.authentication.AnonymousAuthPlugin"


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.create_server((LOOPBACK, 0)) as server:
        port: int = server.getsockname()[1]
        return port


def mosquitto() -> str | None:
    """Return the path of Mosquitto, also where Debian hides it from ordinary users."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


@asynccontextmanager
async def broker(folder: Path, port: int) -> AsyncIterator[str]:
    """Run a broker; yields its name."""
    program = mosquitto()
    if program is not None:
        async with _mosquitto(program, folder, port) as name:
            yield name
    else:
        async with _amqtt(port) as name:
            yield name


@asynccontextmanager
async def _mosquitto(program: str, folder: Path, port: int) -> AsyncIterator[str]:
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} {LOOPBACK}\nallow_anonymous true\npersistence false\n")
    async with child(program, "-c", str(config), log=folder / "broker.log", outlives=LAST):
        await _listening(port)
        yield "Mosquitto"


@asynccontextmanager
async def _amqtt(port: int) -> AsyncIterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # amqtt's own deprecations are not our user's business
        try:
            from amqtt.broker import Broker
        except ImportError as missing:
            raise KammertonError(
                'no broker: install Mosquitto, or amqtt with  pip install -e ".[demo]"'
            ) from missing
        for name in ("amqtt", "transitions"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        config = {
            "listeners": {"default": {"type": "tcp", "bind": f"{LOOPBACK}:{port}"}},
            "plugins": {
                "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}
            },
        }
        server = Broker(config)
        await server.start()
        try:
            yield "amqtt"
        finally:
            await server.shutdown()


async def _listening(port: int) -> None:
    for _ in range(100):
        try:
            _, writer = await asyncio.open_connection(LOOPBACK, port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise KammertonError(f"the broker does not listen on port {port}")
