"""Copies and edits are no frames of a burst; true frames of one second stay frames, whatever their names."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps
from skimage import data

from burst_album import NOON, made, shoot
from photoidx import Config, Library
from photoidx.queries.bursts.copies import derived
from photoidx.queries.bursts.frames import Frames
from photoidx.queries.bursts.rules import group
from pictures import age

SCENE = cv2.resize(data.astronaut(), (300, 300), interpolation=cv2.INTER_AREA)
HERE, MOVED = SCENE[10:250, 10:290], SCENE[14:254, 13:293]
GREY = np.repeat(cv2.cvtColor(HERE, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
CROPPED = HERE[20:220, 20:253]
PAINTED = np.where(np.arange(240)[:, None, None] < 110, 0, HERE).astype(np.uint8)
OTHER = cv2.resize(data.coffee(), (280, 240), interpolation=cv2.INTER_AREA)
CAPTIONED, MOVED_CAPTIONED = HERE.copy(), SCENE[11:251, 10:290].copy()
for _picture in (CAPTIONED, MOVED_CAPTIONED):
    cv2.putText(_picture, "Rome 2024", (20, 200), 0, 1.4, (255, 255, 0), 4)
EXACT, SECOND, LOST = (1.12, 1.12), (1, 1), (1, 1.12)
BIG, SMALL, ENLARGED = (6000, 4000), (1200, 800), (2400, 1600)


def two(times: tuple[float | None, float | None], *names: str, cosine: float = 1.0, **given: Any) -> Frames:
    """Return two frames of one camera with these times, names and pictures."""
    given = {"pictures": [HERE, HERE], "sizes": [BIG, BIG], "programs": [0, 0], **given}
    frames = made(list(times), [1, 1], paths=[f"/p/{name}" for name in names], **given)
    vectors = np.zeros((2, 4), np.float16)
    vectors[0, 0], vectors[1, :2] = 1, (cosine, np.sqrt(1 - cosine**2))
    return replace(frames, vectors=vectors)


ORIGINAL = "DSC_0001.JPG"
COPIES = {
    "at one instant": two(EXACT, ORIGINAL, "a.jpg"),
    "at one instant, cropped": two(EXACT, ORIGINAL, "a.jpg", pictures=[HERE, CROPPED], cosine=0.4),
    "at one instant, named after it, painted over": two(
        EXACT, ORIGINAL, "DSC_0001_art.jpg", pictures=[HERE, PAINTED], cosine=0.5
    ),
    "at one instant, smaller, painted over": two(
        EXACT, ORIGINAL, "a.jpg", pictures=[HERE, PAINTED], cosine=0.5, sizes=[BIG, SMALL]
    ),
    "at one instant, smaller, with another number": two(
        EXACT, ORIGINAL, "DSC_0002.JPG", numbers=[1, 2], sizes=[BIG, SMALL]
    ),
    "sub-seconds lost": two(LOST, "web/DSC_0001.JPG", ORIGINAL, sizes=[SMALL, BIG]),
    "sub-seconds lost, no other sign": two(LOST, "a.jpg", ORIGINAL, numbers=[-1, 1]),
    "sub-seconds lost, mirrored": two(LOST, "a.jpg", ORIGINAL, numbers=[-1, 1], pictures=[HERE[:, ::-1], HERE]),
    "in one second, named after it": two(SECOND, ORIGINAL, "DSC_0001 - Kopie.JPG"),
    "in one second, a word before the name": two(SECOND, ORIGINAL, "Copy of DSC_0001.JPG"),
    "in one second, a number after the name, in place": two(SECOND, ORIGINAL, "DSC_0001 (1).JPG"),
    "in one second, a number after the file number, with a caption": two(
        SECOND, ORIGINAL, "DSC_0001-2.JPG", numbers=[1, -1], pictures=[HERE, CAPTIONED]
    ),
    "in one second, of one name in another folder": two(SECOND, ORIGINAL, "web/DSC_0001.jpg", pictures=[HERE, CROPPED]),
    "in one second, in another folder, in place": two(SECOND, ORIGINAL, "web/holiday.jpg"),
    "in one second, smaller": two(SECOND, ORIGINAL, "a.jpg", sizes=[BIG, SMALL]),
    "in one second, in another format": two(SECOND, ORIGINAL, "a.png"),
    "in one second, by another program": two(SECOND, ORIGINAL, "a.jpg", programs=[0, 1]),
    "in one second, in black and white": two(SECOND, ORIGINAL, "a.jpg", pictures=[HERE, GREY]),
    "in one second, smaller and by another program, painted over": two(
        SECOND, ORIGINAL, "a.jpg", pictures=[HERE, PAINTED], cosine=0.71, sizes=[BIG, SMALL], programs=[0, -1]
    ),
    "in one second, of another name that counts, smaller": two(
        SECOND, ORIGINAL, "holiday_5.JPG", numbers=[1, 5], streams=[0, 1], sizes=[BIG, SMALL]
    ),
    "equal pixels": two(SECOND, ORIGINAL, "DSC_0002.JPG", numbers=[1, 2], pixels=[5, 5]),
}
FRAMES = {
    "file numbers of one second": two(SECOND, ORIGINAL, "DSC_0002.JPG", numbers=[1, 2]),
    "file numbers of one second, by another program": two(
        SECOND, ORIGINAL, "DSC_0002.JPG", numbers=[1, 2], programs=[0, 1]
    ),
    "file numbers of one second, smaller": two(SECOND, ORIGINAL, "DSC_0002.JPG", numbers=[1, 2], sizes=[BIG, SMALL]),
    "file numbers of one instant": two(EXACT, ORIGINAL, "DSC_0002.JPG", numbers=[1, 2]),
    "other sub-seconds": two((1.12, 1.13), ORIGINAL, "DSC_0001 - Kopie.JPG", sizes=[BIG, SMALL]),
    "another second": two((1, 2), ORIGINAL, "DSC_0001 - Kopie.JPG", sizes=[BIG, SMALL]),
    "another camera": two(EXACT, ORIGINAL, "a.jpg", cameras=[0, 1]),
    "names without numbers": two(SECOND, "3fa9c1.jpg", "b77e02.jpg"),
    "names that count in a second": two(SECOND, "20240601_1201.jpg", "20240601_1201(0).jpg", pictures=[HERE, MOVED]),
    "a file number and one more, with a caption, moved by a pixel": two(
        SECOND, ORIGINAL, "DSC_0001-2.JPG", numbers=[1, -1], pictures=[HERE, MOVED_CAPTIONED]
    ),
    "names that count in a second, with a caption": two(
        SECOND, "20240601_1201.jpg", "20240601_1201(0).jpg", pictures=[HERE, CAPTIONED]
    ),
    "in another folder, with a caption": two(
        SECOND, ORIGINAL, "day/a.jpg", numbers=[1, -1], pictures=[HERE, CAPTIONED]
    ),
    "file numbers of one second, one with a caption": two(
        SECOND, ORIGINAL, "DSC_00012.JPG", numbers=[1, 12], pictures=[HERE, CAPTIONED]
    ),
    "names that count on": two(SECOND, "IMG_1.jpg", "IMG_12.jpg"),
    "a short name in a longer one": two(SECOND, "1.jpg", "img1.jpg"),
    "in another folder, not in place": two(SECOND, ORIGINAL, "day/a.jpg", pictures=[HERE, MOVED]),
    "another picture at one instant": two(EXACT, ORIGINAL, "a.jpg", pictures=[HERE, OTHER], cosine=0.6),
    "another picture at one instant, named after it": two(
        EXACT, ORIGINAL, "DSC_0001b.jpg", pictures=[HERE, OTHER], cosine=0.44
    ),
    "another picture in one second, smaller, named after it": two(
        SECOND, ORIGINAL, "DSC_0001b.jpg", pictures=[HERE, OTHER], cosine=0.69, sizes=[BIG, SMALL]
    ),
    "another exposure": two(EXACT, ORIGINAL, "a.jpg", exposure=[9, 9.2]),
    "another bias": two(EXACT, ORIGINAL, "a.jpg", bias=[0, 0.3]),
    "another focal length": two(EXACT, ORIGINAL, "a.jpg", focal=[50, 52]),
    "another place in a series": two(EXACT, ORIGINAL, "a.jpg", sequence=[1, 2]),
    "a size that a RAW's preview has": two(SECOND, ORIGINAL, "a.jpg", sizes=[BIG, SMALL], raws=[True, False]),
    "a size that is not known": two(SECOND, ORIGINAL, "a.jpg", sizes=[BIG, (0, 0)]),
    "sizes that rounding made": two(SECOND, ORIGINAL, "a.jpg", sizes=[BIG, (6000, 3998)]),
    "both in black and white": two(SECOND, ORIGINAL, "a.jpg", pictures=[GREY, GREY]),
    "nothing to look at": two(EXACT, ORIGINAL, "a.jpg", pictures=[HERE, None], cosine=0.3),
    "pixels that are not known": two(SECOND, ORIGINAL, "DSC_0002.JPG", numbers=[1, 2], pixels=[-1, -1]),
    "without a time, smaller, named after it, alike by the vectors alone": two(
        (None, None), ORIGINAL, "DSC_0001b.jpg", pictures=[HERE, OTHER], cosine=0.8, sizes=[BIG, SMALL]
    ),
    "a file number and one more, mirrored, with a caption": two(
        SECOND, ORIGINAL, "DSC_0001-2.JPG", numbers=[1, -1], pictures=[HERE, CAPTIONED[:, ::-1]]
    ),
    "a number after the file number that counts, too, with a caption": two(
        SECOND, ORIGINAL, "DSC_0001-2.JPG", numbers=[1, 2], streams=[0, 1], pictures=[HERE, CAPTIONED]
    ),
    "equal pixels later on": two((1.12, 1.5), ORIGINAL, "DSC_0002.JPG", numbers=[1, 2], pixels=[5, 5]),
}


@pytest.mark.parametrize("frames", COPIES.values(), ids=COPIES.keys())
def test_a_copy_or_edit_is_left_out_and_the_original_stays(frames):
    original = [path.rpartition("/")[2] for path in frames.paths].index(ORIGINAL)
    if "web" in frames.paths[original]:
        original = 1 - original
    assert derived(frames).tolist() == [at != original for at in (0, 1)]
    assert group(frames) == []


@pytest.mark.parametrize("frames", FRAMES.values(), ids=FRAMES.keys())
def test_where_in_doubt_both_are_frames(frames):
    assert not derived(frames).any()


def test_a_photo_without_a_time_is_a_copy_of_its_neighbour_only():
    given: dict[str, Any] = {"pictures": [HERE, GREY, HERE], "paths": ["/p/a.jpg", "/p/b.jpg", "/p/c.png"]}
    assert derived(made([None] * 3, [1] * 3, numbers=[1, -1, -1], **given)).tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("names", "given", "stays"),
    [
        (("IMG_0001.JPG", "IMG_0001-2.JPG"), {"sizes": [SMALL, BIG]}, 0),
        (("a.jpg", "DSC_0001.JPG"), {"numbers": [-1, 1], "sizes": [BIG, SMALL]}, 1),
        (("a.jpg", "b.jpg"), {"sizes": [SMALL, BIG]}, 1),
        (("a/DSC_0001.JPG", "DSC_0001.JPG"), {"sizes": [SMALL, ENLARGED], "detail": [1200, 1210]}, 0),
        (("DSC_0001.JPG", "a/DSC_0001.JPG"), {"sizes": [SMALL, ENLARGED], "detail": [1200, 1300]}, 1),
        (("DSC_0001.JPG", "a/DSC_0001.JPG"), {"sizes": [SMALL, ENLARGED], "detail": [0, 0]}, 1),
        (("a/DSC_0001.JPG", "DSC_0001.JPG"), {"sizes": [BIG, BIG], "edited": [False, True]}, 0),
        (("b/A/DSC_0001.JPG", "b/DSC_0001.JPG"), {}, 1),
        (("b.jpg", "a.jpg"), {}, 1),
    ],
    ids=[
        "a name with an addition",
        "a file number",
        "more pixels",
        "enlarged",
        "more detail",
        "a detail that is not known",
        "by an editor",
        "the folder above",
        "the path",
    ],
)
def test_the_original_stands_for_its_copies(names, given, stays):
    assert derived(two(EXACT, *names, **given)).tolist() == [at != stays for at in (0, 1)]


def test_a_size_that_the_camera_has_in_more_frames_is_not_taken_for_an_enlarged_one():
    """A soft photo may show no more than its reduced copy can."""
    given: dict[str, Any] = {"sizes": [ENLARGED, SMALL, ENLARGED], "detail": [1150, 1150, 0], "pictures": [HERE] * 3}
    frames = made([1.1, 1.1, 60.1], [1, 1, 1], paths=["/p/DSC_1.JPG", "/p/a/DSC_1.JPG", "/p/DSC_2.JPG"], **given)
    assert derived(frames).tolist() == [False, True, False]


def test_copies_of_a_burst_s_frames_leave_all_frames_and_take_no_frame_with_them():
    names = [f"DSC_{at}.JPG" for at in range(1, 6)]
    paths = [f"/p/{folder}{name}" for name in names for folder in ("", "web/")]
    numbers = [at for at in range(1, 6) for _ in range(2)]
    frames = made([3] * 10, [1] * 10, paths=paths, numbers=numbers, sizes=[BIG, SMALL] * 5, pictures=[HERE] * 10)
    frames = replace(frames, streams=np.array([0, 1] * 5, np.int32), names=np.zeros(10, np.int32))
    assert derived(frames).tolist() == [False, True] * 5
    assert [each.members for each in group(frames)] == [(0, 2, 4, 6, 8)]


def test_a_copy_is_tied_neither_by_the_makers_id_nor_as_a_frame_of_a_time_lapse():
    paths = [f"/p/{at}.jpg" for at in range(9)]
    times = [60.03 * at + 0.1 for at in range(8)]
    lapse = made([*times, times[-1]], [1] * 9, paths=paths, pixels=[*range(8), 7])
    assert [each.members for each in group(lapse)] == [tuple(range(8))]
    ids = made([1.1, 1.1, 500.1], [1, 1, 2], pixels=[1, 1, 2], burst_ids=["x"] * 3)
    assert [each.members for each in group(ids)] == [(0, 2)]


# -- in a library -----------------------------------------------------------------------------------------------------


def test_exports_that_kept_their_exif_are_no_burst_and_do_not_join_one(tmp_path: Path):
    library = Library(tmp_path / "library", Config(workers=1, without=("faces", "sharpness", "technical")))
    album = tmp_path / "album"

    def export(path: Path, name: str, image: Image.Image) -> None:
        with Image.open(path) as whole:
            exif = whole.getexif()
        (album / name).parent.mkdir(exist_ok=True)
        image.save(album / name, quality=75, exif=exif)
        age(album / name, 3600)

    scenes = (data.astronaut(), data.coffee(), data.chelsea(), data.rocket())
    for number, scene in enumerate(scenes):
        path = shoot(album / f"DSC_{number:04}.JPG", scene, NOON + timedelta(hours=number, milliseconds=120))
        with Image.open(path) as whole:
            edits = {
                f"DSC_{number:04}-2.JPG": whole,
                f"DSC_{number:04} (1).JPG": whole.resize((whole.width // 2, whole.height // 2)),
                f"web/DSC_{number:04}.jpg": ImageOps.grayscale(whole),
                f"holiday {number}a.jpg": ImageEnhance.Contrast(whole).enhance(1.4).crop((30, 20, 330, 240)),
            }
            for name, image in edits.items():
                export(path, name, image)
    burst = [
        shoot(album / f"DSC_{10 + at:04}.JPG", scenes[0], NOON + timedelta(days=1, milliseconds=300 * at + 7), shift=at)
        for at in range(3)
    ]
    with Image.open(burst[1]) as whole:
        export(burst[1], "web/DSC_0011.JPG", whole.resize((200, 200)))
    library.scan(album)
    (found,) = library.bursts()
    assert [frame["path"] for frame in found["frames"]] == [str(path) for path in burst]
