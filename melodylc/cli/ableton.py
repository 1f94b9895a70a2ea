"""`melodylc ableton`: melodies into the clip slots of Ableton Live."""

from __future__ import annotations

import argparse
from typing import Any

from melodylc.base.errors import UserError
from melodylc.cli import arguments

MOST_MELODIES = 32


def add(commands: arguments.Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "ableton",
        help="melodies into clip slots of Ableton Live, in the key of the set",
        description="Write melodies into free slots of the selected track of Ableton Live 11 or 12, from the selected "
        "scene on, in the key and scale of the set. Live needs AbletonOSC (melodylc plugin install ableton).",
    )
    of_clip = parser.add_argument_group("of the selected clip, beneath it").add_mutually_exclusive_group()
    of_clip.add_argument("--vary", action="store_true", help="melodies like it")
    of_clip.add_argument("--infill", metavar="BARS", help="these bars of it made anew: 5-8, or 1,3,9-12")
    of_clip.add_argument("--continue", dest="go_on", action="store_true", help="it goes on")
    parser.add_argument(
        "--amount", type=arguments.number(float, 0, 1), metavar="X", help="of --vary, how different (0.25)"
    )
    parser.add_argument("--keep", choices=("rhythm", "pitches"), help="of --infill, what stays of the bars")
    parser.add_argument(
        "--more", type=arguments.number(int, 1, 63), metavar="BARS", help="of --continue, how many bars follow (8)"
    )
    arguments.add_rules(parser)
    parser.add_argument("--chords", metavar="CHORDS", help="such as 'Am F C G'")
    parser.add_argument("--form", metavar="FORM", help="which phrases are equal, such as AABA")
    parser.add_argument("--bars", type=arguments.number(int, 1, 64), metavar="N", help="of new melodies (16)")
    parser.add_argument("--count", type=arguments.number(int, 1, MOST_MELODIES), help="how many (4; of a clip 1)")
    parser.add_argument("--temperature", type=arguments.number(float, 0, 10), help="0 takes the likeliest")
    parser.add_argument("--strict", action="store_true", help="guarantee key and range by masking the decoder")
    parser.add_argument(
        "--seed", type=arguments.number(int, 0, 2**53 - 1), help="the same seed gives the same melodies"
    )
    parser.add_argument("--track", metavar="TRACK", help="by number or name (default: the selected one)")
    parser.add_argument(
        "--scene", type=arguments.number(int, 1), metavar="N", help="by number (default: the selected one)"
    )
    parser.add_argument("--replace", action="store_true", help="write over clips, from the scene on")
    parser.add_argument("--name", metavar="NAME", help="of the clips (default: the key, or the clip's name)")
    ports = parser.add_argument_group("ports of this machine")
    ports.add_argument("--port", type=arguments.number(int, 1, 65535), default=11000, help="of AbletonOSC (11000)")
    ports.add_argument(
        "--answer-port", type=arguments.number(int, 1, 65535), default=11001, help="to which it answers (11001)"
    )
    ports.add_argument("--bridge", type=arguments.number(int, 1, 65535), default=9173, help="of melodylc bridge (9173)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Write melodies into the set that is open in Live."""
    from functools import partial

    from melodylc.ableton.connection import Connection
    from melodylc.ableton.melodies import Order, fill
    from melodylc.bridge.client import answer

    order = Order(
        _question(options), options.infill, options.track, options.scene, replace=options.replace, name=options.name
    )
    with Connection(options.port, options.answer_port) as connection:
        fill(connection, order, partial(answer, port=options.bridge), partial(print, flush=True))


def _question(options: argparse.Namespace) -> dict[str, Any]:
    """Return what the bridge is to be asked, as far as the options say it.

    Raises:
        UserError: for options that do not go together.
    """
    do = "vary" if options.vary else "infill" if options.infill else "continue" if options.go_on else "generate"
    for name, belongs in (("amount", "vary"), ("keep", "infill"), ("more", "continue"), ("bars", "generate")):
        if getattr(options, name) is not None and do != belongs:
            only = "new melodies" if belongs == "generate" else f"--{belongs}"
            raise UserError(f"--{name}: expected with {only} only; leave it out")
    given = {
        "key": options.key,
        "notes": options.notes,
        "at_most": options.at_most,
        "range": options.range,
        "rules": options.rule or None,
        "chords": options.chords,
        "form": options.form,
        "bars": options.bars,
        "amount": options.amount,
        "keep": options.keep,
        "more": options.more,
        "temperature": options.temperature,
        "strict": options.strict or None,
        "seed": options.seed,
        "count": options.count or (4 if do == "generate" else 1),
    }
    return {"do": do} | {name: value for name, value in given.items() if value is not None}
