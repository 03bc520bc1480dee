"""The server, started: its address, its cache, and the browser opened."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from photoidx.errors import PhotoidxError
from photoidx.library import Library
from photoidx.review.access import Keys
from photoidx.review.album import Album
from photoidx.review.pictures import Pictures
from photoidx.review.server import Review

LOOPBACK = "127.0.0.1"
_FIRST_PORT = 8427
_LONG_ENOUGH = 8


@dataclass(frozen=True)
class Options:
    """How a review is run. `port` 0 means the usual one, or any that is free."""

    cache: Path
    cache_bytes: int
    port: int = 0
    host: str = LOOPBACK
    password: str | None = None
    read_only: bool = False


def serve(library: Library, options: Options, on_address: Callable[[str], None]) -> None:
    """Serve a library until Ctrl-C. `on_address` is told the address to open.

    Raises PhotoidxError if the address can't be had, LibraryNotFoundError.
    """
    library.store  # noqa: B018 - opening it tells whether there is one
    listener = _listen(options)
    port = listener.getsockname()[1]
    hosts = [f"{options.host}:{port}"]
    if options.host in {LOOPBACK, "localhost"}:
        hosts += [f"{LOOPBACK}:{port}", f"localhost:{port}"]
    keys, album = Keys(password=options.password), Album(library, read_only=options.read_only)
    pictures = Pictures(options.cache, options.cache_bytes, album.where)
    review = Review(album, pictures, keys, hosts, read_only=options.read_only)
    on_address(f"http://{hosts[0]}/" + ("" if options.password else f"?key={keys.key}"))
    config = uvicorn.Config(
        review.app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
        proxy_headers=False,
    )
    try:
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        pictures.close()
        listener.close()


def read_password(path: Path) -> str:
    """Return the password in a file: its first line. Raises PhotoidxError if it is too short or can't be read."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise PhotoidxError(f"The password in {path} can't be read: {error}") from None
    password = lines[0].strip() if lines else ""
    if len(password) < _LONG_ENOUGH:
        raise PhotoidxError(f"The password in {path} has fewer than {_LONG_ENOUGH} characters. Choose a longer one.")
    return password


def _listen(options: Options) -> socket.socket:
    wanted = [options.port] if options.port else [_FIRST_PORT, 0]
    for port in wanted:
        listener = socket.socket(socket.AF_INET6 if ":" in options.host else socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((options.host, port))
            listener.listen(128)  # whoever reads the address may come at once
        except OSError as error:
            listener.close()
            problem = error.strerror
        else:
            return listener
    raise PhotoidxError(f"Can't listen at {options.host}:{wanted[-1]}: {problem}. Name another with --port.")
