"""`melodylc transform`: one's own melody, changed just enough."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from melodylc.base.errors import UserError
from melodylc.cli import arguments


def add(commands: arguments.Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("transform", help="change your own melody just enough")
    parser.add_argument("file", metavar="IN.mid")
    arguments.add_rules(parser)
    arguments.add_actors(parser)
    parser.add_argument(
        "--how",
        choices=("actor", "gradient"),
        help="what leads the way (the gradient for key, notes and range, actors for rules)",
    )
    parser.add_argument(
        "--amount", type=arguments.number(float, 0, 1), default=1.0, help="0 your melody, 1 the change (1)"
    )
    arguments.add_selection(parser)
    arguments.add_output(parser, temperature=0.0)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Write the melody as it was read, and changed."""
    arguments.check_folder(options.out)
    attributes, rules = arguments.attributes_and_rules(options)
    if not [*attributes.rules(), *rules]:
        raise UserError("transform: expected what to change; give --key, --notes, --range or --rule")
    decoding = arguments.decoding(options)
    import numpy as np

    from melodylc.cli import output
    from melodylc.constraints.transformation import onsets_kept, pitches_kept
    from melodylc.loading import load
    from melodylc.transforming import transform

    given = output.select(options, options.file).states
    model = load(options.model)
    actors = arguments.actors(options, model)
    changed = transform(
        model, given, attributes, rules=rules, actors=actors, how=options.how, amount=options.amount, **decoding
    )
    both, together = np.concatenate([given[None], changed.melodies]), [*attributes.rules(), *rules]
    kept = output.kept(changed, together).all()
    as_it_was = all(rule.satisfied(given[None])[0] for rule in together)  # it is plausible by definition
    columns: dict[str, Sequence[Any]] = {
        "kept": ["yes" if each else "no" for each in (as_it_was, kept)],
        "onsets kept": [f"{share:.0%}" for share in onsets_kept(given, both)],
        "notes kept": [f"{share:.0%}" for share in pitches_kept(given, both)],
        "from": ["yours", *changed.ways],
        "plausible": ["yes", *output.plausible(changed)],  # what is odd about one's own melody may stay
    }
    headline = f"{'kept' if kept else 'not kept'}; {changed.summary}"
    output.write(options, headline, both, together, columns)
    strict = " (strict: masked decoder)" if options.strict else ""
    print(f"1 is your melody as it was read, 2 the changed one{strict}")
