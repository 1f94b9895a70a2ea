"""`melodylc evaluate`: every figure that is claimed, measured."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from melodylc.base.errors import UserError
from melodylc.base.extras import need
from melodylc.cli import arguments

if TYPE_CHECKING:
    import numpy as np

    from melodylc.evaluation.real_melodies import RealMelodies
    from melodylc.model import Model

MOST_EACH = 100  # melodies of each kind on a page: an hour and a half of listening already at 30 seconds each


def add(commands: arguments.Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("evaluate", help="every figure that is claimed, measured: tables, PNG, JSON")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--table2", action="store_true", help="the paper's table 2 only, no figures")
    what.add_argument("--reconstruction", metavar="CORPUS", help="reconstruction and KL on the corpus's held-out files")
    what.add_argument("--prior", action="store_true", help="only how much unconstrained draws are like real melodies")
    what.add_argument("--networks", action="store_true", help="only the paper's figure 13c, of the model's networks")
    what.add_argument(
        "--listening",
        action="store_true",
        help="write a page to listen to: real, drawn and controlled melodies, blinded",
    )
    what.add_argument(
        "--score-listening", nargs="+", metavar="ANSWERS", help="score answers of the page by the key in --out"
    )
    parser.add_argument("--draws", type=arguments.number(int, 2), default=2048)
    parser.add_argument(
        "--rounds", type=arguments.number(int, 1), default=20, help="of each actor that is learned (20)"
    )
    arguments.add_seed(parser)
    parser.add_argument(
        "--corpus", help="its held-out melodies are the real ones (default: melodies of the model's bank)"
    )
    parser.add_argument(
        "--each", type=arguments.number(int, 1, MOST_EACH), default=8, help="melodies of each kind on the page (8)"
    )
    parser.add_argument("--out", default="evaluation", metavar="DIR", help="where tables and figures go (evaluation)")
    parser.add_argument("--json", metavar="FILE", help="where the figures of a single table go")
    parser.add_argument("--model", metavar="FILE", help="a model of train, its conditional actor beside it")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Measure a model: everything, or the part that is asked for."""
    need("evaluate", "torch")
    if options.score_listening:
        _score_listening(options)
        return
    from melodylc.model import load

    model = load(options.model)
    if options.reconstruction:
        _evaluate_reconstruction(options, model)
    elif options.table2:
        _evaluate_table2(options, model)
    elif options.prior:
        _evaluate_prior(options, model)
    elif options.networks:
        _draw_networks(options, model)
    elif options.listening:
        _write_listening(options, model)
    else:
        _evaluate_everything(options, model)


def _evaluate_everything(options: argparse.Namespace, model: Model) -> None:
    from melodylc.evaluation.report import evaluate

    out = Path(options.out)
    evaluate(
        model,
        out,
        draws=options.draws,
        rounds=options.rounds,
        seed=options.seed,
        melodies=None if options.corpus is None else _held_out(options.corpus, options.seed),
        real=_real(options, model),
        say=lambda text: print(text, flush=True),
    )
    print(f"\nevaluation.json and figures in {out}")


def _evaluate_table2(options: argparse.Namespace, model: Model) -> None:
    from melodylc.evaluation.comparison import table2
    from melodylc.evaluation.table_text import table_text

    rows = table2(model, draws=options.draws, rounds=options.rounds, seed=options.seed)
    print(table_text(rows))
    _write_json(options, {"rows": [row.as_json() for row in rows]})


def _evaluate_prior(options: argparse.Namespace, model: Model) -> None:
    from melodylc.evaluation.figures import first_draws
    from melodylc.evaluation.naturalness import measure_naturalness, naturalness_text

    table = measure_naturalness(model, _real(options, model), draws=options.draws, seed=options.seed)
    print(naturalness_text(table))
    _write_json(options, table.as_json())
    rolls = Path(options.out) / "draws.png"
    rolls.parent.mkdir(parents=True, exist_ok=True)
    first_draws(rolls, model)
    print(f"{rolls}: the draws of seeds 1 to 12, as they come")


def _draw_networks(options: argparse.Namespace, model: Model) -> None:
    from melodylc.evaluation import figures

    figures.plotting()  # a missing matplotlib is reported before a folder is made
    path = Path(options.out) / "figure13.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    figures.networks(path, model)
    print(f"{path}: encoder, conductor and decoder, as the paper's figure 13c")


def _write_listening(options: argparse.Namespace, model: Model) -> None:
    from melodylc.evaluation.listening import write_listening

    page, key = write_listening(model, _real(options, model), Path(options.out), each=options.each, seed=options.seed)
    print(
        f"{page}: open it in a browser, offline as well; listen, answer, and save the answers\n"
        f"{key}: which melody is which, not for the listeners\n"
        f"then: melodylc evaluate --score-listening ANSWERS.json --out {options.out}"
    )


def _score_listening(options: argparse.Namespace) -> None:
    from melodylc.evaluation.listening_score import read_answers, read_key, score, score_text

    key = read_key(Path(options.out))
    scores = score(key, read_answers([Path(path) for path in options.score_listening], key))
    print(score_text(scores))
    _write_json(options, {"rows": [row.as_json() for row in scores]})


def _write_json(options: argparse.Namespace, content: Any) -> None:
    from midi_io.atomic import atomic_write

    if options.json:
        with atomic_write(options.json) as beside:
            beside.write_text(json.dumps(content, indent=2) + "\n")


def _real(options: argparse.Namespace, model: Model) -> RealMelodies:
    from melodylc.evaluation.real_melodies import RealMelodies

    return RealMelodies.of_model(model) if options.corpus is None else RealMelodies.of_corpus(options.corpus)


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
    _write_json(options, table)
