"""`melodylc interpolate`: melodies on the way from one to another."""

from __future__ import annotations

import argparse

from melodylc.cli import arguments


def add(commands: arguments.Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("interpolate", help="melodies on the way from one of yours to another")
    parser.add_argument("first", metavar="A.mid")
    parser.add_argument("last", metavar="B.mid")
    parser.add_argument("--count", type=arguments.number(int, 2), default=5, help="both ends among them (5)")
    arguments.add_rules(parser)
    arguments.add_actors(parser)
    arguments.add_selection(parser)
    arguments.add_output(parser, temperature=0.0)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Write the melodies on the way."""
    arguments.check_folder(options.out)
    attributes, rules = arguments.attributes_and_rules(options)
    decoding = arguments.decoding(options)
    from melodylc.cli import output
    from melodylc.loading import load
    from melodylc.transforming import interpolate

    first, last = (output.select(options, file).states for file in (options.first, options.last))
    model = load(options.model)
    actors = arguments.actors(options, model)
    made = interpolate(model, first, last, options.count, attributes, rules=rules, actors=actors, **decoding)
    output.write_made(options, made, [*attributes.rules(), *rules], {"from": made.ways})
