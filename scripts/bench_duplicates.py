"""What finding duplicates costs: in libraries of made rows of several sizes, and again after photos were added.

The rows are made, the library and its tables are real. Half of the photos belong to series of three to eight frames
with near vectors and hashes; scenes have topics: unrelated photos are similar, too. One photo in twenty is a copy of
another, half of them without the camera's data. Each has a thumbnail of its own, mixed from real pictures; frames of
a series are views of it with parallax. Each measurement runs in a process of its own: its peak is the largest resident
size that the kernel knows of.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import log
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
from PIL import Image, ImageOps

from photoidx import Library
from photoidx.config import DEFAULT_EMBEDDER, Config
from photoidx.registry import stages
from photoidx.stage import TableSpec
from photoidx.storage.schema import FILES, LEDGER, arrow_schema, tables_of
from photoidx.storage.store import Store

_SIZES = (10_000, 30_000, 100_000)
_ADDED = 1000
_BATCH = 5000
_WIDTH = 1280
_COPIES = 0.05
_TOPICS = 500
_FRAME_NOISE, _COPY_NOISE = 0.35, 0.15  # cosines of 0.89 between frames, and of 0.99 between copies
_FRAME_FLIPS, _COPY_FLIPS = 0.12, 0.03  # share of a hash's bits
_WITH_PANEL = 0.34  # share of photos in which a part is found that may be a picture of its own
_THUMBNAIL = (320, 240)
_POOL = (512, 400)  # the size of the pictures that thumbnails are cut from
_MARGIN = 10  # pixels that the nearest things move between frames
_START = datetime(2010, 1, 1)  # noqa: DTZ001 - a camera writes local time
_PLACES = ("astronaut", "chelsea", "coffee", "rocket", "retina", "hubble_deep_field", "immunohistochemistry")


class Album:
    """So many photos, each of which follows from its number alone. `copy_of` is -1 for one that is no copy."""

    def __init__(self, count: int) -> None:
        rng = np.random.default_rng(count)
        self.scene = np.zeros(count, np.int64)
        at = 0
        while at < count:
            length = int(rng.integers(3, 9)) if rng.random() < 0.18 else 1  # noqa: PLR2004 - half of the photos
            self.scene[at : at + length] = at
            at += length
        self.copy_of = np.full(count, -1)
        for number in range(1, count):
            if rng.random() < _COPIES:
                source = int(rng.integers(number))
                self.copy_of[number] = source if self.copy_of[source] < 0 else self.copy_of[source]
        self.bare = rng.random(count) < 1 / 2

    def source(self, number: int) -> int:
        """Return the photo that this one is a copy of, or itself."""
        return number if self.copy_of[number] < 0 else int(self.copy_of[number])

    def path(self, number: int) -> str:
        """Return a path."""
        return f"/photos/{number // 1000:04}/IMG_{number % 10_000:04}.JPG"


def content_id(number: int) -> str:
    """Return an id whose order says nothing."""
    return f"{(number + 1) * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128:032x}"


def vector(album: Album, number: int) -> np.ndarray[Any, Any]:
    """Return a vector of length 1: a topic, a scene, a frame, and what a copy changes."""
    source = album.source(number)
    scene = int(album.scene[source])
    random = np.random.default_rng(scene)
    topic = np.random.default_rng((1, scene % _TOPICS)).standard_normal(_WIDTH)
    share = random.uniform(0.5, 0.9)
    found = share * topic + (1 - share**2) ** 0.5 * random.standard_normal(_WIDTH)
    found += _FRAME_NOISE * np.random.default_rng((2, source)).standard_normal(_WIDTH)
    if source != number:
        found += _COPY_NOISE * np.random.default_rng((3, number)).standard_normal(_WIDTH)
    return np.asarray(found / np.linalg.norm(found))


def hashes(album: Album, number: int) -> dict[str, str]:
    """Return hashes that differ in few bits from those of the same scene, and in fewer from those of the original."""
    source = album.source(number)
    bits = np.random.default_rng((4, int(album.scene[source]))).random(320) < 1 / 2
    bits ^= np.random.default_rng((5, source)).random(320) < _FRAME_FLIPS
    if source != number:
        bits ^= np.random.default_rng((6, number)).random(320) < _COPY_FLIPS
    text = np.packbits(bits).tobytes().hex()
    return {"phash_64": text[:16], "phash_256": text[16:], "pixel_id": content_id(number)}


def panels(album: Album, number: int) -> list[dict[str, Any]]:
    """Return the hash of the middle square, and for a third of the photos a part that shows nothing else."""
    rng = np.random.default_rng((9, number))
    whole = {"panel": 0, "left": 0.0, "top": 0.0, "right": 1.0, "bottom": 1.0}
    rows = [{**whole, "square_64": hashes(album, number)["phash_64"]}]
    if rng.random() < _WITH_PANEL:
        rows.append({**whole, "panel": 1, "phash_64": rng.bytes(8).hex(), "square_64": rng.bytes(8).hex()})
    return rows


def exif(album: Album, number: int) -> dict[str, Any]:
    """Return the camera's data; half of the copies have lost them, and half are smaller."""
    source = album.source(number)
    is_copy = source != number
    scene = int(album.scene[source])
    taken = _START + timedelta(seconds=scene * 60 + (source - scene) * 0.3, milliseconds=7)
    small = is_copy and number % 2
    size = {"width": 1600 if small else 4000, "height": 1200 if small else 3000}
    if is_copy and album.bare[number]:
        return size
    return {**size, "taken_at": taken, "make": "Canon", "model": f"EOS R{scene % 5}"}


