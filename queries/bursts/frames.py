"""The library's shots as the grouping sees them: one frame each, as columns, in the order of time for each camera."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from photoidx.indexer.shots.rules import is_edited
from photoidx.queries.bursts.presses import presses
from photoidx.queries.contents import codes, thumbnails_of, vectors_of
from photoidx.queries.decisions.record import decisions
from photoidx.queries.decisions.view import view
from photoidx.records import RAW_FORMATS
from photoidx.scoring.exif.software import is_by_editor
from photoidx.storage.schema import arrow_schema
from photoidx.storage.store import Store

NO_TIME = np.iinfo(np.int64).min
_EXIF = (
    *("content_id", "taken_at", "make", "model", "serial", "burst_uuid", "sequence_number"),
    *("iso", "f_number", "exposure_time_s", "exposure_bias_ev", "focal_length_mm", "width", "height", "software"),
)
# A name with one run of up to five digits at its end counts shots; longer runs, and names with several, tell a time.
_NUMBERED = re.compile(r"^(\D*)(\d{1,5})\D{0,3}$")
# A camera's folder (DCF: three digits, five characters); when it is full, the next one has the same five.
_DCF_FOLDER = re.compile(r"^[1-9]\d\d(?=\w*[A-Z_])(\w{5})$", re.IGNORECASE | re.ASCII)
_BLOCK = 4096
Array = np.ndarray[Any, Any]
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a camera writes local time


@dataclass(frozen=True)
class Frames:
    """One row for each shot. Missing numbers are NaN, missing times NO_TIME, missing file numbers -1.

    `streams` are those of file numbers: a camera's folder with those that continue it, and what stands before the
    number. `time_us` is local time in microseconds; `exact` tells whether it has sub-seconds. `exposure_ev` is
    log2(N^2 / t) - log2(ISO / 100). `hashes` are 64-bit perceptual hashes, `hashed` tells where there is one;
    `vectors` (n x d, length 1) are zero where there is none. `pixels` are codes, equal where the pixels are, -1 where
    they are not known. `names` are codes of what stands before the file number, whatever the folder. `sizes` (n x 2)
    are the stored picture's longer and shorter side in pixels, 0 where unknown; `programs` codes of the program that
    wrote the file, -1 for none, `edited` tells which it is one that changes pictures; `raws` tells which are a RAW
    alone. `detail` is how many pixels of the long side the picture needs, 0 where unknown. `others` are for some of the
    shots those of the same press, in other folders.
    """

    shot_ids: Sequence[str]
    content_ids: Sequence[str]
    paths: Sequence[str]
    cameras: np.ndarray[Any, np.dtype[np.int32]]
    streams: np.ndarray[Any, np.dtype[np.int32]]
    numbers: np.ndarray[Any, np.dtype[np.int32]]
    time_us: np.ndarray[Any, np.dtype[np.int64]]
    exact: np.ndarray[Any, np.dtype[np.bool_]]
    burst_ids: Sequence[str | None]
    sequence: np.ndarray[Any, np.dtype[np.float64]]
    exposure_ev: np.ndarray[Any, np.dtype[np.float64]]
    bias_ev: np.ndarray[Any, np.dtype[np.float64]]
    focal_mm: np.ndarray[Any, np.dtype[np.float64]]
    hashes: np.ndarray[Any, np.dtype[np.uint64]]
    hashed: np.ndarray[Any, np.dtype[np.bool_]]
    vectors: np.ndarray[Any, np.dtype[np.float16]]
    thumbnail: Callable[[Sequence[int]], Mapping[int, bytes]] = lambda _wanted: {}
    pixels: np.ndarray[Any, np.dtype[np.int32]] | None = None
    names: np.ndarray[Any, np.dtype[np.int32]] | None = None
    sizes: np.ndarray[Any, np.dtype[np.int32]] | None = None
    programs: np.ndarray[Any, np.dtype[np.int32]] | None = None
    raws: np.ndarray[Any, np.dtype[np.bool_]] | None = None
    edited: np.ndarray[Any, np.dtype[np.bool_]] | None = None
    detail: np.ndarray[Any, np.dtype[np.int32]] | None = None
    others: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.shot_ids)

    def shots_of(self, at: int) -> tuple[str, ...]:
        """Return all shots of a frame, its own first."""
        return (self.shot_ids[at], *self.others.get(self.shot_ids[at], ()))

    @cached_property
    def place(self) -> Mapping[str, int]:
        """Where the frame of each shot is."""
        return {shot_id: at for at in range(len(self)) for shot_id in self.shots_of(at)}

    @cached_property
    def embedded(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Whether each frame has a vector."""
        return np.asarray(self.vectors.any(axis=1), np.bool_)

    def cosines(self, first: Array, second: Array) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return the cosines of pairs of frames, in blocks: the vectors of a large library are not copied whole."""
        found = np.empty(len(first))
        for start in range(0, len(first), _BLOCK):
            here = slice(start, start + _BLOCK)
            left, right = self.vectors[first[here]], self.vectors[second[here]]
            found[here] = np.einsum("ij,ij->i", left.astype(np.float32), right.astype(np.float32))
        return found

    def time_of(self, at: int) -> datetime | None:
        """Return a frame's local time; None if it has none."""
        time_us = int(self.time_us[at])
        return None if time_us == NO_TIME else _EPOCH + timedelta(microseconds=time_us)


