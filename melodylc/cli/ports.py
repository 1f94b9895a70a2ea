"""`melodylc ports`: the MIDI ports of this machine."""

from __future__ import annotations

import argparse

from melodylc.base.errors import UserError
from melodylc.cli import arguments
from melodylc.live.hints import with_hint
from midi_io.ports import BACKENDS, NoPortsError, listed, working


def add(commands: arguments.Commands) -> None:
    """Add the command."""
    commands.add_parser("ports", help="list the MIDI ports of this machine").set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """List the ports of every MIDI system that answers."""
    found = False
    for backend in BACKENDS:
        try:
            there = listed(backend)
        except NoPortsError:
            continue
        found = True
        print(f"{backend}:")
        for kind, names in (("in", there.sources), ("out", there.sinks)):
            for name in names:
                print(f"  {kind:<4}{name}")
        if not there.sources and not there.sinks:
            print("  no ports yet; melodylc live makes its own")
    if not found:
        try:
            working()
        except NoPortsError as error:
            raise UserError(f"ports: {with_hint(error)}") from error
