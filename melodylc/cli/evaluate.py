"""`melodylc evaluate`: every figure that is claimed, measured."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from melodylc.base.errors import UserError
from melodylc.cli import arguments

if TYPE_CHECKING:
    import numpy as np

    from melodylc.model import Model


def add(commands: arguments.Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("evaluate", help="every figure that is claimed, measured: tables, PNG, JSON")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--table2", action="store_true", help="the paper's table 2 only, no figures")
    what.add_argument("--reconstruction", metavar="CORPUS", help="reconstruction and KL on the corpus's held-out files")
    parser.add_argument("--draws", type=arguments.number(int, 2), default=2048)
    parser.add_argument(
        "--rounds", type=arguments.number(int, 1), default=20, help="of each actor that is learned (20)"
    )
    arguments.add_seed(parser)
    parser.add_argument("--corpus", help="transform its held-out melodies (default: melodies of the model's bank)")
    parser.add_argument("--out", default="evaluation", metavar="DIR", help="where tables and figures go (evaluation)")
    parser.add_argument("--json", metavar="FILE", help="where the rows of --table2 or --reconstruction go")
    parser.add_argument("--model", metavar="FILE", help="a model of train, its conditional actor beside it")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Measure a model: everything, table 2 only, or reconstruction only."""
    from melodylc.model import load
    from midi_io.atomic import atomic_write

    model = load(options.model)
    if options.reconstruction:
        _evaluate_reconstruction(options, model)
    elif options.table2:
        from melodylc.evaluation.comparison import table2
        from melodylc.evaluation.table_text import table_text

        rows = table2(model, draws=options.draws, rounds=options.rounds, seed=options.seed)
        print(table_text(rows))
        if options.json:
            with atomic_write(options.json) as beside:
                beside.write_text(json.dumps({"rows": [row.as_json() for row in rows]}, indent=2) + "\n")
    else:
        from melodylc.evaluation.report import evaluate

        out = Path(options.out)
        melodies = None if options.corpus is None else _held_out(options.corpus, options.seed)
        evaluate(
            model,
            out,
            draws=options.draws,
            rounds=options.rounds,
            seed=options.seed,
            melodies=melodies,
            say=lambda text: print(text, flush=True),
        )
        print(f"\nevaluation.json and figures in {out}")


def _held_out(corpus: str, seed: int) -> np.ndarray:
    from melodylc.extraction import Corpus
    from melodylc.vae.data import TrainingWindows
    from melodylc.vae.metrics import held_out

    try:
        return held_out(TrainingWindows(Corpus(corpus), "test"), 256, seed)
    except ValueError as error:
        raise UserError(f"evaluate: {error}") from error


def _evaluate_reconstruction(options: argparse.Namespace, model: Model) -> None:
    from dataclasses import asdict

    from melodylc.extraction import Corpus
    from melodylc.vae.data import TrainingWindows
    from melodylc.vae.metrics import held_out, measure
    from midi_io.atomic import atomic_write

    corpus = Corpus(options.reconstruction)
    table = {}
    for split in ("valid", "test"):
        try:
            windows = TrainingWindows(corpus, split)
        except ValueError as error:
            raise UserError(f"evaluate: {error}") from error
        # files alike, and windows alike: a long file has many windows
        table[f"{split}, by file"] = asdict(measure(model.vae, held_out(windows, options.draws), options.seed))
        drawn = held_out(windows, options.draws, by_file=False, seed=options.seed)
        table[f"{split}, by window"] = asdict(measure(model.vae, drawn, options.seed))
    print(f"{'':<20}" + "".join(f"{name:>20}" for name in table))
    for name in next(iter(table.values())):
        print(f"{name:<20}" + "".join(f"{metrics[name]:>20.4g}" for metrics in table.values()))
    if options.json:
        with atomic_write(options.json) as beside:
            beside.write_text(json.dumps(table, indent=2) + "\n")
