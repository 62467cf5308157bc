"""The way from a commit to a consumer, over a real broker that comes, goes and forgets."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kammerton.client import Subscriber
from kammerton.lab import Broker
from kammerton.model import BrokerError, Verdict
from kammerton.model.backoff import Backoff
from kammerton.publish import Connection, Relay, Topics, Will, connect, payloads
from kammerton.publish.patience import Patience
from kammerton.publish.payloads import iso
from kammerton.store import Store
from tests.brokers import MOSQUITTO, BrokerProcess
from tests.stored import estimate, fit, run

TOPICS = Topics("two-qubits")
needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason="needs Mosquitto")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "db.sqlite", "two-qubits") as opened:
        yield opened


@pytest.fixture
def process(tmp_path: Path) -> Iterator[BrokerProcess]:
    broker = BrokerProcess(tmp_path)
    yield broker
    broker.kill()


@contextlib.asynccontextmanager
async def relaying(
    store: Store, broker: Broker, *, shipped: bool = False, **more: Any
) -> AsyncIterator[Relay]:
    """Relay meanwhile. shipped: with its own pauses."""
    relay = Relay(store, broker, backoff=None if shipped else Backoff(0.05, 0.2), **more)
    if not shipped:
        relay.slow = 0.5
    task = asyncio.create_task(relay.run())
    try:
        yield relay
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


class Ear:
    """A plain subscriber of everything: topics and documents in the order of arrival."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.ready = asyncio.Event()

    async def listen(self, broker: Broker) -> None:
        async with connect(broker) as connection:
            await connection.subscribe(f"{TOPICS.status.rsplit('/', 1)[0]}/#")
            self.ready.set()
            async for message in connection.messages():
                self.heard.append((message.topic, json.loads(message.payload)))

    def of(self, topic: str) -> list[dict[str, Any]]:
        return [document for heard, document in self.heard if heard == topic]


@contextlib.asynccontextmanager
async def hearing(broker: Broker) -> AsyncIterator[Ear]:
    ear = Ear()
    task = asyncio.create_task(ear.listen(broker))
    async with asyncio.timeout(10):
        await ear.ready.wait()
    try:
        yield ear
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, BrokerError):
            await task


@contextlib.asynccontextmanager
async def following(broker: Broker) -> AsyncIterator[Subscriber]:
    subscriber = Subscriber(broker, "two-qubits", backoff=Backoff(0.05, 0.2))

    async def follow() -> None:
        async with contextlib.aclosing(subscriber.updates()) as updates:
            async for _ in updates:
                pass

    task = asyncio.create_task(follow())
    try:
        yield subscriber
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(true: Callable[[], object], what: str) -> None:
    try:
        async with asyncio.timeout(40):
            while not true():  # noqa: ASYNC110 - what is waited for has no event
                await asyncio.sleep(0.01)
    except TimeoutError:
        pytest.fail(f"waited 40 s in vain: {what}")


def at(process: BrokerProcess) -> Broker:
    return Broker("127.0.0.1", process.port)


def as_published(store: Store) -> dict[str, tuple[float, float, str, str]]:
    parameters = store.parameters().items()
    return {name: (each.value, each.stderr, each.run, iso(each.time)) for name, each in parameters}


def as_heard(subscriber: Subscriber) -> dict[str, tuple[float, float, str, str]]:
    parameters = subscriber.parameters.items()
    return {name: (each.value, each.stderr, each.run, iso(each.time)) for name, each in parameters}


def commit(store: Store, value: float, *names: str) -> None:
    store.commit(run(), {name: estimate(value) for name in names or ("q0.t1",)})


def test_what_is_published_is_what_the_page_says(store: Store, process: BrokerProcess) -> None:
    async def scenario() -> None:
        commit(store, 5.1e-5)
        async with hearing(at(process)) as ear:
            async with relaying(store, at(process)) as relay:
                await relay.drained()
                verdicts = {"q0": fit("q0"), "q1": fit("q1", Verdict.REJECTED, chi2_reduced=1e400)}
                await asyncio.to_thread(store.commit, run(fits=verdicts), {})
                await relay.drained()
            await until(lambda: len(ear.of(TOPICS.status)) == 2, "the farewell")
        value = {
            "revision": 1,
            "value": 5.1e-5,
            "stderr": 6e-7,
            "unit": "s",
            "time": "2026-01-21T12:00:00.123Z",
            "valid_until": None,
            "quality": "good",
            "run": "r000001",
        }
        head = {"schema": 1, "epoch": store.epoch}
        assert [each["status"] for each in ear.of(TOPICS.status)] == ["online", "offline"]
        snapshot = ear.of(TOPICS.snapshot)[0]
        assert snapshot.pop("sha256") == payloads.digest(snapshot)
        assert {**snapshot, "time": ""} == {
            **head, "revision": 1, "time": "", "ahead": 0.0, "parameters": {"q0.t1": value},
        }  # fmt: skip
        assert {**head, **value} in ear.of(TOPICS.parameter("q0.t1"))
        delta = {**head, "revision": 1, "run": "r000001", "ahead": 0.0}
        delta["parameters"] = {"q0.t1": value}
        delta["sha256"] = payloads.digest(delta)
        assert ear.of(TOPICS.delta) == [delta]
        first, second = ear.of(TOPICS.run)
        assert (first["run"], first["revision"], first["calibration"]) == ("r000001", 1, "t1")
        assert (second["run"], second["revision"]) == ("r000002", None)
        assert second["fits"]["q1"]["verdict"] == "rejected"
        assert second["fits"]["q1"]["chi2_reduced"] is None

    process.start()
    asyncio.run(scenario())


