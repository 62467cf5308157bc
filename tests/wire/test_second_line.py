"""Software that takes no two clients, or serves them in turn: the temperature never pays for it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from types import SimpleNamespace

import pytest

from kammerton.model import InstrumentError
from kammerton_drivers import bluefors_api, monitor, oxford_triton, second_line
from kammerton_drivers.oxford_triton import Triton, connect
from kammerton_sim.evidence.ledger import Ledger
from kammerton_sim.fridge import Refrigerator
from kammerton_sim.instruments.triton import Triton as Simulated
from kammerton_sim.wire.server import TcpServer
from tests.yardstick import stretch

TURBO = oxford_triton._TURBO


class Software:
    """The software of a Triton; `admit` keeps what is done with a client that comes.

    before: what is done before each answer, with the number of the client and its question.
    """

    def __init__(self, admit: Callable[[Software], None]) -> None:
        device = Simulated("fridge", Ledger(time.monotonic), Refrigerator(time.monotonic))
        self.answer = device.answer
        self.links = list[socket.socket]()
        self.over = threading.Event()
        self.first = 0
        self.before: Callable[[int, str], object] = lambda client, line: None
        self._admit = admit
        self.server = TcpServer("fridge", 0, self._serve)
        self.address = f"tcp://127.0.0.1:{self.server.port}"

    def close(self) -> None:
        self.over.set()
        self.server.close()

    def wait(self) -> None:
        """Give no answer, until the end."""
        self.over.wait(30)

    def _serve(self, link: socket.socket, peer: str) -> None:
        self.links.append(link)
        client = len(self.links)
        self._admit(self)
        with link.makefile("rb") as reader:
            while line := reader.readline():
                self.before(client, line.decode().strip())
                link.sendall(self.answer(line.decode().strip()).encode() + b"\r\n")


def any_number(software: Software) -> None:
    pass


def newest_wins(software: Software) -> None:
    for older in software.links[:-1]:
        with contextlib.suppress(OSError):  # it went of itself
            older.shutdown(socket.SHUT_RDWR)


def newest_is_served(software: Software) -> None:
    """The others stay open, and get no answer."""
    software.before = lambda client, line: client < len(software.links) and software.wait()


def first_is_served(software: Software) -> None:
    """Half open: the others are accepted, and get no answer."""

    def before(client: int, line: str) -> None:
        software.first = software.first or client
        if client != software.first:
            software.wait()

    software.before = before


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = min(stretch(), 8.0)  # longer, and one lost answer takes as long as a call may
    monkeypatch.setattr(oxford_triton, "TIMEOUT", 0.5 * slow)
    for room in (second_line, monitor):
        monkeypatch.setattr(room, "ASIDE", 1.5 * slow)


@pytest.fixture
def served() -> Iterator[Callable[[Callable[[Software], None]], Software]]:
    running = list[Software]()

    def serve(admit: Callable[[Software], None]) -> Software:
        running.append(Software(admit))
        return running[-1]

    yield serve
    for software in running:
        software.close()


def used(software: Software, body: Callable[[Triton], Awaitable[None]]) -> None:
    async def main() -> None:
        triton = connect("fridge", software.address)
        try:
            async with asyncio.timeout(20 * stretch()):
                await body(triton)
        finally:
            await triton.close()

    asyncio.run(main())


async def told(triton: Triton) -> None:
    """Ask for everything at once, as a look does."""
    asked = triton.temperature(), triton.machines(), triton.gauges(("p2",))
    kelvin, machines, gauges = await asyncio.gather(*asked)
    assert kelvin == pytest.approx(0.012, rel=0.05)
    assert (machines, set(gauges)) == ({"turbo": True}, {"p2"})


@pytest.mark.parametrize("admit", [newest_wins, first_is_served, any_number])
def test_all_is_told_at_each_look_whatever_is_done_with_a_second_client(served, admit, caplog):
    """A controller that keeps its newest client only would else lose one line to the other."""
    software = served(admit)

    async def body(triton: Triton) -> None:
        for _ in range(6):
            await told(triton)

    used(software, body)
    one_line = caplog.text.count("the first line is asked")
    assert (len(software.links), one_line) == {
        newest_wins: (3, 1), first_is_served: (2, 1), any_number: (2, 0),
    }[admit]  # fmt: skip


def test_where_only_the_newest_is_served_one_round_is_lost(served, caplog):
    software = served(newest_is_served)

    async def body(triton: Triton) -> None:
        await triton.machines()
        assert await triton.temperature() > 0  # on a new line: the second gets no answer now
        for _ in range(3):
            await told(triton)

    used(software, body)
    assert len(software.links) == 3
    assert caplog.text.count("the first line is asked") == 1


def test_no_temperature_waits_while_a_second_line_is_tried(served):
    software = served(first_is_served)

    async def body(triton: Triton) -> None:
        trying = asyncio.create_task(triton.machines())
        await asyncio.sleep(0.1)
        async with asyncio.timeout(0.6 * oxford_triton.TIMEOUT):
            await triton.temperature()
        assert not trying.done()
        assert await trying == {"turbo": True}

    used(software, body)


def test_pumps_that_hang_on_a_second_line_leave_it_open_and_the_temperature_alone(served, caplog):
    """Their question is late, and the line is well: the next one is asked on it again."""
    software = served(any_number)

    async def body(triton: Triton) -> None:
        await told(triton)
        software.before = lambda client, line: TURBO in line and software.wait()
        for _ in range(2):
            with pytest.raises(InstrumentError, match="ask for the turbo pump: timed out"):
                await triton.machines()
        await triton.temperature()
        software.before = lambda client, line: None
        await told(triton)
        assert triton.session.openings == 1

    used(software, body)
    assert "the first line is asked" not in caplog.text


def test_software_that_serves_all_in_turn_is_hung_up_on_for_no_question_that_it_answers(
    served, monkeypatch
):
    """Two answers take longer than the one that a question on the only line is waited for."""
    seconds = 0.2
    monkeypatch.setattr(oxford_triton, "TIMEOUT", 5.0)
    monkeypatch.setattr(monitor, "ASIDE", 1.5 * seconds)
    software, turn = served(any_number), threading.Lock()

    async def body(triton: Triton) -> None:
        triton.second = None  # what is tested is the one line; the second is as slow
        software.before = lambda client, line: turn.acquire() and (
            time.sleep(seconds), turn.release(),
        )  # fmt: skip
        temperatures = [asyncio.create_task(triton.temperature()) for _ in range(12)]
        for _ in range(2):
            assert await triton.machines() == {"turbo": True}
        await asyncio.gather(*temperatures)
        assert triton.session.openings == 1

    used(software, body)


def test_what_hangs_on_the_one_line_is_hung_up_on_after_its_time(served, monkeypatch):
    monkeypatch.setattr(oxford_triton, "TIMEOUT", 5.0)
    monkeypatch.setattr(monitor, "ASIDE", 0.3)
    software = served(any_number)

    async def body(triton: Triton) -> None:
        triton.second = None
        software.before = lambda client, line: TURBO in line and software.wait()
        asking = asyncio.create_task(triton.machines())
        await asyncio.sleep(0.05)
        async with asyncio.timeout(3.0):
            assert await triton.temperature() > 0
        with pytest.raises(InstrumentError, match=r"did not return within 0\.3 s"):
            await asking

    used(software, body)


def cut(software: Software, *numbers: int) -> None:
    """Lose connections, as a network that goes away does; all of them where none is named."""
    software.first = 0
    for number in numbers or range(1, len(software.links) + 1):
        with contextlib.suppress(OSError):
            software.links[number - 1].shutdown(socket.SHUT_RDWR)


async def until(triton: Triton, well: Callable[[], bool], *, rounds: int = 200) -> None:
    """Look again and again, as long as it takes; a question or two may be lost meanwhile."""
    for _ in range(rounds):
        with contextlib.suppress(InstrumentError):
            await told(triton)
        if well():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not happen")


async def further(triton: Triton, looks: int = 25) -> None:
    for _ in range(looks):
        await told(triton)
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("which", ["both", "the second"])
def test_a_network_that_was_away_costs_the_second_line_for_a_while_only(
    served, monkeypatch, caplog, which
):
    monkeypatch.setattr(second_line, "AGAIN", 0.3)
    monkeypatch.setattr(second_line, "STEADY", 0.0)
    caplog.set_level("INFO")
    software = served(any_number)

    async def body(triton: Triton) -> None:
        await told(triton)
        cut(software, *([] if which == "both" else [2]))
        await triton.temperature()
        assert await triton.machines() == {"turbo": True}, "the one line is asked meanwhile"
        lines = len(software.links)
        await until(triton, lambda: len(software.links) > lines)
        await further(triton)
        assert len(software.links) == lines + 1

    used(software, body)
    assert caplog.text.count("the first line is asked") == 1
    assert caplog.text.count("are asked on a second line") == 2


@pytest.mark.parametrize("admit", [newest_wins, newest_is_served, first_is_served])
def test_where_it_costs_the_first_it_is_tried_once_each_time_the_first_is_back(
    served, monkeypatch, admit
):
    monkeypatch.setattr(second_line, "AGAIN", 0.05)
    monkeypatch.setattr(second_line, "SETTLED", 0.3 * stretch())
    software, after = served(admit), {newest_wins: 3, newest_is_served: 3, first_is_served: 2}

    async def body(triton: Triton) -> None:
        await until(triton, lambda: len(software.links) == after[admit])
        await further(triton)
        assert len(software.links) == after[admit], "it is tried in a loop"
        await asyncio.sleep(second_line.SETTLED)
        cut(software)
        await until(triton, lambda: len(software.links) >= 2 * after[admit])
        await until(triton, lambda: triton.second._session is None)
        await further(triton)
        assert len(software.links) == 2 * after[admit], "it is tried in a loop"

    used(software, body)


def test_pumps_are_asked_on_the_one_line_while_a_second_opens_and_waits_for_nobody(
    served, monkeypatch
):
    monkeypatch.setattr(oxford_triton, "TIMEOUT", 10.0)
    monkeypatch.setattr(second_line, "ASIDE", 0.1)
    software = served(first_is_served)

    async def body(triton: Triton) -> None:
        for _ in range(3):
            await told(triton)
        assert triton.second.opening

    used(software, body)
    assert len(software.links) == 2


def test_the_pause_until_a_second_line_is_tried_doubles(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(second_line, "time", SimpleNamespace(monotonic=lambda: now[0]))

    class Session:
        name, openings, connected = "fridge", 1, True

        def expects(self, other: Session) -> None:
            assert other is first

        async def do(self, action: str, fn: object) -> None:
            raise InstrumentError("refused")

        async def close(self, within: float) -> None:
            pass

    first = Session()

    async def tried() -> float:
        """Return after how long it is tried anew once the first is back."""
        assert await second.open() is None
        assert second._session is None
        now[0] += second_line.SETTLED
        began, first.openings = now[0], first.openings + 1
        while not second._may_try():
            now[0] += 1.0
        return now[0] - began

    async def main() -> list[float]:
        return [await tried() for _ in range(9)]

    second = second_line.SecondLine(first, Session)
    assert asyncio.run(main()) == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]


def test_another_refrigerator_behind_a_second_line_tells_nothing(served, caplog):
    software, asked = served(any_number), list[tuple[int, str]]()
    usual = software.answer

    def answer(line: str) -> str:
        other = line == "*IDN?" and len(software.links) > 1
        return "IDN:OXFORD INSTRUMENTS:TRITON 200:99999:9" if other else usual(line)

    software.answer = answer
    software.before = lambda client, line: asked.append((client, line))

    used(software, told)
    assert "TRITON 200 no. 99999" in caplog.text
    assert [client for client, line in asked if TURBO in line] == [1]


@pytest.mark.parametrize(
    ("driver", "address"),
    [(oxford_triton, "tcp://127.0.0.1:1"), (bluefors_api, "http://127.0.0.1:1")],
)
def test_a_connection_that_fails_leaves_no_thread(driver, address):
    before = threading.active_count()
    for _ in range(3):
        with pytest.raises(InstrumentError, match="connect"):
            driver.connect("fridge", address)
    assert threading.active_count() <= before
