"""What the browser talks to: the page, a socket for the state and the actions, files in and out."""

from __future__ import annotations

import asyncio
import contextlib
import json
import mimetypes
import socket
import time
import traceback
from collections import deque
from collections.abc import AsyncIterator, Callable, Generator
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

from melodylc.base.errors import UserError
from melodylc.base.signals import handling
from melodylc.base.waiting import happens_within
from melodylc.panel import midi_files
from melodylc.panel.actions import act
from melodylc.panel.asking import ask_for_rules, begin
from melodylc.panel.history import KnownMelody
from melodylc.panel.security import BAD_TOKEN, Guard, Guarded
from melodylc.panel.state import Panel

# the registry of Windows may call scripts plain text, which browsers then do not run
mimetypes.add_type("text/javascript", ".js")
mimetypes.add_type("text/css", ".css")

PAGE = Path(__file__).with_name("page")
MOST_PAGES = 16  # open at once
MOST_BYTES = 4 << 20  # of a MIDI file
MOST_MESSAGE = 256 << 10  # bytes of an action
ACTIONS_A_SECOND = 1000  # of each page; more are read when their time has come
WAITING = 500  # messages to a page that does not read them: then its socket is closed, and it begins anew
LONGEST_LINE = 1000  # characters of what is told: some errors quote what came
TICK = 0.25  # seconds between two looks at what nobody tells of
SAVED_EVERY = 1.0  # seconds
TOO_MANY, TOO_SLOW = 4429, 4408  # codes that sockets are closed with


