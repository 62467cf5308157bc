"""`python -m tests.fuzzing [libFuzzer options]`: atheris feeds every instrument, one process.

The first byte picks the instrument or the reader of a file, the rest is what it is sent; a second
byte cuts that into two messages. It begins with what each knows. A crash, or a message that takes
longer than a second, ends the run with the bytes in a file.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

DEFAULTS = (
    "-max_total_time=60", "-timeout=1", "-max_len=512", "-len_control=0", "-rss_limit_mb=2048",
)  # fmt: skip
_PARAMETERS = (
    "?", ";:", "MIN", "MAX", "ON", "INF", "1e99", "'Trc1','S21'", "#14abcd", "KRDG? 6", "RDGST?",
    "CALC1:DATA? FDAT", "READ:DEV:T8:TEMP:SIG:TEMP", "/values/mapper/bf",
)  # fmt: skip
Target = Callable[[bytes], object]


def main(arguments: Sequence[str]) -> int:
    """Fuzz until the time is over; 0 when nothing was found or atheris is not installed."""
    try:
        import atheris
    except ImportError:
        sys.stderr.write("atheris is not installed (pip install atheris): nothing was fuzzed\n")
        return 0
    with atheris.instrument_imports(include=["kammerton_sim"]):
        targets = _targets()

    def one(data: bytes) -> None:
        if len(data) > 2:
            target, cut = targets[data[0] % len(targets)], data[1]
            for part in (data[2 : 2 + cut], data[2 + cut :]):
                target(part)

    with tempfile.TemporaryDirectory() as folder:
        known, seeds = Path(folder, "words.dict"), Path(folder, "seeds")
        known.write_text("".join(f'"{word}"\n' for word in _words()), encoding="ascii")
        seeds.mkdir()
        for number, message in enumerate(_messages(len(targets))):
            (seeds / f"{number:05d}").write_bytes(message)
        atheris.Setup([sys.argv[0], f"-dict={known}", *DEFAULTS, *arguments, str(seeds)], one)
        atheris.Fuzz()
    return 0


def _messages(targets: int) -> Iterator[bytes]:
    """Yield something to begin with for every instrument: each header asked, set, and set badly."""
    for word in _words():
        for text in (f"{word}?", f"{word} 1", f"{word} 1,0.5", f'{word} "a"', f"{word};*IDN?"):
            for target in range(targets):
                yield bytes((target, 255)) + text.encode()


def _words() -> Iterator[str]:
    """Yield what the instruments know: headers, and a few parameters."""
    from kammerton_sim.instruments import awg5208, gs200, k33522b, lakeshore372_tables, znb20

    for module in (awg5208, gs200, k33522b, znb20):
        for setting in module.SETTINGS.values():
            yield setting.header.replace("#", "1").translate(str.maketrans("", "", "[]"))
    yield from lakeshore372_tables.GROUPS
    yield from _PARAMETERS


def _targets() -> list[Target]:
    from kammerton_sim.evidence.ledger import Ledger
    from kammerton_sim.fridge import Refrigerator
    from kammerton_sim.instruments.awg5208 import Awg5208
    from kammerton_sim.instruments.bluefors_api import BlueforsApi
    from kammerton_sim.instruments.gs200 import Gs200
    from kammerton_sim.instruments.k33522b import Keysight33522b
    from kammerton_sim.instruments.lakeshore372 import Lakeshore372
    from kammerton_sim.instruments.seqx import read_seqx, read_sml, read_wfmx
    from kammerton_sim.instruments.sgs100a import Sgs100a
    from kammerton_sim.instruments.triton import Triton
    from kammerton_sim.instruments.znb20 import Znb20
    from kammerton_sim.wire.errors import ScpiError
    from kammerton_sim.wire.sockets import InputBuffer

    ledger, fridge = Ledger(lambda: 0.0, length=100), Refrigerator(lambda: 0.0)
    scpi = (
        Awg5208("awg", ledger),
        Sgs100a("lo", ledger),
        Gs200("bias", ledger, lambda: 0.0),
        Keysight33522b("fg", ledger),
        Znb20("vna", ledger, lambda hertz, volts, bandwidth: (0j * hertz, 1e-3), lambda _: None),
        Lakeshore372("bridge", ledger, lambda: 0.0, fridge),
    )
    triton = Triton("fridge", ledger, fridge)
    api = BlueforsApi("api", ledger, lambda: 0.0, fridge)

    def ask(data: bytes) -> object:
        path, _, rest = data.decode("latin-1").partition("?")
        return api.answer("GET", path, {"recursion": rest, "style": "tree", "fields": rest}, data)

    def file(read: Callable[[bytes], object]) -> Target:
        def target(data: bytes) -> None:
            with suppress(ScpiError):
                read(data)

        return target

    return [
        *(device.receive for device in scpi),
        lambda data: triton.answer(data.decode("utf-8", "replace")),
        ask,
        lambda data: list(InputBuffer().messages(data)),
        *(
            file(read)
            for read in (
                lambda data: read_seqx(data, 1 << 20),
                read_sml,
                lambda data: read_wfmx(data, "wave"),
            )
        ),
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
