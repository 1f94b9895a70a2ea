"""Kill parts of a live session at random moments, count hanging notes and silences: python benchmarks/chaos.py

The columns are the fault, how often it happened, after how many of these a note hung, and for how many seconds nothing
started that should have: from the fault to the next note, the median and the most. A session that a fault has ended is
started again, which is no silence. `nothing` is no fault: the rests that melodies have. The last rows are the
normal end of a session, silences of 30 seconds, and processes that outlived their session. Needs, from Debian: jackd2,
jack-tools, jack-midi-clock, libasound2.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))

from jackd import Dump, Server, eventually

SIGNALS = {"player": signal.SIGKILL, "both": signal.SIGKILL, "term": signal.SIGTERM, "interrupt": signal.SIGINT}
GOES_ON = ("nothing", "worker", "stall", "listener", "server")  # after these the session is to play on
FAULTS = (*GOES_ON, *SIGNALS)


def children(pid: int) -> list[int]:
    """Return the living child processes of a process."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    found = [int(child) for task in tasks for child in task.read_text().split()]
    return [child for child in found if Path(f"/proc/{child}/exe").exists()]


class Bench:
    """A JACK server, a live session on it that is started again when a fault ended it, and a listener to its notes."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.server = Server(f"chaos-{os.getpid()}")
        self.folder = tempfile.TemporaryDirectory()
        self.server.environment["XDG_STATE_HOME"] = self.folder.name
        self.dump = Dump(self.server, None)
        self.live: subprocess.Popen[bytes] | None = None
        self.faults: Counter[str] = Counter()
        self.hanging: Counter[str] = Counter()
        self.silent: defaultdict[str, list[float]] = defaultdict(list)  # seconds

    def step(self) -> None:
        """Let the session play for a moment, injure it in one way, and check what it leaves behind."""
        if self.live is None or self.live.poll() is not None:
            tempo = str(self.rng.choice([50, 90, 140]))
            backend = self.rng.choice(["jack", "rtmidi-jack"])
            options = ("--key", "C major", "--notes", "60", "--tempo", tempo, "--backend", backend)
            self.live = self.server.live(*options)
            self.dump.connect("melodylc:out")
        heard = len(self.dump.heard)
        if not eventually(lambda: len(self.dump.heard) > heard, 30):
            print("silent for 30 s")
            self.hanging["silence"] += 1
        time.sleep(self.rng.uniform(0.0, 3.0))
        fault = self.rng.choice(FAULTS)
        self.faults[fault] += 1
        inference = children(self.live.pid)
        began, onsets = time.monotonic(), len(self.dump.onsets)
        self.inject(fault, inference)
        if fault in GOES_ON:
            if fault in ("listener", "server"):  # what was heard before is gone with the listener
                onsets = 0
            eventually(lambda: len(self.dump.onsets) > onsets, 30)
            self.silent[fault].append(time.monotonic() - began)
        if fault in SIGNALS and not eventually(lambda: not self.dump.hanging, 15):
            self.hanging[fault] += 1
            print(f"{fault}: hanging {self.dump.hanging}", flush=True)
        for pid in inference:  # a worker must not outlive its session
            if self.live is None and not eventually(lambda pid=pid: not Path(f"/proc/{pid}/exe").exists(), 15):
                self.hanging["orphans"] += 1

    def inject(self, fault: str, inference: list[int]) -> None:
        """Cause one fault, given the processes that generate melodies."""
        assert self.live is not None
        if fault in ("worker", "both") and inference:
            os.kill(inference[0], signal.SIGKILL)
        if fault == "stall" and inference:
            os.kill(inference[0], signal.SIGSTOP)
        if fault in SIGNALS:
            self.end(SIGNALS[fault])
        if fault == "both":  # the next session has to end the notes of the killed one
            self.live = self.server.live("--sync", "midi-clock")
            eventually(lambda: not self.dump.hanging, 30)
            self.end(signal.SIGINT)
        if fault in ("listener", "server"):
            self.dump.close()
            if fault == "server":
                self.server.kill()
                time.sleep(self.rng.uniform(0, 1))
                self.server.start()
            self.dump = Dump(self.server, None)
            if not eventually(lambda: self.dump.heard, 30):
                print(f"not connected again after {fault}")
                self.hanging["silence"] += 1

    def end(self, number: signal.Signals) -> None:
        """Send the session a signal that ends it."""
        assert self.live is not None
        self.live.send_signal(number)
        self.live.wait(20)
        self.live = None

    def finish(self) -> None:
        """End the last session normally."""
        if self.live is not None:
            self.end(signal.SIGINT)
            time.sleep(0.5)
            self.hanging["end"] += bool(self.dump.hanging)

    def close(self) -> None:
        """End everything that is still running."""
        self.dump.close()
        self.server.close()
        if self.live is not None and self.live.poll() is None:
            self.live.kill()
        self.folder.cleanup()


def main() -> None:
    """Cause one fault after another, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    bench = Bench(options.seed)
    until = time.monotonic() + 60 * options.minutes
    try:
        while time.monotonic() < until:
            bench.step()
        bench.finish()
    finally:
        bench.close()
    print(f"{'fault':<12}{'times':>8}{'hanging':>10}{'silent, s':>12}{'at most':>10}")
    for fault in [*FAULTS, "end", "silence", "orphans"]:
        silent = bench.silent[fault]
        seconds = f"{median(silent):>12.1f}{max(silent):>10.1f}" if silent else ""
        print(f"{fault:<12}{bench.faults[fault]:>8}{bench.hanging[fault]:>10}{seconds}")
    print(f"{'all':<12}{sum(bench.faults.values()):>8}{sum(bench.hanging.values()):>10}")


if __name__ == "__main__":
    main()
