"""Connecting everything at once, and one daemon per set of instruments."""

import asyncio
import os
import subprocess
import sys
import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest

from kammerton.bench import OutputChange, open_bench
from kammerton.bench.away import does_not_connect
from kammerton.bench.connect import connect, installed_drivers
from kammerton.bench.locks import held_locks
from kammerton.model import InstrumentError

connect_module = sys.modules[connect.__module__]


def test_i12_every_instrument_is_connected_and_no_output_changes(fake, make):
    found = asyncio.run(connect(make.lab(), fake.drivers))
    assert found == fake.instruments
    assert fake.log == []


def test_they_are_connected_at_the_same_time(fake, make):
    together = threading.Barrier(4)

    def factory(name: str, address: str):
        together.wait(10)  # would break, were they connected one after the other
        return fake.instruments[name]

    asyncio.run(connect(make.lab(), {driver: lambda: factory for driver in fake.drivers}))


def test_every_unreachable_instrument_is_named_at_once_and_the_others_close(fake, make):
    def refuse(name: str, address: str):
        raise ConnectionRefusedError("connection refused")

    drivers = {**fake.drivers, "source": lambda: refuse, "fridge": lambda: refuse}
    with pytest.raises(InstrumentError) as caught:
        asyncio.run(connect(make.lab(), drivers))
    assert str(caught.value).splitlines() == [
        f"{who} does not connect: nobody answers there (connection refused). Is it switched on and "
        "cabled, and is this its address?"
        for who in ("lo (source at addr-lo)", "fridge (fridge at addr-fridge)")
    ]
    assert fake.awg.closed
    assert fake.dig.closed


@pytest.mark.parametrize(
    ("raised", "words"),
    [
        ("lo (addr-lo): connect: VI_ERROR_RSRC_NFOUND (-1073807343): Insufficient location "
         "information or the requested device or resource is not present in the system.",
         "nobody answers there (VI_ERROR_RSRC_NFOUND). Is it switched on and cabled, and is this "
         "its address?"),
        ("lo (addr-lo): connect: 111 Connection refused",
         "nobody answers there (Connection refused). Is it switched on and cabled, and is this "
         "its address?"),
        ("[Errno -2] Name or service not known", "no computer has that name (Name or service not "
         "known). Is the address right, and does the name server know it?"),
        ("VI_ERROR_TMO (-1073807339): Timeout expired before operation completed.",
         "it does not answer in time (VI_ERROR_TMO). Is it busy, or does another program have its "
         "only connection?"),
        ("lo: model 123 is not what this driver knows", "lo: model 123 is not what this driver "
         "knows"),
    ],
)  # fmt: skip
def test_why_one_does_not_connect_is_said_in_words_that_help(make, raised, words):
    entry = make.lab().instruments["lo"]
    said = does_not_connect(entry, InstrumentError(raised))
    assert said == f"lo (source at addr-lo) does not connect: {words}"


def test_r2_where_one_is_unreachable_those_that_answer_are_switched_off(fake, make):
    """An earlier process may have left them on."""
    fake.awg.on, fake.lo.on = {5}, True

    def refuse(name: str, address: str):
        raise ConnectionRefusedError("connection refused")

    with pytest.raises(InstrumentError, match="fridge"):
        asyncio.run(connect(make.lab(), {**fake.drivers, "fridge": lambda: refuse}))
    assert not fake.awg.on
    assert not fake.lo.on


@pytest.mark.parametrize("stuck", [True, False])
def test_one_that_stays_on_while_another_is_away_is_doubt_and_one_that_goes_off_is_none(
    fake, make, tmp_path, stuck
):
    """Nobody else hears of it: the gate is not there yet."""
    heard = list[OutputChange]()
    fake.lo.on = True

    def refuse(name: str, address: str):
        raise ConnectionRefusedError("connection refused")

    async def stays() -> None:
        raise InstrumentError("lo: it stays on after it was told off")

    async def main() -> None:
        drivers = {**fake.drivers, "generator": lambda: refuse}
        async with open_bench(
            make.lab(), fake.clock, drivers=drivers, lock_folder=tmp_path, on_change=heard.append
        ):
            pass

    if stuck:
        fake.lo.safe = stays
    with pytest.raises(InstrumentError) as caught:
        asyncio.run(main())
    found = [(each.what, each.refused) for each in heard]
    assert found == ([("all outputs", str(caught.value))] if stuck else [])
    assert stuck or not fake.lo.on


