"""Where the gallery is put: a folder or one page, written beside its place and then moved there."""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from photoidx.errors import PhotoidxError
from photoidx.queries.gallery.page import MARK, blocks, page

Thumbnails = Iterator[tuple[str, bytes]]
_FIRST_LINES = 2000
_PICTURES = re.compile(rb'"thumbs":"(thumbs-[0-9a-f]{12})"')


def is_page(out: str) -> bool:
    """Return by the name whether one page is wanted, rather than a folder."""
    return out.lower().endswith((".html", ".htm"))


def check_place(out: str, taken: Sequence[str], *, overwrite: bool, inside_photos: bool) -> Path:
    """Return the real place of the gallery. `taken` are the scanned folders and the library's own.

    Raises PhotoidxError if the place is in one of them, holds something else, or can't be made.
    """
    try:
        place = Path(out).expanduser().resolve()
        place.exists()
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, no such user, a name that is too long
        why = str(getattr(error, "strerror", None) or error).rstrip(".")
        raise PhotoidxError(f"There can be no gallery at {out}: {why}.") from None
    within = [folder for folder in taken if place.is_relative_to(Path(folder).expanduser().resolve())]
    if within and not inside_photos:
        raise PhotoidxError(
            f"{place} is inside {within[0]}, which is scanned or is the library. Choose another place, or say "
            "--inside-photos: the next scan would find the gallery's thumbnails."
        )
    if not place.parent.is_dir():
        raise PhotoidxError(f"There is no folder {place.parent} to put the gallery in. Make it first.")
    if place.exists() and place.is_dir() == is_page(out):
        raise PhotoidxError(f"{place} is {'a folder' if place.is_dir() else 'not a folder'}. Choose another name.")
    index = place if is_page(out) else place / "index.html"
    is_empty = not place.exists() or (place.is_dir() and not any(place.iterdir()))
    if not overwrite and not is_empty and not _is_ours(index):
        raise PhotoidxError(f"{place} holds something that is no gallery. Choose another place, or say --overwrite.")
    return place


def write_page(place: Path, record: Mapping[str, Any], thumbnails: Thumbnails) -> None:
    """Write the one page that holds everything. What was there before stays until it is finished."""
    head, tail = page(record, thumbs=None)
    with _beside(place) as part:
        with part.open("w", encoding="utf-8") as out:
            out.write(head)
            out.writelines(blocks(thumbnails))
            out.write(tail)
        part.replace(place)


def write_folder(place: Path, record: Mapping[str, Any], thumbnails: Thumbnails) -> None:
    """Write `index.html` and a folder of thumbnails. Other files that are in the gallery's folder stay.

    The thumbnails of each gallery have a folder name of their own, so that the one step that puts the new page in
    place of an older one makes the whole gallery new.
    """
    thumbs = f"thumbs-{secrets.token_hex(6)}"
    with _beside(place) as part:
        part.mkdir()
        for content_id, jpeg in thumbnails:
            if not jpeg:
                continue
            path = part / thumbs / content_id[:2] / f"{content_id}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(jpeg)
        (part / thumbs).mkdir(exist_ok=True)
        (part / "index.html").write_text("".join(page(record, thumbs=thumbs)), encoding="utf-8")
        if not place.exists():
            part.rename(place)
            return
        before = _thumbs_of(place / "index.html")
        (part / thumbs).rename(place / thumbs)
        try:
            (part / "index.html").replace(place / "index.html")
        except OSError:
            shutil.rmtree(place / thumbs, ignore_errors=True)
            raise
    if before is not None:
        shutil.rmtree(place / before, ignore_errors=True)


def size_of(place: Path) -> int:
    """Return the bytes of a page, or of everything in a folder."""
    return sum(path.stat().st_size for path in [place, *place.rglob("*")] if path.is_file())


@contextlib.contextmanager
def _beside(place: Path) -> Iterator[Path]:
    """Return a free name on the disk of the place, and remove what stands there in the end, however it ends.

    It is in the folder itself where there is one, which may be a disk of its own; else beside the place.
    """
    part = (place if place.is_dir() else place.parent) / f".photoidx-{secrets.token_hex(4)}.part"
    try:
        yield part
    except OSError as error:
        raise PhotoidxError(f"Can't write the gallery to {place}: {error.strerror or error}.") from error
    finally:
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                part.unlink()


def _is_ours(index: Path) -> bool:
    try:
        with index.open("rb") as file:
            return MARK.encode() in file.read(_FIRST_LINES)
    except OSError:
        return False


def _thumbs_of(index: Path) -> str | None:
    """Return the folder of thumbnails that an earlier gallery's page names; None if the page is not ours."""
    if not _is_ours(index):
        return None
    found = _PICTURES.search(index.read_bytes())
    return found[1].decode() if found else None
