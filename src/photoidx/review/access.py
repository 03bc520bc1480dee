"""Who may ask: a key, then a cookie; the right Host; no other site. And what a page may do, as headers."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
_OWN_SITES = frozenset({"same-origin", "none"})
_SAFE = frozenset({"GET", "HEAD"})
_TRIES, _PAUSE_S = 10, 60.0


@dataclass
class Keys:
    """The secrets of one run. `password` is None on loopback, where the key in the address is enough."""

    key: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    session: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    password: str | None = None
    _failed: list[float] = field(default_factory=list)

    def is_key(self, given: str) -> bool:
        """Return whether this is the key of the address."""
        return hmac.compare_digest(given.encode(), self.key.encode())

    def is_password(self, given: str) -> bool:
        """Return whether this is the password. After ten wrong ones in a minute every one is wrong for a while."""
        now = time.monotonic()
        self._failed = [at for at in self._failed if now - at < _PAUSE_S]
        if self.password is None or len(self._failed) >= _TRIES:
            return False
        good = hmac.compare_digest(_digest(given), _digest(self.password))
        if not good:
            self._failed.append(now)
        return good

    def is_session(self, cookie: str) -> bool:
        """Return whether this is the cookie of someone who came with the key or the password."""
        return hmac.compare_digest(cookie.encode(), self.session.encode())


class Gate:
    """ASGI middleware in front of everything: what is not allowed gets no answer but 400, 401 or 403."""

    def __init__(self, app: ASGIApp, keys: Keys, hosts: Iterable[str], cookie: str) -> None:
        """`hosts` are the values of the Host header that are this server's own, `cookie` the name of the cookie."""
        self.app, self.keys, self.hosts, self.cookie = app, keys, frozenset(hosts), cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        refused = self._refused(Request(scope))
        await (refused or self.app)(scope, receive, send_with_headers)

    def _refused(self, request: Request) -> Response | None:
        headers = request.headers
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self.hosts:
            return PlainTextResponse("This server does not answer under that name.", 400)
        origin = headers.get("origin")
        if origin is not None and origin != f"http://{hosts[0]}":
            return PlainTextResponse("Requests of other sites are refused.", 403)
        if headers.get("sec-fetch-site", "none") not in _OWN_SITES and not _opens_page(headers, request.url.path):
            return PlainTextResponse("Requests of other sites are refused.", 403)
        if request.method not in _SAFE and origin is None:
            return PlainTextResponse("A request that changes something must name its origin.", 403)
        if request.url.path in {"/", "/login", "/app.css", "/favicon.ico"} or self.keys.is_session(
            self._cookie_of(headers)
        ):
            return None
        return PlainTextResponse("Open the address that `photoidx review` printed.", 401)

    def _cookie_of(self, headers: Headers) -> str:
        try:
            found = SimpleCookie(headers.get("cookie", "")).get(self.cookie)
        except CookieError:
            return ""
        return found.value if found else ""

    def is_in(self, request: Request) -> bool:
        """Return whether a request comes with the session's cookie."""
        return self.keys.is_session(self._cookie_of(request.headers))

    def let_in(self, response: Response) -> Response:
        """Give an answer the session's cookie."""
        response.set_cookie(self.cookie, self.keys.session, httponly=True, samesite="strict", path="/")
        return response


def _opens_page(headers: Headers, path: str) -> bool:
    """Return whether someone follows a link to the page itself, which shows nothing without the cookie."""
    return path == "/" and headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass")).digest()