def test_r2_numba_that_cannot_be_used_keeps_no_output_on(fake, make, monkeypatch, tmp_path):
    """Its cache is torn after a power cut, say, or the disk is full."""
    fake.awg.on, fake.lo.on = {5}, True
    monkeypatch.setitem(sys.modules, "kammerton.bench.coadd", None)

    async def main() -> None:
        async with open_bench(make.lab(), fake.clock, drivers=fake.drivers, lock_folder=tmp_path):
            pass

    with pytest.raises(ImportError):
        asyncio.run(main())
    assert not fake.anything_on


def test_what_numba_cannot_keep_is_compiled_for_this_process(monkeypatch, caplog):
    from kammerton.bench import coadd

    def njit(*, cache: bool = False, **how: object):
        if cache:
            raise EOFError("Ran out of input")
        return lambda function: (function, how)

    monkeypatch.setattr(coadd, "njit", njit)
    forgotten = []
    monkeypatch.setattr(
        coadd, "FunctionCache", lambda f: SimpleNamespace(flush=lambda: forgotten.append(f))
    )
    function, how = coadd._compiled("int64(int64)")(abs)
    assert forgotten == [abs], "the next process is not to find it again"
    assert (function, how) == (abs, {"signature_or_function": ["int64(int64)"], "nogil": True})
    assert "what numba keeps of abs is of no use: EOFError" in caplog.text


def test_one_that_hangs_is_named(fake, make, monkeypatch):
    go = threading.Event()

    def hang(name: str, address: str):
        go.wait(30)
        return fake.lo

    monkeypatch.setattr(connect_module, "CONNECT_DEADLINE", 0.05)
    with pytest.raises(
        InstrumentError, match=r"lo \(source at addr-lo\) does not connect: .* 0.05"
    ):
        asyncio.run(connect(make.lab(), {**fake.drivers, "source": lambda: hang}))
    go.set()


def test_one_for_which_there_is_no_thread_is_named_and_the_others_are_switched_off(
    fake, make, monkeypatch
):
    """It may pass: a crash, counted, would end in a process that touches nothing any more."""
    start, fake.awg.on = threading.Thread.start, {5}

    def short(thread: threading.Thread) -> None:
        if thread.name == "lane connect lo":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", short)
    with pytest.raises(InstrumentError, match=r"lo \(source at addr-lo\) .*can't start new thread"):
        asyncio.run(connect(make.lab(), fake.drivers))
    assert not fake.awg.on


def test_an_unknown_driver_is_named_with_those_that_exist_and_the_others_are_switched_off(
    fake, make
):
    drivers, fake.awg.on = dict(fake.drivers), {5}
    del drivers["source"]
    with pytest.raises(InstrumentError, match="no driver source; installed are: digitizer, fridge"):
        asyncio.run(connect(make.lab(), drivers))
    assert not fake.awg.on


def test_a_driver_that_cannot_be_imported_is_named_and_the_others_are_switched_off(fake, make):
    """A vendor's package may be missing since an upgrade; what was left on stays on else."""
    fake.awg.on = {5}

    def load() -> object:
        raise ImportError("No module named 'vendor'")

    with pytest.raises(InstrumentError, match=r"lo .*driver source cannot be imported: Import"):
        asyncio.run(connect(make.lab(), {**fake.drivers, "source": load}))
    assert not fake.awg.on