class PanelServer:
    """A panel with the pages that are open.

    Args:
        make: makes the panel, of what it calls with a line for everybody, and of what wakes it.
        guard: who may talk to it.
        started: called when pages are answered.
    """

    def __init__(
        self,
        make: Callable[[Callable[[str, str], None], Callable[[], None]], Panel],
        guard: Guard,
        started: Callable[[], None] = lambda: None,
    ) -> None:
        self.guard, self._started = guard, started
        self._pages: set[asyncio.Queue[str | None]] = set()
        self._woken = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._said: deque[dict[str, str]] = deque()  # to everybody, from any thread
        self.panel = make(self._say, self._wake)
        self.app = Guarded(
            Starlette(
                routes=[
                    Route("/", self._index),
                    Route("/melodies/{name}", self._melody),
                    Route("/midi", self._upload, methods=["POST"]),
                    WebSocketRoute("/session", self._session),
                    Mount("/page", StaticFiles(directory=PAGE)),
                ],
                lifespan=self._lifespan,
            ),
            guard,
        )

    # --- what goes on -------------------------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        self._loop = asyncio.get_running_loop()
        self._tried(lambda: begin(self.panel))
        running = asyncio.create_task(self._run())
        self._started()
        try:
            yield
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running

    def _say(self, kind: str, text: str) -> None:
        """Have everybody told a line; called from threads."""
        self._said.append({"kind": kind, "text": text})
        self._wake()

    def _wake(self) -> None:
        """Have the panel looked at; called from threads."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop may have ended
                self._loop.call_soon_threadsafe(self._woken.set)

    async def _run(self) -> None:
        looked, told = time.monotonic(), ""
        while True:
            await happens_within(self._woken, TICK)
            self._woken.clear()
            self._tried(self.panel.poll)
            if time.monotonic() - looked >= SAVED_EVERY:
                self._tried(lambda: ask_for_rules(self.panel))
                trouble = self._tried(self.panel.save, told) if self.panel.unsaved else ""
                looked, told = time.monotonic(), trouble
            self._tried(self._tell_changes)

    def _tried(self, do: Callable[[], None], told: str = "") -> str:
        """Do something, and return nothing, or the line with which it failed: told once, and no reason to end."""
        try:
            do()
            return ""
        except Exception as error:
            line = _line(error)
        if line != told:
            self._tell_all({"kind": "error", "text": line, "do": None})
        return line

    def _tell_changes(self) -> None:
        while self._said:
            self._tell_all(self._said.popleft())
        changed = self.panel.changes()
        if changed is not None:
            self._tell_all({"kind": "change", "state": changed})

    def _tell_all(self, message: dict[str, Any]) -> None:
        text = json.dumps(message)
        for page in list(self._pages):
            _put(page, text)

    # --- pages --------------------------------------------------------------------------------------------------------

    async def _session(self, connection: WebSocket) -> None:
        await connection.accept()
        if not self.guard.has_token(connection.headers):
            await connection.close(BAD_TOKEN, "open the address that melodylc panel printed")
            return
        if len(self._pages) >= MOST_PAGES:
            await connection.close(TOO_MANY, f"{MOST_PAGES} pages are open already; close one")
            return
        page: asyncio.Queue[str | None] = asyncio.Queue(WAITING)
        page.put_nowait(json.dumps({"kind": "state", "state": self.panel.state()}))
        self._pages.add(page)
        sending = asyncio.create_task(self._send(connection, page))
        try:
            await self._receive(connection, page)
        except (WebSocketDisconnect, RuntimeError):  # starlette's word for a socket that was closed meanwhile
            pass
        finally:
            self._pages.discard(page)
            sending.cancel()

    async def _send(self, connection: WebSocket, page: asyncio.Queue[str | None]) -> None:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            while (text := await page.get()) is not None:
                await connection.send_text(text)
            await connection.close(TOO_SLOW, "the page was too slow")

    async def _receive(self, connection: WebSocket, page: asyncio.Queue[str | None]) -> None:
        began, count = time.monotonic(), 0
        while True:
            message = await connection.receive()
            if message["type"] == "websocket.disconnect":
                return
            count += 1
            early = count / ACTIONS_A_SECOND - (time.monotonic() - began) - 1.0
            if early > 0:
                await asyncio.sleep(early)
            elif early < -10:
                began, count = time.monotonic(), 0  # a quiet page has not saved up for a flood
            self._act(message.get("text"), page)

    def _act(self, text: str | None, page: asyncio.Queue[str | None]) -> None:
        """Do what a page asks for, or tell it in one line why not."""
        name = None
        try:
            action = _read(text)
            name = action.get("do") if isinstance(action, dict) else None
            act(self.panel, action)
        except Exception as error:
            told = str(name)[:40] if name is not None else None
            _put(page, json.dumps({"kind": "error", "text": _line(error), "do": told}))
        self._woken.set()  # what it asks for is begun, and told, at once

    # --- files --------------------------------------------------------------------------------------------------------

    async def _index(self, request: Request) -> Response:
        return FileResponse(PAGE / "index.html")

    async def _melody(self, request: Request) -> Response:
        id, _, kind = request.path_params["name"].rpartition(".")
        try:
            melody = self.panel.history.melody(id)
            if kind not in KINDS:
                raise UserError(f"expected one of {', '.join(KINDS)}, got {kind!r:.20}")
            data = await run_in_threadpool(KINDS[kind][1], self.panel, melody, "chords" in request.query_params)
        except (UserError, ImportError) as error:
            return PlainTextResponse(str(error), 404)
        except OSError as error:
            return PlainTextResponse(_line(error), 500)
        name = quote(f"{melody.title or 'melody'}.{kind}".replace("/", "-"))
        disposition = f"attachment; filename*=UTF-8''{name}"
        return Response(data, media_type=KINDS[kind][0], headers={"Content-Disposition": disposition})

    async def _upload(self, request: Request) -> Response:
        data = bytearray()
        try:
            async for part in request.stream():
                data += part
                if len(data) > MOST_BYTES:
                    return PlainTextResponse(f"expected a MIDI file of at most {MOST_BYTES >> 20} MB", 413)
            midi_files.take_upload(self.panel, unquote(request.headers.get("x-name", "")), bytes(data))
        except ClientDisconnect:
            return Response(status_code=400)
        except (UserError, OSError) as error:
            return PlainTextResponse(_line(error), 400)
        self._woken.set()
        return Response(status_code=204)


def _put(page: asyncio.Queue[str | None], text: str) -> None:
    """Have a page told something; one that does not listen is closed, and gets the whole state when it is back."""
    if page.qsize() < WAITING - 1:
        page.put_nowait(text)
    elif not page.full():
        page.put_nowait(None)


def _read(text: str | None) -> Any:
    try:
        return json.loads(text or "")
    except (ValueError, RecursionError) as error:
        raise UserError("expected a message in JSON") from error


def _line(error: Exception) -> str:
    """Return what is told of an error; of a mistake of ours, the terminal is told the rest."""
    if isinstance(error, OSError):
        return f"{error.strerror or error}; check the folder and the space left"
    if isinstance(error, UserError):
        return str(error)[:LONGEST_LINE]
    traceback.print_exception(error)
    return f"the panel made a mistake, {type(error).__name__}; its terminal says more"


KINDS: dict[str, tuple[str, Callable[[Panel, KnownMelody, bool], bytes]]] = {
    "mid": ("audio/midi", midi_files.midi),
    "abc": ("text/vnd.abc; charset=utf-8", midi_files.abc),
    "musicxml": ("application/vnd.recordare.musicxml+xml", midi_files.musicxml),
}


def listen(host: str, port: int | None, usual: int) -> socket.socket:
    """Return a socket that listens at a host: at a port, or at the usual one and where that is taken at any.

    Raises:
        UserError: where it cannot.
    """
    tried = [usual, 0] if port is None else [port]
    for number in tried:
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            listening = socket.create_server((host, number), family=family)
            listening.set_inheritable(False)
            return listening
        except (OSError, UnicodeError) as error:  # UnicodeError: of a name that no host can have
            reason = getattr(error, "strerror", None) or str(error)
    raise UserError(f"panel: cannot listen at {host}, port {tried[0]}: {reason}; give another --host or --port")


def serve(server: PanelServer, listening: socket.socket) -> None:
    """Serve until Ctrl-C, or a signal that asks for the end; then close the panel."""
    config = uvicorn.Config(
        server.app,
        log_level="error",
        lifespan="on",
        ws_max_size=MOST_MESSAGE,
        ws_per_message_deflate=False,  # nothing is far away
        limit_concurrency=4 * MOST_PAGES,
        timeout_graceful_shutdown=2,
        server_header=False,
    )
    try:
        _Server(config).run(sockets=[listening])
    finally:
        server.panel.close()


class _Server(uvicorn.Server):
    """A server that a terminal which goes away ends as Ctrl-C does."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Ask for the end when a signal comes; it is raised again when all is done."""
        with super().capture_signals(), handling(lambda number: self.handle_exit(number, None), "SIGHUP"):
            yield
