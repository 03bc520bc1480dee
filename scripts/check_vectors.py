"""Measure the default embedder on real photos: how well it finds pictures of one object and names what they show.

Usage: python scripts/check_vectors.py [--photos FOLDER] [--library FOLDER] [--write]

The photos are scanned into a temporary library, or into the one that is named. --write writes docs/vectors.md.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from photoidx import Library
from photoidx.config import DEFAULT_EMBEDDER

COMMAND = "python scripts/check_vectors.py --photos ../shared/photos --write"
PAGE = Path(__file__).parent.parent / "docs" / "vectors.md"
UKBENCH_PHOTOS, GROUP, NEAREST = 24, 4, 3
NEIGHBOURS_TARGET, TOP_FIVE_TARGET = 2.9, 0.88
# The labels keep the first of ImageNet's synonyms. None of these ten words stands for two classes.
WORDS = {
    "n01440764": "tench",
    "n02102040": "English springer",
    "n02979186": "cassette player",
    "n03000684": "chain saw",
    "n03028079": "church",
    "n03394916": "French horn",
    "n03417042": "garbage truck",
    "n03425413": "gas pump",
    "n03445777": "golf ball",
    "n03888257": "parachute",
}


@dataclass(frozen=True)
class Score:
    """How often a photo's class is the first label, or among the five."""

    photos: int
    first: int
    among_five: int

    def row(self, name: str) -> str:
        """Return a row of a Markdown table."""
        if not self.photos:
            return f"| {name} | 0 | - | - |"
        first, five = percent(self.first / self.photos), percent(self.among_five / self.photos)
        return f"| {name} | {self.photos} | {first} | {five} |"


def same_group(vectors: np.ndarray[Any, Any]) -> float:
    """Return the mean number of photos of the same object among the 3 nearest; photos stand in groups of four."""
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -np.inf)
    nearest = np.argsort(-similarity, axis=1)[:, :NEAREST]
    groups = np.arange(len(vectors)) // GROUP
    return float((groups[nearest] == groups[:, None]).sum(axis=1).mean())


def score(labels: Mapping[str, Sequence[str]], classes: Mapping[str, str]) -> Score:
    """Count how often the class of a photo is among its labels, of those photos that have both."""
    pairs = [(labels[name], WORDS[synset]) for name, synset in classes.items() if name in labels]
    return Score(
        len(pairs), sum(word == found[0] for found, word in pairs), sum(word in found for found, word in pairs)
    )


def ukbench_vectors(library: Library, folder: Path) -> np.ndarray[Any, Any]:
    """Read the vectors of the photos 00000 to 00023, in this order."""
    files = library.store.read("files", ["path", "content_id"]).to_pylist()
    by_path = {row["path"]: row["content_id"] for row in files}
    table = library.store.read(f"vectors_{DEFAULT_EMBEDDER}", ["content_id", "vector"])
    by_content = dict(zip(table["content_id"].to_pylist(), table["vector"].to_pylist(), strict=True))
    names = [next(path for path in by_path if Path(path).stem.endswith(f"{n:05d}")) for n in range(UKBENCH_PHOTOS)]
    if any(Path(name).parent != folder for name in names):
        raise SystemExit(f"{folder} does not hold the photos 00000 to {UKBENCH_PHOTOS - 1:05d}.")
    return np.array([by_content[by_path[name]] for name in names], np.float32)


def imagenette_labels(library: Library, folder: Path) -> dict[str, list[str]]:
    """Read the labels of each photo in the folder, by its file name."""
    found: dict[str, list[str]] = {}
    for row in library.sql("SELECT path, label FROM labels ORDER BY path, rank").to_pylist():
        if Path(row["path"]).parent == folder:
            found.setdefault(Path(row["path"]).name, []).append(row["label"])
    return found


def measure(photos: Path, where: str) -> str:
    """Scan the photos into a library and give the page."""
    ukbench, imagenette = photos / "ukbench", photos / "imagenette" / "imagenette2-160"
    library = Library(where)
    result = library.scan(ukbench, imagenette)
    print(f"{result.seen} files in {result.seconds:.0f} s, {result.failed} failed", file=sys.stderr)
    neighbours = same_group(ukbench_vectors(library, ukbench))
    labels = imagenette_labels(library, imagenette)
    with (imagenette / "manifest.csv").open(newline="", encoding="utf-8") as file:
        listed = {row["img"]: row["category"] for row in csv.DictReader(file)}
    named = {name: name.split("_")[0] for name in labels if name not in listed and name.split("_")[0] in WORDS}
    unknown = [name for name in labels if name not in listed and name not in named]
    return page(neighbours, score(labels, listed), score(labels, named), len(unknown))


def page(neighbours: float, listed: Score, named: Score, unknown: int) -> str:
    """Return docs/vectors.md."""
    share = listed.among_five / max(listed.photos, 1)
    return f"""# How good the default vectors and labels are

Written by a script, run at the repository's root:

    {COMMAND}

The embedder is `{DEFAULT_EMBEDDER}`. Its vectors have 1,280 numbers.

## Pictures of one object

UKBench 00000 to {UKBENCH_PHOTOS - 1:05d} has {UKBENCH_PHOTOS // GROUP} objects with {GROUP} photos each.
For each photo we take the {NEAREST} nearest of the other {UKBENCH_PHOTOS - 1}.
On average **{neighbours:.2f}** of the {NEAREST} show the same object.
The target is {NEIGHBOURS_TARGET}: {verdict(neighbours >= NEIGHBOURS_TARGET)}.
So few photos show that the vectors are right. They do not show how good they are in a large library.

## Labels

Imagenette has photos of 10 of ImageNet's 1,000 classes.
We ask whether a photo's class is its first label, and whether it is among its five labels.

| photos | count | first | among five |
|---|---|---|---|
{listed.row("in manifest.csv")}
{named.row("not in it; the class is read from the file's name")}

The target is {percent(TOP_FIVE_TARGET)} among five for those in manifest.csv: {verdict(share >= TOP_FIVE_TARGET)}.
{unknown} more photos have no class that we know of. They are not counted.
Nearly all of these photos are from ImageNet's training set, on which the model learned. New photos will do less well.
"""


def percent(share: float) -> str:
    """Return a share of 1 as text."""
    return f"{100 * share:.1f} %"


def verdict(reached: bool) -> str:
    """Return whether a target is reached."""
    return "reached" if reached else "not reached"


def main() -> int:
    """Measure and print; with --write, write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, default=Path("../shared/photos"))
    parser.add_argument("--library", help="scan into this library and keep it")
    parser.add_argument("--write", action="store_true", help="write docs/vectors.md")
    arguments = parser.parse_args()
    photos = arguments.photos.resolve()
    if not photos.is_dir():
        print(f"There are no photos at {photos}; name their folder with --photos.", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="photoidx-vectors-") as folder:
        text = measure(photos, arguments.library or folder)
    print(text)
    if arguments.write:
        PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
