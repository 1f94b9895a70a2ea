"""`melodylc bridge`: what the plug-ins of DAWs ask for melodies."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from melodylc.base.errors import UserError
from melodylc.cli import arguments
from melodylc.cli.arguments import number

if TYPE_CHECKING:
    from melodylc.live.protocol import Setup
    from melodylc.live.worker import Worker


def add(commands: arguments.Commands) -> None:
    """Add the command."""
    from melodylc.bridge.client import PORT

    parser = commands.add_parser("bridge", help="answer the plug-ins of DAWs, which ask for melodies")
    parser.add_argument("--port", type=number(int, 1, 65535), default=PORT, help=f"where it listens ({PORT})")
    parser.add_argument(
        "--rules",
        action="append",
        default=[],
        metavar="FILE.py",
        help="your own rules, which may be asked for (not with --ask)",
    )
    arguments.add_style(parser)
    arguments.add_model(parser)
    asking = parser.add_argument_group("asking, in the place of answering")
    asking.add_argument(
        "--ask", metavar="FILE", help="a question (JSON); the bridge answers it, or this process where none runs"
    )
    asking.add_argument("--answer", metavar="FILE", help="where the answer goes")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Answer until Ctrl-C, or ask one question."""
    from melodylc.live.protocol import Setup

    if (options.ask is None) != (options.answer is None):
        raise UserError("bridge: expected --ask and --answer, both of them; one of them is missing")
    arguments.check_there("--model", options.model)
    arguments.check_there("--style", options.style)
    rules = [arguments.rule_file(file) for file in options.rules]
    setup = Setup(model=options.model, style=options.style, style_amount=arguments.style_amount(options))
    if options.ask is not None:
        from melodylc.bridge.asked_by_file import answer_file

        if rules:
            raise UserError("--rules: a question names its files itself; leave it out with --ask")
        answer_file(Path(options.ask), Path(options.answer), options.port, None if setup == Setup() else setup)
        return
    from melodylc.bridge import server

    with server.listen(options.port) as listening:
        print(f"the bridge listens at port {options.port} of this machine; Ctrl-C ends it", flush=True)
        server.serve(_starter(setup), listening, rules)


def _starter(setup: Setup) -> Callable[[Callable[[], None]], Worker]:
    """Return what starts the inference process."""
    from melodylc.live.worker import Worker

    return lambda wake: Worker(setup, wake, module="melodylc.tasks.inference")
