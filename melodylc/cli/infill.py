"""`melodylc infill`: some bars of one's own melody made anew."""

from __future__ import annotations

import argparse

from melodylc.base.errors import UserError
from melodylc.cli import arguments


def add(commands: arguments.Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("infill", help="make some bars of your own melody anew, the others stay")
    parser.add_argument("file", metavar="IN.mid")
    parser.add_argument("--bars", metavar="BARS", help="of the 16, those to make anew: 5-8, or 1,3,9-12")
    parser.add_argument(
        "--keep",
        choices=("rhythm", "pitches", "notes"),
        help="what stays of them (pitches: in their order; notes: others may come between, lengths may change)",
    )
    arguments.add_rules(parser)
    arguments.add_chords(parser)
    arguments.add_style(parser)
    arguments.add_taste(parser)
    parser.add_argument("--count", type=arguments.number(int, 1), default=4, help="how many (4)")
    parser.add_argument("--seconds", type=arguments.number(float, 0), help="search for no longer than so many")
    arguments.add_selection(parser)
    arguments.add_output(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Write the melody with some bars made anew."""
    arguments.check_folder(options.out)
    from dataclasses import replace

    from melodylc.cli import output
    from melodylc.infilling import BUDGET, infill, numbers_of_bars

    if options.bars is None and options.keep is None:
        raise UserError("infill: expected --bars, those to make anew, or --keep, what stays of all; or both")
    bars = None if options.bars is None else numbers_of_bars(options.bars)
    given = output.select(options, options.file)
    attributes, rules = arguments.attributes_and_rules(options, given.bar + 1)
    model = arguments.playing(options)
    rules = arguments.to_taste(options, model, rules)
    made = infill(
        model,
        given.states,
        attributes,
        bars=bars,
        keep=options.keep,
        count=options.count,
        rules=rules,
        seed=options.seed,
        temperature=options.temperature,
        strict=options.strict,
        searching=replace(BUDGET, seconds=options.seconds),
    )
    output.write_made(options, made, [*attributes.rules(), *rules])