def test_b1_a_broker_that_comes_late_hears_everything_in_order(
    store: Store, process: BrokerProcess
) -> None:
    may_try = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def when_heard(
        broker: Broker, will: Will | None = None, patience: Patience | None = None
    ) -> AsyncIterator[Connection]:
        async with contextlib.AsyncExitStack() as stack:
            async with may_try:
                connection = await stack.enter_async_context(connect(broker, will, patience))
            yield connection

    async def scenario() -> None:
        async with relaying(store, at(process), connect=when_heard) as relay:
            for number in range(1, 6):
                commit(store, number * 1e-5)
            await until(lambda: "refused" in str(relay.problem), "a first failure")
            assert store.backlog() == 5
            await may_try.acquire()
            await asyncio.to_thread(process.start)
            async with hearing(at(process)) as ear:
                may_try.release()
                await relay.drained()
                assert store.backlog() == 0
                await until(lambda: len(ear.of(TOPICS.delta)) == 5, "every revision")
                assert [each["revision"] for each in ear.of(TOPICS.delta)] == [1, 2, 3, 4, 5]
                values = [each["value"] for each in ear.of(TOPICS.parameter("q0.t1"))]
                assert set(values) == {5e-5}, "an older value came after a newer one"
                assert ear.of(TOPICS.snapshot)[0]["revision"] == 5

    asyncio.run(scenario())


def test_a_broker_that_forgot_gets_the_whole_set_again(
    store: Store, process: BrokerProcess
) -> None:
    async def scenario() -> None:
        commit(store, 5e-5, "q0.t1", "q1.t1")
        async with relaying(store, at(process)) as relay:
            await relay.drained()
            await process.restart()
            async with following(at(process)) as late:
                await until(lambda: as_heard(late) == as_published(store), "the retained snapshot")
                assert late.online
            async with hearing(at(process)) as ear:
                await until(lambda: ear.of(TOPICS.parameter("q1.t1")), "a retained parameter")

    process.start()
    asyncio.run(scenario())


def test_kills_in_mid_stream_lose_nothing(store: Store, process: BrokerProcess) -> None:
    async def scenario() -> None:
        async with (
            relaying(store, at(process)) as relay,
            following(at(process)) as one,
            following(at(process)) as other,
        ):
            for number in range(1, 31):
                names = ("q0.t1", "q1.t1") if number % 3 else ("q1.f01",)
                await asyncio.to_thread(commit, store, number * 1e-6, *names)
                if number % 10 == 0:
                    await process.restart()
            await relay.drained()
            truth = as_published(store)
            for consumer in (one, other):
                await until(lambda who=consumer: as_heard(who) == truth, "equal to the database")
                assert consumer.revision == 30
            assert store.backlog() == 0

    process.start()
    asyncio.run(scenario())


def test_who_joins_late_is_not_behind_for_long(store: Store, process: BrokerProcess) -> None:
    async def scenario() -> None:
        async with relaying(store, at(process)) as relay:
            await relay.drained()
            for number in range(1, 4):
                await asyncio.to_thread(commit, store, number * 1e-5)
            async with following(at(process)) as late:
                await until(lambda: late.revision == 3, "the renewed snapshot")

    process.start()
    asyncio.run(scenario())


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGSTOP")
def test_a_broker_that_ends_after_it_was_given_up_leaves_no_traceback(
    process: BrokerProcess, caplog: pytest.LogCaptureFixture
) -> None:
    patience, left = Patience(), list[bool]()
    process.start()

    async def given_up() -> None:
        async with connect(at(process), None, patience) as connection:
            patience.seconds = 0.1
            process.signal(signal.SIGSTOP)
            with contextlib.suppress(BrokerError):  # a traceback would keep what it names
                await connection.publish("a/b", b"1")
            process.kill()
            left.append(True)
            raise BrokerError("given up")

    with contextlib.suppress(BrokerError):
        asyncio.run(given_up())
    gc.collect()
    assert left
    assert not [record.message for record in caplog.records if record.name == "asyncio"]


