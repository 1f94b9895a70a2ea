"""`melodylc doctor`: what this machine can do live, what is missing, and what mends it."""

from __future__ import annotations

import argparse

from melodylc.base.errors import UserError
from melodylc.cli import arguments


def add(commands: arguments.Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("doctor", help="what this machine can do live, what is missing, and what mends it")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Report, and fail where a live session cannot be played."""
    from melodylc.live import doctor

    if not doctor.report():
        raise UserError("doctor: a live session cannot be played yet; the lines above say what mends it")
