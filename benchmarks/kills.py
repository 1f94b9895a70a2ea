"""Kill an extraction ten times, and compare its corpus with that of an uninterrupted run.

    python benchmarks/kills.py [--kills N] [--files N] [--seed N]

Generates small MIDI files and extracts them twice with two workers. The second time, the parent or a worker gets a
random signal (KILL, TERM, HUP or INT) at a random moment and the run is started again, until the last run may end. Each
row of the table is one signal:

signal     its name
to         the process that got it
after      seconds since the first new part of the run
code       exit code of the parent; negative: ended by that signal; "none": it went on, since workers leave HUP and INT
           to their parent, and was then killed by KILL
left       processes that are left 2 s later
parts      parts made so far

The last lines say whether both corpora have the same bytes, and what is left in the folder.
Needs `ps` and signals: Linux or macOS.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from memory import generate

RUN = """
import signal, sys
from melodylc import cli
from melodylc.extraction import compiling, plan
signal.signal(signal.SIGINT, signal.default_int_handler)
compiling.COLD_BYTES = compiling.WARM_BYTES = 0
plan.FILES_PER_CHUNK = 2
cli.entry()
"""
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


def start(music: Path, out: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", RUN, "extract", str(music), "--out", str(out), "--workers", "2"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def group(leader: int) -> list[int]:
    """Return the living processes in the group of `leader`, itself first if it lives."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,pgid=,stat="], check=True, capture_output=True, text=True)
    rows = [line.split() for line in listed.stdout.splitlines()]
    living = [int(pid) for pid, of, state in rows if int(of) == leader and not state.startswith("Z")]
    return sorted(living, key=lambda pid: pid != leader)


def kill(music: Path, out: Path, chance: random.Random) -> bool:
    """Start a run, send it a signal and print a row; return False if the run ended before."""
    number, whom = chance.choice(SIGNALS), chance.choice(["parent", "worker"])
    process = start(music, out)
    partial = out.with_name(out.name + ".partial")
    before = {path.name for path in partial.glob("part-*.arrow")}
    while process.poll() is None and {path.name for path in partial.glob("part-*.arrow")} <= before:
        time.sleep(0.005)  # until it has made a part
    delay = chance.uniform(0, 0.5)
    time.sleep(delay)
    living = group(process.pid)
    workers = [pid for pid in living if pid != process.pid]
    if process.poll() is not None or not workers:
        return process.wait() != 0
    hit = process.pid if whom == "parent" else chance.choice(workers)
    subprocess.run(["kill", f"-{int(number)}", str(hit)], check=False)
    time.sleep(0.3 if whom == "worker" and number in (signal.SIGHUP, signal.SIGINT) else 2)
    code = process.poll()
    if code is None:
        process.kill()
        process.wait()
        time.sleep(2)
    left = group(process.pid)
    parts = len(list(partial.glob("part-*.arrow")))
    ended = "none" if code is None else str(code)
    print(f"{number.name:<9}{whom:<8}{delay:>7.2f}{ended:>9}{len(left):>6}{parts:>7}", flush=True)
    return not out.exists()


def main() -> None:
    """Print a row for each kill, and the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--files", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as scratch:
        music, whole, killed = (Path(scratch) / name for name in ("music", "whole", "killed"))
        generate(music, options.files)
        if start(music, whole).wait():
            raise SystemExit("the uninterrupted run failed")
        print(f"{'signal':<9}{'to':<8}{'after':>7}{'code':>9}{'left':>6}{'parts':>7}")
        for _ in range(options.kills):
            if not kill(music, killed, chance):
                print("the run ended before it was killed; give more --files")
                break
        if not killed.exists() and start(music, killed).wait():
            raise SystemExit("the last run failed")
        contents = [{path.name: path.read_bytes() for path in folder.iterdir()} for folder in (whole, killed)]
        print("same bytes as the uninterrupted run:", "yes" if contents[0] == contents[1] else "NO")
        print("left in the folder:", sorted(path.name for path in Path(scratch).iterdir()))


if __name__ == "__main__":
    main()
