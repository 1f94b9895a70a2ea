"""The command `melodylc`: one file for each of its commands. What a user got wrong is one line and exit code 2."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from melodylc.base import extras
from melodylc.base.errors import UserError, told
from melodylc.base.signals import exit_code, on_signals, until_closed
from melodylc.base.torchrun import is_first, tells_error
from melodylc.base.version import __version__
from melodylc.cli import (
    ableton,
    bridge,
    condition,
    continuing,
    doctor,
    evaluate,
    extract,
    generate,
    infill,
    interpolate,
    learn,
    live,
    panel,
    plugin,
    ports,
    prior,
    style,
    taste,
    train,
    transform,
)

# in the order of the help; each adds its own arguments, says what it `needs` of the extra `train`, and loads what is
# heavy when it runs
COMMANDS = (
    generate, transform, infill, continuing, interpolate, learn, style, taste, panel, live, ableton, bridge,
    ports, doctor, plugin, extract, train, prior, condition, evaluate,
)  # fmt: skip


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line; what it parses has the command to `run`."""
    whole = argparse.ArgumentParser(prog="melodylc", description="Melodies that keep the rules you state.")
    whole.add_argument("--version", action="version", version=f"melodylc {__version__}")
    commands = whole.add_subparsers(required=True, metavar="COMMAND", dest="command")
    for command in COMMANDS:
        command.add(commands)
    return whole


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code."""
    # read where a command imports torch: beside a DAW or another program, threads that wait for each other would spin
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    options = parser().parse_args(arguments)
    try:
        _refuse_empty_texts(options)
        extras.need(options.command, *getattr(options, "needs", ()))
        with on_signals():
            options.run(options)
    except BrokenPipeError:
        raise  # no fault of the command: see `until_closed`
    except KeyboardInterrupt as stop:
        with suppress(OSError):  # the terminal may be what went away
            if is_first():
                print("\n" + "; ".join(["stopped", *map(str, stop.args)]), file=sys.stderr)
        return exit_code(stop)
    except (UserError, ImportError, OSError) as error:
        if tells_error():
            print(f"melodylc: {told(error)}", file=sys.stderr)
        return 2
    return 0


def _refuse_empty_texts(options: argparse.Namespace) -> None:
    """Refuse an empty text (`--key ""`, as from a variable that is not set): it is no key, no name and no path."""
    for name, value in vars(options).items():
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and not text.strip():
                raise UserError(f"{name}: expected some text, got {text!r}; leave it out where nothing is meant")


def entry() -> None:
    """Run the console command."""
    sys.exit(until_closed(main))