class Pool:
    """Makes thumbnails from real pictures: another for each scene, another view of it for each frame, coded anew."""

    def __init__(self, folder: Path | None) -> None:
        self._pictures = [np.asarray(ImageOps.fit(each, _POOL)) for each in _pictures(folder)]

    def thumbnail(self, album: Album, number: int) -> dict[str, Any]:
        """Return the thumbnail of a photo."""
        source = album.source(number)
        picture = self._view(int(album.scene[source]), source)
        quality = 80 if source == number else 60
        jpeg = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        return {"jpeg": jpeg, "width": _THUMBNAIL[0], "height": _THUMBNAIL[1]}

    def _view(self, scene: int, frame: int) -> np.ndarray[Any, Any]:
        """Draw a scene, parts of two pictures mixed, as a camera sees it that moves a little from frame to frame."""
        rng = np.random.default_rng((7, scene))
        width, height = _THUMBNAIL
        parts = []
        for _ in range(2):
            picture = self._pictures[rng.integers(len(self._pictures))]
            left, top = rng.integers(_POOL[0] - width - 2 * _MARGIN), rng.integers(_POOL[1] - height - 2 * _MARGIN)
            part = picture[top : top + height + 2 * _MARGIN, left : left + width + 2 * _MARGIN]
            parts.append(part[:, ::-1] if rng.random() < 1 / 2 else part)
        mixed = cv2.addWeighted(parts[0], 0.65, np.ascontiguousarray(parts[1]), 0.35, 0)
        depth = cv2.resize(rng.random((4, 5), np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
        step = np.random.default_rng((8, frame)).uniform(-1, 1, 2).astype(np.float32) if frame != scene else (0, 0)
        y, x = np.mgrid[:height, :width].astype(np.float32) + _MARGIN
        moved = x + step[0] * _MARGIN * depth, y + step[1] * _MARGIN * depth
        return np.asarray(cv2.remap(mixed, *moved, cv2.INTER_LINEAR))


def _pictures(folder: Path | None) -> list[Image.Image]:
    if folder is None:
        from skimage import data  # noqa: PLC0415 - only needed here

        return [Image.fromarray(getattr(data, name)()) for name in _PLACES]
    found = []
    for path in sorted(folder.rglob("*")):
        try:
            picture = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        except OSError:
            continue
        if min(picture.size) >= _THUMBNAIL[1]:
            picture.thumbnail((800, 800))
            found.append(picture)
    return found


def add_photos(store: Store, album: Album, pool: Pool, first: int, end: int) -> None:
    """Write the rows of these photos, measured just now."""
    specs = tables_of(stages(Config()))
    now = datetime.now(UTC).replace(tzinfo=None)
    for start in range(first, end, _BATCH):
        numbers = range(start, min(end, start + _BATCH))
        ids = [content_id(number) for number in numbers]
        _write(store, FILES, [_file(album, number, now) for number in numbers])
        _write(store, specs["exif"], _with_ids(ids, [exif(album, number) for number in numbers]))
        _write(store, specs["hashes"], _with_ids(ids, [hashes(album, number) for number in numbers]))
        _write(store, specs["thumbnails"], _with_ids(ids, [pool.thumbnail(album, number) for number in numbers]))
        _write(store, specs["quality"], _with_ids(ids, [{"jpeg_quality": 80 + number % 15} for number in numbers]))
        ledger = {"fingerprint": "made", "status": "done", "at": now}
        if "panels" in specs:  # not in code from before they were there, which this measures, too
            _write(
                store,
                specs["panels"],
                [{"content_id": content_id(n), **row} for n in numbers for row in panels(album, n)],
            )
        names = ("exif", "hashes", "panels", "thumbnails", DEFAULT_EMBEDDER)
        _write(store, LEDGER, [{"content_id": each, "stage": name, **ledger} for each in ids for name in names])
        vectors = np.array([vector(album, number) for number in numbers], np.float16)
        spec = specs[f"vectors_{DEFAULT_EMBEDDER}"]
        column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), _WIDTH)
        store.upsert(spec, pa.table({"content_id": ids, "vector": column}, schema=arrow_schema(spec)))


