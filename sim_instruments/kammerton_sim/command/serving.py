"""A laboratory that is served until it is told to end, and what it says when it is ready."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from typing import NoReturn, TextIO

from kammerton_sim.chip import Chip
from kammerton_sim.chip.hidden import note
from kammerton_sim.ctl.running import announced, found, which
from kammerton_sim.further import MODELS
from kammerton_sim.laboratory import Laboratory


def serve_until_stopped(laboratory: Laboratory, until_stdin_closes: bool) -> None:
    """Serve until Ctrl-C, SIGTERM, a word at the control port, or the end of stdin."""
    stop = laboratory.stop_requested
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    if until_stdin_closes:
        threading.Thread(target=_watch, args=(sys.stdin, stop), daemon=True).start()
    _warm(bool(laboratory.chip.couplings), None if until_stdin_closes else stop)
    sys.stderr.write(_table(laboratory))
    sys.stderr.write(_beside_others(laboratory))
    with announced(laboratory.chip.name, laboratory.ports["control"]):
        sys.stdout.write(json.dumps(laboratory.ready()) + "\n")
        sys.stdout.flush()
        stop.wait()


def end_at_once() -> NoReturn:
    """End the process, whatever is still compiled or computed in it: nobody needs that any more.

    The interpreter would wait for it, for as long as a minute.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _warm(coupled: bool, stop: threading.Event | None) -> None:
    """Compile the kernels; where they are not on the disk yet, be ready only then.

    stop: ends the waiting; None where whoever began the laboratory starts meanwhile, too.
    """
    from kammerton_sim.world import compiled, warm

    warming = threading.Thread(target=warm, args=(coupled,), name="warm", daemon=True)
    before = compiled()
    warming.start()
    if stop is not None and not before:
        sys.stderr.write("numerical kernels are compiled, once: a minute or two\n")
        while warming.is_alive() and not stop.wait(0.1):
            pass


def _watch(stream: TextIO, stop: threading.Event) -> None:
    while stream.read(4096):
        pass
    stop.set()


def _table(laboratory: Laboratory) -> str:
    chip, ports = laboratory.chip, laboratory.ports
    rows = [("instrument", "what", "address")]
    visa = {
        **dict.fromkeys(laboratory.generators, "AWG5208"),
        **dict.fromkeys(laboratory.sources, "SGS100A"),
    }
    rows += [(n, what, f"TCPIP0::127.0.0.1::hislip0,{ports[n]}::INSTR") for n, what in visa.items()]
    for name, entry in chip.wiring.instruments.items():
        model = MODELS[entry.model]
        rows.append((name, model.what, model.address.format(port=ports[name])))
    rows += [(name, "ATS9360", f"sim://127.0.0.1:{ports[name]}") for name in laboratory.boards]
    rows.append(("fridge", "Triton", f"tcp://127.0.0.1:{ports['fridge']}"))
    rows.append(("control", "truth, ledger", f"127.0.0.1:{ports['control']}, JSON lines"))
    lines = [f"  {a:<12} {b:<14} {c}" for a, b, c in rows]
    return "\n".join((f"{size(chip)}, {note(chip.seed)}", *lines, ""))


def size(chip: Chip) -> str:
    """Return the chip's name, and how many qubits it has."""
    count = len(chip.qubits)
    return f"{chip.name}: {count} qubit{'' if count == 1 else 's'}"


def _beside_others(laboratory: Laboratory) -> str:
    """Say which laboratory this is, and how it is chosen where others run."""
    chip, control = laboratory.chip.name, laboratory.ports["control"]
    lines = [f"this is {which(chip, control, os.getpid(), os.getcwd())}"]
    lines += [f"beside it runs {which(**vars(each))}" for each in found()]
    if lines[1:]:
        lines.append(f"`kammerton sim ctl --control {control}` asks this one")
    return "\n".join((*lines, ""))
