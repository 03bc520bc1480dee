"""The gallery from the tables to the disk, step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from photoidx.errors import QueryError
from photoidx.queries.bursts.frames import read_frames
from photoidx.queries.gallery.data import GalleryGroups, gather, shown
from photoidx.queries.gallery.reading import photo_rows, places, thumbnails
from photoidx.queries.gallery.writing import check_place, is_page, size_of, write_folder, write_page
from photoidx.records import path_text, text_path
from photoidx.scoring.thumbnails import LONG_SIDE
from photoidx.storage.store import Store

Progress = Callable[[str, int, int], None]
"""Told the name of a step, how far it is, and of how much; 0 of 0 where that can't be told."""
PAGE_THUMBNAIL = 160
"""The thumbnails' long side in a self-contained page, unless another is asked for: 10,000 photos make 56 MB."""


@dataclass(frozen=True)
class Options:
    """What a gallery shows, and where it may be put."""

    where: str | None = None
    title: str = "Photos"
    thumbnail_size: int | None = None
    overwrite: bool = False
    inside_photos: bool = False
    with_map: bool = True


def build(
    store: Store, out: str, options: Options, groups: Callable[[Progress], GalleryGroups], progress: Progress
) -> dict[str, Any]:
    """Make a gallery at `out`, and tell what it holds. `groups` gives the library's groups.

    Raises PhotoidxError if it can't be put there, and QueryError if no photo is chosen.
    """
    taken = [*map(text_path, store.read("files", ["root"])["root"].unique().to_pylist()), store.uri]
    place = check_place(out, taken, overwrite=options.overwrite, inside_photos=options.inside_photos)
    progress("photos", 0, 0)
    photos = photo_rows(store, options.where)
    if not photos:
        raise QueryError("There are no photos to show." if options.where is None else "No photo fulfils --where.")
    found = groups(progress)
    frames = read_frames(store, with_vectors=options.with_map)
    if options.with_map:
        progress("map", 0, 0)
        found = replace(found, places=places(frames, {row["path"] for row in photos}))
    record = gather(photos, found, first=frames.paths, title=shown(path_text(options.title)))
    size = options.thumbnail_size or (PAGE_THUMBNAIL if is_page(out) else None)
    if size is not None and size >= LONG_SIDE:
        size = None
    pictures = _told(thumbnails(store, record["contents"], size), len(record["contents"]), progress)
    (write_page if is_page(out) else write_folder)(place, record, pictures)
    return _summary(place, record)


def _told(pictures: Iterator[tuple[str, bytes]], total: int, progress: Progress) -> Iterator[tuple[str, bytes]]:
    for done, picture in enumerate(pictures, 1):
        progress("thumbnails", done, total)
        yield picture


def _summary(place: Path, record: dict[str, Any]) -> dict[str, Any]:
    counts: dict[str, Sequence[Any]] = {name: record[name] for name in ("bursts", "duplicates", "clusters")}
    return {
        "path": str(place if place.is_file() else place / "index.html"),
        "size_bytes": size_of(place),
        "photos": len(set(record["photos"]["lead"])),
        **{name: len(found) for name, found in counts.items()},
        "on_map": len(record["map"]["photos"]),
    }
