"""What the search for duplicates knows of each content: hashes, vector, size, and who took it when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from photoidx.queries.bursts.frames import NO_TIME, file_number
from photoidx.queries.contents import Array, codes, columns_of, vectors_of
from photoidx.records import RAW_FORMATS, Kind
from photoidx.storage.store import Store

_EXPOSURE = ("exposure_time_s", "f_number", "iso", "exposure_bias_ev")
_EXIF = ("taken_at", "make", "model", "width", "height", "burst_uuid", "sequence_number", *_EXPOSURE)
_ONE_EXPOSURE = 0.02  # a share by which editors round what cameras write
_IN_A_SECOND = 60  # frames that a camera takes at most
_HASHES = ("content_id", "phash_64", "phash_256", "pixel_id")


@dataclass(frozen=True)
class Pictures:
    """One row for each content that was hashed, by content id.

    `hash_64` (n) and `hash_256` (n x 4) are uint64; `vectors` (n x d, float16, length 1) are zero where there is none.
    `cameras` is -1 where no camera is known, `time_us` (local) is NO_TIME where no time is; `streams` and `numbers` are
    those of file names, -1 where a name has none; `bursts` and `sequence` are the maker's, -1 where there are none;
    `exposure` (n x 4) is time, f-number, ISO and bias, NaN if unknown; `size` (n x 2) is width and height in pixels, 0
    if unknown; `raw` tells RAW files. `pixels` are equal for contents that decode to the same picture.
    """

    content_ids: Sequence[str]
    pixels: Array
    hash_64: Array
    hash_256: Array
    vectors: Array
    cameras: Array
    time_us: Array
    streams: Array
    numbers: Array
    bursts: Array
    sequence: Array
    exposure: Array
    size: Array
    raw: Array

    def __len__(self) -> int:
        return len(self.content_ids)

    def other_press(self, first: Array, second: Array) -> Array:
        """Return for each pair whether they are surely two presses of a shutter.

        Such are those of other cameras, other times, other exposures, or other numbers.

        A time without sub-seconds may be a copy's, whose other digits an editor lost: it is compared by the second. Two
        files of one size that one camera numbered differently within a second are two frames of a burst.
        """
        camera = self.cameras[first] != self.cameras[second]
        camera &= (self.cameras[first] >= 0) & (self.cameras[second] >= 0)
        times = self.time_us[first], self.time_us[second]
        known = (times[0] != NO_TIME) & (times[1] != NO_TIME)
        whole = (times[0] % 1_000_000 == 0) | (times[1] % 1_000_000 == 0)
        other = np.where(whole, times[0] // 1_000_000 != times[1] // 1_000_000, times[0] != times[1])
        steps = np.abs(self.numbers[first] - self.numbers[second])
        frames = known & (self.cameras[first] >= 0) & (self.cameras[first] == self.cameras[second])
        frames &= (self.streams[first] == self.streams[second]) & (self.numbers[first] >= 0)
        frames &= (steps > 0) & (steps <= _IN_A_SECOND) & (self.size[first] == self.size[second]).all(axis=-1)
        frames |= (
            (self.bursts[first] >= 0)
            & (self.bursts[first] == self.bursts[second])
            & (self.sequence[first] != self.sequence[second])
        )
        one, two = self.exposure[first], self.exposure[second]
        with np.errstate(invalid="ignore"):
            exposed = (np.abs(one - two) > _ONE_EXPOSURE * np.maximum(np.abs(one), np.abs(two))).any(axis=-1)
        return np.asarray(camera | (known & other) | frames | exposed)


def read_pictures(store: Store, *, with_vectors: bool = True, among: pa.Array | None = None) -> Pictures:
    """Read all contents that have hashes and still have a file, or those of them `among` some content ids.

    The vectors are the larger part of it.
    """
    if "hashes" not in store.names():
        nothing = pa.table({name: pa.array([], pa.string()) for name in _HASHES})
        nothing = nothing.append_column("stream_first", pa.array([], pa.string()))
        nothing = nothing.append_column("number_first", pa.array([], pa.int32()))
        return _pictures(store, nothing.append_column("raw", pa.array([], pa.bool_())), with_vectors=False)
    files = store.read("files", ["path", "content_id", "kind", "format"])
    files = files.filter(pc.and_(pc.equal(files["kind"], Kind.PHOTO.value), pc.is_valid(files["content_id"])))
    if among is not None:
        files = files.filter(pc.is_in(files["content_id"], value_set=among))
    rows = store.read("hashes", list(_HASHES))
    rows = rows.filter(pc.is_in(rows["content_id"], value_set=files["content_id"].combine_chunks()))
    raw = pc.is_in(files["format"], value_set=pa.array(sorted(RAW_FORMATS)))
    raws = files.filter(raw)["content_id"].unique()
    rows = rows.append_column("raw", pc.is_in(rows["content_id"], value_set=raws))
    streams, numbers = zip(*map(file_number, files["path"].to_pylist()), strict=True) if len(files) else ((), ())
    named = files.append_column("stream", pa.array(streams, pa.string()))
    named = named.append_column("number", pa.array(numbers, pa.int32()))
    named = named.append_column("bare", pc.less(named["number"], 0))
    named = named.sort_by([("bare", "ascending"), ("path", "ascending")])
    named = named.group_by("content_id", use_threads=False).aggregate([("stream", "first"), ("number", "first")])
    return _pictures(store, rows.join(named, "content_id").sort_by("content_id"), with_vectors=with_vectors)


def _pictures(store: Store, rows: pa.Table, *, with_vectors: bool) -> Pictures:
    ids = rows["content_id"].to_pylist()
    exif = columns_of(store, "exif", _EXIF, ids)
    nothing = pa.nulls(len(ids))
    # Serial numbers are not compared: an editor that dropped one has not changed the camera.
    names = (exif.get("make", nothing).to_pylist(), exif.get("model", nothing).to_pylist())
    camera = [f"{make or ''} {model or ''}" if make or model else None for make, model in zip(*names, strict=True)]
    times = exif.get("taken_at", nothing).cast(pa.timestamp("us")).cast(pa.int64())
    sides = [pc.fill_null(exif.get(name, nothing).cast(pa.int32()), 0) for name in ("width", "height")]
    return Pictures(
        content_ids=ids,
        pixels=codes(
            [
                f"{pixel_id} {raw}"
                for pixel_id, raw in zip(*(rows[n].to_pylist() for n in ("pixel_id", "raw")), strict=True)
            ]
        ),
        hash_64=np.array([int(each, 16) for each in rows["phash_64"].to_pylist()], np.uint64),
        hash_256=_words(rows["phash_256"].to_pylist()),
        vectors=vectors_of(store, ids) if with_vectors else np.zeros((len(ids), 1), np.float16),
        cameras=codes(camera),
        time_us=np.asarray(pc.fill_null(times, NO_TIME), np.int64),
        streams=codes(rows["stream_first"].combine_chunks()),
        numbers=np.asarray(rows["number_first"], np.int32),
        bursts=codes(exif.get("burst_uuid", nothing).cast(pa.string())),
        sequence=np.asarray(pc.fill_null(exif.get("sequence_number", nothing).cast(pa.int64()), -1), np.int64),
        exposure=np.stack([_numbers(exif.get(name, nothing)) for name in _EXPOSURE], axis=1),
        size=np.stack([np.asarray(side, np.int32) for side in sides], axis=1),
        raw=np.asarray(rows["raw"], np.bool_),
    )


def _numbers(column: pa.Array) -> Array:
    return np.asarray(pc.fill_null(column.cast(pa.float64()), float("nan")), np.float64)


def _words(hashes: Sequence[str]) -> Array:
    """Return hashes of 64 hexadecimal digits as n x 4 numbers, row by row of the picture's frequencies."""
    data = np.frombuffer(bytes.fromhex("".join(hashes)), ">u8")
    return data.reshape(-1, 4).astype(np.uint64)
