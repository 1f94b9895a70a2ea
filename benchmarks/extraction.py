"""Time extraction beside symusic's parser alone and beside the route through note-seq, in one run.

    python benchmarks/extraction.py FOLDER [FOLDER ...]

Each folder holds MIDI files (any depth). Everything runs in one process on one core. Per file, in microseconds of
processor time, the median of several passes over all files of the folder. The passes of the columns alternate, so that
a change in the speed of the machine affects all of them.

parse     symusic.Score(path), nothing else
windows   ours, file by file: read, parse, skyline, windows, filters
chunk     ours, everything, as extraction does it: many files at a time, and the hashes and the part's files on disk
note-seq  midi_file_to_note_sequence, split at time changes, quantise, Melody per instrument (on fewer files)
"""

from __future__ import annotations

import argparse
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numba
import numpy as np
import symusic

from melodylc.extraction.discovery import SourceFile, find_midi_files
from melodylc.extraction.parts import extract_chunk
from melodylc.extraction.plan import Work, split_into_chunks
from melodylc.extraction.windows import Filters, extract_windows
from midi_io import smf
from midi_io.files import contents

PASSES = 9
NOTE_SEQ_FILES = 60  # note-seq takes a thousand times as long


def parse(files: list[SourceFile]) -> None:
    for file in files:
        symusic.Score(file.path)


def ours(files: list[SourceFile]) -> None:
    for file in files:
        try:
            extract_windows(smf.parse(contents(file.path)), Filters())
        except smf.BrokenFileError:
            continue


def chunk(files: list[SourceFile]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for index, part in enumerate(split_into_chunks(files)):
            extract_chunk(part, Filters(), Work(Path(folder), "timed"), index)


def note_seq_route(files: list[SourceFile]) -> None:
    import note_seq

    for file in files:
        sequence = note_seq.midi_file_to_note_sequence(file.path)
        for stretch in note_seq.sequences_lib.split_note_sequence_on_time_changes(sequence):
            try:
                quantised = note_seq.quantize_note_sequence(stretch, steps_per_quarter=4)
            except (note_seq.NegativeTimeError, note_seq.BadTimeSignatureError):
                continue
            for instrument in {note.instrument for note in quantised.notes if not note.is_drum}:
                try:
                    note_seq.Melody().from_quantized_sequence(
                        quantised, instrument=instrument, gap_bars=16, ignore_polyphonic_notes=True
                    )
                except note_seq.NonIntegerStepsPerBarError:
                    continue


def microseconds(job: Callable[[list[SourceFile]], None], files: list[SourceFile]) -> float:
    begin = time.process_time()
    job(files)
    return (time.process_time() - begin) / len(files) * 1e6


def main() -> None:
    """Print a row of the table for each folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    print(f"python {platform.python_version()}, numpy {np.__version__}, numba {numba.__version__}, ", end="")
    print(f"symusic {symusic.__version__}, {platform.machine()}, one process")
    print(f"{'folder':<16}{'files':>6}{'parse':>9}{'windows':>9}{'chunk':>9}{'note-seq':>10}", end="")
    print(f"{'windows/parse':>15}{'chunk/parse':>13}{'note-seq/chunk':>16}")
    for folder in parser.parse_args().folders:
        files = [file for file in find_midi_files([folder]) if file.reason is None and readable(file)]
        few = files[:: max(len(files) // NOTE_SEQ_FILES, 1)]
        for job in (parse, ours, chunk):  # compile, and read the files into the page cache
            job(files)
        note_seq_route(few[:2])
        times: dict[str, list[float]] = {"parse": [], "windows": [], "chunk": [], "note-seq": []}
        for number in range(PASSES):
            times["parse"].append(microseconds(parse, files))
            times["windows"].append(microseconds(ours, files))
            times["chunk"].append(microseconds(chunk, files))
            if number == PASSES // 2:
                times["note-seq"].append(microseconds(note_seq_route, few))
        p, w, c, n = (statistics.median(times[name]) for name in times)
        print(f"{folder.name:<16}{len(files):>6}{p:>9.1f}{w:>9.1f}{c:>9.1f}{n:>10.0f}", end="")
        print(f"{w / p:>15.2f}{c / p:>13.2f}{n / c:>16.0f}")


def readable(file: SourceFile) -> bool:
    try:
        symusic.Score(file.path)
    except RuntimeError:
        return False
    return True


if __name__ == "__main__":
    main()
