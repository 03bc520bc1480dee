"""Write `queries/duplicates/calibration.json`: how often pairs at a distance are the same picture.

    .venv/bin/python scripts/calibrate_duplicates.py PHOTOS...

The folders should be others than those of `photoidx bench duplicates`. Each photo gets 16 edited copies; pairs are
compared as if no file had EXIF, and their distances are counted, those of the same picture and those of others apart.
Others are strangers that look alike and, in the folders given with --walk, other views of one thing; they are counted
even where a turn of the camera gives them away, which the finder would notice. Series are left out: without EXIF, a
frame that is cut from the same photo as another can't be told from a cropped copy.

What ships was made from faces, groups, imagenette and imagededup of ../shared/photos, 30 originals of each, with the
walks of ukbench and monstree.
"""

from __future__ import annotations

import argparse
import json
import math
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from photoidx import Config, Library
from photoidx.evaluation.duplicate_builder import Amount, build
from photoidx.queries.duplicates.candidates import candidates
from photoidx.queries.duplicates.pairs import Comparison, orientations
from photoidx.queries.duplicates.pictures import read_pictures
from photoidx.queries.frames import NO_TIME

_WIDTH, _WIDEST = 0.02, 0.6
_OUT = Path(__file__).parent.parent / "queries" / "duplicates" / "calibration.json"
_UNNEEDED = ("faces", "sharpness", "technical", "noise", "exposure", "colour", "horizon")


def main() -> None:
    """Build, scan, compare, count, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--walk", action="append", default=[], type=Path)
    parser.add_argument("--seed", default=100, type=int)
    parser.add_argument("--originals", default=60, type=int)
    asked = parser.parse_args()
    with TemporaryDirectory() as folder:
        album = Path(folder) / "album"
        amount = Amount(originals=asked.originals, bursts=0, others=0)
        press = {
            os.path.join(album, each.path): each.press
            for each in build(asked.folders, album, asked.seed, amount, asked.walk)
        }
        library = Library(Path(folder) / "library", Config(without=_UNNEEDED))
        library.scan(album)
        counts = count(library, press)
    bins = [
        {"distance": round((at + 0.5) * _WIDTH, 4), "same": counts[at, True], "other": counts[at, False]}
        for at in range(round(_WIDEST / _WIDTH))
    ]
    told = {"about": "Pairs at a distance, from scripts/calibrate_duplicates.py", "width": _WIDTH, "bins": bins}
    _OUT.write_text(json.dumps(told, indent=1) + "\n")
    for each in bins:
        print(f"{each['distance']:.2f}  same {each['same']:5}  other {each['other']:5}")


def count(library: Library, press: dict[str, str]) -> Counter[tuple[int, bool]]:
    """Count the pairs by their distance, in steps, and by whether they are the same picture."""
    store = library.store
    files = store.read("files", ["path", "content_id"]).to_pylist()
    of = {row["content_id"]: press[row["path"]] for row in files if row["path"] in press}
    known = read_pictures(store)
    pictures = replace(known, time_us=np.full(len(known), NO_TIME), cameras=np.full(len(known), -1))
    pairs = candidates(pictures)
    turns = orientations(pictures, pairs)
    found: Counter[tuple[int, bool]] = Counter()
    compare = Comparison(store, pictures, pairs)
    for (first, second), turn in zip(pairs.tolist(), turns.tolist(), strict=True):
        likeness = compare.look(first, second, turn)
        if likeness is not None and likeness.distance < _WIDEST:
            same = of[pictures.content_ids[first]] == of[pictures.content_ids[second]]
            found[max(0, math.floor(likeness.distance / _WIDTH)), same] += 1
    return found


if __name__ == "__main__":
    main()
