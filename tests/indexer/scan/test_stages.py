"""The contract that every registered stage keeps, and stages of other packages."""

from __future__ import annotations

import io
import os
import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from photoidx import Config, Library
from photoidx.errors import PhotoError
from photoidx.indexer.media.decode import DecodedPhoto
from photoidx.records import Kind
from photoidx.registry import stages
from photoidx.stage import BatchStage, DerivedStage, PhotoStage, Rows, Stage
from photoidx.storage.schema import arrow_schema
from pictures import draw

STAGES = {stage.name: stage for stage in stages(Config(device="cpu")) if not isinstance(stage, DerivedStage)}
SIDECAR = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'


def picture(size: tuple[int, int] = (80, 60), seed: int = 1) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), np.uint8)
    return Image.fromarray(pixels)


def encoded(image: Image.Image, file_format: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, file_format, **options)
    return out.getvalue()


def rotated_exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


PHOTOS = {
    "colour": (encoded(picture(), "JPEG"), "jpeg"),
    "grey": (encoded(picture().convert("L"), "JPEG"), "jpeg"),
    "CMYK": (encoded(picture().convert("CMYK"), "JPEG"), "jpeg"),
    "16-bit": (encoded(Image.fromarray(np.arange(4800, dtype=np.uint16).reshape(60, 80) * 13), "PNG"), "png"),
    "alpha": (encoded(picture().convert("RGBA"), "PNG"), "png"),
    "palette": (encoded(picture().convert("P"), "GIF"), "gif"),
    "1x1": (encoded(picture((1, 1)), "PNG"), "png"),
    "very wide": (encoded(picture((3000, 1)), "PNG"), "png"),
    "rotated": (encoded(picture(), "JPEG", exif=rotated_exif()), "jpeg"),
}


def outcome(stage: Stage, data: bytes, file_format: str) -> Rows:
    photo = DecodedPhoto(data, file_format, 10**8)
    if isinstance(stage, BatchStage):
        return stage.run_batch([stage.prepare(photo)])[0]
    assert isinstance(stage, PhotoStage)
    return stage.run(photo)


def plain(rows: Rows) -> str:
    return repr(
        {
            table: [
                {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in row.items()}
                for row in found
            ]
            for table, found in rows.items()
        }
    )


@pytest.fixture(scope="module", params=sorted(STAGES))
def stage(request: pytest.FixtureRequest) -> Stage:
    found = STAGES[request.param]
    found.load()
    return found


@pytest.mark.parametrize("name", sorted(PHOTOS))
def test_a_stage_gives_the_columns_that_it_declares_and_the_same_twice(stage: Stage, name: str):
    data, file_format = PHOTOS[name] if Kind.PHOTO in stage.kinds else (SIDECAR, "xmp")
    rows = outcome(stage, data, file_format)
    assert plain(rows) == plain(outcome(stage, data, file_format))
    specs = {spec.name: spec for spec in stage.tables}
    assert set(rows) <= set(specs)
    for table, found in rows.items():
        spec = specs[table]
        assert spec.row_key or len(found) <= 1
        declared = {field.name for field in spec.columns}
        for row in found:
            assert set(row) <= declared
        whole = [{"content_id": "0" * 32, **row} for row in found]
        pa.Table.from_pylist(whole, schema=arrow_schema(spec)).validate(full=True)


