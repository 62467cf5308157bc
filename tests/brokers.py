"""A real broker of our own on a free loopback port: to start, to stop, to kill."""

from __future__ import annotations

import asyncio
import getpass
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

# Mosquitto is what laboratories run; where there is none, the demonstration's broker must do.
AMQTT = """
import asyncio, sys, warnings
warnings.simplefilter("ignore")
from amqtt.broker import Broker
async def main():
    listener = {"type": "tcp", "bind": f"127.0.0.1:{sys.argv[1]}"}
    plugins = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    await Broker({"listeners": {"default": listener}, "plugins": plugins}).start()
    await asyncio.Event().wait()
asyncio.run(main())
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class BrokerProcess:
    """A broker as a process; `settings` are further lines of mosquitto.conf."""

    def __init__(self, folder: Path, settings: Sequence[str] = ()) -> None:
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        if MOSQUITTO:
            config = folder / "mosquitto.conf"
            anonymous = "allow_anonymous true" if not settings else ""
            # Started by root it would become another user, who cannot read our folder.
            user = f"user {getpass.getuser()}"
            lines = [user, f"listener {self.port} 127.0.0.1", anonymous, *settings]
            config.write_text("\n".join(lines) + "\n")
            self._command = [MOSQUITTO, "-c", str(config)]
        else:
            self._command = [sys.executable, "-c", AMQTT, str(self.port)]

    @property
    def running(self) -> bool:
        return self._process is not None

    def start(self) -> None:
        process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._process = process
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise RuntimeError(f"the broker ended at once: {self._command}")
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise RuntimeError("the broker did not start within 10 s")

    def kill(self) -> None:
        """End it at once; what it retained in memory is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    async def restart(self) -> None:
        self.kill()
        await asyncio.to_thread(self.start)
