"""`melodylc continue`: one's own melody goes on."""

from __future__ import annotations

import argparse

from melodylc.cli import arguments


def add(commands: arguments.Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("continue", help="let your own melody go on, and end")
    parser.add_argument("file", metavar="IN.mid")
    parser.add_argument(
        "--bars", type=arguments.number(int, 17, 256), default=32, help="how many in all, your 16 among them (32)"
    )
    arguments.add_rules(parser)
    arguments.add_chords(parser)
    arguments.add_style(parser)
    arguments.add_taste(parser)
    parser.add_argument("--count", type=arguments.number(int, 1), default=4, help="how many (4)")
    arguments.add_selection(parser)
    arguments.add_output(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Write the melody with bars that follow."""
    from melodylc.cli import output
    from melodylc.constraints.lengths import check_bars
    from melodylc.continuing import continue_melody
    from melodylc.model import load

    given = output.select(options, options.file)
    attributes, rules = arguments.attributes_and_rules(options, given.bar + 1)
    check_bars(options.bars, options.chords)
    model = arguments.styled(options, load(options.model))
    rules = arguments.to_taste(options, model, rules)
    made = continue_melody(
        model,
        given.states,
        attributes,
        bars=options.bars,
        count=options.count,
        rules=rules,
        seed=options.seed,
        temperature=options.temperature,
        strict=options.strict,
    )
    output.write_made(options, made, [*attributes.rules(), *rules])
