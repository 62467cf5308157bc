"""What somebody should know tonight, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

WHAT_TO_DO: Mapping[str, str] = {
    "instrument": (
        "See that it is switched on, that its cable is plugged in and that nobody else uses it. "
        "Where another box answers, see its address; where it was replaced for good, give the new "
        "`serial` in lab.toml and start the daemon anew. "
        "Kammerton tries again by itself while it runs and nobody holds the instruments. Where its "
        "outputs are not known to be off, look at its front panel before anybody reaches in."
    ),
    "instrument error": (
        "It refused or lost a command; what was measured then is not believed and is measured "
        "again. If it comes again, look up the code in its manual and see its settings in lab.toml."
    ),
    "set aside": (
        "Nothing is measured with it until a person says that it is well: see to what it says, "
        "then `kammerton release` with its name. It is then asked anew. All outputs are switched "
        "off; where one does not read back as off, an alarm of outputs names it."
    ),
    "outputs": (
        "They may be on: nobody switched off, or an instrument did not answer; what a person holds "
        "the daemon does not touch, not even to switch off. Look at the front panels before "
        "anybody reaches in; switch off there, or `kammerton release` what is held: the daemon "
        "then switches everything off first."
    ),
    "requests": (
        "Nothing is done with this computer, as if a person held it. See the file beside the "
        "database that ends in .requests; where it is beyond repair, delete it, and whoever asked "
        "for a hold since must ask again."
    ),
    "approval": (
        "Nothing is written to the outputs it names until a person answers: see what it asks with "
        "`kammerton approve`, then approve or refuse each."
    ),
    "target": (
        "It is left alone for a while and then tried again. `kammerton log` shows its last runs; "
        "see its line, its design values in lab.toml and its resonator."
    ),
    "went back": (
        "Two runs contradicted what a third had changed, so that the values before it hold again "
        "and are measured anew: nothing is to be done unless it comes again. `kammerton log` names "
        "the runs; see their pictures, and what disturbed the third."
    ),
    "same line": (
        "Two qubits on one chip are seldom that close: one may be read, or driven, in place of the "
        "other. Compare with their design values; hold one and see whether the other's line moves."
    ),
    "refrigerator": (
        "See the refrigerator itself: thermometer, pumps, compressor, pressures. Nothing is driven "
        "until it reads cold again; Kammerton then goes on by itself."
    ),
    "database": (
        "The result in hand is kept and nothing new is begun until it can be written. See that the "
        "disk has room, that no other program holds the file, or that the server runs and answers. "
        "Where it was moved or deleted, or is damaged, what was being measured is measured again: "
        "put the same file back, or end the daemon and put the newest backup in its place, as it "
        "says."
    ),
    "backup": (
        "What is stored is stored, but there is no newer copy to go back to. See the disk that the "
        "folder `backups` lies on, and try `kammerton backup`, which says what is in its way. The "
        "daemon tries again within the hour."
    ),
    "broker": (
        "Results are kept and go out later. See that the broker runs, that the network leads "
        "there, and that name, password and certificates in [broker] are right."
    ),
    "publishing": (
        "It is an error in Kammerton: results are kept, and publishing is tried again, after 5 min "
        "at most. Report the traceback in the log, with the version. If it does not go on by "
        "itself, see what else is published under this computer's topics."
    ),
    "retained": (
        "Somebody else publishes under this computer's topics, or the broker lost what it had. "
        "Give only this daemon the right to write there (docs/mqtt.md), and see what else runs."
    ),
    "client id": (
        "Two programs connect to the broker as this computer's daemon. Stop the other one, or "
        "give it another [computer] name."
    ),
    "clock": (
        "See that the computer's clock is right and stays so (NTP, and a battery that keeps it). "
        "Laboratory time follows it between two runs; what was measured before counts as old as it "
        "may be, and is measured again where that is too old."
    ),
    "command keys": (
        "Nobody may command over MQTT: see the file that [broker] names as commands, each line a "
        "user and a key. It is read anew at every connection to the broker."
    ),
    "command": "Somebody sends commands that are not valid. See who may write to the cmd topics.",
}
"""By the kind of alarm."""

OVER = "Nothing: it is over."


@dataclass(frozen=True)
class Alarm:
    """One thing that is wrong, or (`on` False) is over.

    kind: a key of WHAT_TO_DO. subject: what it is about, such as an instrument's name. text: what
    happened, in one sentence. earlier: what is over may have been told by a process before this.
    causes: a word for each cause; another one than those told lately is news. "": there is but one.
    """

    kind: str
    subject: str
    text: str
    on: bool = True
    earlier: bool = False
    causes: tuple[str, ...] = ("",)

    @property
    def what_to_do(self) -> str:
        """Return what whoever reads it may do."""
        return WHAT_TO_DO[self.kind] if self.on else OVER


Tell = Callable[[Alarm], object]
"""Whoever is told of alarms; never blocks."""

LASTS = "outputs"
"""The kind of alarm that is true, or over, after the last process has ended, too: retained."""

PUBLISHING, STOPPED, GOES_ON = "publishing", "stopped", "goes on"
"""The kind of alarm, and the thing in the audit log, of an unforeseen error; what is there then."""

DATABASE, DAMAGED = "database", ("damaged",)
"""The kind of alarm, and what it has as its cause where no waiting helps."""

CLOCK = "clock"
"""The kind of alarm, and the thing in the audit log, of a computer's clock that was set."""

NOT_OFF = " is not known to be off"
"""What each instrument that did not go off is told with."""


def left_on(computer: str, why: str) -> str:
    """Return what is said of outputs that nobody has seen off: once, though `why` says it."""
    which = "; ".join(why.replace(NOT_OFF, "").splitlines())
    return f"outputs of {computer} are not known to be off: {which}"


def unheard(alarm: Alarm) -> None:
    """Tell nobody."""