def _no_exif() -> pa.Table:
    from photoidx.scoring.exif.stage import Exif  # noqa: PLC0415 - seldom needed, and brings its readers

    return arrow_schema(next(spec for spec in Exif.tables if spec.name == "exif")).empty_table()


def read_frames(store: Store, *, only: AbstractSet[str] | None = None, with_vectors: bool = True) -> Frames:
    """Read the shots, or only those that are named. Vectors are the larger part of the work."""
    rows = _representatives(store)
    exif = store.read("exif", list(_EXIF)) if "exif" in store.names() else _no_exif()
    rows = rows.join(exif.select(list(_EXIF)), "content_id")
    if "hashes" in store.names():
        rows = rows.join(store.read("hashes", ["content_id", "phash_64", "pixel_id"]), "content_id")
    if "holdings" in store.names():
        rows = rows.join(store.read("holdings", ["content_id", "detail", "detail_is_least"]), "content_id")
    others = presses(rows, view(decisions(store)).apart)
    hidden = {shot_id for each in others.values() for shot_id in each}
    rows = rows.filter(pc.invert(pc.is_in(rows["shot_id"], value_set=pa.array(sorted(hidden), pa.string()))))
    if only is not None:
        wanted = {first for first, each in others.items() if not only.isdisjoint(each)} | only
        rows = rows.filter(pc.is_in(rows["shot_id"], value_set=pa.array(sorted(wanted), pa.string())))
    return _frames(store, rows, others, with_vectors=with_vectors)


def narrowed(store: Store, frames: Frames, shots: Collection[str]) -> Frames:
    """Return the frames of these shots alone, with their vectors."""
    at = np.array(sorted({frames.place[shot_id] for shot_id in shots if shot_id in frames.place}), np.int64)
    content_ids = _ordered(frames.content_ids, at)
    arrays = {
        each.name: getattr(frames, each.name)[at]
        for each in fields(frames)
        if isinstance(getattr(frames, each.name), np.ndarray) and each.name != "vectors"
    }
    return replace(
        frames,
        shot_ids=_ordered(frames.shot_ids, at),
        content_ids=content_ids,
        paths=_ordered(frames.paths, at),
        burst_ids=_ordered(frames.burst_ids, at),
        vectors=vectors_of(store, content_ids),
        thumbnail=_thumbnails(store, content_ids),
        **arrays,
    )


