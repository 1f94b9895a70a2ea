"""`melodylc prior`: the realistic prior of a model, from which its melodies are drawn."""

from __future__ import annotations

import argparse
from dataclasses import replace

from melodylc.base import extras
from melodylc.cli import arguments


def add(commands: arguments.Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("prior", help="teach a trained model where real melodies lie, and attributes")
    parser.add_argument("corpus", metavar="CORPUS", help="a folder made by extract, best the one the model is from")
    parser.add_argument("--model", required=True, metavar="FILE", help="a model of train; the prior goes beside it")
    parser.add_argument("--steps", type=arguments.number(int, 1), default=12_000, help="of the flow (12000)")
    parser.add_argument("--resume", action="store_true", help="go on with the training beside the model")
    parser.add_argument("--device", help="cpu or cuda (cpu)")
    arguments.add_seed(parser)
    parser.set_defaults(run=run, needs=extras.TRAIN)


def run(options: argparse.Namespace) -> None:
    """Train the flow, distil and refine it, and store it beside the model."""
    from melodylc.prior.stages import train_prior
    from melodylc.prior.training import PriorSettings

    settings = replace(PriorSettings(), steps=options.steps)
    try:
        train_prior(
            options.model,
            options.corpus,
            settings=settings,
            seed=options.seed,
            resume=options.resume,
            device=options.device,
        )
    except KeyboardInterrupt as stop:
        stop.args = ("go on with --resume",)
        raise
