"""Our QCoDeS driver of the Bluefors API and its adapter, over HTTP to the simulated fridge."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import socket
import ssl
import subprocess
import threading
import time
import urllib.error
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kammerton.bench.interlock import ColdCheck
from kammerton.lab import Interlock
from kammerton.model import InstrumentError, LabClock
from kammerton.model.roles import FridgeMonitor, Identity
from kammerton_drivers.bluefors_api import Bluefors, connect
from kammerton_drivers.bluefors_instrument import BlueforsApi, BlueforsApiError
from kammerton_drivers.session import Session
from kammerton_sim.evidence.ledger import Ledger
from kammerton_sim.fridge import TURBO, Refrigerator, Status
from kammerton_sim.instruments.bluefors_api import BlueforsApi as Simulated
from kammerton_sim.wire.http import HttpServer
from kammerton_sim.wire.server import TcpServer

KEY = "0352ebaa-secret"
TMIXING = "mapper.bf.temperatures.tmixing"


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[SimpleNamespace]:
    ledger, refrigerator = Ledger(time.monotonic), Refrigerator(time.monotonic)
    times = itertools.count(1_000_000_000, 2)  # no two requests see the same poll
    device = Simulated("fridge", ledger, lambda: float(next(times)), refrigerator, key=KEY)
    rig = SimpleNamespace(
        ledger=ledger, refrigerator=refrigerator, device=device, answer=device.answer
    )
    rig.server = HttpServer("fridge", 0, lambda *asked: rig.answer(*asked), device.watch)
    (tmp_path / "key").write_text(KEY + "\n", encoding="utf-8")
    rig.url = f"http://127.0.0.1:{rig.server.port}"
    rig.address = f"{rig.url}?key_file={tmp_path / 'key'}"
    yield rig
    rig.server.close()


@pytest.fixture
def fridge(rig) -> Iterator[Bluefors]:
    fridge = connect("fridge", rig.address)
    yield fridge
    asyncio.run(fridge.close())


def saying(rig: SimpleNamespace, sample: dict[str, Any], node: str = TMIXING) -> None:
    usual = rig.answer

    def answer(*asked: Any) -> tuple[int, Any]:
        status, found = usual(*asked)
        if status == 200 and node in found["data"]:
            found["data"][node]["content"]["latest_value"].update(sample)
        return status, found

    rig.answer = answer


def test_it_is_a_fridge_monitor_that_reads(rig, fridge):
    assert isinstance(fridge, FridgeMonitor)
    rig.refrigerator.hold(0.0345)
    assert asyncio.run(fridge.temperature()) == pytest.approx(0.0345, rel=0.02)


def test_it_only_reads(rig, fridge, capfd):
    async def main() -> None:
        await fridge.temperature()
        await fridge.safe()
        await fridge.identity()

    asyncio.run(main())
    assert {c["what"] for c in rig.ledger.since()} == {"connection"}
    assert capfd.readouterr().out == ""


def test_identity(fridge):
    identity = asyncio.run(fridge.identity())
    assert (identity.vendor, identity.model, identity.firmware) == (
        "Bluefors", "kide-ci1", "2.4.3",
    )  # fmt: skip


def test_the_driver_reads_everything(rig):
    driver = BlueforsApi("bluefors_all", rig.url, key=KEY)
    try:
        snapshot = driver.snapshot(update=True)["parameters"]
        true = rig.refrigerator.conditions()
        assert snapshot["t50k"]["value"] == pytest.approx(true.temperatures["50K"], rel=0.02)
        assert snapshot["p2"]["value"] == pytest.approx(true.pressures["still"] / 100, rel=1e-4)
        assert snapshot["turbo1"]["value"] is True
        assert driver.flow() == pytest.approx(true.flow * 1e3, rel=1e-4)
        with pytest.raises(BlueforsApiError, match=r"HTTP 404: Value not found \(3001\)"):
            driver.value("mapper.bf.nothing")
    finally:
        driver.close()


@pytest.mark.parametrize("status", [Status.NO_NUMBER, Status.OVER_RANGE, Status.DISCONNECTED])
def test_a_bad_sensor_is_no_valid_reading(rig, fridge, status):
    rig.refrigerator.thermometer("mixing_chamber").fail(status)
    with pytest.raises(InstrumentError, match=r"read the mixing chamber: .*(INVALID|DISCONN)"):
        asyncio.run(fridge.temperature())


@pytest.mark.parametrize(
    "sample",
    [{"value": "nan"}, {"value": "inf"}, {"value": "0"}, {"value": "-0.01"}, {"value": "999"},
     {"value": "warm"}, {"value": None}, {"outdated": True}, {"status": "INVALID"},
     {"status": "FINE"}],
)  # fmt: skip
def test_i5_what_is_no_temperature_is_no_valid_reading(rig, fridge, sample):
    saying(rig, sample)
    with pytest.raises(InstrumentError, match=r"fridge \(http://.*mixing chamber"):
        asyncio.run(fridge.temperature())


@pytest.mark.parametrize("answer", [[], {"data": 3}, "text", {"data": {}}, {"error": {"code": 1}}])
def test_nonsense_is_an_error_that_names_the_fridge(rig, fridge, answer):
    rig.answer = lambda *asked: (200, answer)
    with pytest.raises(InstrumentError, match=r"fridge \(http://"):
        asyncio.run(fridge.temperature())


def test_a_wrong_key_is_named_and_not_shown(rig, tmp_path):
    (tmp_path / "key").write_text("wrong-key", encoding="utf-8")
    with pytest.raises(InstrumentError, match=r"HTTP 403: Access denied \(2003\)") as caught:
        connect("fridge", rig.address)
    assert "wrong-key" not in str(caught.value)


def test_a_mark_that_an_editor_writes_first_belongs_to_no_key(rig, tmp_path):
    (tmp_path / "key").write_text(f"\ufeff{KEY}\r\n", encoding="utf-8")
    asyncio.run(connect("fridge", rig.address).close())


def test_no_key_is_named(rig):
    with pytest.raises(InstrumentError, match=r"HTTP 401: No key supplied \(2001\)"):
        connect("fridge", rig.url)


def test_a_key_file_that_is_missing_is_named(rig):
    with pytest.raises(InstrumentError, match="key_file /nowhere/key cannot be read"):
        connect("fridge", f"{rig.url}?key_file=/nowhere/key")


def test_a_redirection_is_not_followed(rig, tmp_path):
    """The key would go with it."""
    answer = f"HTTP/1.1 302 Found\r\nLocation: {rig.url}/system/?key={KEY}\r\nContent-Length: 0"

    def serve(link: socket.socket, peer: str) -> None:
        link.recv(1000)
        link.sendall(answer.encode() + b"\r\n\r\n")

    elsewhere = TcpServer("elsewhere", 0, serve)
    try:
        with pytest.raises(InstrumentError, match="HTTP 302"):
            connect("fridge", f"http://127.0.0.1:{elsewhere.port}")
    finally:
        elsewhere.close()
    assert rig.ledger.since() == []


def test_a_fridge_that_goes_and_comes_back_is_read_again(rig, fridge):
    async def main() -> float:
        rig.server.close()
        with pytest.raises(InstrumentError, match=r"read the mixing chamber: .*refused"):
            await fridge.temperature()
        rig.server = HttpServer("fridge", rig.server.port, lambda *asked: rig.answer(*asked))
        return await fridge.temperature()

    assert asyncio.run(main()) == pytest.approx(0.012, rel=0.02)


def test_gauges_are_read_in_pascal_and_mol_per_second(rig, fridge):
    true = rig.refrigerator.conditions()
    found = asyncio.run(fridge.gauges(("p2", "flow")))
    assert found == pytest.approx({"p2": true.pressures["still"], "flow": true.flow}, rel=1e-3)
    with pytest.raises(InstrumentError, match="p9"):
        asyncio.run(fridge.gauges(("p9",)))


@pytest.mark.parametrize("given_up", [False, True])
def test_f3_pumps_that_are_not_told_of_keep_no_temperature_waiting(rig, fridge, given_up):
    usual, over = rig.answer, threading.Event()

    def answer(*asked: Any) -> tuple[int, Any]:
        if "pumps" in str(asked):
            over.wait(30)
        return usual(*asked)

    async def main() -> float:
        await fridge.machines()
        rig.answer = answer
        asking = asyncio.create_task(fridge.machines())
        await asyncio.sleep(0.2)
        if given_up:
            asking.cancel()
        async with asyncio.timeout(1.0):
            kelvin = await fridge.temperature()
        assert asking.done() == given_up
        over.set()
        await asyncio.gather(asking, return_exceptions=True)
        return kelvin

    try:
        assert asyncio.run(main()) == pytest.approx(0.012, rel=0.05)
    finally:
        over.set()


def test_f3_a_pump_that_stopped_is_told_though_the_next_is_not_told_of(rig, fridge):
    usual, over = rig.answer, threading.Event()

    def answer(*asked: Any) -> tuple[int, Any]:
        if "scroll1" in str(asked):
            over.wait(30)
        return usual(*asked)

    async def main() -> dict[str, bool]:
        assert await fridge.machines() == {"turbo1": True, "scroll1": True}
        rig.refrigerator.switch(TURBO, False)
        rig.answer = answer
        async with asyncio.timeout(3.0):
            return await fridge.machines()

    try:
        assert asyncio.run(main()) == {"turbo1": False}
    finally:
        over.set()


@pytest.mark.parametrize("sample", [{"outdated": True}, {"status": "DISCONNECTED"}])
def test_f3_a_pump_of_which_nothing_valid_is_told_any_more_makes_no_reading_fresh(
    rig, fridge, sample
):
    cold = ColdCheck(Interlock("fridge", 0.05, 0.1, 0.5, rearm_readings=1), (fridge,), LabClock())

    async def until(allowed: bool) -> None:
        async with asyncio.timeout(10.0):
            while cold.allowed != allowed:
                await cold.refresh()

    async def main() -> str:
        await until(True)
        saying(rig, sample, "mapper.bf.pumps.turbo1")
        await until(False)
        await cold.end()
        return cold.objection() or ""

    assert "fridge tells no more of turbo1" in asyncio.run(main())


def test_a_software_that_takes_0_8_s_an_answer_tells_of_its_pumps(rig, fridge):
    usual = rig.answer

    async def main() -> dict[str, bool]:
        rig.answer = lambda *asked: (time.sleep(0.8), usual(*asked))[1]
        return await fridge.machines()

    assert asyncio.run(main()) == {"turbo1": True, "scroll1": True}


def test_nobody_at_the_address_is_named():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(InstrumentError, match=rf"fridge \(http://127.0.0.1:{port}\): connect: "):
        connect("fridge", f"http://127.0.0.1:{port}")


@pytest.mark.parametrize(
    "address",
    ["", "127.0.0.1:49099", "http://:1", "http://host", "http://host:x", "ftp://host:1",
     "http://host:1/values", "http://host:1?key=secret", "http://[::1"],
)  # fmt: skip
def test_what_is_no_address_is_refused(address):
    with pytest.raises(InstrumentError, match="is not an address like"):
        connect("fridge", address)


def certified(folder: Path) -> tuple[Path, Path]:
    """Return a certificate that signs itself, as the control software makes one, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificate, is not installed")
    certificate, key = folder / "certificate.pem", folder / "private.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=bluefors", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