def _representatives(store: Store) -> pa.Table:
    """Return one photo for each shot: a developed one before a RAW, the first by path."""
    files = store.read("files", ["path", "content_id", "kind", "format", "shot_id", "name_time"])
    known = pc.and_(pc.is_valid(files["content_id"]), pc.is_valid(files["shot_id"]))
    files = files.filter(pc.and_(pc.equal(files["kind"], "photo"), known))
    raw = pc.is_in(files["format"], value_set=pa.array(sorted(RAW_FORMATS)))
    edited = pa.array([is_edited(path) for path in files["path"].to_pylist()], pa.bool_())
    files = files.append_column("raw", raw.cast(pa.int8())).append_column("edited", edited.cast(pa.int8()))
    files = files.sort_by([("edited", "ascending"), ("raw", "ascending"), ("path", "ascending")])
    for column in ("shot_id", "content_id"):  # a copy in another folder is the same frame
        codes = np.asarray(files[column].combine_chunks().dictionary_encode().indices)
        _, first = np.unique(codes, return_index=True)
        files = files.take(pa.array(np.sort(first)))
    return files.select(["path", "content_id", "shot_id", "name_time", "raw"])


def _frames(store: Store, rows: pa.Table, others: Mapping[str, Sequence[str]], *, with_vectors: bool) -> Frames:
    rows = rows.combine_chunks()
    taken = pc.coalesce(rows["taken_at"], rows["name_time"])
    paths: list[str] = rows["path"].to_pylist()
    folders = [os.path.dirname(path) for path in paths]
    numbered = [file_number(path) for path in paths]
    maker = [rows[name].to_pylist() for name in ("make", "model", "serial")]
    # Photos without a camera are of one camera if they lie in one folder.
    cameras = [
        "\0".join(part or "" for part in camera) if any(camera) else f"folder {folder}"
        for *camera, folder in zip(*maker, folders, strict=True)
    ]
    time_us = np.asarray(pc.fill_null(taken.cast(pa.int64()), NO_TIME), np.int64)
    number = np.array([found[1] for found in numbered], np.int32)
    camera_codes = codes(cameras)
    began = _streams_of_folders(folders, camera_codes, time_us)
    stream = [
        f"{began[camera, folder]}\0{found[0]}"
        for camera, folder, found in zip(camera_codes.tolist(), folders, numbered, strict=True)
    ]
    # At one time the older folder of a camera comes first: in the next one its counter may have started again.
    age = {folder: number for number, folder in enumerate(sorted(set(folders)))}
    order = np.lexsort((number, np.array([age[folder] for folder in folders], np.int64), time_us, camera_codes))
    content_ids = _ordered(rows["content_id"].to_pylist(), order)
    hashed = rows["phash_64"].to_pylist() if "phash_64" in rows.column_names else [None] * len(paths)
    time_us = time_us[order]
    return Frames(
        shot_ids=_ordered(rows["shot_id"].to_pylist(), order),
        content_ids=content_ids,
        paths=_ordered(paths, order),
        cameras=camera_codes[order],
        streams=codes(stream)[order],
        numbers=number[order],
        time_us=time_us,
        exact=(time_us != NO_TIME) & (time_us % 1_000_000 != 0),
        burst_ids=_ordered(rows["burst_uuid"].to_pylist(), order),
        sequence=_numbers(rows["sequence_number"])[order],
        exposure_ev=_exposure_value(rows)[order],
        bias_ev=_numbers(rows["exposure_bias_ev"])[order],
        focal_mm=_numbers(rows["focal_length_mm"])[order],
        hashes=np.array([int(hashed[at] or "0", 16) for at in order], np.uint64),
        hashed=np.array([hashed[at] is not None for at in order], np.bool_),
        vectors=vectors_of(store, content_ids) if with_vectors else np.zeros((len(content_ids), 1), np.float16),
        thumbnail=_thumbnails(store, content_ids),
        pixels=codes(rows["pixel_id"].to_pylist())[order] if "pixel_id" in rows.column_names else None,
        names=codes([found[0].rpartition("\0")[2].casefold() for found in numbered])[order],
        sizes=_sizes(rows)[order],
        programs=codes(rows["software"].to_pylist())[order],
        raws=(np.asarray(rows["raw"]) == 1)[order],
        edited=_edited(rows)[order],
        detail=_detail(rows)[order] if "detail" in rows.column_names else None,
        others=others,
    )


