"""How near the limit of one core the work comes, in one run: python benchmarks/speed.py [--midi FOLDER] [--learn]

What the core can do is measured first and again in every round: products of matrices, and copying. Then, in turns:

one melody      a draw of the prior and its decoding, alone, in numpy as it is played, and with torch; the limit is its
                operations, all 16 bars decoded, at the speed of large products
a batch         the same for many at once, in full precision, and in bf16 where the processor has it
generate        the command from start to files, beside a start that only imports torch
extraction      with --midi: reading windows, and all of extraction, beside symusic's parser alone
a rule          with --learn: from a start to 90 % of the draws of an actor kept

Times are processor time, the least of the rounds, so that other work on the machine counts as little as it can; what
waits (wall) and the median stand in the history. Each run appends a line to the history: figures, machine, commit.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from costs import counted
from torch.nn.functional import linear

from melodylc.attributes import LABELS
from melodylc.latent.precision import half_precision
from melodylc.model import Model, load
from melodylc.prior.realistic import RealisticPrior
from melodylc.runtime import model as runtime
from melodylc.runtime.flow import euler
from melodylc.vae.decoding import decode, free_run

HISTORY = Path(__file__).with_name("history.jsonl")
BATCHES = (64, 256, 512)  # the parts of the second are timed
ROWS, UNITS = 4096, 320  # of the large product: the rows of 256 melodies, the units of the decoder
COPIED = 1 << 27  # bytes
LEARNED = ("syncopation(0.3)", 8)  # the rule, and rounds in which it is learned
REACHED = 0.9

Times = dict[str, list[tuple[float, float]]]  # seconds of processor and of wall, by name


def timed(run: Callable[[], object], times: int) -> tuple[float, float]:
    """Return the seconds (processor, wall) of one call, in the mean of so many."""
    wall, spent = time.perf_counter(), time.process_time()
    for _ in range(times):
        run()
    return (time.process_time() - spent) / times, (time.perf_counter() - wall) / times


def started(command: list[str]) -> tuple[float, float]:
    """Return the seconds (processor, wall) of another program."""
    before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, time.perf_counter() - wall


def products(dtype: torch.dtype) -> Callable[[], object]:
    """Return a large product of the shape that decoding has."""
    return partial(linear, torch.randn(ROWS, UNITS).to(dtype), torch.randn(4 * UNITS, UNITS).to(dtype))


def half(model: Model, count: int) -> np.ndarray:
    """Sample melodies as learning and searching do."""
    with half_precision(model.device):
        z = model.prior(count, 0)
    return model.decode_quickly(z)


def stages(model: Model, count: int) -> dict[str, Callable[[], object]]:
    """Return the parts of sampling melodies, each on its own."""
    prior, vae = model.realistic, model.vae
    assert isinstance(prior, RealisticPrior)
    noise = model.noise(count, 0).reshape(count, prior.field.sizes.parts, -1)
    labels = torch.zeros(count, prior.field.sizes.labels)
    bars = prior.flow(noise, labels)
    z = prior.latent(bars)
    return {
        "flow": lambda: prior.flow(noise, labels),
        "encoder's upper level": lambda: prior.latent(bars),
        "conductor": lambda: vae.conductor(z),
        "decoding, conductor included": lambda: decode(vae, z, temperature=model.temperature),
    }


def stages_of_one(playing: runtime.PlayingModel) -> dict[str, Callable[[], object]]:
    """Return the parts of sampling a melody in numpy, each on its own."""
    prior, vae = playing.realistic, playing.vae
    assert prior.student is not None
    noise = playing.noise(1, 0).reshape(1, prior.forms.shape[1], -1)
    labels = np.zeros((1, LABELS), np.float32)
    flow = partial(euler, prior.student, noise, labels, steps=prior.student_steps)
    bars = flow()
    z = prior.latent(bars)
    return {
        "flow": flow,
        "encoder's upper level": lambda: prior.latent(bars),
        "conductor": lambda: vae.conductor(z),
        "decoding, conductor included": lambda: playing.decode(z, seed=0),
    }


def one_melody(model: Model) -> float:
    """Return the operations of a melody, all 16 bars decoded; torch's counter misses products in place."""
    return counted(lambda: free_run(model.vae, model.prior(1, 0)))


def extraction(folder: Path) -> dict[str, Callable[[], object]]:
    """Return what `extraction.py` compares, on the files of a folder."""
    import extraction as compared

    from melodylc.extraction.discovery import find_midi_files

    files = [file for file in find_midi_files([folder]) if file.reason is None and compared.readable(file)]
    for job in (compared.parse, compared.ours, compared.chunk):  # compile, and read the files into the page cache
        job(files)
    return {job.__name__: partial(job, files) for job in (compared.parse, compared.ours, compared.chunk)}


