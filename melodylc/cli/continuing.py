"""`melodylc continue`: one's own melody goes on."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from melodylc.base.errors import UserError
from melodylc.cli import arguments
from melodylc.melody import BARS, REST, STEPS_PER_BAR

if TYPE_CHECKING:
    import numpy as np

MOST_SILENT = 2  # bars at the end of what is to go on


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
    parser.add_argument("--seconds", type=arguments.number(float, 0), help="search for each eight bars no longer")
    arguments.add_selection(parser)
    arguments.add_output(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Write the melody with bars that follow."""
    arguments.check_folder(options.out)
    from melodylc.cli import output
    from melodylc.constraints.lengths import check_bars
    from melodylc.continuing import continue_melody

    given = output.select(options, options.file, last=True)
    _check_sounding(given.states)
    attributes, rules = arguments.attributes_and_rules(options, given.bar + 1)
    check_bars(options.bars, options.chords)
    model = arguments.playing(options)
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
        seconds=options.seconds,
    )
    output.write_made(options, made, [*attributes.rules(), *rules])


def _check_sounding(melody: np.ndarray) -> None:
    """Raise UserError where a melody (256,) has ended bars ago: new ones would follow from silence."""
    silent = (melody[::-1] == REST).cumprod().sum() // STEPS_PER_BAR
    if silent > MOST_SILENT:
        raise UserError(
            f"continue: expected {BARS} bars to go on from, the melody has {BARS - silent}; "
            f"melodylc infill --bars {BARS - silent + 1}-{BARS} fills the others"
        )
