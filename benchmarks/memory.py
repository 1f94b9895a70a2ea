"""Measure the memory of the parent process of an extraction, by the number of files.

    python benchmarks/memory.py [FILES ...]

Makes folders of so many small generated files (default: 10,000 and 50,000; a thousand to a folder) and extracts each
with two workers. The columns are files, windows, seconds, and the peak of the parent's resident memory in MB. That
includes the parts that it maps from the disk while merging, and leaves the workers out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

RUN = """
import json, resource, sys
from melodylc.extraction import compiling, extract
compiling.COLD_BYTES = compiling.WARM_BYTES = 0
card = extract([sys.argv[1]], sys.argv[2], workers=2, progress=False)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 if sys.platform == "darwin" else 1024)
print(json.dumps([card["files"], card["windows"], peak]))
"""


def generate(folder: Path, files: int, bars: int = 24) -> None:
    """Write `files` different MIDI files of one melody each, a thousand to a folder."""
    rng = np.random.default_rng(0)
    for index in range(files):
        into = folder / f"{index // 1000:03d}"
        into.mkdir(parents=True, exist_ok=True)
        pitches = rng.integers(55, 80, bars * 8).tolist()
        body = b"".join(bytes([0, 0x90, pitch, 80, 48, 0x80, pitch, 0]) for pitch in pitches) + b"\x00\xff\x2f\x00"
        head = b"MThd\x00\x00\x00\x06\x00\x01\x00\x01\x00\x60MTrk" + len(body).to_bytes(4, "big")
        (into / f"{index % 1000:03d}.mid").write_bytes(head + body)


def main() -> None:
    """Print a row for each number of files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=int, default=[10_000, 50_000])
    print(f"{'files':>9}{'windows':>10}{'seconds':>9}{'parent, MB':>12}")
    for files in parser.parse_args().files:
        with tempfile.TemporaryDirectory() as scratch:
            generate(Path(scratch) / "music", files)
            begin = time.perf_counter()
            command = [sys.executable, "-c", RUN, f"{scratch}/music", f"{scratch}/corpus"]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            counted, windows, peak = json.loads(done.stdout)
            print(f"{counted:>9,}{windows:>10,}{time.perf_counter() - begin:>9.1f}{peak:>12.0f}", flush=True)


if __name__ == "__main__":
    main()
