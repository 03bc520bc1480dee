"""The application: addresses, what they answer, and the events that every open page is told."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from photoidx.errors import PhotoidxError
from photoidx.queries.decisions.actions import RATINGS
from photoidx.queries.gallery.data import shown
from photoidx.reclaim.trash import Done
from photoidx.review.access import Gate, Keys
from photoidx.review.album import Album
from photoidx.review.pictures import Pictures
from photoidx.review.writing import Decider
from photoidx.storage.lock import is_held

_PARTS = {
    "app.css": "text/css",
    **dict.fromkeys(
        ("app.js", "api.js", "bursts.js", "viewer.js", "duplicates.js", "photos.js", "reclaim.js"), "text/javascript"
    ),
}
_VERBS = frozenset({"best", "keep", "reject", "keep-all", "same", "different", *RATINGS})
_FOR_EVER = {"cache-control": "private, max-age=31536000, immutable"}
_LOOK_EVERY_S = 2.0
_BEAT_S = 15.0
_READ_ONLY = "This review is read-only."
_MOST_WORDS = 10_000


class Review:
    """One run of the server over one library. `app` is the ASGI application."""

    def __init__(self, album: Album, pictures: Pictures, keys: Keys, hosts: list[str], *, read_only: bool) -> None:
        self.album, self.pictures, self.keys, self.read_only = album, pictures, keys, read_only
        self._listeners: set[asyncio.Queue[str]] = set()
        self._words = ""
        self._decider = Decider(album.library, self._tell_waiting)
        self._gate: Gate
        routes = [
            Route("/", self._page),
            Route("/login", self._login, methods=["POST"]),
            Route("/api/bursts", self._bursts),
            Route("/api/bursts/{burst}", self._burst),
            Route("/api/bursts/{burst}/accept", self._accept, methods=["POST"]),
            Route("/api/duplicates", self._duplicates),
            Route("/api/photos", self._photos),
            Route("/api/clusters", self._clusters),
            Route("/api/decide", self._decide, methods=["POST"]),
            Route("/api/unset", self._unset, methods=["POST"]),
            Route("/api/undo", self._undo, methods=["POST"]),
            Route("/api/reclaim", self._reclaimable),
            Route("/api/reclaim", self._reclaim, methods=["POST"]),
            Route("/api/bring-back", self._bring_back, methods=["POST"]),
            Route("/api/events", self._events),
            Route("/thumb/{content}", self._thumb),
            Route("/picture/{size}/{content}", self._picture),
            Route("/favicon.ico", self._no_icon),
            Route("/{part}", self._part),
        ]
        inner = Starlette(routes=routes, lifespan=self._lifespan, exception_handlers={PhotoidxError: _refuse})
        cookie = f"photoidx-{hosts[0].rpartition(':')[2]}"
        self.app = self._gate = Gate(inner, keys, hosts, cookie)

    @contextlib.asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        self.pictures.warm()
        looking = asyncio.create_task(self._look())
        yield
        looking.cancel()
        self.pictures.close()

    async def _look(self) -> None:
        """Follow what scans and watches, and other programs, do to the library."""
        held, decided = False, -1
        while True:
            with contextlib.suppress(PhotoidxError):
                if await asyncio.to_thread(self.album.refresh):
                    self._tell({"kind": "library", **self.album.facts()})
                store = self.album.library.store
                newest = await asyncio.to_thread(store.version, "decisions")
                if newest != decided and decided >= 0:
                    self._tell({"kind": "decisions"})
                decided = newest
                now = store.folder is not None and await asyncio.to_thread(is_held, self.album.folder)
                if now != held:
                    self._tell({"kind": "writer", "busy": now})
                held = now
            await asyncio.sleep(_LOOK_EVERY_S)

    def _tell(self, event: dict[str, Any]) -> None:
        for listener in self._listeners:
            listener.put_nowait(json.dumps(event))

    def _tell_waiting(self, words: str) -> None:
        self._words = words
        self._tell({"kind": "waiting", "words": words})

    async def _page(self, request: Request) -> Response:
        """Give the page to who has the key or the cookie; in a home network, else ask for the password."""
        key = request.query_params.get("key", "")
        if self._gate.is_in(request) or (self.keys.password is None and self.keys.is_key(key)):
            page = _text("page.html").replace("{{mode}}", "read-only" if self.read_only else "")
            return self._gate.let_in(Response(page, media_type="text/html"))
        if self.keys.password is not None:
            return Response(_text("login.html"), 401, media_type="text/html")
        return PlainTextResponse("Open the address that `photoidx review` printed.", 401)

    async def _login(self, request: Request) -> Response:
        form = (await _body(request)).decode("utf-8", "replace")
        given = parse_qs(form).get("password", [""])[0]
        if not self.keys.is_password(given):
            await asyncio.sleep(1)
            return Response(_text("login.html"), 401, media_type="text/html")
        return self._gate.let_in(Response(status_code=303, headers={"location": "/"}))

    async def _part(self, request: Request) -> Response:
        name = request.path_params["part"]
        if name not in _PARTS:
            return PlainTextResponse("There is nothing here.", 404)
        return Response(_text(name), media_type=_PARTS[name], headers={"cache-control": "no-cache"})

    async def _no_icon(self, _request: Request) -> Response:
        return Response(status_code=204)

    async def _bursts(self, _request: Request) -> Response:
        await asyncio.to_thread(self.album.ready)
        found = await asyncio.to_thread(self.album.bursts)
        return JSONResponse({"bursts": found, **self.album.facts(), "waiting": self._words})

    async def _burst(self, request: Request) -> Response:
        return JSONResponse(await asyncio.to_thread(self.album.burst, request.path_params["burst"]))

    async def _accept(self, request: Request) -> Response:
        burst = request.path_params["burst"]
        wanted = await asyncio.to_thread(self.album.acceptance, burst)
        return await self._written(self._decider.decide(wanted))

    async def _duplicates(self, _request: Request) -> Response:
        return JSONResponse(await asyncio.to_thread(self.album.duplicates))

    async def _photos(self, request: Request) -> Response:
        where, words = (request.query_params.get(name, "") for name in ("where", "words"))
        return JSONResponse(await asyncio.to_thread(self.album.photos, where[:_MOST_WORDS], words[:_MOST_WORDS]))

    async def _clusters(self, _request: Request) -> Response:
        return JSONResponse(await asyncio.to_thread(self.album.clusters))

    async def _decide(self, request: Request) -> Response:
        asked = await _json(request)
        wanted = [
            (str(each.get("verb")), _shots(each)) for each in asked.get("decisions", ()) if isinstance(each, dict)
        ]
        if not wanted or any(verb not in _VERBS or not shots for verb, shots in wanted):
            return PlainTextResponse("That is no decision.", 400)
        return await self._written(self._decider.decide(wanted))

    async def _unset(self, request: Request) -> Response:
        shots = _shots(await _json(request))
        return await self._written(self._decider.unset(shots))

    async def _undo(self, _request: Request) -> Response:
        return await self._written(self._decider.undo())

    async def _reclaimable(self, _request: Request) -> Response:
        await asyncio.to_thread(self.album.ready)
        return JSONResponse(await asyncio.to_thread(self.album.reclaimable))

    async def _reclaim(self, _request: Request) -> Response:
        """Move what may go into the trash, as the command does."""
        return await self._acted(lambda: self.album.library.reclaim()[1], "Moved into the trash: ")

    async def _bring_back(self, _request: Request) -> Response:
        return await self._acted(self.album.library.bring_back, "Brought back: ")

    async def _acted(self, work: Callable[[], Done], words: str) -> Response:
        if self.read_only:
            return PlainTextResponse(_READ_ONLY, 403)
        done = await asyncio.to_thread(work)
        said = f"{words}{done.files:,} files. " + " ".join(map(shown, done.problems[:3]))
        return JSONResponse({"words": said.strip(), "problems": bool(done.problems)})

    async def _written(self, work: Coroutine[Any, Any, None]) -> Response:
        """Answer once the decision is in the tables: what is shown as saved is saved."""
        if self.read_only:
            work.close()
            return PlainTextResponse(_READ_ONLY, 403)
        await work
        self._tell({"kind": "decisions"})
        return JSONResponse({"saved": True})

    async def _events(self, _request: Request) -> Response:
        listener: asyncio.Queue[str] = asyncio.Queue(maxsize=0)

        async def stream() -> AsyncIterator[str]:
            self._listeners.add(listener)
            try:
                yield f"data: {json.dumps({'kind': 'waiting', 'words': self._words})}\n\n"
                while True:
                    try:
                        event = await asyncio.wait_for(listener.get(), _BEAT_S)
                    except TimeoutError:
                        yield ": still here\n\n"
                    else:
                        yield f"data: {event}\n\n"
            finally:
                self._listeners.discard(listener)

        return StreamingResponse(stream(), media_type="text/event-stream")

    async def _thumb(self, request: Request) -> Response:
        content_id = request.path_params["content"]
        await asyncio.to_thread(self.album.ready)
        if self.album.where(content_id) is None:
            return PlainTextResponse("There is no such photo.", 404)
        jpeg = (await asyncio.to_thread(self.album.thumbnails, [content_id])).get(content_id)
        if jpeg is None:
            return PlainTextResponse("It has no thumbnail.", 404)
        return Response(jpeg, media_type="image/jpeg", headers=_FOR_EVER)

    async def _picture(self, request: Request) -> Response:
        await asyncio.to_thread(self.album.ready)
        found = await self.pictures.picture(request.path_params["content"], request.path_params["size"])
        if isinstance(found, str):
            return PlainTextResponse(found, 404)
        return FileResponse(found, media_type="image/jpeg", headers=_FOR_EVER)


async def _refuse(_request: Request, error: Exception) -> Response:
    return PlainTextResponse(str(error), 400)


async def _body(request: Request) -> bytes:
    """Return what was sent, of which a decision needs little."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > 1 << 20:
            return b""
    return body


async def _json(request: Request) -> dict[str, Any]:
    try:
        found = json.loads(await _body(request))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _shots(asked: dict[str, Any]) -> list[str]:
    found = asked.get("shots")
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def _text(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")
