"""Questions to the bridge that runs on this machine, or where none does, to the model itself."""

from __future__ import annotations

import json
import socket
from typing import Any

from melodylc.base.errors import UserError
from melodylc.bridge.framing import MOST_BYTES, framed

HOST = "127.0.0.1"
PORT = 9173
THERE = 1.0  # seconds in which a bridge of this machine accepts a connection
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
        with socket.create_connection((HOST, port), timeout=THERE) as connection:
            connection.settimeout(PATIENCE)
            connection.sendall(message)
            with connection.makefile("rb") as answers:
                line = answers.readline()
    except ConnectionRefusedError as error:
        raise NoBridgeError(f"bridge: none runs at port {port}; start one with melodylc bridge") from error
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

    Rules of files are run in this process: the files are the user's own, named from where the user is.

    Raises:
        UserError: where there is no other answer.
    """
    from melodylc.rules.find import file_of

    if not any(file_of(text) for text in question.get("rules", ())):
        try:
            return ask(question, port)
        except NoBridgeError:
            pass
    from melodylc.bridge.alone import answered

    return _without_error(answered(question))
