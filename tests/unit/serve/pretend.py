"""A process of a computer that does as its lab.toml says: one word for each life, in order.

The last word holds for all further lives. Each life is noted in `<lab>.lives`.
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


def act(word, order):
    if word == "crash":
        os._exit(5)
    if word == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if word == "bad":
        say(ended=2, why="lab.toml: line 3")
        sys.exit(2)
    name = Path(sys.argv[1]).name
    twin = {"twin": {"loaded": "chip"}, "shares": {"database": "/k.sqlite"}}.get(word, {})
    say(**{"loaded": "chip" if name == "lab.toml" else name, "database": f"/{name}.sqlite"} | twin)
    if word == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while (told := sys.stdin.readline()) != "go\n":
        if told in ("", "stop\n"):
            say(ended=0, why="told to end")
            sys.exit(0)
    note("go")
    say(up=word != "unreachable")
    if word in ("works", "deaf"):
        threading.Thread(target=beat, args=[f"{order['mode']}"], daemon=True).start()
    else:
        say(beat="about to")
    work(word)


def work(word):
    if word == "hangs":
        say(beat="t1 on q0")
        time.sleep(60)
    if word in ("done", "parked", "failed", "unreachable"):
        code = {"done": 0, "parked": 3}.get(word, 1)
        say(ended=code, why=word)
        sys.exit(code)
    if word == "lingers":
        say(ended=0, why="")
        time.sleep(60)
    while word == "deaf":
        time.sleep(1)
    note("orphan" if sys.stdin.readline() == "" else "told")
    say(ended=0, why="told to end")


def note(text):
    with Path(f"{sys.argv[1]}.lives").open("a") as lives:
        lives.write(f"{text}\n")


def main():
    order = json.loads(sys.stdin.readline())
    lives = Path(f"{sys.argv[1]}.lives")
    past = lives.read_text().splitlines() if lives.exists() else []
    words = (order["text"] or "").split()
    number = sum(line.startswith("life") for line in past)
    note(f"life {order['mode']} {order['why']}".strip())
    act(words[min(number, len(words) - 1)], order)


if __name__ == "__main__":
    main()
