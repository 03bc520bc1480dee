"""Write `queries/duplicates/calibration.json`: how often pairs at a distance were made from one another.

    .venv/bin/python scripts/calibrate_duplicates.py PHOTOS... --walk WALK...

Each photo of the folders is compared with 80 edited copies of itself (those that only another encoding tells apart are
found without a distance, and don't count), and each photo of a walk with all others of it: they are other pictures,
however alike. The folders should be others than those of `photoidx bench duplicates`.

What ships was made from faces, groups, imagenette and imagededup of ../shared/photos, 6 originals of each, with its
walks/fox, walks/portal, walks/bedroom, walks/statue, sceaux, monstree and ukbench.
"""

from __future__ import annotations

import argparse
import itertools
import json
import zlib
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from photoidx import Config
from photoidx.errors import PhotoError
from photoidx.evaluation.duplicates.edits import Original
from photoidx.evaluation.duplicates.program_edits import ALL_EDITS
from photoidx.indexer.media.decode import DecodedPhoto
from photoidx.indexer.media.walk import walk
from photoidx.queries.compare.pictures import MOST_DISTANCE, Picture, made_from, same
from photoidx.records import format_of
from photoidx.scoring.thumbnails import Thumbnails

_WIDTH = 0.02
_LEAST_SIDE = 320
_MOST_SIDE = 1600
_OUT = Path(__file__).parent.parent / "queries" / "duplicates" / "calibration.json"


def picture(data: bytes, file_format: str) -> Picture:
    """Make the thumbnail that a scan makes."""
    photo = DecodedPhoto(data, file_format, Config().max_pixels)
    jpeg = Thumbnails().run(photo)["thumbnails"][0]["jpeg"]
    cv2.setNumThreads(1)
    return Picture(np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)))


def distance(first: Picture, second: Picture) -> float | None:
    """Return the distance at which one was made from the other; None if they are the same or unlike."""
    if same(first, second) is not None:
        return None
    found = made_from(first, second)
    return None if found is None or found.distance >= MOST_DISTANCE else found.distance


def of_copies(seed: int, path: Path) -> list[float]:
    """Return the distances of a photo and its edited copies."""
    original = Original(str(path))
    whole = picture(original.data, format_of(str(path)) or "")
    if max(original.pixels.shape) > _MOST_SIDE:
        scale = _MOST_SIDE / max(original.pixels.shape)
        smaller = cv2.resize(original.pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        original.__dict__["pixels"] = np.asarray(smaller, np.uint8)
    found = []
    for edit in ALL_EDITS:
        made = edit.make(original, np.random.default_rng((seed, zlib.crc32(f"{path.name} {edit.name}".encode()))))
        try:
            found.append(distance(whole, picture(made.data, made.suffix[1:])))
        except PhotoError as error:  # a photo that is broken where its copy was cut
            print(f"left out: {edit.name} of {path.name}: {error}")
    return [each for each in found if each is not None]


def of_walk(folder: Path) -> list[float]:
    """Return the distances of all pairs of photos of a walk."""
    paths = sorted(path for path in folder.iterdir() if format_of(str(path)) == "jpeg")
    pictures = [picture(path.read_bytes(), "jpeg") for path in paths]
    found = [distance(first, second) for first, second in itertools.combinations(pictures, 2)]
    return [each for each in found if each is not None]


def originals(folder: Path, count: int, seed: int) -> list[Path]:
    """Draw photos of a folder that are large enough and can be read."""
    paths = sorted(path for path in walk(str(folder)).files if format_of(path) in {"jpeg", "png"})
    drawn: list[Path] = []
    for at in np.random.default_rng(seed).permutation(len(paths)).tolist():
        try:
            readable = max(Original(paths[at]).pixels.shape) >= _LEAST_SIDE
        except (OSError, PhotoError):
            continue
        if readable:
            drawn.append(Path(paths[at]))
        if len(drawn) == count:
            break
    return drawn


def main() -> None:
    """Compare, count, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--walk", action="append", default=[], type=Path)
    parser.add_argument("--seed", default=100, type=int)
    parser.add_argument("--originals", default=6, type=int)
    asked = parser.parse_args()
    chosen = [path for folder in asked.folders for path in originals(folder, asked.originals, asked.seed)]
    counts: Counter[tuple[int, bool]] = Counter()
    with ProcessPoolExecutor() as pool:
        for is_copy, found in (
            (True, pool.map(partial(of_copies, asked.seed), chosen)),
            (False, pool.map(of_walk, asked.walk)),
        ):
            counts.update((int(each / _WIDTH), is_copy) for distances in found for each in distances)
    bins = [
        {"distance": round((at + 0.5) * _WIDTH, 4), "same": counts[at, True], "other": counts[at, False]}
        for at in range(round(MOST_DISTANCE / _WIDTH))
    ]
    told = {"about": "Pairs at a distance, from scripts/calibrate_duplicates.py", "width": _WIDTH, "bins": bins}
    _OUT.write_text(json.dumps(told, indent=1) + "\n")
    for each in bins:
        print(f"{each['distance']:.2f}  copies {each['same']:5}  others {each['other']:5}")


if __name__ == "__main__":
    main()