def test_r4_a_driver_whose_import_hangs_is_named_and_the_others_are_switched_off(
    fake, make, monkeypatch
):
    """What an earlier process left on would stay on for ever, and nothing would be said."""
    monkeypatch.setattr(connect_module, "LOAD_DEADLINE", 0.1)
    fake.awg.on, go = {5}, threading.Event()

    def load() -> object:
        go.wait(20)
        return fake.drivers["source"]()

    async def main() -> None:
        try:
            async with asyncio.timeout(5.0):
                await connect(make.lab(), {**fake.drivers, "source": load})
        finally:
            go.set()

    with pytest.raises(
        InstrumentError, match=r"lo .*driver source hangs: not imported within 0\.1"
    ):
        asyncio.run(main())
    assert not fake.awg.on


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("awg", "awg is used as a generator, but driver generator gives no WaveformGenerator"),
        ("lo", "lo is used as a source, but driver source gives no MicrowaveSource"),
        ("dig", "dig is used as a digitizer, but driver digitizer gives no Digitizer"),
        (
            "fridge",
            "fridge is used as a fridge monitor, but driver fridge gives no FridgeMonitor",
        ),
    ],
)
def test_an_instrument_in_the_wrong_role_is_named(fake, make, name, message):
    other = fake.dig if name == "fridge" else fake.fridge
    driver = make.lab().instruments[name].driver
    drivers = {**fake.drivers, driver: lambda: lambda n, address: other}
    with pytest.raises(InstrumentError, match=message):
        asyncio.run(connect(make.lab(), drivers))


def test_what_a_driver_returns_must_be_an_instrument(fake, make):
    drivers = {**fake.drivers, "source": lambda: lambda n, address: 42}
    with pytest.raises(
        InstrumentError, match=r"lo: its driver source gave 42, which is no instrument"
    ):
        asyncio.run(connect(make.lab(), drivers))


def test_the_installed_drivers_can_be_loaded():
    drivers = installed_drivers()
    assert {
        "tektronix_awg5208", "rohde_schwarz_sgs100a", "alazar_ats9360", "oxford_triton"
    } <= drivers.keys()  # fmt: skip
    assert all(callable(load()) for load in drivers.values())


# locks


def test_a_second_holder_is_told_who_the_first_is(make, tmp_path):
    lab = make.lab(path=tmp_path / "first.toml")
    with held_locks(lab, tmp_path), pytest.raises(InstrumentError) as caught:  # noqa: SIM117
        with held_locks(make.lab(), tmp_path):
            pytest.fail("two hold the same instruments")
    lines = str(caught.value).splitlines()
    assert len(lines) == 4
    assert lines[0] == (
        f"awg (addr-awg) is in use by process {os.getpid()}, started by process {os.getppid()}, "
        f"with {tmp_path / 'first.toml'}"
    )


def test_locks_end_with_the_block(make, tmp_path):
    for _ in range(2):
        with held_locks(make.lab(), tmp_path):
            pass


def test_a_refusal_leaves_no_lock_behind(make, tmp_path):
    lab = make.lab()
    only_source = replace(lab, instruments={"lo": lab.instruments["lo"]})
    with held_locks(only_source, tmp_path):
        with pytest.raises(InstrumentError, match="lo"), held_locks(lab, tmp_path):
            pass
        rest = {name: entry for name, entry in lab.instruments.items() if name != "lo"}
        with held_locks(replace(lab, instruments=rest), tmp_path):
            pass


def test_the_same_address_written_otherwise_is_the_same_instrument(make, tmp_path):
    lab = make.lab()
    entry = replace(lab.instruments["lo"], name="other", address=" ADDR-LO ")
    with held_locks(lab, tmp_path), pytest.raises(InstrumentError, match="other"):  # noqa: SIM117
        with held_locks(replace(lab, instruments={"other": entry}), tmp_path):
            pass


def test_different_instruments_do_not_meet(make, tmp_path):
    lab = make.lab()
    entry = replace(lab.instruments["lo"], address="elsewhere")
    with held_locks(lab, tmp_path), held_locks(replace(lab, instruments={"lo": entry}), tmp_path):
        pass


def test_a_process_that_is_killed_leaves_nothing_locked(make, tmp_path):
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from types import SimpleNamespace as N\n"
        "from kammerton.bench.locks import held_locks\n"
        "lab = N(path=Path('dead.toml'), instruments={'lo': N(name='lo', address='addr-lo')})\n"
        "with held_locks(lab, Path(sys.argv[1])):\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with (
            pytest.raises(InstrumentError, match=rf"process {process.pid}, started by .*dead.toml"),
            held_locks(make.lab(), tmp_path),
        ):
            pass
        process.kill()
    with held_locks(make.lab(), tmp_path):
        pass
