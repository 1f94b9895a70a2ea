"""`melodylc train`: a model from a corpus."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from melodylc.base import extras
from melodylc.base.errors import UserError
from melodylc.cli import arguments


def add(commands: arguments.Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("train", help="train a model on a corpus")
    parser.add_argument("corpus", metavar="CORPUS", help="a folder made by extract")
    parser.add_argument("--preset", choices=("small", "paper"), default="small")
    parser.add_argument("--out", required=True, metavar="DIR", help="where model, bank, logs and checkpoint go")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    arguments.add_seed(parser)
    parser.add_argument("--steps", action="append", default=[], metavar="STAGE=N", help="another length for a stage")
    parser.add_argument("--kl", type=arguments.number(float, 1), metavar="NATS", help="what z may carry (the preset's)")
    parser.add_argument("--start", metavar="MODEL", help="begin the last stage with the weights of this model")
    parser.add_argument("--about", metavar="FILE", help="JSON fields for the card: licence, sources, temperature")
    parser.add_argument("--device", help="cpu or cuda (default: cuda where there is one)")
    parser.set_defaults(run=run, needs=extras.TRAIN)


def run(options: argparse.Namespace) -> None:
    """Train, and write what realism is measured against beside the model."""
    from melodylc.evaluation.reference import write_reference
    from melodylc.vae.presets import PRESETS
    from melodylc.vae.training import train

    steps, about = _steps(options.steps), _about(options.about)
    try:
        card = train(
            options.corpus,
            PRESETS[options.preset],
            options.out,
            resume=options.resume,
            seed=options.seed,
            steps=steps,
            kl_target=options.kl,
            start=options.start,
            device=options.device,
            about=about,
        )
    except KeyboardInterrupt as stop:
        stop.args = ("go on with --resume",)
        raise
    if not card:  # of the processes of torchrun the first one tells
        return
    write_reference(options.out, options.corpus)
    print(json.dumps(card["held_out"], indent=2))


def _steps(given: list[str]) -> dict[str, int]:
    steps = {}
    for text in given:
        stage, _, length = text.partition("=")
        if not (length.isascii() and length.isdigit()):
            raise UserError(f"train: --steps expected STAGE=N, such as whole=20000, got {text!r}")
        steps[stage] = int(length)
    return steps


def _about(path: str | None) -> dict[str, object]:
    if path is None:
        return {}
    try:
        fields = json.loads(Path(path).read_text())
        if not isinstance(fields, dict):
            raise ValueError(f"its top level is a {type(fields).__name__}")
    except ValueError as error:
        raise UserError(f"train: --about expected a file with one JSON object, {path} is none ({error})") from error
    return fields
