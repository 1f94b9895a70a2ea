"""Kills parts of a live session at random moments and counts hanging notes: python benchmarks/chaos.py [--minutes 10]

Needs, from Debian: jackd2, jack-tools, jack-midi-clock, libasound2.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from jackd import Dump, Server, eventually


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    found = [int(child) for task in tasks for child in task.read_text().split()]
    return [child for child in found if Path(f"/proc/{child}/exe").exists()]


def main() -> None:
    """One fault after another; a line each, and a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    server = Server(f"chaos-{os.getpid()}")
    folder = tempfile.TemporaryDirectory()
    server.environment["XDG_STATE_HOME"] = folder.name
    done: Counter[str] = Counter()
    hanging: Counter[str] = Counter()
    dump = Dump(server, None)
    live = None
    until = time.monotonic() + 60 * options.minutes
    faults = ["player", "worker", "both", "term", "interrupt", "listener", "server", "stall"]
    try:
        while time.monotonic() < until:
            if live is None or live.poll() is not None:
                tempo = str(rng.choice([50, 90, 140]))
                backend = rng.choice(["jack", "rtmidi-jack"])
                live = server.live("--key", "C major", "--notes", "60", "--tempo", tempo, "--backend", backend)
                dump.connect("melodylc:out")
            heard = len(dump.heard)
            if not eventually(lambda ear=dump, seen=heard: len(ear.heard) > seen, 30):
                print("silent for 30 s")
                hanging["silence"] += 1
            time.sleep(rng.uniform(0.0, 3.0))
            fault = rng.choice(faults)
            done[fault] += 1
            inference = children(live.pid)
            if fault in ("worker", "both") and inference:
                os.kill(inference[0], signal.SIGKILL)
            if fault == "stall" and inference:
                os.kill(inference[0], signal.SIGSTOP)
            number = {"player": 9, "both": 9, "term": 15, "interrupt": 2}.get(fault)
            if number:
                live.send_signal(number)
                live.wait(20)
                live = None
            if fault == "both":  # the next start is to end the notes
                live = server.live("--sync", "midi-clock")
                eventually(lambda ear=dump: not ear.hanging, 30)
                live.send_signal(signal.SIGINT)
                live.wait(20)
                live = None
            if fault in ("listener", "server"):
                dump.close()
                if fault == "server":
                    server.kill()
                    time.sleep(rng.uniform(0, 1))
                    server.start()
                dump = Dump(server, None)
                if not eventually(lambda ear=dump: ear.heard, 30):
                    print(f"not connected again after {fault}")
                    hanging["silence"] += 1
            if number and not eventually(lambda ear=dump: not ear.hanging, 15):
                hanging[fault] += 1
                print(f"{fault}: hanging {dump.hanging}", flush=True)
            for pid in inference:  # nothing of ours is left behind
                if live is None and not eventually(lambda pid=pid: not Path(f"/proc/{pid}/exe").exists(), 15):
                    hanging["orphans"] += 1
        if live is not None:
            live.send_signal(signal.SIGINT)
            live.wait(20)
            time.sleep(0.5)
            hanging["end"] += bool(dump.hanging)
    finally:
        dump.close()
        server.close()
        if live is not None and live.poll() is None:
            live.kill()
        folder.cleanup()
    print(f"{'fault':<12}{'times':>8}{'hanging':>10}")
    for fault in [*faults, "end", "silence", "orphans"]:
        print(f"{fault:<12}{done[fault]:>8}{hanging[fault]:>10}")


if __name__ == "__main__":
    main()