def test_a_stage_that_looks_at_pixels_refuses_a_truncated_photo_in_words(stage: Stage):
    if stage.needs == "bytes":
        pytest.skip("looks at bytes")
    data = PHOTOS["colour"][0]
    with pytest.raises(PhotoError):
        outcome(stage, data[: len(data) // 2], "jpeg")


def test_a_stage_can_be_sent_to_a_worker_and_documents_its_columns(stage: Stage):
    assert pickle.loads(pickle.dumps(stage)).fingerprint == stage.fingerprint
    assert stage.fingerprint.startswith(f"{stage.name}@{stage.version}:")
    for spec in stage.tables:
        assert spec.about
        for field in spec.columns:
            assert (field.metadata or {}).get(b"about"), f"{spec.name}.{field.name}"


# -- stages of another package ----------------------------------------------------------------------------------------


@pytest.fixture
def other_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a package with an entry point, as far as importlib and the worker processes can tell."""
    site = tmp_path / "site"
    info = site / "brightness_stage-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: brightness-stage\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[photoidx.stages]\nbrightness = brightness_stage:brightness\n")
    monkeypatch.syspath_prepend(str(site))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for number in range(4):
        draw(tmp_path / "photos" / f"{number}.png", number)
    return tmp_path / "photos"


def solid(path: Path, colour: tuple[int, int, int]) -> None:
    Image.new("RGB", (32, 32), colour).save(path)
    os.utime(path, (1_600_000_000, 1_600_000_000))


@pytest.mark.usefixtures("other_package")
def test_a_stage_from_outside_runs_over_the_photos_that_are_there_and_answers_in_sql(photos: Path, tmp_path: Path):
    library = Library(tmp_path / "library", Config(embedders=(), workers=1))
    library.scan(photos)
    found = library.sql("SELECT name, brightness_mean FROM photos ORDER BY name")
    assert found["name"].to_pylist() == ["0.png", "1.png", "2.png", "3.png"]
    for path, mean in zip(sorted(photos.iterdir()), found["brightness_mean"].to_pylist(), strict=True):
        with Image.open(path) as image:
            assert mean == pytest.approx(np.asarray(image.convert("RGB")).mean(), abs=1e-3)
    assert library.scan(photos).decoded == 0


def test_a_stage_that_is_added_later_runs_alone_over_what_is_known(
    photos: Path, tmp_path: Path, request: pytest.FixtureRequest
):
    library = Library(tmp_path / "library", Config(embedders=(), workers=1))
    library.scan(photos)
    before = library.store.read("ledger").to_pylist()
    request.getfixturevalue("other_package")
    assert library.scan(photos).analysed == 4
    after = library.store.read("ledger").to_pylist()
    assert [row for row in after if row["stage"] != "brightness"] == before
    assert sum(row["stage"] == "brightness" for row in after) == 4


@pytest.mark.slow
@pytest.mark.usefixtures("other_package")
def test_a_hang_a_killed_worker_and_an_error_are_each_one_failure_of_one_photo_and_stage(photos: Path, tmp_path: Path):
    solid(photos / "hangs.png", (255, 0, 0))
    solid(photos / "kills.png", (0, 255, 0))
    solid(photos / "raises.png", (0, 0, 255))
    library = Library(tmp_path / "library", Config(embedders=(), workers=2, time_limit_s=15, without=("faces",)))
    result = library.scan(photos)
    assert (result.new, result.failed) == (7, 3)
    failures = {(Path(row["path"]).name, row["stage"]): row["error"] for row in library.failures().to_pylist()}
    assert failures == {
        ("hangs.png", "brightness"): "took longer than 15 s",
        ("kills.png", "brightness"): "the worker was killed by signal 9",
        ("raises.png", "brightness"): "RuntimeError: this stage dislikes blue",
    }
    # What the other stages found in these photos is kept, and none of it is tried again.
    assert library.store.read("thumbnails").num_rows == 7
    again = library.scan(photos)
    assert (again.analysed, again.decoded, again.failed) == (0, 0, 0)


def test_a_decompression_bomb_is_one_recorded_failure(photos: Path, tmp_path: Path):
    Image.new("1", (30_000, 30_000)).save(photos / "bomb.png")
    os.utime(photos / "bomb.png", (1_600_000_000, 1_600_000_000))
    library = Library(tmp_path / "library", Config(embedders=(), workers=1))
    assert library.scan(photos).failed == 1
    (failure,) = library.failures().to_pylist()
    assert "pixels" in failure["error"]
    assert library.store.read("thumbnails").num_rows == 4