def test_who_gives_up_while_a_thread_connects_leaves_no_traceback_and_no_socket(
    process: BrokerProcess, caplog: pytest.LogCaptureFixture
) -> None:
    async def connecting() -> None:
        async with connect(at(process)):
            pass

    async def scenario() -> None:
        for _ in range(5):
            task = asyncio.create_task(connecting())
            await asyncio.sleep(0)
            task.cancel()
            time.sleep(0.05)  # noqa: ASYNC251 - the thread opens its socket while the loop stands
            await asyncio.wait([task])
            assert task.cancelled()

    process.start()
    with warnings.catch_warnings(record=True) as unclosed:
        warnings.simplefilter("always", ResourceWarning)
        asyncio.run(scenario())
        gc.collect()
    assert caplog.messages == []
    assert [str(each.message) for each in unclosed] == []


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGSTOP")
def test_an_answer_to_what_was_given_up_is_no_line_in_the_log(
    process: BrokerProcess, caplog: pytest.LogCaptureFixture
) -> None:
    patience = Patience()

    async def scenario() -> None:
        async with connect(at(process), None, patience) as connection:
            patience.seconds = 0.1
            process.signal(signal.SIGSTOP)
            with pytest.raises(BrokerError):
                await connection.subscribe("a/b")
            process.signal(signal.SIGCONT)
            patience.seconds = 10.0
            await connection.subscribe("c/d")  # answered behind the other

    process.start()
    asyncio.run(scenario())
    assert caplog.messages == []


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGSTOP")
def test_a_broker_that_hangs_is_left_and_found_again(store: Store, process: BrokerProcess) -> None:
    async def scenario() -> None:
        async with relaying(store, at(process)) as relay, following(at(process)) as consumer:
            await relay.drained()
            process.signal(signal.SIGSTOP)
            await asyncio.to_thread(commit, store, 5e-5)
            await until(lambda: relay.problem is not None, "the missing acknowledgement")
            process.signal(signal.SIGCONT)
            await relay.drained()
            await until(lambda: as_heard(consumer) == as_published(store), "equal again")

    process.start()
    asyncio.run(scenario())


CHILD = """
import asyncio, sys
from pathlib import Path
from kammerton.lab import Broker
from kammerton.publish import Relay
from kammerton.store import Store
from tests.stored import estimate, run

async def main():
    with Store.open(Path(sys.argv[1]), "two-qubits") as store:
        relay = Relay(store, Broker("127.0.0.1", int(sys.argv[2])))
        publishing = asyncio.create_task(relay.run())
        await relay.drained()
        print("ready", flush=True)
        while len(sys.argv) > 3:
            value = float(store.revision() + 1)
            names = {"q0.t1": estimate(value), "q1.t1": estimate(value)}
            done = await asyncio.to_thread(store.commit, run(points=2), names)
            sys.stdout.write(f"{done.revision}\\n")
            sys.stdout.flush()
        await publishing

asyncio.run(main())
"""
"""A process that publishes a database, and with one argument more commits all the time."""


def test_the_broker_tells_when_the_daemon_died(tmp_path: Path, process: BrokerProcess) -> None:
    async def scenario() -> None:
        path = str(tmp_path / "killed.sqlite")
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CHILD, path, str(process.port), stdout=asyncio.subprocess.PIPE
        )
        assert child.stdout is not None
        async with following(at(process)) as consumer:
            assert await asyncio.wait_for(child.stdout.readline(), 20) == b"ready\n"
            await until(lambda: consumer.online is True, "online")
            child.send_signal(signal.SIGKILL)
            await until(lambda: consumer.online is False, "the last will")
            await child.wait()

    process.start()
    asyncio.run(scenario())


