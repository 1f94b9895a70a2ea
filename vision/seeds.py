"""The image experiments with several seeds: mean and spread of each number.

python -m vision.seeds mnist conditional transform --data DIR --out DIR --seeds 5

Each seed has a folder of its own, as the commands make it, so what is there is not run again, and a run that was
stopped is continued by the same line. Decoded images are kept once for all seeds, and the numbers in `seeds.json`.
Options that are not known here are those of `python -m vision.mnist`. With torchrun, each network is trained by all
processes together, seed after seed.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from melodylc.base.errors import UserError, told
from melodylc.base.signals import exit_code, on_signals, until_closed
from melodylc.base.storage import write_json
from melodylc.base.torchrun import tells_error
from vision import celeba, mnist, report
from vision.missing import torch_is_missing

COMMANDS = {"mnist": mnist.entry, "celeba": celeba.entry}
MOST = 1000  # seeds
Result = Mapping[str, Any]


class _CommandError(Exception):
    """The command of a seed ended badly; it has said why."""

    def __init__(self, code: int) -> None:
        self.code = code


def spread(values: Sequence[float]) -> str:
    """Return mean and standard deviation (with n - 1) of a number over seeds, as text; where all agree, the number."""
    mean = statistics.fmean(values)
    if len(set(values)) == 1:
        return report.number(values[0])
    deviation = _deviation(values)
    return report.number(mean) if deviation is None else f"{report.number(mean)} ± {report.number(deviation)}"


def table(results: Sequence[Result]) -> str:
    """Return an experiment's results, one for each seed: its rows as a table of Markdown, its other numbers below.

    A number that some of the seeds lack, as the diversity of labels that no image has, is of those that have it.
    """
    rows = _merged([result.get("rows", {}) for result in results])
    columns = list(dict.fromkeys(column for of_seeds in rows.values() for row in of_seeds for column in row))
    lines = []
    if rows:
        lines.append("|  | " + " | ".join(column.replace("_", " ") for column in columns) + " |")
        lines.append("|---" * (len(columns) + 1) + "|")
    for name, of_seeds in rows.items():
        cells = [[row[column] for row in of_seeds if column in row] for column in columns]
        lines.append(f"| {name} | " + " | ".join(spread(cell) if cell else "" for cell in cells) + " |")
    others = {name: values for name, values in _merged(results).items() if name not in report.APART}
    lines += ["", *(f"- {name}: {_words(values)}" for name, values in others.items())] if others else []
    return "\n".join(lines).strip()


def summary(values: Sequence[Any]) -> dict[str, Any]:
    """Return mean, standard deviation (null of one) and values of a number over seeds, of a mapping those within."""
    if all(isinstance(value, Mapping) for value in values):
        return {name: summary(of_seeds) for name, of_seeds in _merged(values).items()}
    if _are_numbers(values):
        mean = statistics.fmean(values)
        return {"mean": mean, "standard_deviation": _deviation(values), "values": list(values)}
    return {"values": list(values)}


def _deviation(values: Sequence[float]) -> float | None:
    """Return the standard deviation, with n - 1; None of one number, and of those that are not all finite."""
    return statistics.stdev(values) if len(values) > 1 and all(map(math.isfinite, values)) else None


def _merged(results: Sequence[Result]) -> dict[str, list[Any]]:
    """Return the values of each name, of the seeds that have it."""
    names = dict.fromkeys(name for result in results for name in result)
    return {name: [result[name] for result in results if name in result] for name in names}


def _words(values: Sequence[Any]) -> str:
    if all(isinstance(value, Mapping) for value in values):
        return ", ".join(f"{name} {_words(of_seeds)}" for name, of_seeds in _merged(values).items())
    if _are_numbers(values):
        return spread(values)
    return " / ".join(dict.fromkeys(map(str, values)))


def _are_numbers(values: Sequence[Any]) -> bool:
    return all(isinstance(value, int | float) for value in values)


def entry(arguments: list[str] | None = None) -> int:
    """Run the experiments with each seed, then print a table of each; return the exit code of the first that fails."""
    if torch_is_missing("seeds"):
        return 2
    from melodylc.latent.processes import joined

    chosen, options = _parsed(arguments)
    folders = [chosen.out / f"seed{seed}" for seed in range(chosen.seeds)]
    try:
        with on_signals(), joined(chosen.device) as processes:  # once: processes that parted cannot be joined again
            for seed, folder in enumerate(folders):
                own = ["--seed", str(seed), "--out", str(folder)]
                if code := COMMANDS[chosen.data_set]([*chosen.experiments, *own, *options]):
                    raise _CommandError(code)
            if processes.first:
                _show(chosen, folders)
    except _CommandError as ended:
        return ended.code
    except BrokenPipeError:
        raise  # no fault of the command: see `until_closed`
    except (UserError, OSError) as error:
        if tells_error():
            print(f"vision.seeds: {told(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        return exit_code(stop)
    return 0


def _parsed(arguments: list[str] | None) -> tuple[argparse.Namespace, list[str]]:
    """Return what is asked for, and the options that each seed's command is given."""
    from vision.experiments.catalogue import EXPERIMENTS

    parser = argparse.ArgumentParser(
        prog="python -m vision.seeds", description=__doc__.splitlines()[0], allow_abbrev=False
    )
    parser.add_argument("data_set", choices=list(COMMANDS), metavar="DATA_SET", help="mnist or celeba")
    parser.add_argument("experiments", nargs="+", metavar="EXPERIMENT", help="as of the command, or all")
    parser.add_argument("--seeds", type=_count, default=5, help="how many, from 0 up (5)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where seed0, seed1, ... are")
    parser.add_argument("--device", help="cpu or cuda (cuda where there is one)")
    chosen, options = parser.parse_known_args(arguments)
    asked = (key for name in chosen.experiments for key in (EXPERIMENTS if name == "all" else [name]))
    chosen.experiments = list(dict.fromkeys(asked))
    if unknown := [name for name in chosen.experiments if name not in EXPERIMENTS]:
        parser.error(f"expected some of {', '.join(EXPERIMENTS)} or all, got {unknown[0]}")
    given = {option.split("=")[0] for option in options}
    if "--seed" in given:
        parser.error("expected --seeds, how many; each has its own --seed")
    if chosen.device is not None:
        options += ["--device", chosen.device]
    if chosen.data_set == "celeba" and "--decoded" not in given:
        options += ["--decoded", str(chosen.out)]
    return chosen, options


def _show(chosen: argparse.Namespace, folders: Sequence[Path]) -> None:
    """Print the table of each experiment, and write the numbers of all."""
    from vision.experiments.catalogue import EXPERIMENTS

    summaries = {}
    for name in chosen.experiments:
        results = [json.loads((folder / f"{name}.json").read_text())["result"] for folder in folders]
        summaries[name] = summary([{key: result[key] for key in result if key != "scales"} for result in results])
        print(f"\n{EXPERIMENTS[name].title}, {len(folders)} seeds, mean ± standard deviation\n\n{table(results)}")
    path = chosen.out / "seeds.json"
    write_json(path, {"data_set": chosen.data_set, "seeds": len(folders), "experiments": summaries})
    print(f"\n{path}")


def _count(text: str) -> int:
    """Parse a number of seeds."""
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 5 else 0
    if not 1 <= value <= MOST:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 to {MOST}, got {text!r}")
    return value


if __name__ == "__main__":
    sys.exit(until_closed(entry))
