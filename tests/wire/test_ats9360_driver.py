"""The ATS9360 adapter on the upstream driver, with the simulated board behind its `api=`."""

import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest

from kammerton.bench import NoTriggers
from kammerton.bench.away import does_not_connect
from kammerton.model import InstrumentError, LastingFault
from kammerton.model.roles import Capture, Digitizer
from kammerton_drivers.alazar_ats9360 import LIBRARY, Ats9360, Board, connect
from kammerton_sim.board import open_board
from kammerton_sim.instruments.ats9360 import Ats9360 as Simulated

RATE = 1e9


class Playback:
    """Records that say who they are: A holds the record's number, B the sample's."""

    triggers, turn_seconds = 3, 1e-3

    def records(self, first: int, a: np.ndarray, b: np.ndarray) -> None:
        a[:] = (first + np.arange(a.shape[0]))[:, None]
        b[:] = np.arange(a.shape[1])

    def states_of(self, first: int, count: int) -> np.ndarray:
        return np.zeros((count, 0), np.uint8)


@dataclass
class Rig:
    """Stands for the generators: plays once `start` was called."""

    started: threading.Event = field(default_factory=threading.Event)
    slow: float = 0.0

    @property
    def playing(self) -> bool:
        return self.started.is_set()

    def wait(self, samples: int, timeout: float) -> Playback | None:
        return self.playback(samples) if self.started.wait(timeout) else None

    def playback(self, samples: int) -> Playback:
        time.sleep(self.slow)
        return Playback()


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.fixture
def board(rig) -> Iterator[Simulated]:
    board = Simulated(rig, time.monotonic, lambda at: None, seed=1)
    yield board
    board.close()


@pytest.fixture
def address(board) -> str:
    return f"sim://127.0.0.1:{board.port}"


@pytest.fixture(params=["shared", "socket"])
def transport(request) -> str:
    return request.param


@pytest.fixture
def digitizer(address) -> Iterator[Ats9360]:
    digitizer = connect("digitizer", address)
    asyncio.run(digitizer.configure(RATE))
    yield digitizer
    asyncio.run(digitizer.close())


def start(rig: Rig):
    async def armed() -> None:
        rig.started.set()

    return armed


def nothing(a: np.ndarray, b: np.ndarray, index: int) -> None:
    pass


def test_it_is_a_digitizer(digitizer):
    assert isinstance(digitizer, Digitizer)
    assert digitizer.volts_per_code * 32768 == pytest.approx(0.4)


def test_every_record_arrives_once_and_in_order(rig, address, transport):
    seen: list[tuple[int, np.ndarray, np.ndarray]] = []

    async def main() -> None:
        digitizer = connect("digitizer", f"{address}?bulk={transport}")
        await digitizer.configure(RATE)
        for _ in range(2):
            rig.started.clear()
            await digitizer.acquire(
                Capture(256, 30, 12, 5.0),
                start(rig),
                lambda a, b, index: seen.append((index, a.copy(), b.copy())),
            )
        await digitizer.close()

    asyncio.run(main())
    assert [index for index, _, _ in seen] == [*range(12), *range(12)]
    for index, a, b in seen:
        assert a.shape == b.shape == (30, 256)
        assert a.dtype == b.dtype == np.uint16
        assert (a == (30 * index + np.arange(30))[:, None]).all()
        assert (b == np.arange(256)).all()


@pytest.mark.parametrize("buffers", [1, 3, 4, 5])
def test_fewer_buffers_than_the_board_may_fill_are_enough(rig, digitizer, buffers):
    seen: list[int] = []
    capture = Capture(256, 3, buffers, 5.0)
    asyncio.run(digitizer.acquire(capture, start(rig), lambda a, b, index: seen.append(index)))
    assert seen == list(range(buffers))


def test_the_generators_start_after_the_board_listens(rig, digitizer):
    """Started before, the first record would be any point of the sweep."""
    first: list[int] = []

    async def main() -> None:
        await digitizer.acquire(
            Capture(256, 3, 2, 5.0), start(rig), lambda a, b, i: first.append(int(a[0, 0]))
        )

    asyncio.run(main())
    assert first == [0, 3]


