"""Subsequences: their volts are in the ledger, and no nesting of them keeps a box busy."""

from __future__ import annotations

import io
import time
import zipfile

import numpy as np
import pytest

from kammerton_sim.evidence.audit import unsafe
from kammerton_sim.evidence.ledger import Ledger
from kammerton_sim.instruments.awg5208 import Awg5208
from kammerton_sim.instruments.seqx import read_seqx, read_sml
from kammerton_sim.wire.errors import ScpiError
from kammerton_sim.wire.scpi import block_of


@pytest.fixture
def box() -> Awg5208:
    box = Awg5208("awg1", Ledger(lambda: 0.0))
    box.receive(b'WLIS:WAV:NEW "loud",2400,REAL')
    samples = block_of(np.ones(2400, "<f4").tobytes())
    box.receive(b'WLIS:WAV:DATA "loud",0,2400,' + samples)
    return box


def nest(box: Awg5208, deep: int, steps: int) -> None:
    """Sequence n0 of so many steps n1, each of as many n2, ... of as many waveforms."""
    for d in range(deep):
        box.receive(f'SLIS:SEQ:NEW "n{d}",{steps},1'.encode())
        last = d == deep - 1
        word = f'TASS1:WAV "n{d}","loud"' if last else f'TASS:SEQ "n{d}","n{d + 1}"'
        for n in range(1, steps + 1):
            box.receive(f"SLIS:SEQ:STEP{n}:{word}".encode())
    box.receive(b'SOUR1:VOLT 1.5;:SOUR1:CASS:SEQ "n0",1;:OUTP1 ON')


def test_volts_in_a_subsequence_are_in_the_ledger(box):
    nest(box, deep=2, steps=1)
    box.receive(b"AWGC:RUN")
    spans = unsafe(box.ledger.whole(), {"awg1.peak": (-0.5, 0.5)}, box.power_on(), 1.0)
    assert [(s["output"], s["value"]) for s in spans] == [("awg1.1", 0.75)]


def test_nested_steps_are_counted_before_they_are_written_out(box):
    nest(box, deep=6, steps=60)
    start = time.process_time()
    box.receive(b"AWGC:RUN")
    assert time.process_time() - start < 1
    assert box.receive(b"SYST:ERR:CODE?;:AWGC:RST?") == b"-225;0"


def test_as_many_steps_as_are_taken_are_written_out_at_once(box):
    nest(box, deep=2, steps=16)
    box.receive(b'SLIS:SEQ:NEW "top",1,8;:SLIS:SEQ:STEP1:TASS:SEQ "top","n0"')
    box.receive(b'SLIS:SEQ:STEP1:RCO "top",500')
    for channel in range(1, 9):
        box.receive(f'SOUR{channel}:CASS:SEQ "top",{channel}'.encode())
    box.receive(b"AWGC:RUN")
    start = time.process_time()
    assert len(box.outputs()["awg1", 8].prologue) == 128_000
    assert time.process_time() - start < 1


def test_a_subsequence_that_lies_too_deep_is_refused_also_where_it_is_met_first_elsewhere(box):
    nest(box, deep=9, steps=1)
    box.receive(b'SLIS:SEQ:NEW "top",2,1;:SLIS:SEQ:STEP1:TASS:SEQ "top","n8"')
    box.receive(b'SLIS:SEQ:STEP2:TASS:SEQ "top","n0";:SOUR1:CASS:SEQ "top",1')
    box.receive(b"AWGC:RUN")
    assert box.receive(b"SYST:ERR:CODE?;:AWGC:RST?") == b"-221;0"


def test_a_sequence_in_an_unknown_encoding_is_a_corrupt_file():
    with pytest.raises(ScpiError, match="-253"):
        read_sml(b'<?xml version="1.0" encoding="foo"?><DataFile/>')


@pytest.mark.parametrize("packed", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_DEFLATED])
def test_a_broken_archive_is_a_corrupt_file(packed):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packed) as archive:
        archive.writestr("x.sml", b"some text " * 50)
    blob = bytearray(file.getvalue())
    for n in range(blob.index(b"x.sml") + 9, blob.index(b"x.sml") + 29):
        blob[n] ^= 0xA5
    with pytest.raises(ScpiError, match="-253"):
        read_seqx(bytes(blob), 1 << 20)
