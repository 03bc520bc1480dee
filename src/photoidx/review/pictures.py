"""Pictures for the screen: decoded by worker processes, kept in a bounded cache on disk."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import multiprocessing
import os
import re
import secrets
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pebble

from photoidx.config import Config
from photoidx.errors import PhotoError
from photoidx.records import content_id_of, text_path

SIZES = {"work": 2048, "full": 0}
"""The long side in pixels of the working size; 0 stands for the original's own."""
_QUALITY = {"work": 85, "full": 92}
_PATIENCE_S = 60.0
_ID = re.compile(r"[0-9a-f]{32}")
_LARGEST = 16_384  # a browser shows no larger picture


class Pictures:
    """The cache, and the worker processes behind it. Call `close` at the end."""

    def __init__(self, folder: Path, most_bytes: int, where: Callable[[str], tuple[str, str] | None]) -> None:
        """`where` gives a content's path (as the tables have it) and format, or None."""
        self._folder, self._most, self._where = folder, most_bytes, where
        self._making: dict[tuple[str, str], asyncio.Task[str]] = {}
        self._pool: pebble.ProcessPool | None = None
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        self._size = sum(path.stat().st_size for path in folder.rglob("*.jpg"))

    async def picture(self, content_id: str, size: str) -> Path | str:
        """Return the file of a picture, or in words why there is none."""
        if _ID.fullmatch(content_id) is None or size not in SIZES:
            return "There is no such photo."
        out = self._folder / content_id[:2] / f"{content_id}-{size}.jpg"
        if out.exists():
            with contextlib.suppress(OSError):
                os.utime(out)
            return out
        key = content_id, size
        if key not in self._making:
            self._making[key] = asyncio.create_task(self._make(content_id, size, out))
            self._making[key].add_done_callback(lambda _task: self._making.pop(key, None))
        problem = await asyncio.shield(self._making[key])
        return problem or out

    async def _make(self, content_id: str, size: str, out: Path) -> str:
        place = self._where(content_id)
        if place is None:
            return "There is no such photo."
        future = self.pool().schedule(render, args=[*place, content_id, size, str(out)], timeout=_PATIENCE_S)
        try:
            problem: str = await asyncio.wrap_future(future)
        except (concurrent.futures.TimeoutError, TimeoutError):
            return f"It takes more than {_PATIENCE_S:.0f} s to decode."
        except Exception as error:  # noqa: BLE001 - a worker died
            return f"It can't be decoded: {error}"
        if not problem:
            await asyncio.to_thread(self._make_room, out)
        return problem

    def pool(self) -> pebble.ProcessPool:
        """Return the worker processes."""
        if self._pool is None:
            self._pool = pebble.ProcessPool(
                max_workers=min(4, Config().worker_count),
                context=multiprocessing.get_context("spawn"),
                initializer=_start,
                initargs=(Config().worker_memory_mib,),
            )
        return self._pool

    def warm(self) -> None:
        """Start the worker processes before the first picture is asked for."""
        self.pool().schedule(_load)

    def close(self) -> None:
        """End the worker processes."""
        if self._pool is not None:
            self._pool.stop()  # type: ignore[no-untyped-call]
            self._pool.join()
            self._pool = None

    def _make_room(self, new: Path) -> None:
        """Remove what was not looked at for longest, until the cache is no larger than it may be."""
        with self._lock, contextlib.suppress(OSError):
            self._size += new.stat().st_size
            if self._size <= self._most:
                return
            found = sorted((path.stat().st_mtime, path.stat().st_size, path) for path in self._folder.rglob("*.jpg"))
            self._size = sum(size for _, size, _ in found)
            for _, size, path in found:
                if self._size <= self._most or path == new:
                    break
                path.unlink(missing_ok=True)
                self._size -= size


def _start(mebibytes: int) -> None:
    import signal

    from photoidx.memory_limit import limit_memory

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limit_memory(mebibytes)


def _load() -> None:
    import photoidx.indexer.media.decode  # noqa: F401 - what a worker imports for its first picture


def render(path: str, file_format: str, content_id: str, size: str, out: str) -> str:
    """Decode a photo in a worker and write it as a JPEG file; return why it can't be done, else nothing."""
    from PIL import Image

    from photoidx.indexer.media.decode import DecodedPhoto

    try:
        place = Path(text_path(path))
        status = place.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > Config().max_file_bytes:
            return "It is no file that a scan would read."
        data = place.read_bytes()
        if content_id_of(data) != content_id:
            return "It has changed since it was scanned. Scan its folder again."
        asked = SIZES[size]
        picture = DecodedPhoto(data, file_format, Config().max_pixels).image(asked or _LARGEST)
        longest = asked or _LARGEST
        if max(picture.size) > longest:
            picture = picture.copy()
            picture.thumbnail((longest, longest), Image.Resampling.BILINEAR)
        partial = Path(f"{out}.{secrets.token_hex(4)}")
        partial.parent.mkdir(parents=True, exist_ok=True)
        try:
            picture.save(partial, "JPEG", quality=_QUALITY[size])
            partial.replace(out)
        finally:
            partial.unlink(missing_ok=True)
    except FileNotFoundError:
        return "It is not there now; is a drive away?"
    except OSError as error:
        return f"It can't be read: {error.strerror or error}."
    except (PhotoError, MemoryError) as error:
        return f"It can't be decoded: {error}."
    return ""
