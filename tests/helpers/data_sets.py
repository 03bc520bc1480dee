"""Small made samples of the layouts of published data sets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from pictures import draw

PREFERENCES = (0.9, 0.7, 0.8)


def ukbench(folder: Path, numbers: Iterable[int] = range(8)) -> Path:
    """Make photos of which four consecutive numbers show one thing."""
    for number in numbers:
        draw(folder / "full" / f"ukbench{number:05d}.jpg", number // 4 * 40 + number % 4)
    return folder


def holidays(folder: Path, names: Sequence[str] = ("100000", "100001", "100100", "100101", "100102")) -> Path:
    for name in names:
        draw(folder / "jpg" / f"{name}.jpg", int(name) % 1000)
    return folder


def folders(folder: Path, groups: Sequence[tuple[str, int]] = (("cats", 3), ("dogs", 3))) -> Path:
    for place, (name, count) in enumerate(groups):
        for number in range(count):
            draw(folder / name / f"{number}.png", 40 * place + number)
    return folder


def pair_lines(series: int = 1, preferences: Sequence[float] = PREFERENCES) -> list[str]:
    """Return the pairs of three photos, of which the first is the best and the last the worst."""
    return [
        f"{series} {one} {two} {preference} {one} {two}"
        for (one, two), preference in zip(((1, 2), (1, 3), (2, 3)), preferences, strict=True)
    ]


def phototriage(folder: Path, train: Sequence[str] | None = None, series: Iterable[int] = (1, 2)) -> Path:
    """Make the published layout: lists, photos by series, and reviews that say otherwise than the lists."""
    of_train = [line for number in series for line in pair_lines(number)] if train is None else train
    top = folder / "train_val"
    for number in (*series, 7):
        for photo in (1, 2, 3):
            draw(top / "train_val_imgs" / f"{number:06d}-{photo:02d}.JPG", number * 10 + photo)
    header = "#SERIES_ID #PHOTO1_IND #PHOTO2_IND #PREFERENCE_RATIO #RANK1 #RANK2\n"
    (top / "train_pairlist.txt").write_text(header + "\n".join(of_train) + "\n")
    (top / "val_pairlist.txt").write_text("\n".join(pair_lines(7)) + "\n")
    (top / "reviews_trainval").mkdir()
    (top / "reviews_trainval" / "000001.json").write_text('{"reviews": [{"userChoice": "RIGHT"}]}')
    return folder


def ava(folder: Path, lines: Sequence[str] | None = None, there: Iterable[int] = (953619, 953958)) -> Path:
    rows = lines or (
        "1 953619 0 1 5 17 38 36 15 6 5 1 1 22 1396",
        "2 953958 10 7 15 26 26 21 10 8 1 2 15 0 1396",
        "3 954184 0 0 4 8 41 56 10 3 4 0 0 0 1396",
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "AVA.txt").write_text("\n".join(rows) + "\n")
    for number in there:
        draw(folder / "images" / f"{number}.jpg", number % 250)
    return folder