def test_the_encrypted_port_is_read_with_its_own_certificate_alone(rig, tmp_path):
    certificate, key = certified(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    plain = rig.server.server._serve

    def serve(link: socket.socket, peer: str) -> None:
        with suppress(ssl.SSLError), context.wrap_socket(link, server_side=True) as wrapped:
            plain(wrapped, peer)

    rig.server.server._serve = serve
    url = f"https://127.0.0.1:{rig.server.port}"
    driver = BlueforsApi("bluefors_tls", url, key=KEY, certificate=certificate)
    try:
        assert driver.tmixing() == pytest.approx(0.012, rel=0.02)
    finally:
        driver.close()
    stranger = BlueforsApi("bluefors_stranger", url, key=KEY)
    try:
        with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
            stranger.tmixing()
    finally:
        stranger.close()


def test_f4_software_that_answers_a_byte_now_and_then_is_hung_up_on():
    """No piece of it takes too long: each question would leave a thread and a connection behind."""
    hung_up = threading.Event()

    def trickle(server: socket.socket) -> None:
        link, _ = server.accept()
        with link, suppress(OSError):
            link.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not hung_up.wait(0.02):
                link.sendall(b"x")
        hung_up.set()

    async def asked(port: int) -> None:
        session = Session(
            "fridge", "somewhere", lambda label: BlueforsApi(label, f"http://127.0.0.1:{port}"),
            lambda _: Identity("", "", "", ""),
        )  # fmt: skip
        await session.do("open", lambda _: None)
        with pytest.raises(InstrumentError, match="did not return within"):
            await session.do("read", lambda fridge: fridge.tmixing(), deadline=0.2)
        assert await asyncio.to_thread(hung_up.wait, 10)
        await session.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=trickle, args=[server], daemon=True)
        thread.start()
        try:
            asyncio.run(asked(server.getsockname()[1]))
        finally:
            hung_up.set()
            thread.join(10)
