"""How fast the laboratory's time passes: as fast as can be, at a factor, in real time."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from kammerton_sim.chip import random_chip
from kammerton_sim.command import run as main
from kammerton_sim.laboratory import Laboratory
from tests.wire.conftest import CountingPlayback, CountingWorld, acquire, run, upload
from tests.yardstick import stretch

TURN = 0.25  # s of instrument time


@pytest.fixture
def laboratory(world: CountingWorld, request: pytest.FixtureRequest) -> Iterator[Laboratory]:
    with Laboratory(random_chip(1, 3), world=world, pace=request.param) as laboratory:  # type: ignore[arg-type]
        yield laboratory


@pytest.fixture
def board(laboratory, closing):
    from kammerton_sim.board import open_board

    return closing.enter_context(open_board(f"sim://127.0.0.1:{laboratory.ports['board']}"))


@pytest.mark.parametrize(
    ("laboratory", "turns", "least", "most"),
    [(None, 80, 0.0, 15.0), (1.0, 2, 0.5, 30.0), (4.0, 16, 1.0, 3.9)],
    ids=["fast", "real", "four times"],
    indirect=["laboratory"],
)
def test_records_come_at_the_pace(digitizer, awg, world, turns, least, most):
    upload(awg, points=2)
    run(awg)
    wall, there = time.monotonic(), world.clock.now()
    acquire(digitizer, awg.force_triggerA, records=2, buffers=turns)
    wall, there = time.monotonic() - wall, world.clock.now() - there
    assert least <= wall < most * stretch()
    assert turns * TURN <= there < turns * TURN + wall  # the program's, whatever the wall says


@pytest.mark.parametrize("laboratory", [1.0], indirect=True)
def test_a_buffer_that_takes_longer_than_the_timeout_is_a_timeout(digitizer, awg):
    upload(awg, points=2)
    run(awg)
    with pytest.raises(RuntimeError, match="579"):
        acquire(digitizer, awg.force_triggerA, records=2, buffers=4, timeout=50)


def test_what_two_boards_record_at_once_passes_once():
    with Laboratory(random_chip(11, 3)) as laboratory:
        before, wall = laboratory.world.clock.now(), time.monotonic()
        armed = []
        for name, buffers in (("board", 40), ("board2", 60)):
            board, link = laboratory.boards[name], object()
            acquisition = board.arm(link, 256, 2, 1000, 0)  # type: ignore[arg-type]
            acquisition.begin(0, CountingPlayback(2, 256))
            acquisition.made = buffers
            acquisition.archive = None
            acquisition.played = dict.fromkeys(range(buffers), acquisition.playback)
            armed.append((board, link, acquisition))
        for board, link, acquisition in armed:
            board.finish(link, acquisition)
        passed, most = laboratory.world.clock.now() - before, time.monotonic() - wall + 0.01
        assert 60 * TURN <= passed < 60 * TURN + most < 100 * TURN


@pytest.mark.parametrize("word", ["slow", "0", "-1", "inf", "nan"])
def test_a_bad_pace_is_refused(word, capsys):
    assert main(["--qubits", "1", "--time", word]) == 2
    assert "write fast, real, or a factor above 0" in capsys.readouterr().err
