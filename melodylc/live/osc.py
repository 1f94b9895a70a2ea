"""The controls of a session over OSC: /melodylc/key "F# dorian", /melodylc/notes 96, /melodylc/new 1, and so on."""

from __future__ import annotations

import logging
import socketserver
import threading
from collections.abc import Callable
from typing import Any

from melodylc.base.errors import UserError
from melodylc.live.controls import ACTIONS
from melodylc.live.hints import INSTALL

HOST = "127.0.0.1"
PREFIX = "/melodylc/"


def address(text: str) -> tuple[str, int]:
    """Return host and port from "9001" or "0.0.0.0:9001"; the host is the loopback unless it is given.

    Raises:
        UserError: if it is neither.
    """
    host, _, port = text.rpartition(":")
    if not port.isdigit() or int(port) > 65535:
        raise UserError(f"osc: expected PORT or HOST:PORT, such as 9001, got {text!r}")
    return host or HOST, int(port)


class OscServer:
    """A server that listens in a thread of its own, and hands over what it hears.

    Args:
        set_control: called with a control's name and a value, both unchecked; for `ACTIONS` with the name alone.

    Raises:
        UserError: if the address cannot be listened at, or python-osc is missing.
    """

    def __init__(self, where: str, set_control: Callable[..., None]) -> None:
        try:
            from pythonosc.dispatcher import Dispatcher
            from pythonosc.osc_server import BlockingOSCUDPServer
        except ImportError as error:
            raise UserError(f"osc: needs the package python-osc; get it with: {INSTALL}") from error

        if not logging.getLogger().handlers:  # python-osc writes a line for every damaged packet, unless there is one
            logging.getLogger().addHandler(logging.NullHandler())

        def heard(path: str, *values: Any) -> None:
            control = path.removeprefix(PREFIX)
            if len(values) == 1 or (control in ACTIONS and not values):  # a damaged packet may have lost its values
                set_control(control, *values)

        class Server(BlockingOSCUDPServer):
            def handle_error(self, request: Any, client_address: Any) -> None:
                """Drop a packet that is none: it is no reason to print, or to stop."""

        dispatcher = Dispatcher()
        dispatcher.map(f"{PREFIX}*", heard)
        host, port = address(where)
        try:
            self._server: socketserver.UDPServer = Server((host, port), dispatcher)
        except OSError as error:
            raise UserError(f"osc: cannot listen at {host}:{port} ({error.strerror}); choose another port") from error
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, name="osc", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=2.0)
