"""Albums of originals and of every kind of edit that the benchmark knows: only what is the same picture may go."""

from __future__ import annotations

import random
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from edited_album import FOLDERS, UNNEEDED, exif_of
from photoidx import Library
from photoidx.evaluation.duplicates.edits import Original
from photoidx.evaluation.duplicates.program_edits import ALL_EDITS
from pictures import age

SCENES = (data.coffee, data.astronaut, data.chelsea)
ORIGINAL = "original"
MAY_GO = {edit.name for edit in ALL_EDITS if edit.relation in {"identical", "same"}} - {"enlarged"}


def album(folder: Path, draw: random.Random) -> dict[Path, tuple[int, str]]:
    """Write originals, and each kind of edit of one of them; return each file's original and what was done to it.

    Drawn are the kinds' originals and order, quality, EXIF of the originals (an edit may lose it), folders, names and
    times of files.
    """
    folder.mkdir(parents=True)
    truth = {}
    originals = []
    for number, scene in enumerate(SCENES):
        out = BytesIO()
        how = {"exif": exif_of(number)} if draw.random() < 0.5 else {}
        Image.fromarray(scene()).save(out, "JPEG", quality=draw.choice((75, 85, 92)), **how)
        path = placed(folder, number, ".jpg", out.getvalue(), draw)
        truth[path] = number, ORIGINAL
        originals.append(Original(str(path)))
    for edit in draw.sample(ALL_EDITS, len(ALL_EDITS)):
        number = draw.randrange(len(originals))
        made = edit.make(originals[number], np.random.default_rng(draw.randrange(10**6)))
        truth[placed(folder, number, made.suffix, made.data, draw)] = number, edit.name
    return truth


def placed(folder: Path, number: int, suffix: str, content: bytes, draw: random.Random) -> Path:
    name = draw.choice(("IMG", "image", "x")) + f"_{number}_{draw.randrange(10**6)}{suffix}"
    path = folder / draw.choice(FOLDERS) / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    age(path, draw.randrange(3600, 10**6))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_of_all_kinds_of_edit_only_what_is_the_same_may_go_and_no_original(tmp_path, seed):
    truth = album(tmp_path / "photos", random.Random(seed))
    library = Library(tmp_path / "library", UNNEEDED)
    library.scan(tmp_path / "photos")
    files = [file for group in library.duplicates() for file in group["files"]]
    going = {Path(file["path"]): Path(file["goes_for"]) for file in files if file["extra"]}
    for path, keeper in going.items():
        assert truth[path][0] == truth[keeper][0]
        assert keeper not in going
        # The one kind of copy for which an original may go has its very bytes, or its coded pixels and more words.
        assert truth[path][1] in MAY_GO or truth[keeper][1] in {"bytes", "metadata"}, (truth[path], truth[keeper])
    assert any(truth[path][1] in MAY_GO for path in going)
