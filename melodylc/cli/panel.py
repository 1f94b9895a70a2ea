"""`melodylc panel`: melodies seen, heard, locked and liked in the browser."""

from __future__ import annotations

import argparse
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from melodylc.base.errors import UserError
from melodylc.cli import arguments
from melodylc.cli.arguments import number

if TYPE_CHECKING:
    from melodylc.panel.state import Panel

PORT = 8420  # where it is not taken
LOOPBACK = "127.0.0.1"
ANY = {"0.0.0.0": LOOPBACK, "::": "::1"}  # where a server that listens at all addresses is found here


def add(commands: arguments.Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("panel", help="see, hear, lock, like and drag melodies in the browser")
    parser.add_argument("--folder", default="melodies", metavar="DIR", help="where melodies are saved (melodies)")
    parser.add_argument(
        "--rules", action="append", default=[], metavar="FILE.py", help="your own rules; read again when saved"
    )
    arguments.add_style(parser)
    arguments.add_model(parser)
    parser.add_argument("--host", default=LOOPBACK, help=f"where it listens ({LOOPBACK}: this machine alone)")
    parser.add_argument("--port", type=number(int, 1, 65535), help=f"({PORT}, or a free one)")
    parser.add_argument("--no-open", action="store_true", help="print the address without opening it")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Serve the page until Ctrl-C."""
    from filelock import FileLock, Timeout

    try:
        from melodylc.panel import security, server
    except ImportError as error:
        raise ImportError(
            f"panel: needs {error.name}, which is not installed; install it with: pip install 'melodylc[panel]'"
        ) from error
    from melodylc.panel.state import HIDDEN

    arguments.check_there("--model", options.model)
    arguments.check_there("--style", options.style)
    folder, files = Path(options.folder).absolute(), tuple(arguments.rule_file(file) for file in options.rules)
    arguments.check_folder(options.folder, "--folder")
    hidden = folder / HIDDEN
    hidden.mkdir(parents=True, exist_ok=True)
    lock = FileLock(hidden / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise UserError(f"panel: one runs already for {folder}; end it, or give another --folder") from error
    with lock, server.listen(options.host, options.port, PORT) as listening:
        port = listening.getsockname()[1]
        guard = security.Guard(options.host, port, security.token_of(hidden / "token"))
        shown = ANY.get(options.host, options.host)
        address = f"http://{f'[{shown}]' if ':' in shown else shown}:{port}/?token={guard.token}"
        # in a thread that nobody waits for: some browsers are programs of the terminal
        opening = threading.Thread(target=webbrowser.open, args=[address], daemon=True)
        started = (lambda: None) if options.no_open else opening.start
        panel = server.PanelServer(_maker(options, folder, files), guard, started)
        print(f"{address}\nmelodies are saved in {folder}; Ctrl-C ends it", flush=True)
        if options.host not in (LOOPBACK, "localhost", "::1"):
            print("others who have the address can reach it: it is not encrypted", flush=True)
        server.serve(panel, listening)


def _maker(
    options: argparse.Namespace, folder: Path, files: tuple[Path, ...]
) -> Callable[[Callable[[str, str], None], Callable[[], None]], Panel]:
    """Return what makes the panel: its state, and the inference process that it asks."""
    from melodylc.live.protocol import Setup
    from melodylc.live.worker import Worker
    from melodylc.panel.state import Panel

    setup = Setup(model=options.model, style=options.style, style_amount=arguments.style_amount(options))

    def make(say: Callable[[str, str], None], wake: Callable[[], None]) -> Panel:
        return Panel(
            folder,
            Worker(setup, wake, module="melodylc.tasks.inference"),
            files,
            say,
            wake=wake,
            model=options.model or "",
        )

    return make