def _file(album: Album, number: int, now: datetime) -> dict[str, Any]:
    facts = {"kind": "photo", "format": "jpeg", "size": 4_000_000, "mtime_ns": number, "seen_at": now}
    each = content_id(number)
    return {"path": album.path(number), "root": "/photos", "content_id": each, "shot_id": f"shot-{each}", **facts}


def _with_ids(ids: Sequence[str], rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"content_id": each, **row} for each, row in zip(ids, rows, strict=True)]


def _write(store: Store, spec: TableSpec, rows: Sequence[dict[str, Any]]) -> None:
    store.upsert(spec, pa.Table.from_pylist(rows, schema=arrow_schema(spec)))


def measure(uri: str, album: Album) -> dict[str, float]:
    """Bring the pairs up to date and group them; give CPU and wall seconds of both, the peak, and what was found."""
    library = Library(uri)
    found: dict[str, float] = {}
    for name, work in (("pairs", library.refresh_duplicates), ("groups", library.duplicates)):
        cpu, wall = time.process_time(), time.perf_counter()
        answer = work()
        found |= {f"{name}_cpu_s": time.process_time() - cpu, f"{name}_wall_s": time.perf_counter() - wall}
    found["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    head = {file["path"]: group["group_id"] for group in answer for file in group["files"]}
    written = set(library.store.read("files", ["path"])["path"].to_pylist())
    pairs = [(album.path(int(source)), album.path(at)) for at, source in enumerate(album.copy_of) if source >= 0]
    planted = [each for each in pairs if each[1] in written]
    together = sum(one in head and head[one] == head.get(other) for one, other in planted)
    return {**found, "groups": len(answer), "grouped": len(head), "planted": len(planted), "together": together}


def measured(what: str, uri: str, photos: int) -> float:
    """Measure in another process, print, and give the CPU seconds of finding the pairs."""
    words = [sys.executable, __file__, "--measure", uri, "--sizes", str(photos)]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    print(
        f"{what:<28}{found['pairs_cpu_s']:>9.1f}{found['pairs_wall_s']:>9.1f}{found['groups_cpu_s']:>9.1f}"
        f"{found['groups_wall_s']:>9.1f}{found['peak_mib']:>10.0f}{found['groups']:>9,.0f}{found['grouped']:>9,.0f}"
        f"{found['together'] / max(1, found['planted']):>9.1%}",
        flush=True,
    )
    return float(found["pairs_cpu_s"])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=_SIZES)
    parser.add_argument("--added", type=int, default=_ADDED, help="photos that are added to the last size")
    parser.add_argument("--photos", type=Path, help="a folder of real photos for the thumbnails")
    parser.add_argument("--measure", metavar="URI", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, Album(options.sizes[0]))))
        return
    pool, before = Pool(options.photos), (0, 0.0)
    print(f"{'':<28}{'pairs':>9}{'':>9}{'groups':>9}{'':>9}{'peak':>10}{'groups':>9}{'files':>9}{'planted':>9}")
    print(f"{'':<28}{'CPU s':>9}{'wall s':>9}{'CPU s':>9}{'wall s':>9}{'MiB':>10}{'':>9}{'':>9}{'together':>9}")
    for size in options.sizes:
        with tempfile.TemporaryDirectory(prefix="photoidx-duplicates-") as folder:
            uri, album = str(Path(folder) / "library"), Album(size + options.added)
            store = Store(uri, create=True)
            with store.writing():
                for spec in tables_of(stages(Config())).values():
                    store.ensure(spec)
                add_photos(store, album, pool, 0, size)
                store.optimize(timedelta(days=1))
            cpu = measured(f"{size:,} photos", uri, size + options.added)
            if before[0]:
                print(f"  growth exponent {log(cpu / before[1]) / log(size / before[0]):.2f}")
            before = size, cpu
            if options.added:
                with store.writing():
                    add_photos(store, album, pool, size, size + options.added)
                measured(f"{options.added:,} added to {size:,}", uri, size + options.added)


if __name__ == "__main__":
    main()
