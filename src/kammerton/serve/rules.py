"""How patient the supervisor is, and when it gives a computer up."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rules:
    """All times in seconds.

    beat: between two heartbeats of a computer's process, sent by its turning event loop.
    hang: without a heartbeat it hangs. start: the first one may take so long. taken: that of one
    that was kept ready, whose memory may have been swapped out meanwhile.
    ask, insist: how long it gets to end when asked, and after SIGTERM, when it hangs.
    stop: how long it gets to end when the daemon is told to; SIGTERM then, and SIGKILL after
    `urge` more. whole: how long all that may take from the signal on, another process included that
    switches off what the killed one may have left on; that one gets `least` all the same.
    mute: told to end, one that may have outputs on hangs when it has given no sign of life for so
    long. lull: after so much of that silence another begins to load, to switch off in its place.
    ramp: instead of `stop` where lab.toml wants a bias to ramp to zero at the end.
    leave: how long it may take to be gone once it said that it has ended.
    first_pause, longest_pause: before the second restart in a row, doubled each time; the first is
    immediate, since outputs may be on. quick: what ends sooner has failed quickly; so many `tries`
    of that in a row by a crash lead to safe mode.
    load: how long a process may take to load: one that is kept ready at low priority, and one that
    is up what it compiles. look: between two questions to the one that is kept ready whether it is
    there. answer: how long it may take to say so.
    """

    beat: float = 0.5
    hang: float = 10.0
    start: float = 120.0
    taken: float = 30.0
    ask: float = 2.0
    insist: float = 2.0
    stop: float = 7.0
    urge: float = 0.5
    whole: float = 9.5
    least: float = 3.0
    mute: float = 4.0
    lull: float = 1.0
    ramp: float = 3700.0
    leave: float = 3.0
    first_pause: float = 1.0
    longest_pause: float = 300.0
    quick: float = 60.0
    tries: int = 5
    load: float = 600.0
    look: float = 60.0
    answer: float = 2.0

    @property
    def another(self) -> float:
        """How long another process would get to switch off in the place of one that is killed."""
        return self.stop + 2 * self.insist

    def pause(self, failures: int) -> float:
        """Return how long to wait after so many failures in a row."""
        if failures <= 1:
            return 0.0
        return float(min(self.first_pause * 2 ** min(failures - 2, 30), self.longest_pause))