def file_number(path: str) -> tuple[str, int]:
    """Return the stream of file numbers that a file is of, and its number; nothing and -1 if its name has none."""
    folder, _, name = path.rpartition(os.sep)  # os.path takes twice as long, which counts in 100,000
    found = _NUMBERED.match(name.rpartition(".")[0] or name)
    return (f"{_place(folder)}\0{found[1]}", int(found[2])) if found else ("", -1)


@lru_cache(maxsize=4096)
def _place(folder: str) -> str:
    """Return a folder; one and the same for all folders that a camera has filled one after the other."""
    above, name = os.path.split(folder)
    found = _DCF_FOLDER.match(name)
    return f"{above}\0{found[1].casefold()}" if found else folder


def _streams_of_folders(folders: Sequence[str], cameras: Array, time_us: Array) -> dict[tuple[int, str], str]:
    """Return for each camera and folder, of those in one place, the one that began the stream; nothing for the first.

    A camera's next folder never alternates with the last: where it seems to, two cameras of one model filled them.
    """
    times: dict[tuple[str, int, str], list[int]] = defaultdict(list)
    for folder, camera, at in zip(folders, cameras.tolist(), time_us.tolist(), strict=True):
        times[_place(folder), camera, folder].append(at)
    found: dict[tuple[int, str], str] = {}
    last = None
    for place, camera, folder in sorted(times):
        known = [at for at in times[place, camera, folder] if at != NO_TIME]
        if last != (place, camera):
            last, began, end = (place, camera), "", NO_TIME
        if known:
            if min(known) < end:
                began, end = folder, NO_TIME
            end = max(end, *known)
        found[camera, folder] = began
    return found


def _ordered(values: Sequence[Any], order: np.ndarray[Any, Any]) -> list[Any]:
    return [values[at] for at in order]


def _numbers(column: pa.ChunkedArray) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.asarray(pc.fill_null(column.cast(pa.float64()), float("nan")), np.float64)


def _sizes(rows: pa.Table) -> np.ndarray[Any, np.dtype[np.int32]]:
    """Return the longer and the shorter side of each picture: a turned one has the same."""
    sides = np.stack([np.asarray(pc.fill_null(rows[name], 0), np.int32) for name in ("width", "height")], axis=1)
    return np.sort(sides, axis=1)[:, ::-1]


def _edited(rows: pa.Table) -> np.ndarray[Any, np.dtype[np.bool_]]:
    told = rows["software"].to_pylist()
    editors = {each for each in set(told) if is_by_editor(each)}
    return np.array([each in editors for each in told], np.bool_)


def _detail(rows: pa.Table) -> np.ndarray[Any, np.dtype[np.int32]]:
    """Return the detail where it is known; that of a reduced picture may be more."""
    known = pc.invert(pc.fill_null(rows["detail_is_least"], fill_value=True))
    return np.asarray(pc.fill_null(pc.if_else(known, rows["detail"], None), 0).cast(pa.int32()), np.int32)


def _exposure_value(rows: pa.Table) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return log2(N^2 / t) - log2(ISO / 100), NaN where the exposure is not known."""
    aperture, time_s, iso = (_numbers(rows[name]) for name in ("f_number", "exposure_time_s", "iso"))
    iso = np.where(np.isnan(iso), 100.0, iso)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = 2 * np.log2(np.where(np.isnan(aperture), 1.0, aperture)) - np.log2(time_s) - np.log2(iso / 100)
    return np.where(np.isfinite(value), value, np.nan)


def _thumbnails(store: Store, content_ids: Sequence[str]) -> Callable[[Sequence[int]], Mapping[int, bytes]]:
    def read(wanted: Sequence[int]) -> Mapping[int, bytes]:
        """Return the thumbnails, as JPEG files, of these frames."""
        place = {content_ids[at]: at for at in wanted}
        return {place[content_id]: jpeg for content_id, jpeg in thumbnails_of(store, place).items()}

    return read
