"""`melodylc plugin`: what a DAW loads, put where it looks for it."""

from __future__ import annotations

import argparse

from melodylc.cli import arguments


def add(commands: arguments.Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("plugin", help="put what a DAW loads where it looks for it")
    parser.add_argument("action", choices=("install", "list"), help="put it there, or list the DAWs there is one for")
    parser.add_argument("daw", nargs="?", help="ableton, ardour, bitwig or reaper")
    parser.add_argument("--into", metavar="DIR", help="another folder than the DAW's own")
    parser.add_argument("--from", dest="source", metavar="FILE", help="what was downloaded for it")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Install a plug-in, or list what there is."""
    from melodylc import plugins

    if options.action == "list":
        print("\n".join(plugins.available()))
    else:
        for path, changed in plugins.install(options.daw, options.into, options.source).items():
            print(path if changed else f"{path} (installed already)")
        if options.daw in plugins.AFTERWARDS:
            print(plugins.AFTERWARDS[options.daw])
