"""Measure what each step of an extraction costs, and simulate 1.5 million files on 1, 10 and 100 nodes.

    python benchmarks/cluster.py FOLDER... [--files N ...] [--of KB ...] [--cores N] [--latency MS] [--gigabits N]

Samples of the MIDI files in the folders are extracted in one process. The first, smallest one gives the costs:
processor time of a file, a window and a read, of this process between jobs, and bytes that are shuffled. The others are
predicted from these and measured: the first table. The second table is the same prediction for 1.5 million files, as
large as those in the folders or of so many KB (--of), on nodes of so many cores (--cores), with so many milliseconds to
object storage (--latency), 64 reads at a time, and so many gigabits a second (--gigabits). No such cluster was used.

Hours are the driver's own time, for each step the rounds that its jobs take on all cores, and the bytes moved: files
and windows, which are written once and read once, and hashes. The peak memory of a job is that of a process with Python
and all modules, Ray's, too. Needs the extra ray, for what a job costs there, and Linux, which tells and resets the peak
of a process.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from melodylc.extraction import compiling, extract, run, unique, writing
from melodylc.extraction.discovery import find_midi_files
from melodylc.extraction.parts import PartJob
from melodylc.extraction.plan import BYTES_PER_CHUNK, FILES_PER_CHUNK, Work
from melodylc.extraction.ray_engine import on_ray
from melodylc.extraction.sections import read_section, write_sections

T = TypeVar("T")
R = TypeVar("R")

SAMPLES = (1000, 2000, 4000, 8000)
GROUP = 1 << 16  # windows, in the samples: some groups and buckets even there
PAPER = 1_500_000
NODES = (1, 10, 100)
PASSES = 3  # of which the one that the machine disturbed least counts
AT_ONCE = 64  # reads of a job from object storage
JOBS = ("make_part", "scatter", "find_firsts", "write_files")


@dataclass
class Measured:
    """What an extraction took."""

    files: int = 0
    kilobytes: float = 0  # of a file
    windows: int = 0
    unique: int = 0
    parts: int = 0  # bytes of their bars, windows and hashes
    shuffled: int = 0  # bytes written in buckets and as rows
    driver: float = 0  # processor seconds outside of jobs
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))  # processor time of each step
    peak: int = 0  # MB, of a job


def peak_of(job: Callable[[], R]) -> tuple[R, int]:
    """Call a function; return its result and the peak of this process meanwhile, in MB."""
    Path("/proc/self/clear_refs").write_text("5")
    result = job()
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return result, int(line.split()[1]) // 1024


def bytes_of_part(job: PartJob) -> int:
    """Return how large the files of a part are that the next jobs read."""
    paths = job.work.part(job.number), job.work.bars(job.number), job.work.hashes(job.number)
    return sum(path.stat().st_size for path in paths)


def measure(paths: Sequence[Path], seed: int = 0) -> Measured:
    """Extract a sample of files in this process."""
    found = Measured(len(paths), sum(path.stat().st_size for path in paths) / len(paths) / 1024)

    @contextmanager
    def measuring(*_: object) -> Iterator[Any]:
        def engine(job: Callable[[T], R], items: Sequence[T], done: Callable[[R], object]) -> None:
            for item in items:
                begin = time.process_time()
                result, peak = peak_of(lambda item=item: job(item))  # type: ignore[misc]
                found.seconds[job.__name__] += time.process_time() - begin
                found.peak = max(found.peak, peak)
                if isinstance(item, PartJob):
                    found.parts += bytes_of_part(item)
                if job.__name__ == "scatter":
                    found.shuffled += int(result)  # type: ignore[call-overload]
                if job.__name__ == "find_firsts":
                    found.shuffled += int(np.sum(result)) * unique.ROW.itemsize  # type: ignore[call-overload]
                done(result)

        yield engine

    with tempfile.TemporaryDirectory() as scratch:
        music = Path(scratch) / "music"
        music.mkdir()
        for index, path in enumerate(paths):
            (music / f"{index:06d}.mid").symlink_to(path.resolve())
        usual = run._engine
        vars(run)["_engine"] = measuring
        begin = time.process_time()
        try:
            card = extract([music], Path(scratch) / "corpus", progress=False)
        finally:
            vars(run)["_engine"] = usual
        found.driver = time.process_time() - begin - sum(found.seconds.values())
    found.unique = card["windows"]
    found.windows = found.unique + card["rejected"]["windows"].get("duplicate", 0)
    return found


def seconds_of_a_read() -> float:
    """Return the processor time of reading one small section of a file, its bounds included."""
    with tempfile.TemporaryDirectory() as scratch:
        paths = [Path(scratch) / str(index) for index in range(500)]
        for path in paths:
            write_sections(path, np.arange(4, dtype=unique.ROW), np.arange(5))
        begin = time.process_time()
        read_section(paths, 2, unique.ROW)
        return (time.process_time() - begin) / len(paths)


def seconds_of_a_job() -> float:
    """Return the time that Ray, on this machine, takes for a job in which there is nothing to do."""
    import ray

    ray.init(num_cpus=2, object_store_memory=100 << 20, include_dashboard=False, log_to_driver=False)
    try:
        with on_ray(None, []) as engine:
            engine(abs, range(50), lambda _: None)  # workers start
            begin = time.perf_counter()
            engine(abs, range(1000), lambda _: None)
            return (time.perf_counter() - begin) / 1000
    finally:
        ray.shutdown()


def peak_of_largest() -> int:
    """Return the peak of this process, in MB, while it scatters a full group and looks through a full bucket."""
    with tempfile.TemporaryDirectory() as scratch:
        work = Work(Path(scratch), "largest")
        hashes = np.random.default_rng(0).integers(0, 2**63, (unique.WINDOWS_PER_GROUP, 2)).astype("<u8")
        work.hashes(0).write_bytes(hashes.tobytes())
        group = unique.Group(0, 0, (len(hashes),))
        del hashes
        return max(
            peak_of(lambda: unique.scatter((work, group, 1)))[1], peak_of(lambda: unique.find_firsts((work, 0, 1)))[1]
        )


@dataclass(frozen=True)
class Prediction:
    """What an extraction of so many files will take."""

    shuffled: float
    moved: float  # bytes read and written, all together
    seconds: float  # processor time, all together
    driver: float
    jobs: dict[str, tuple[int, float, float]]  # of each step: how many, processor seconds each, reads each

    def hours(self, nodes: int, cores: int, latency: float, gigabits: float) -> float:
        """Return the hours on so many nodes of so many cores, with so many seconds from asking to getting."""
        steps = (
            math.ceil(jobs / nodes / cores) * (seconds + math.ceil(reads / AT_ONCE) * latency)
            for jobs, seconds, reads in self.jobs.values()
        )
        return (self.driver + sum(steps) + self.moved * 8 / (gigabits * 1e9 * nodes)) / 3600


def predict(of: Measured, a_read: float, files: int, kilobytes: float, group: int, a_job: float = 0) -> Prediction:
    """Scale what was measured, in proportion to bytes of MIDI, with groups and buckets of so many windows."""
    scale = files * kilobytes / (of.files * of.kilobytes)
    windows, firsts = of.windows * scale, of.unique * scale
    groups = math.ceil(windows / group)
    parts = math.ceil(max(files / FILES_PER_CHUNK, files * kilobytes * 1024 / BYTES_PER_CHUNK))
    writes = math.ceil(firsts / (writing.FILES_PER_JOB * 65_536))
    own = math.ceil(of.windows / group)  # groups, and buckets, that were measured
    once = {step: of.seconds[step] * scale for step in JOBS}
    once["find_firsts"] = max(of.seconds["find_firsts"] - own * own * a_read, 0) * scale + groups * groups * a_read
    once["write_files"] = max(of.seconds["write_files"] - own * own * a_read, 0) * scale
    once["write_files"] += (groups + writes) * groups * a_read  # a group is read by each job that has rows of it
    reads = {
        "make_part": files / parts,
        "scatter": parts / groups,
        "find_firsts": 2 * groups,
        "write_files": 2 * groups * (groups / writes + 1) + 2 * parts / writes,
    }
    number = dict(zip(JOBS, (parts, groups, groups, writes), strict=True))
    jobs = {step: (number[step], once[step] / number[step], reads[step]) for step in JOBS}
    driver = of.driver * files / of.files + a_job * sum(number.values())
    shuffled = of.shuffled * scale
    moved = files * kilobytes * 1024 + 2 * of.parts * scale + 2 * shuffled
    return Prediction(shuffled, moved, sum(once.values()), driver, jobs)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--files", nargs="+", type=int, default=SAMPLES, help="in the samples")
    parser.add_argument("--of", nargs="*", type=float, default=[50], metavar="KB", help="other sizes of files")
    parser.add_argument("--cores", type=int, default=16, help="of a node")
    parser.add_argument("--latency", type=float, default=30, metavar="MS", help="of object storage")
    parser.add_argument("--gigabits", type=float, default=10, help="a second, of a node")
    options = parser.parse_args()
    everything = [Path(file.path) for file in find_midi_files(options.folders) if file.reason is None]
    chosen = random.Random(0).sample(everything, len(everything))
    if max(options.files) > len(chosen):
        parser.error(f"expected folders of at least {max(options.files)} files, found {len(chosen)}")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    compiling.COLD_BYTES = compiling.WARM_BYTES = 0
    measure(chosen[:50])  # compiles, and loads what it needs
    full, unique.WINDOWS_PER_GROUP = unique.WINDOWS_PER_GROUP, GROUP
    a_read, a_job = seconds_of_a_read(), seconds_of_a_job()
    first, *others = (
        min((measure(chosen[:files]) for _ in range(PASSES)), key=lambda each: sum(each.seconds.values()))
        for files in sorted(options.files)
    )
    print(f"costs, from {first.files:,} files of {first.kilobytes:.1f} KB, {first.windows:,} windows:")
    print(f"  a file {first.seconds['make_part'] / first.files * 1e3:.2f} ms, ", end="")
    for name, step, units in (
        ("scattering", "scatter", first.windows),
        ("finding", "find_firsts", first.windows),
        ("writing", "write_files", first.unique),
    ):
        print(f"{name} {first.seconds[step] / units * 1e6:.2f} us a window, ", end="")
    print(f"a read {a_read * 1e6:.0f} us, the driver {first.driver / first.files * 1e6:.0f} us a file, ", end="")
    print(f"Ray {a_job * 1e3:.1f} ms a job")
    print("\n| files | windows | seconds | predicted | shuffled, MB | predicted | peak of a job, MB |")
    print("|---|---|---|---|---|---|---|")
    for each in others:
        guess = predict(first, a_read, each.files, first.kilobytes, GROUP)
        spent = sum(each.seconds.values()) + each.driver
        print(f"| {each.files:,} | {each.windows:,} | {spent:.1f} | {guess.seconds + guess.driver:.1f} ", end="")
        print(f"| {each.shuffled / 1e6:.1f} | {guess.shuffled / 1e6:.1f} | {each.peak} |", flush=True)
    unique.WINDOWS_PER_GROUP = full
    peak = max(peak_of_largest(), *(each.peak for each in others))
    hours = " | ".join(f"hours on {nodes}" for nodes in NODES)
    print(f"\n| files | of KB | windows, millions | shuffled, GB | peak of a node, GB | {hours} |")
    print("|---|---|---|---|---|" + "---|" * len(NODES))
    node = options.cores, options.latency / 1e3, options.gigabits
    for kilobytes in (first.kilobytes, *options.of):
        guess = predict(first, a_read, PAPER, kilobytes, full, a_job)
        windows = first.windows * PAPER * kilobytes / first.files / first.kilobytes
        each_hours = " | ".join(f"{guess.hours(n, *node):.2g}" for n in NODES)
        print(f"| {PAPER:,} | {kilobytes:.1f} | {windows / 1e6:.0f} | {guess.shuffled / 1e9:.1f} ", end="")
        print(f"| {peak * options.cores / 1024:.1f} | {each_hours} |")
    print(f"\nlargest job: {peak} MB; {options.cores} cores a node; {options.latency:g} ms to object storage, ", end="")
    print(f"{options.gigabits:g} Gbit/s a node")


if __name__ == "__main__":
    main()
