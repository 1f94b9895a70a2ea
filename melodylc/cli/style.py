"""`melodylc style`: one's own music, as a style that melodies are made in."""

from __future__ import annotations

import argparse

from melodylc.base import extras
from melodylc.cli import arguments


def add(commands: arguments.Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("style", help="learn your own style from your MIDI files, for --style")
    parser.add_argument("paths", nargs="+", metavar="PATH", help="MIDI files, or folders to search; ten or more files")
    parser.add_argument("--out", required=True, metavar="FILE", help="where the style is saved (.safetensors)")
    arguments.add_model(parser)
    parser.set_defaults(run=run, needs=extras.TRAIN)


def run(options: argparse.Namespace) -> None:
    """Learn the style, save it, and say what it makes."""
    out = arguments.actor_file(options.out, "--out")
    from melodylc.model import load
    from melodylc.style import learned_report, style_of_files

    model = load(options.model)
    style = style_of_files(model, options.paths)
    style.save(out)
    print(learned_report(model, style))
    print(f"{out}: give it to generate, infill, continue or live as --style")
