"""Damage real MIDI files in many ways and read them: nothing may crash, hang, or give impossible notes.

    python benchmarks/fuzz.py FOLDER... [--mutants 50000] [--seed 0]

Prints the outcomes of the damaged files (windows, notes alone, or the reason of their rejection), the faults that were
read past, and the longest time that one file took.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from melodylc.extraction.windows import Filters, extract_windows
from midi_io import smf

LARGEST = 60_000  # bytes of the files that are damaged: larger ones take longer and have no other faults
AT_ONCE = 500  # damaged files for one call of a worker


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """Return the bytes with one to eight faults of the kinds that transfers, editors and programs cause."""
    content = bytearray(data)
    for _ in range(rng.integers(1, 9)):
        if len(content) < 20:
            break
        # half of the faults hit the first bytes, where lengths and counts are
        reach = len(content) if rng.random() < 0.5 else min(64, len(content))
        at, size = int(rng.integers(reach)), int(rng.integers(1, 17))
        kind = rng.integers(8)
        if kind == 0:
            content[at] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            content[at] = int(rng.choice([0x00, 0x7F, 0x80, 0xC0, 0xF0, 0xF2, 0xF7, 0xF8, 0xFF]))
        elif kind == 2:
            del content[at : at + size]
        elif kind == 3:
            content[at:at] = rng.bytes(size)
        elif kind == 4:
            content[at:at] = content[at : at + 16 * size]
        elif kind == 5:
            del content[max(at, 14) :]
        elif kind == 6:
            content[at : at + 4] = int(rng.integers(1 << 32)).to_bytes(4, "big")
        else:
            content[at:at] = content[int(rng.integers(len(content))) :][: 16 * size]
    return bytes(content)


def read_many(job: tuple[list[str], int, int]) -> tuple[Counter[str], float, bytes]:
    """Read the damaged files of one seed.

    Returns:
        Their outcomes, the longest time in seconds, and the bytes of the file that took it.
    """
    paths, seed, count = job
    rng = np.random.default_rng(seed)
    outcomes: Counter[str] = Counter()
    slowest, culprit = 0.0, b""
    extract_windows(smf.parse(Path(paths[0]).read_bytes()), Filters())  # compiled before anything is timed
    for _ in range(count):
        data = damaged(Path(paths[rng.integers(len(paths))]).read_bytes(), rng)
        began = time.perf_counter()
        try:
            parsed = smf.parse(data)
            found = extract_windows(parsed, Filters(pair_2_4=bool(rng.integers(2))))
        except smf.BrokenFileError as error:
            outcomes[f"rejected, {error}"] += 1
            continue
        took = time.perf_counter() - began
        if took > slowest:
            slowest, culprit = took, data
        notes = parsed.notes
        assert (notes[:, smf.OFFSET] >= notes[:, smf.ONSET]).all(), data
        assert ((notes[:, smf.PITCH] >= 0) & (notes[:, smf.PITCH] < 128)).all(), data
        assert found.states.max(initial=0) < 130, data
        outcomes["windows" if len(found.states) else ("notes, no window" if len(notes) else "no notes")] += 1
        outcomes.update({f"read past, {fault}": 1 for fault in parsed.faults})
    return outcomes, slowest, culprit


def main() -> None:
    """Damage and read, in several processes, and print the outcomes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--mutants", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    found = sorted(path for folder in options.folders for path in folder.rglob("*.mid"))
    paths = [str(path) for path in found if path.stat().st_size <= LARGEST]
    jobs = [(paths, options.seed + i, AT_ONCE) for i in range(-(-options.mutants // AT_ONCE))]
    outcomes: Counter[str] = Counter()
    slowest, culprit = 0.0, b""
    with ProcessPoolExecutor() as pool:  # a crash of a worker ends it with BrokenProcessPool
        for counted, took, data in pool.map(read_many, jobs):
            outcomes.update(counted)
            if took > slowest:
                slowest, culprit = took, data
    print(f"{len(jobs) * AT_ONCE:,} damaged copies of {len(paths):,} files")
    for name, count in outcomes.most_common():
        print(f"  {name:<60}{count:>8,}")
    print(f"slowest: {slowest * 1000:.0f} ms for {len(culprit):,} bytes")


if __name__ == "__main__":
    main()
