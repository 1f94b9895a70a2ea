"""`melodylc generate`: new melodies."""

from __future__ import annotations

import argparse

from melodylc.cli import arguments
from melodylc.melody import BARS


def add(commands: arguments.Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("generate", help="new melodies, as MIDI files and piano rolls")
    arguments.add_rules(parser)
    arguments.add_chords(parser)
    arguments.add_style(parser)
    arguments.add_taste(parser)
    arguments.add_actors(parser)
    parser.add_argument("--count", type=arguments.number(int, 1), default=4, help="how many (4)")
    parser.add_argument(
        "--tries",
        type=arguments.number(int, 1),
        default=8,
        help="draws a melody has to keep its rules and be plausible (8)",
    )
    parser.add_argument(
        "--bars",
        type=arguments.number(int, 1, 256),
        default=16,
        help="how many (16): more follow from those before them, fewer end like an ending",
    )
    parser.add_argument("--form", metavar="FORM", help="which phrases are equal, such as AABA, or AA'BA varied")
    parser.add_argument(
        "--how",
        choices=("auto", "search", "learn"),
        help="what finds melodies for --rule without --actor: a search, learning, or learning where a search fails "
        "(auto; with --rounds, --seconds or --keep: learn). --seconds bounds --how search too",
    )
    arguments.add_output(parser)
    arguments.add_device(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Write melodies that keep what is asked."""
    arguments.check_folder(options.out)
    attributes, rules = arguments.attributes_and_rules(options)
    how, decoding = arguments.how(options), arguments.decoding(options)
    from melodylc.cli import output
    from melodylc.constraints.lengths import check_bars
    from melodylc.constraints.search import SearchBudget
    from melodylc.generation import generate
    from melodylc.rules import form as find_form

    check_bars(options.bars, options.chords)
    drawn = not (rules or options.form or options.taste or options.actor) and options.bars == BARS
    model = arguments.playing(options, drawn=drawn)
    rules = arguments.to_taste(options, model, rules)
    actors = arguments.actors(options, model, learning=how == "learn")
    searches = how == "search" or options.bars != BARS
    searching = SearchBudget(seconds=options.seconds if searches else None)
    made = generate(
        model,
        attributes,
        options.count,
        rules=rules,
        actors=actors,
        tries=options.tries,
        form=options.form,
        bars=options.bars,
        how=how,
        searching=searching,
        **decoding,
    )
    together = [*attributes.rules(), *rules, *([find_form(options.form)] if options.form else [])]
    output.write_made(options, made, together, {"draw": made.draws, "from": made.ways})