def learning() -> float | None:
    """Return the seconds from a start of Python until a rule is kept by 90 % of the draws of a round, or None."""
    from learning import RUN

    rule, rounds = LEARNED
    command = [sys.executable, "-c", RUN, str(time.time()), rule, str(rounds), "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return next((at for at, kept in json.loads(done.stdout)["ends"] if kept >= REACHED), None)


def measured(model: Model, rounds: int, batches: Sequence[int], midi: Path | None) -> Times:
    """Return the times of everything, taken in turns."""
    playing = runtime.load()
    jobs: dict[str, tuple[Callable[[], object], int]] = {
        "product": (products(torch.float32), 3),
        "product in bf16": (products(torch.bfloat16), 3),
        "copy": (partial(np.copyto, np.empty(COPIED, np.uint8), np.ones(COPIED, np.uint8)), 2),
        "1": (lambda: playing.sample(1, seed=0), 10),
        "1 with torch": (lambda: model.sample(1, seed=0), 10),
    }
    for count in batches:
        jobs[str(count)] = (partial(model.sample, count, seed=0), 1)
        jobs[f"{count} in bf16"] = (partial(half, model, count), 1)
    jobs |= {f"{name}, 1": (job, 10) for name, job in stages_of_one(playing).items()}
    jobs |= {f"{name}, {count}": (job, 1) for count in batches[1:2] for name, job in stages(model, count).items()}
    if midi is not None:
        jobs |= {name: (job, 1) for name, job in extraction(midi).items()}
    times: Times = {}
    with torch.no_grad(), tempfile.TemporaryDirectory() as folder:
        for job, _ in jobs.values():
            job()
        for number in range(rounds):
            for name, (job, repeats) in jobs.items():
                times.setdefault(name, []).append(timed(job, repeats))
            out = ["--seed", "0", "--out", f"{folder}/{number}"]
            generate = [sys.executable, "-m", "melodylc", "generate", "--key", "C major", *out]
            times.setdefault("generate", []).append(started(generate))
            times.setdefault("import torch", []).append(started([sys.executable, "-c", "import torch"]))
    return times


def machine() -> dict[str, Any]:
    """Describe the machine and the state of the code."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        names = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    changed = _git("status", "--porcelain", "--untracked-files=no")
    return {
        "commit": _git("rev-parse", "--short", "HEAD") + ("+" if changed else ""),
        "processor": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "bf16": bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(Path(__file__).parent), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def rows(
    times: Times, operations: float, batches: Sequence[int], learned: float | None
) -> list[tuple[str, str, str, str, str]]:
    """Return the rows of the table: what, measured, limit here, their ratio, what is to be reached."""
    least = {name: min(spent for spent, _ in found) for name, found in times.items()}
    product = 2 * ROWS * UNITS * 4 * UNITS
    speeds = {suffix: product / least[f"product{suffix}"] for suffix in ("", " in bf16")}
    limits = {suffix: operations / speed for suffix, speed in speeds.items()}
    table = []
    for name, row, aim in (("1", "one melody", "9 ms"), ("1 with torch", "one melody, with torch", "")):
        took, limit = least[name], limits[""]
        table.append((row, f"{took * 1e3:.1f} ms", f"{limit * 1e3:.1f} ms", f"{took / limit:.2f}", aim))
    for suffix, limit in limits.items():
        for count in batches:
            each, aim = least[f"{count}{suffix}"] / count, "400 /s" if suffix else ""
            ratio = f"{each / limit:.2f}"
            table.append((f"batch of {count}{suffix}", f"{1 / each:.0f} /s", f"{1 / limit:.0f} /s", ratio, aim))
    start, bare = least["generate"], least["import torch"]
    table.append(("generate", f"{start:.2f} s", f"import torch {bare:.2f} s", f"{start / bare:.2f}", "0.7 s"))
    for name in ("ours", "chunk") if "parse" in least else ():
        took, parse = least[name], least["parse"]
        times_parse = f"{took / parse:.2f}"
        table.append(
            (f"extraction, {name}", f"{took * 1e3:.1f} ms", f"parse {parse * 1e3:.1f} ms", times_parse, "below 1")
        )
    if learned is not None:
        table.append((f"{LEARNED[0]} to 90 %, wall", f"{learned:.1f} s", "", "", "6 s"))
    for count in (1, *batches[1:2]):
        for name in (name for name in least if name.endswith(f", {count}")):
            table.append((f"- {name}", f"{least[name] * 1e3:.1f} ms", "", f"{least[name] / least[str(count)]:.0%}", ""))
    full, half = (f"{speed / 1e9:.0f} GFLOP/s" for speed in speeds.values())
    table.append(("products; in bf16; copying", full, half, f"{2 * COPIED / least['copy'] / 1e9:.0f} GB/s", ""))
    return table


def main() -> None:
    """Print the table and append to the history."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, nargs="+", default=BATCHES, metavar="MELODIES")
    parser.add_argument("--midi", type=Path, metavar="FOLDER", help="MIDI files to time extraction on")
    parser.add_argument("--learn", action="store_true", help="learn a rule too, which takes a minute")
    parser.add_argument("--history", type=Path, default=HISTORY, metavar="FILE")
    options = parser.parse_args()
    torch.set_num_threads(1)
    model, about = load(), machine()
    operations = one_melody(model)
    times = measured(model, options.rounds, options.batches, options.midi)
    learned = learning() if options.learn else None
    print(", ".join(f"{name} {value}" for name, value in about.items()))
    print(f"one core; one melody is {operations / 1e9:.2f} GFLOP")
    print("| what | measured | limit here | ratio | to reach |\n|---|---|---|---|---|")
    for row in rows(times, operations, options.batches, learned):
        print("| " + " | ".join(row) + " |")
    figures = {
        name: {
            "processor": round(min(spent for spent, _ in found), 5),
            "median": round(statistics.median(spent for spent, _ in found), 5),
            "wall": round(min(wall for _, wall in found), 5),
        }
        for name, found in times.items()
    }
    line = {"at": time.strftime("%Y-%m-%d"), **about, "operations": operations, "seconds": figures, "learned": learned}
    with options.history.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
