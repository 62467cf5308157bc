"""A process of a computer that does as its lab.toml says: one word for each life, in order.

The last word holds for all further lives. Each life is noted in `<lab>.lives`, and which process
lived it in `<lab>.pids`. One that is kept ready does as the word after the program says until it
gets its order.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

BEAT = 0.05


def say(**message):
    os.write(1, json.dumps(message).encode() + b"\n")


def beat(doing):
    while True:
        say(beat=doing)
        time.sleep(BEAT)


LAB = ""


def act(word, order):
    if word == "crash":
        os._exit(5)
    if word == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if word == "bad":
        say(ended=2, why="lab.toml: line 3")
        sys.exit(2)
    if word == "slow":
        note("begins")
        time.sleep(60)
    name = Path(LAB).name
    twin = {
        "twin": {"loaded": "chip"}, "shares": {"database": "/k.sqlite"}, "ramps": {"ramps": True}
    }.get(word, {})  # fmt: skip
    if word == "keeps" or Path(f"{LAB}.keeps").exists():
        Path(f"{LAB}.keeps").touch()
        twin |= {"keeping": f"{LAB}.sqlite.daemon"}
    say(**{"loaded": "chip" if name == "lab.toml" else name, "database": f"/{name}.sqlite"} | twin)
    if word in ("deaf", "ramps"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if word == "loads":
        load()
    while (told := sys.stdin.readline()) != "go\n":
        if not told or told.startswith("stop"):
            if word == "keeps":
                note("told early")
            say(ended=0, why="told to end", off=True)
            sys.exit(0)
    note("go")
    say(up=word not in ("unreachable", "haunted", "haunted_too", "waits"))
    if word != "starts":
        say(warm=True)
    if word in ("works", "deaf", "starts", "waits", "fails_later", "stuck"):
        threading.Thread(target=beat, args=[f"{order['mode']}"], daemon=True).start()
    else:
        say(beat="about to")
    work(word)


def load():
    """Load on a busy machine, whatever is said; when told to end, for a second more."""
    threading.Thread(target=beat, args=["starting"], daemon=True).start()
    note("loads")
    while not sys.stdin.readline().startswith("stop"):
        pass
    time.sleep(1.0)
    say(ended=0, why="told to end", off=True)
    sys.exit(0)


def work(word):
    if word in ("hangs", "ramps"):
        say(beat="t1 on q0")
        time.sleep(60)
    if word in ("done", "parked", "failed", "unreachable", "haunted", "haunted_too"):
        code = {"done": 0, "parked": 3}.get(word, 1)
        say(said=f"mark of {word}")
        say(ended=code, why=word, off=not word.startswith("haunted"))
        sys.exit(code)
    if word == "lingers":
        say(ended=0, why="")
        time.sleep(60)
    while word == "fails_later":
        if Path(f"{LAB}.fails").exists():
            say(ended=1, why=word, off=Path(f"{LAB}.fails").read_text() != "haunted")
            sys.exit(1)
        time.sleep(BEAT)
    if word == "mute":
        sys.stdin.readline()
        time.sleep(60)
    while word == "deaf":
        time.sleep(1)
    if word == "naps":
        sys.stdin.readline()
        time.sleep(2.0)
        say(ended=0, why="told to end", off=True)
        sys.exit(0)
    if word == "stuck":
        sys.stdin.readline()
        say(off=True)
        time.sleep(60)
    note("orphan" if sys.stdin.readline() == "" else "told")
    say(ended=0, why="told to end", off=True)


def note(text, where="lives"):
    with Path(f"{LAB}.{where}").open("a") as file:
        file.write(f"{text}\n")


def kept_ready(word):
    """Wait as one that is kept ready; return its order, if it comes to that."""
    if word == "dies":
        sys.exit(7)
    if word == "never":
        time.sleep(60)
    say(ready=True, told=False)
    while (line := sys.stdin.readline()) == "ready?\n":
        if word != "mute":
            say(ready=True, told=word == "told")
    if word == "half" and line:
        time.sleep(60)
    return line or sys.exit(0)


def main():
    global LAB
    ready, successor = sys.argv[-1] == "--kept-ready", sys.argv[-1] == "--at-once"
    first = kept_ready(sys.argv[-2]) if ready else sys.stdin.readline()
    order = json.loads(first or sys.exit(0))
    LAB = order["lab"]
    ends = ready and sys.argv[-2] == "told"
    lives = Path(f"{LAB}.lives")
    past = lives.read_text().splitlines() if lives.exists() else []
    words = (order["text"] or "").split()
    number = sum(line.startswith("life") for line in past)
    how = "kept ready" if ready else "successor" if successor else "begun"
    note(f"{os.getpid()} {how}", "pids")
    note(" ".join(order["said"]), "said")
    note(f"life {order['mode']} {order['why']}".strip())
    if ends:
        say(loaded="chip", database="/lab.toml.sqlite")
        say(ended=1, why="told to end; outputs are not known to be off")
        return
    act(words[min(number, len(words) - 1)], order)


if __name__ == "__main__":
    main()
