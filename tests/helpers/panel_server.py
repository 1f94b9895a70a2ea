"""A panel's server in a thread, with a twin of the inference process, for tests to talk to."""

import contextlib
import json
import threading
import time
import urllib.error
import urllib.request

import uvicorn
from panel_twin import TwinSource
from websockets.sync.client import connect

from melodylc.panel.security import Guard
from melodylc.panel.server import MOST_MESSAGE, PanelServer, listen
from melodylc.panel.state import Panel

TOKEN = "0123456789abcdef0123456789abcdef"
PATIENCE = 60.0  # seconds: only what fails takes them all


class Running:
    """A server that runs: how to reach it, and what it runs."""

    def __init__(self, folder, host="127.0.0.1", port=None, source=None):
        self.source = source or TwinSource()
        self.listening = listen(host, port, 0)
        self.port = self.listening.getsockname()[1]
        self.origin = f"http://127.0.0.1:{self.port}"
        self.address = f"{self.origin}/?token={TOKEN}"
        self.cookie = f"melodylc-{self.port}={TOKEN}"

        def make(say, wake):
            self.source.wake = wake
            self.panel = Panel(folder, self.source, say=say, wake=wake)
            return self.panel

        server = PanelServer(make, Guard(host, self.port, TOKEN))
        config = uvicorn.Config(
            server.app, log_level="error", lifespan="on", ws_max_size=MOST_MESSAGE, ws_per_message_deflate=False,
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        self._uvicorn = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._uvicorn.run, kwargs={"sockets": [self.listening]}, daemon=True)
        self._thread.start()
        while not self._uvicorn.started:
            assert self._thread.is_alive()
            time.sleep(0.002)  # or the two threads contend for the interpreter

    def stop(self):
        self._uvicorn.should_exit = True
        self._thread.join(PATIENCE)
        self.listening.close()
        assert not self._thread.is_alive()
        self.panel.close()

    def get(self, path, headers=(), data=None, cookie=True):
        """Return status, headers and body."""
        given = {"Cookie": self.cookie} if cookie else {}
        request = urllib.request.Request(self.origin + path, data, given | dict(headers))
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    @contextlib.contextmanager
    def page(self, headers=None, origin=None):
        """Yield a page: its socket, and the state it was sent."""
        headers = {"Cookie": self.cookie} if headers is None else headers
        address = f"ws://127.0.0.1:{self.port}/session"
        with connect(
            address, additional_headers=headers, origin=origin or self.origin, max_size=None, proxy=None
        ) as socket:
            yield Page(socket)


class Page:
    """What a page knows: the state, kept up to date by what the server tells."""

    def __init__(self, socket):
        self.socket, self.told = socket, []
        self.state = self.hear()["state"]

    def hear(self):
        message = json.loads(self.socket.recv(timeout=PATIENCE))
        self.told.append(message)
        if message["kind"] == "change":
            self.state["melodies"].update(message["state"].pop("melodies", {}))
            self.state.update(message["state"])
        return message

    def do(self, do, **action):
        self.socket.send(json.dumps({"do": do, **action}))

    def until(self, true):
        while not true(self.state):
            self.hear()
        return self.state

    def error(self):
        while (message := self.hear())["kind"] != "error":
            pass
        return message["text"]
