"""The image experiments with several seeds: mean and spread of each number.

python -m vision.seeds mnist conditional transform --data DIR --out DIR --seeds 5

Each seed has a folder of its own, as the commands make it, so what is there is not run again, and a run that was
stopped is continued by the same line. Options that are not known here are those of `python -m vision.mnist`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from melodylc.base import torchrun
from vision import celeba, mnist, report
from vision.experiments.catalogue import EXPERIMENTS

COMMANDS = {"mnist": mnist.entry, "celeba": celeba.entry}
MOST = 1000  # seeds
Row = Mapping[str, float]


def spread(values: Sequence[float]) -> str:
    """Return mean and standard deviation (with n - 1) of a number over seeds, as text; where all agree, the number."""
    mean = statistics.fmean(values)
    if len(set(values)) == 1:
        return report.number(values[0])
    return f"{report.number(mean)} ± {report.number(statistics.stdev(values))}"


def table(results: Sequence[Mapping[str, Mapping[str, Row]]]) -> str:
    """Return the rows of an experiment's results, one for each seed, as a table of Markdown.

    A number that some of the seeds lack, as the diversity of labels that no image has, is of those that have it.
    """
    names = dict.fromkeys(name for result in results for name in result["rows"])
    columns = list(dict.fromkeys(column for result in results for row in result["rows"].values() for column in row))
    lines = [
        "|  | " + " | ".join(column.replace("_", " ") for column in columns) + " |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for name in names:
        rows = [result["rows"].get(name, {}) for result in results]
        cells = [[row[column] for row in rows if column in row] for column in columns]
        lines.append(f"| {name} | " + " | ".join(spread(cell) if cell else "" for cell in cells) + " |")
    return "\n".join(lines)


def entry(arguments: list[str] | None = None) -> int:
    """Run the experiments with each seed, then print a table of each; return the exit code of the first that fails."""
    parser = argparse.ArgumentParser(
        prog="python -m vision.seeds", description=__doc__.splitlines()[0], allow_abbrev=False
    )
    parser.add_argument("data_set", choices=list(COMMANDS), metavar="DATA_SET", help="mnist or celeba")
    parser.add_argument("experiments", nargs="+", metavar="EXPERIMENT", help="as of the command, or all")
    parser.add_argument("--seeds", type=_count, default=5, help="how many, from 0 up (5)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where seed0, seed1, ... are")
    chosen, others = parser.parse_known_args(arguments)
    run = COMMANDS[chosen.data_set]
    asked = (key for name in chosen.experiments for key in (EXPERIMENTS if name == "all" else [name]))
    names = list(dict.fromkeys(asked))
    if unknown := [name for name in names if name not in EXPERIMENTS]:
        parser.error(f"expected some of {', '.join(EXPERIMENTS)} or all, got {unknown[0]}")
    if any(option.split("=")[0] == "--seed" for option in others):
        parser.error("expected --seeds, how many; each has its own --seed")
    if torchrun.count() > 1:
        parser.error("expected one process; with torchrun run each seed by its own command, with --seed")
    folders = [chosen.out / f"seed{seed}" for seed in range(chosen.seeds)]
    for seed, folder in enumerate(folders):
        code = run([*names, "--seed", str(seed), "--out", str(folder), *others])
        if code:
            return code
    for name in names:
        results: list[Any] = [json.loads((folder / f"{name}.json").read_text())["result"] for folder in folders]
        if not all("rows" in result for result in results):
            print(f"\n{EXPERIMENTS[name].title}: no table; its numbers are in {chosen.out}/seed*/{name}.json")
        else:
            print(f"\n{EXPERIMENTS[name].title}, {len(folders)} seeds, mean ± standard deviation\n\n{table(results)}")
    return 0


def _count(text: str) -> int:
    """Parse a number of seeds."""
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 5 else 0
    if not 1 <= value <= MOST:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 to {MOST}, got {text!r}")
    return value


if __name__ == "__main__":
    sys.exit(entry())
