"""Questions to the bridge that runs on this machine, or where none does, to the model itself."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

from melodylc.base.errors import UserError
from melodylc.bridge.framing import MOST_BYTES, framed
from melodylc.rules.find import file_of

if TYPE_CHECKING:
    from melodylc.live.protocol import Setup

HOST = "127.0.0.1"
PORT = 9173
THERE = 3.0  # seconds in which a bridge of this machine accepts a connection; Windows takes two to say that none does
PATIENCE = 600.0  # seconds that an answer is waited for; the bridge itself gives up before


class NoBridgeError(UserError):
    """No bridge runs at the port."""


def ask(question: dict[str, Any], port: int = PORT) -> dict[str, Any]:
    """Return the bridge's answer to a question; see `melodylc.bridge.questions`.

    Raises:
        NoBridgeError: where none runs.
        UserError: with the bridge's words, where it has no other answer.
    """
    return _without_error(exchange(question, port))


def _without_error(answer: dict[str, Any]) -> dict[str, Any]:
    if "error" in answer:
        raise UserError(str(answer["error"]))
    return answer


def exchange(question: dict[str, Any], port: int = PORT) -> dict[str, Any]:
    """Return the bridge's answer as it comes, an error among them.

    Raises:
        NoBridgeError: where none runs.
        UserError: where what runs there is no bridge, or ends.
    """
    message = framed(question)
    if len(message) > MOST_BYTES:
        raise UserError(f"question: expected at most {MOST_BYTES} bytes, got {len(message)}; ask about fewer notes")
    try:
        connection = socket.create_connection((HOST, port), timeout=THERE)
    except OSError as error:
        raise NoBridgeError(f"bridge: none runs at port {port}; start one with melodylc bridge") from error
    try:
        with connection:
            connection.settimeout(PATIENCE)
            connection.sendall(message)
            with connection.makefile("rb") as answers:
                line = answers.readline()
    except OSError as error:
        raise UserError(f"bridge: no answer from port {port} ({error}); is it a bridge that runs there?") from error
    return _understood(line, port)


def _understood(line: bytes, port: int) -> dict[str, Any]:
    try:
        answer = json.loads(line)
    except (ValueError, RecursionError):
        answer = None
    if not line.endswith(b"\n") or not isinstance(answer, dict):
        raise UserError(f"bridge: what runs at port {port} is no bridge, or ended; look there, or give another --port")
    return answer


def answer(question: dict[str, Any], port: int = PORT) -> dict[str, Any]:
    """Return the answer of the bridge that runs, or where none does, the same made in this process.

    Raises:
        UserError: where there is no other answer.
    """
    return _without_error(answer_as_it_comes(question, port))


def answer_as_it_comes(question: dict[str, Any], port: int = PORT, setup: Setup | None = None) -> dict[str, Any]:
    """Return the answer of the bridge that runs or of this process, an error among them.

    Rules of files are run in this process: the files are the user's own, named from where the user is.

    Args:
        setup: which model answers in this process; None: the bridge's, where one runs.

    Raises:
        UserError: where what runs at the port is no bridge, or ends.
    """
    if setup is None and not any(isinstance(text, str) and file_of(text) for text in _list(question.get("rules"))):
        try:
            return exchange(question, port)
        except NoBridgeError:
            pass
    from melodylc.bridge import alone

    return alone.answered(question) if setup is None else alone.answered(question, setup)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