def test_silence_is_told_with_digitizer_time_and_count(digitizer):
    async def armed() -> None:
        pass

    with pytest.raises(NoTriggers, match=r"digitizer: no triggers within 0.05 s \(after 0 of 2"):
        asyncio.run(digitizer.acquire(Capture(256, 3, 2, 0.05), armed, nothing))


def test_after_silence_it_works_again(rig, digitizer):
    test_silence_is_told_with_digitizer_time_and_count(digitizer)
    test_fewer_buffers_than_the_board_may_fill_are_enough(rig, digitizer, 3)


def test_a_generator_that_fails_to_start_is_the_error(digitizer):
    async def armed() -> None:
        raise InstrumentError("awg1: no answer")

    with pytest.raises(InstrumentError, match="awg1: no answer"):
        asyncio.run(digitizer.acquire(Capture(256, 3, 2, 5.0), armed, nothing))


def test_a_sink_that_refuses_ends_the_acquisition(rig, digitizer):
    def sink(a: np.ndarray, b: np.ndarray, index: int) -> None:
        raise InstrumentError("records were lost")

    with pytest.raises(InstrumentError, match="records were lost"):
        asyncio.run(digitizer.acquire(Capture(256, 3, 20, 5.0), start(rig), sink))
    rig.started.clear()
    test_fewer_buffers_than_the_board_may_fill_are_enough(rig, digitizer, 3)


def cancelled(digitizer: Ats9360, capture: Capture, armed, when: threading.Event, sink=nothing):
    async def main() -> float:
        task = asyncio.create_task(digitizer.acquire(capture, armed, sink))
        assert await asyncio.to_thread(when.wait, 5)
        begin = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - begin

    return asyncio.run(main())


def test_cancelling_ends_the_acquisition_at_the_next_buffer(rig, digitizer):
    rig.slow = 0.01
    seen: list[int] = []
    flowing = threading.Event()

    def sink(a: np.ndarray, b: np.ndarray, index: int) -> None:
        seen.append(index)
        flowing.set()

    cancelled(digitizer, Capture(256, 3, 100_000, 60.0), start(rig), flowing, sink)
    number = len(seen)
    assert number < 1000
    rig.started.clear()
    rig.slow = 0.0
    test_fewer_buffers_than_the_board_may_fill_are_enough(rig, digitizer, 3)
    assert len(seen) == number


def test_cancelling_while_the_generators_start_does_not_wait_for_triggers(digitizer):
    starting = threading.Event()

    async def armed() -> None:
        starting.set()
        await asyncio.Event().wait()

    assert cancelled(digitizer, Capture(256, 3, 2, 60.0), armed, starting) < 20


def test_connecting_leaves_the_board_unarmed(board, address):
    digitizer = connect("digitizer", address)
    asyncio.run(digitizer.configure(RATE))
    assert board._owner is None
    other = connect("other", address)
    assert board._owner is None
    asyncio.run(digitizer.close())
    asyncio.run(other.close())


def test_closing_leaves_the_laboratory(address):
    left = []

    def listen(board: Board) -> None:
        leave, board.api.close = board.api.close, lambda: (leave(), left.append(True))

    async def main() -> None:
        digitizer = connect("digitizer", address)
        await digitizer.session.do("listen", listen)
        await digitizer.close()

    asyncio.run(main())
    assert left == [True]


def test_identity(digitizer):
    identity = asyncio.run(digitizer.identity())
    assert (identity.vendor, identity.model, identity.serial) == ("AlazarTech", "ATS9360", "970001")


def test_safe_asks_nothing_of_the_board(digitizer, monkeypatch):
    def asked(*_: object) -> None:
        pytest.fail("the board was asked")

    monkeypatch.setattr(digitizer.session, "do", asked)
    asyncio.run(digitizer.safe())


def broken(board: Board) -> None:
    raise RuntimeError("board is gone")


def test_a_board_that_lost_its_session_is_configured_anew(rig, digitizer):
    async def main() -> None:
        with pytest.raises(InstrumentError, match="board is gone"):
            await digitizer.session.do("break", broken)

    asyncio.run(main())
    test_fewer_buffers_than_the_board_may_fill_are_enough(rig, digitizer, 3)


