"""What holds for every score: the way a file is turned or written does not matter, and each is recomputed alone."""

from __future__ import annotations

import io
import math
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin
from skimage import data

from photoidx import Config, Library
from photoidx.indexer.media.decode import DecodedPhoto
from photoidx.registry import stages
from photoidx.stage import PhotoStage
from pictures import age

SCORERS = {
    stage.name: stage
    for stage in stages(Config())
    if isinstance(stage, PhotoStage) and any(spec.name == "quality" for spec in stage.tables)
}
# A direction turns with the picture, and what a file's header says belongs to the file.
TURNS_WITH_THE_PICTURE = {"blur_direction_deg", "horizon_tilt_deg", "horizon_confidence"}
OF_THE_FILE = {"jpeg_quality"}
# The resampling of a turned picture rounds elsewhere.
CLOSE = {"abs": 0.02, "rel": 0.02}


def scene() -> Image.Image:
    return Image.fromarray(data.astronaut()).resize((800, 800), Image.Resampling.LANCZOS).crop((0, 0, 800, 600))


def scores(stage: PhotoStage, content: bytes, file_format: str) -> dict[str, object]:
    (row,) = stage.run(DecodedPhoto(content, file_format, 10**8))["quality"]
    return dict(row)


def encoded(image: Image.Image, file_format: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, file_format, **options)
    return out.getvalue()


def alike(left: dict[str, object], right: dict[str, object], leave: set[str]) -> None:
    assert left.keys() == right.keys()
    for name in left.keys() - leave:
        if isinstance(left[name], float):
            assert right[name] == pytest.approx(left[name], **CLOSE), name
        else:
            assert left[name] == right[name], name


@pytest.fixture(params=sorted(SCORERS))
def scorer(request: pytest.FixtureRequest) -> PhotoStage:
    return SCORERS[request.param]


@pytest.mark.slow
@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_score_does_not_depend_on_the_way_in_which_a_picture_is_stored_and_turned(scorer, orientation):
    upright = scene()
    back = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = encoded(upright.transpose(back), "PNG", exif=exif)
    alike(scores(scorer, encoded(upright, "PNG"), "png"), scores(scorer, turned, "png"), set())


@pytest.mark.parametrize("turn", [Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_180])
def test_a_mirrored_picture_is_as_good(scorer, turn):
    if scorer.name == "faces":
        pytest.skip("the models are not symmetric")
    if scorer.name == "technical":
        pytest.skip("rests on the other scores")
    plain, turned = (scores(scorer, encoded(image, "PNG"), "png") for image in (scene(), scene().transpose(turn)))
    kept = TURNS_WITH_THE_PICTURE | ({"subject_kind", "sharpness_subject"} if scorer.name == "sharpness" else set())
    alike(plain, turned, kept)


def test_a_score_does_not_depend_on_the_file_format(scorer):
    files = {"png": {}, "tiff": {"compression": "tiff_lzw"}, "webp": {"lossless": True, "exact": True}, "bmp": {}}
    found = [scores(scorer, encoded(scene(), name, **options), name) for name, options in files.items()]
    for other in found[1:]:
        alike(found[0], other, OF_THE_FILE)


def test_no_score_is_infinite_or_not_a_number(scorer):
    for image in (
        scene(),
        Image.new("RGB", (400, 300)),
        Image.new("RGB", (400, 300), "white"),
        Image.new("RGB", (1, 1)),
        Image.new("RGB", (2000, 2), "red"),
        Image.effect_noise((300, 200), 80).convert("RGB"),
    ):
        for value in scores(scorer, encoded(image, "PNG"), "png").values():
            assert not isinstance(value, float) or math.isfinite(value)


@pytest.fixture
def album(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    for name in ("astronaut", "coffee", "chelsea"):
        path = tmp_path / "photos" / f"{name}.png"
        Image.fromarray(getattr(data, name)()).save(path)
        age(path, 3600)
    return tmp_path / "photos"


def ledger(library: Library) -> dict[tuple[str, str], tuple[str, object]]:
    return {
        (row["content_id"], row["stage"]): (row["fingerprint"], row["at"])
        for row in library.store.read("ledger").to_pylist()
    }


def test_a_new_version_of_a_score_recomputes_that_score_alone(album, tmp_path):
    config = Config(workers=1, embedders=(), without=("noise", "technical"))
    library = Library(tmp_path / "library", config)
    library.scan(album)
    before, quality = ledger(library), library.store.read("quality").to_pylist()
    result = Library(tmp_path / "library", Config(workers=1, embedders=(), without=("technical",))).scan(album)
    assert result.analysed == 3
    after = ledger(library)
    assert {stage for _, stage in after.keys() - before.keys()} == {"noise"}
    assert all(after[key] == value for key, value in before.items())
    scored = {row["content_id"]: row for row in library.store.read("quality").to_pylist()}
    for row in quality:
        new = scored[row["content_id"]]
        assert new["noise_sigma"] is not None
        assert {**new, "noise_sigma": None} == {**row, "noise_sigma": None}


def with_note(source: Path, target: Path, note: str) -> None:
    """Write the same pixels with other metadata."""
    info = PngImagePlugin.PngInfo()
    info.add_text("Description", note)
    with Image.open(source) as image:
        image.save(target, pnginfo=info)
    age(target, 3600)


def test_a_picture_whose_metadata_alone_were_edited_is_not_scored_or_embedded_again(album, tmp_path):
    library = Library(tmp_path / "library", Config(workers=1))
    library.scan(album)
    with_note(album / "astronaut.png", album / "noted.png", "a note")
    result = library.scan(album)
    assert (result.new, result.analysed) == (1, 1)
    rows = library.sql(
        "SELECT name, content_id, pixel_id, phash_64, technical, sharpness_global, eyes_min, top_label FROM photos "
        "WHERE name IN ('astronaut.png', 'noted.png') ORDER BY name"
    ).to_pylist()
    first, second = ({key: value for key, value in row.items() if key not in {"name", "content_id"}} for row in rows)
    assert rows[0]["content_id"] != rows[1]["content_id"]
    assert first == second
    vectors = library.store.read("vectors_efficientnet_lite0")
    both = [vectors["vector"][vectors["content_id"].to_pylist().index(row["content_id"])].as_py() for row in rows]
    assert both[0] == both[1]


def test_results_are_taken_over_and_not_computed(album, tmp_path):
    library = Library(tmp_path / "library", Config(workers=1, embedders=()))
    library.scan(album)
    store = library.store
    with store.writing():  # a mark that no computation would give
        rows = store.read("quality")
        marked = [{**row, "noise_sigma": 123.0} for row in rows.to_pylist()]
        store.upsert(next(spec for spec in SCORERS["noise"].tables), rows.from_pylist(marked, schema=rows.schema))
    with_note(album / "coffee.png", album / "noted.png", "another note")
    library.scan(album)
    assert library.sql("SELECT noise_sigma FROM photos WHERE name = 'noted.png'").to_pylist() == [
        {"noise_sigma": 123.0}
    ]
