"""Compare extraction with the slow implementation in the tests, on every file of real collections.

    python benchmarks/agreement.py FOLDER [FOLDER ...]

Each folder holds MIDI files (any depth). Prints, for each folder, the number of windows and of files that agree, and
any file that differs. Files that mido cannot read are counted apart: only our reader takes files that violate the
standard.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))

from test_extraction import fast, slowly

from melodylc.extraction.windows import Filters
from midi_io import smf

PAIRED = Filters(pair_2_4=True)


def compare(path: Path) -> tuple[str, int]:
    """Return the outcome of one file, and its number of windows."""
    try:
        twin = slowly(path), slowly(path, PAIRED)
    except Exception as error:  # mido has many ways to fail, of its own and of those below it
        try:
            smf.parse(path.read_bytes())
        except smf.BrokenFileError:
            return "read by neither", 0
        return f"read by us alone ({type(error).__name__})", 0
    found = fast(path), fast(path, PAIRED)
    return "agree" if found == twin else f"DIFFER {path}", len(found[0][0])


def main() -> None:
    """Compare all files of the folders that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    with ProcessPoolExecutor() as pool:
        for folder in parser.parse_args().folders:
            files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".mid", ".midi"))
            results = list(pool.map(compare, files, chunksize=16))
            outcomes = Counter(outcome for outcome, _ in results)
            print(f"{folder.name:<22}{sum(n for _, n in results):>9,} windows  {dict(outcomes)}", flush=True)


if __name__ == "__main__":
    main()