@needs_mosquitto
def test_x8_a_wrong_password_is_told_without_the_password(
    tmp_path: Path, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    canary = "canary-8f1c"
    passwords = tmp_path / "passwords"
    subprocess.run(
        ["mosquitto_passwd", "-b", "-c", str(passwords), "kammerton", canary], check=True
    )
    process = BrokerProcess(tmp_path, [f"password_file {passwords}", "allow_anonymous false"])
    secret = tmp_path / "secret"
    broker = Broker("127.0.0.1", process.port, username="kammerton", password_file=secret)

    async def scenario() -> None:
        secret.write_text(f"{canary}-wrong\n")
        async with relaying(store, broker) as relay:
            await until(
                lambda: (
                    "refused" in str(relay.problem).lower()
                    or "authori" in str(relay.problem).lower()
                ),
                "a refusal",
            )
            assert canary not in str(relay.problem)
            secret.write_text(f"{canary}\n")
            await until(lambda: relay.problem is None, "the right password")

    caplog.set_level("DEBUG")
    process.start()
    try:
        asyncio.run(scenario())
    finally:
        process.kill()
    assert canary not in caplog.text + repr(broker)
    assert caplog.text.count("not publishing") <= 2
    kept = [file for file in store.path.parent.rglob("*") if file.is_file() and file != secret]
    assert store.path in kept
    assert not any(canary.encode() in file.read_bytes() for file in kept)


@needs_mosquitto
# paho leaves a socket to the garbage collector when the handshake fails.
@pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")
@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl for a certificate")
def test_tls_trusts_only_the_named_authority(tmp_path: Path, store: Store) -> None:
    right, wrong = _certificate(tmp_path, "right"), _certificate(tmp_path, "wrong")
    settings = [f"certfile {right}", f"keyfile {right.with_suffix('.key')}", "allow_anonymous true"]
    process = BrokerProcess(tmp_path, settings)

    async def scenario() -> None:
        plain = Broker("127.0.0.1", process.port, tls=True)
        commit(store, 5e-5)
        for broker in (plain, Broker("127.0.0.1", process.port, tls=True, ca_file=wrong)):
            with pytest.raises(BrokerError, match="certificate verify failed"):
                async with connect(broker):
                    pass
        trusted = Broker("127.0.0.1", process.port, tls=True, ca_file=right)
        async with relaying(store, trusted) as relay, following(trusted) as consumer:
            await relay.drained()
            await until(lambda: as_heard(consumer) == as_published(store), "over TLS")

    process.start()
    try:
        asyncio.run(scenario())
    finally:
        process.kill()
        gc.collect()  # the socket, while this test still ignores it


@needs_mosquitto
@pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")
@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl for a certificate")
@pytest.mark.parametrize(
    ("made", "reason"),
    [
        ({"years": (2020, 2021)}, "certificate has expired"),
        ({"years": (2090, 2091)}, "certificate is not yet valid"),
        ({"names": "IP:127.0.0.2"}, "not valid for '127.0.0.1'"),
        ({"names": "DNS:broker.example"}, "not valid for '127.0.0.1'"),
    ],
    ids=["expired", "not yet", "another address", "another host"],
)
def test_b5_a_certificate_that_is_not_this_brokers_now_is_refused_as_that(
    tmp_path: Path, made: dict[str, Any], reason: str
) -> None:
    """It is its own authority, and trusted: nothing else can be the matter."""
    right = _certificate(tmp_path, "right", **made)
    settings = [f"certfile {right}", f"keyfile {right.with_suffix('.key')}", "allow_anonymous true"]
    process = BrokerProcess(tmp_path, settings)

    async def scenario() -> str:
        try:
            async with connect(Broker("127.0.0.1", process.port, tls=True, ca_file=right)):
                return "it was let in"
        except BrokerError as problem:
            return str(problem)

    process.start()
    try:
        said = asyncio.run(scenario())
    finally:
        process.kill()
        gc.collect()  # the socket, while this test still ignores it
    assert "certificate verify failed" in said
    assert reason in said


AUTHORITY = """
[ca]
default_ca = own
[own]
database = index
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
[any]
commonName = supplied
"""


def _certificate(
    folder: Path, name: str, names: str = "IP:127.0.0.1", years: tuple[int, int] = (2020, 2090)
) -> Path:
    """Make a certificate that signs itself, good from the first of one year to that of another."""
    path, (begin, end) = folder / f"{name}.pem", years
    made = folder / name
    made.mkdir()
    for file, text in (
        ("own.cnf", AUTHORITY), ("names", f"subjectAltName={names}\n"), ("index", ""),
        ("serial", "01\n"),
    ):  # fmt: skip
        (made / file).write_text(text)
    key = str(path.with_suffix(".key"))
    for command in (
        ["req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1",
         "-keyout", key, "-out", "asked.pem"],
        ["ca", "-batch", "-selfsign", "-notext", "-config", "own.cnf", "-extfile", "names",
         "-keyfile", key, "-in", "asked.pem", "-out", str(path),
         "-startdate", f"{begin}0101000000Z", "-enddate", f"{end}0101000000Z"],
    ):  # fmt: skip
        subprocess.run(["openssl", *command], cwd=made, check=True, capture_output=True)
    return path
