"""The cable between an instrument and its clients: sound until a fault is put on it.

Faults act on whole answers, after the instrument has carried out what was asked: a bad cable
does not undo a setting. A black hole is the other way round: nothing arrives, nobody hangs up.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

import numpy as np

Spoil = Callable[[bytes], bytes | None]
"""What an answer becomes; None when it is swallowed."""


class Link:
    """Everything that a server sends or receives passes through here."""

    def __init__(self) -> None:
        self._spoils: list[tuple[Spoil, int]] = []
        """What to do, and to how many more answers."""
        self._holes = 0
        self._hole = threading.Event()
        self._open = threading.Event()
        self._open.set()
        self._lock = threading.Lock()

    def spoil(self, how: Spoil, count: int) -> Callable[[], None]:
        """Do this to the next `count` answers; returns what ends it early."""
        with self._lock:
            self._spoils.append((how, count))

        def mend() -> None:
            with self._lock:
                self._spoils = [entry for entry in self._spoils if entry[0] is not how]

        return mend

    @property
    def spoils(self) -> bool:
        """Whether an answer is still to be spoiled."""
        return bool(self._spoils)

    def black_hole(self) -> Callable[[], None]:
        """Let nothing through in either direction, without hanging up; returns what ends it.

        Of several holes the last that ends lets everything through.
        """
        with self._lock:
            self._holes += 1
        self.again()

        def fill() -> None:
            with self._lock:
                self._holes -= 1
                if not self._holes:
                    self.restore()

        return fill

    def again(self) -> None:
        """Be as bad as before `restore`, where something still makes a hole."""
        with self._lock:
            if self._holes:
                self._open.clear()
                self._hole.set()

    def restore(self) -> None:
        """Let everything through again; whoever waited in the hole is hung up on."""
        self._hole.clear()
        self._open.set()

    @contextlib.contextmanager
    def restored(self) -> Iterator[None]:
        """Let everything through meanwhile: whoever waits in a hole is hung up on."""
        self.restore()
        try:
            yield
        finally:
            self.again()

    def arrive(self) -> None:
        """Called when a message came in; raises ConnectionResetError if it fell into a hole."""
        if self._hole.is_set():
            self._open.wait()
            raise ConnectionResetError("the cable was dead")

    def leave(self, answer: bytes) -> bytes | None:
        """Return what the client gets of an answer, None for nothing."""
        self.arrive()
        how = self._next() if self._spoils and answer else None
        return answer if how is None else how(answer)

    def _next(self) -> Spoil | None:
        with self._lock:
            if not self._spoils:
                return None
            how, left = self._spoils.pop(0)
            if left > 1:
                self._spoils.insert(0, (how, left - 1))
            return how


def swallowed(answer: bytes) -> bytes | None:
    """Nothing comes."""
    return None


def late(seconds: float, over: threading.Event) -> Spoil:
    """The answer comes after so long, or as soon as that is over."""

    def spoil(answer: bytes) -> bytes:
        over.wait(seconds)
        return answer

    return spoil


def truncated(keep: float) -> Spoil:
    """Only the first part comes: `keep` of the bytes."""
    return lambda answer: answer[: int(len(answer) * keep)]


def shifted(answer: bytes) -> bytes:
    """A byte too many stands before the answer."""
    return b"\x00" + answer


def reversed_words(width: int) -> Spoil:
    """Every `width` bytes come in the other order, as from a box set to the other endianness.

    Of a message with a block ("#800012..."), only the block; a rest shorter than a word stays.
    """

    def spoil(answer: bytes) -> bytes:
        start = _block_start(answer)
        words = len(answer[start:]) // width * width
        body = answer[start : start + words]
        turned = b"".join(body[n : n + width][::-1] for n in range(0, words, width))
        return answer[:start] + turned + answer[start + words :]

    return spoil


def _block_start(answer: bytes) -> int:
    """Where the data of a definite-length block begin; 0 in an answer without one."""
    mark = answer.find(b"#")
    digits = answer[mark + 1 : mark + 2]
    return mark + 2 + int(digits) if mark >= 0 and digits.isdigit() and digits != b"0" else 0


def oversized(extra: int) -> Spoil:
    """So many bytes too many follow."""
    return lambda answer: answer + b"0" * extra


def garbled(share: float, seed: int) -> Spoil:
    """At least one byte, on average this share of all, is another than was sent."""
    rng, one_at_a_time = np.random.default_rng(seed), threading.Lock()

    def spoil(answer: bytes) -> bytes:
        spoilt = np.frombuffer(answer, np.uint8).copy()
        with one_at_a_time:  # answers to several clients share the draws
            hit = rng.random(spoilt.size, np.float32) < share
            hit[rng.integers(spoilt.size)] = True
            spoilt[hit] ^= rng.integers(1, 256, int(hit.sum()), np.uint8)
        return spoilt.tobytes()

    return spoil


def replaced(text: str) -> Spoil:
    """Something else comes instead, such as 9.91E37 or 1,5."""
    return lambda answer: text.encode()