def test_a_clock_that_cannot_lock_lasts_until_the_reference_is_back(rig):
    board = Simulated(rig, time.monotonic, lambda at: None, seed=1)
    digitizer = connect("digitizer", f"sim://127.0.0.1:{board.port}")

    async def main() -> None:
        await digitizer.configure(RATE)
        board.lose_reference(2e-6)
        with pytest.raises(LastingFault, match=r"digitizer says .*590.*see to") as fault:
            await digitizer.configure(RATE)
        assert fault.value.instrument == "digitizer"
        with pytest.raises(InstrumentError, match="board is gone"):
            await digitizer.session.do("break", broken)
        with pytest.raises(LastingFault):  # opened anew
            await digitizer.acquire(Capture(256, 3, 2, 1.0), start(rig), nothing)
        board.lose_reference(0.0)
        await digitizer.acquire(Capture(256, 3, 2, 1.0), start(rig), nothing)
        await digitizer.close()

    asyncio.run(main())
    board.close()


def test_an_acquisition_before_configuration_is_refused(rig, address):
    digitizer = connect("digitizer", address)
    with pytest.raises(InstrumentError, match="must sync parameters"):
        asyncio.run(digitizer.acquire(Capture(256, 3, 2, 1.0), start(rig), nothing))
    asyncio.run(digitizer.close())


def test_records_of_a_length_the_board_cannot_have_are_refused(rig, digitizer):
    with pytest.raises(InstrumentError, match="multiple of 128"):
        asyncio.run(digitizer.acquire(Capture(300, 3, 2, 1.0), start(rig), nothing))


@pytest.mark.parametrize("address", ["ats://1", "ats://a/b", "ats://"])
def test_what_is_no_board_address_is_refused(address):
    with pytest.raises(InstrumentError, match='is not an address like "ats://1/1"'):
        connect("digitizer", address)


def test_a_scheme_that_nothing_serves_is_refused():
    with pytest.raises(InstrumentError, match="nothing installed serves addresses like 'pci://1'"):
        connect("digitizer", "pci://1")


def test_where_the_vendors_library_is_missing_it_is_said_where_it_is_from(monkeypatch):
    asked = []

    def load(path):
        asked.append(path)
        raise OSError(f"{path}: cannot open shared object file: No such file or directory")

    monkeypatch.setattr("ctypes.cdll.LoadLibrary", load)
    with pytest.raises(InstrumentError) as refusal:
        connect("digitizer", "ats://1/1")
    assert asked == [LIBRARY]
    assert (LIBRARY == "libATSApi.so") is (sys.platform != "win32")
    entry = SimpleNamespace(name="digitizer", driver="alazar_ats9360", address="ats://1/1")
    said = does_not_connect(entry, refusal.value)
    assert said.startswith(
        "digitizer (alazar_ats9360 at ats://1/1) does not connect: the vendor's library "
        f"{LIBRARY} cannot be loaded; it comes with AlazarTech's driver of the board (alazartech"
    )


def test_nobody_at_the_address_is_named():
    with pytest.raises(InstrumentError, match=r"digitizer \(sim://127.0.0.1:1\): connect: "):
        connect("digitizer", "sim://127.0.0.1:1")


def test_own_buffers_are_whole_pages_that_stay_alive():
    """For a board whose api object offers no memory, as the vendor's library."""
    posted: list[tuple[int, int]] = []

    class Api:
        def post_async_buffer(self, handle: int, address: object, size: int) -> None:
            posted.append((address.value, size))

    board = Board.__new__(Board)
    board.api, board._handle = Api(), 1
    import ctypes

    memory = board.allocate_and_post_buffer(ctypes.c_uint16, 6000)
    assert posted == [(memory.addr, 6000)]
    assert memory.addr % 4096 == 0
    assert (memory.buffer.dtype, memory.buffer.size) == (np.uint16, 3000)
    memory.buffer[:] = 4711
    ctypes.memset(memory.addr, 0, 6000)
    assert not memory.buffer.any()
    memory.free_mem()


def test_the_simulated_board_is_what_the_address_says(address):
    with open_board(address) as board:
        assert board.get_board_model(1) == "ATS9360"
