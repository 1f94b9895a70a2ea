"""`melodylc learn`: an actor for a rule."""

from __future__ import annotations

import argparse
from functools import reduce
from operator import and_
from pathlib import Path
from typing import TYPE_CHECKING

from melodylc.base.errors import UserError
from melodylc.cli import arguments

if TYPE_CHECKING:
    from melodylc.constraints.rule_actor import RuleActor
    from melodylc.rules import Rule


def add(commands: arguments.Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("learn", help="learn an actor for a rule")
    arguments.add_rules(parser)
    parser.add_argument("--out", required=True, metavar="ACTOR", help="the .safetensors file to write")
    arguments.add_budget(parser)
    parser.set_defaults(rounds=30)
    parser.add_argument(
        "--paper", action="store_true", help="the paper's loop: rewards of decodes only, one critic of z"
    )
    parser.add_argument("--corpus", help="more examples than the model's bank has")
    arguments.add_seed(parser)
    arguments.add_model(parser)
    arguments.add_device(parser)
    parser.set_defaults(run=run, needs=("torch",))


def run(options: argparse.Namespace) -> None:
    """Learn an actor for all that is asked, and save it."""
    attributes, rules = arguments.attributes_and_rules(options)
    together = [*attributes.rules(), *rules]
    if not together:
        raise UserError("learn: expected a rule; give --rule, --key, --notes or --range")
    out = arguments.actor_file(options.out, "--out")
    from melodylc.constraints.rule_actor import learn
    from melodylc.latent.budget import PAPER_BUDGET, Budget
    from melodylc.model import load

    learned = learn(
        load(options.model, options.device),
        reduce(and_, together),
        budget=arguments.budget(options, PAPER_BUDGET if options.paper else Budget()),
        seed=options.seed,
        bank=arguments.more_melodies(options),
    )
    learned.save(out)
    card = learned.card
    print(
        f"{learned.report}; prior: kept {card['prior_kept']:.1%} (satisfied {card['prior_satisfied']:.1%}); "
        f"mean squared shift {card['best']['shift']:.2f}, {card['curve'][-1]['seconds']:.0f} s; {out}"
    )
    if learned.outcome != "reached":
        _write_nearest(out, learned, together)


def _write_nearest(out: Path, learned: RuleActor, rules: list[Rule]) -> None:
    """Write the melodies nearest to a rule that was not reached, beside its actor."""
    from melodylc.exchange import write_midi

    print("the nearest melodies met:")
    for index, melody in enumerate(learned.examples):
        path = out.with_name(f"{out.stem}-nearest-{index + 1}.mid")
        write_midi(path, melody)
        print(f"  {path}  " + ", ".join(f"{rule.name} {rule(melody):.1%}" for rule in rules))
