"""`melodylc condition`: the conditional actor of a model, which knows key, number of notes and range."""

from __future__ import annotations

import argparse
from dataclasses import replace

from melodylc.cli import arguments


def add(commands: arguments.Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "condition",
        aliases=["knobs"],  # as it was called until 0.1
        help="teach a trained model key, numbers of notes and range",
    )
    parser.add_argument("--model", required=True, metavar="FILE", help="a model of train; the actor goes beside it")
    parser.add_argument("--corpus", help="more examples than the model's bank has")
    parser.add_argument("--rounds", type=arguments.number(int, 1), default=500, help="of fresh melodies (500)")
    arguments.add_seed(parser)
    parser.set_defaults(run=run, needs=("torch",))


def run(options: argparse.Namespace) -> None:
    """Train the conditional actor and save it beside the model."""
    from melodylc.constraints.conditional import FILE
    from melodylc.constraints.conditional_training import ConditionalSettings, train_conditional_actor
    from melodylc.model import load

    model = load(options.model)
    settings = replace(ConditionalSettings(), rounds=options.rounds)
    melodies = arguments.more_melodies(options)
    path = model.path.with_name(FILE)
    actor = train_conditional_actor(model, settings=settings, melodies=melodies, seed=options.seed)
    actor.save(path)
