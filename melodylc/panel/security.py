"""Who may talk to the panel: pages that this server has sent, opened with its token, at the address it is known by.

Any page in any browser on this machine can send requests to a loopback port, and a name that its owner points to
127.0.0.1 makes them same-origin (DNS rebinding). So the Host is checked as well as the Origin, and a token is needed.
"""

from __future__ import annotations

import hmac
import ipaddress
import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BAD_TOKEN = 4403  # the code that a socket without the token is closed with
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "media-src blob:",
        "connect-src 'self'",
        "worker-src 'self'",
        "font-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


def token_of(path: Path) -> str:
    """Return the token in a file, which is made if there is none: a page that is open survives a new start."""
    if path.exists():
        token = path.read_text(encoding="ascii", errors="replace").strip()
        if len(token) >= 32 and token.isalnum():
            return token
        path.unlink()
    token = secrets.token_hex(16)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(token)
    return token


@dataclass(frozen=True)
class Guard:
    """Whether a request comes from a page of this server.

    Args:
        host: the name or address that the server was told to listen at.
        port: its port.
        token: which the address that is opened has, and a cookie from then on.
    """

    host: str
    port: int
    token: str

    @property
    def cookie(self) -> str:
        """Return the name of the cookie; all ports of a host share their cookies."""
        return f"melodylc-{self.port}"

    @property
    def set_cookie(self) -> str:
        """Return the header that gives a page the cookie."""
        return f"{self.cookie}={self.token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000"

    def knows_host(self, headers: Headers) -> bool:
        """Return whether the Host is this machine by a name that no stranger can point at it."""
        name, colon, port = headers.get("host", "").rpartition(":")
        if not colon or "]" in port:  # without a port: that of http
            name, port = headers.get("host", ""), "80"
        if port != str(self.port):
            return False
        name = name.strip("[]").lower()
        try:
            ipaddress.ip_address(name)
            return True  # an address, and not a name that leads to one
        except ValueError:
            return name in {"localhost", self.host.lower(), socket.gethostname().lower()}

    def same_origin(self, headers: Headers, needed: bool) -> bool:
        """Return whether a request comes from a page of this server, as far as it says so."""
        origin = headers.get("origin")
        if origin is None:
            return not needed
        return origin == f"http://{headers.get('host', '')}"

    def has_token(self, headers: Headers, query: QueryParams | None = None) -> bool:
        """Return whether a request has the token, in its cookie or its address."""
        in_address = "" if query is None else query.get("token", "")
        # whatever cookies other servers of this machine have set, of all forms, come with ours
        in_cookie = cookie_parser(headers.get("cookie", "")).get(self.cookie, "")
        return any(hmac.compare_digest(given.encode(), self.token.encode()) for given in (in_address, in_cookie))


class Guarded:
    """The server with all that comes checked, and its policy in all that goes."""

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app, self._guard = app, guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what may pass."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        guard, headers = self._guard, Headers(scope=scope)
        socket_asked = scope["type"] == "websocket"
        changes = socket_asked or scope["method"] not in ("GET", "HEAD")
        if not guard.knows_host(headers) or not guard.same_origin(headers, needed=changes):
            await self._refuse(scope, receive, send, "this address is not the panel's; open the one it printed")
            return
        query = QueryParams(scope["query_string"]) if scope.get("path") == "/" and not socket_asked else None
        if not socket_asked and not guard.has_token(headers, query):
            await self._refuse(scope, receive, send, "open the address that melodylc panel printed: it has a token")
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                out = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    out[name] = value
                if query is not None:
                    out.append(
                        "Set-Cookie",
                        guard.set_cookie,
                    )
            await send(message)

        await self._app(scope, receive, sent)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, why: str) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        await PlainTextResponse(why, 403, HEADERS)(scope, receive, send)
