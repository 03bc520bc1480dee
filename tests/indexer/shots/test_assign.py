"""Shots of a library: tied anew when files come, go, or are renamed, and when the rules are others."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw
from skimage import data

from made_library import SPECS, file, write
from photoidx import Config, Library
from photoidx.indexer.shots import assign as tying
from photoidx.indexer.shots.assign import assign_shots, is_tied
from photoidx.queries.decisions.record import decisions, record
from photoidx.registry import stages
from photoidx.storage.schema import META
from photoidx.storage.store import Store
from pictures import age

NOON = datetime(2024, 6, 1, 12)  # noqa: DTZ001
LATER = datetime(2026, 1, 1)  # noqa: DTZ001
NO_MODELS = tuple(each.name for each in stages(Config()) if each.name not in {"exif", "hashes", "thumbnails"})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(str(tmp_path / "library"), create=True)
    with store.writing():
        store.ensure(*SPECS.values())
    return store


def new(path: str, content_id: str, **rest: Any) -> dict[str, Any]:
    return file(path, content_id, seen_at=NOON, **{"shot_id": None, **rest})


def tie(store: Store, *, folder: str | None = "/p", forget: tuple[str, ...] = ()) -> list[str]:
    with store.writing():
        told = assign_shots(store, None if folder is None else {folder}, forget, lambda _path: "/p", lambda: LATER)
        store.delete("files", "path", list(forget))
    return told


def rows(store: Store) -> dict[str, dict[str, Any]]:
    return {row["path"]: row for row in store.read("files").to_pylist()}


def ids(store: Store) -> dict[str, str]:
    return {path.rpartition("/")[2]: row["shot_id"] for path, row in sorted(rows(store).items())}


def taken(**times: datetime) -> list[dict[str, Any]]:
    return [{"content_id": content_id, "taken_at": when} for content_id, when in times.items()]


def test_a_later_arrival_is_tied_and_decisions_groups_and_the_time_of_the_change_follow(store: Store):
    burst = {"shot_id": "shot-jpg", "burst_id": "b", "kind": "burst", "position": 0}
    write(store, files=[new("/p/IMG_0001.JPG", "jpg")], bursts=[burst])
    tie(store)
    with store.writing():
        record(store, "keep", ["shot-jpg"])
    write(store, files=[new("/p/IMG_0001.dng", "raw")])
    tie(store)
    assert ids(store) == {"IMG_0001.JPG": "shot-raw", "IMG_0001.dng": "shot-raw"}
    assert {row["shot_rule"] for row in rows(store).values()} == {"raw+jpeg"}
    assert {row["seen_at"] for row in rows(store).values()} == {LATER}
    assert decisions(store)[0].shot_ids == ("shot-raw",)
    assert store.read("bursts", ["shot_id"])["shot_id"].to_pylist() == ["shot-raw"]


def test_a_renamed_file_of_a_pair_is_a_shot_of_its_own_and_tied_again_when_it_has_its_name_back(store: Store):
    write(store, files=[new("/p/IMG_0001.JPG", "jpg"), new("/p/IMG_0001.dng", "raw")])
    tie(store)
    for old, name, expected in (
        ("/p/IMG_0001.JPG", "/p/beach.JPG", {"IMG_0001.dng": "shot-raw", "beach.JPG": "shot-jpg"}),
        ("/p/beach.JPG", "/p/IMG_0001.JPG", {"IMG_0001.JPG": "shot-raw", "IMG_0001.dng": "shot-raw"}),
    ):
        write(store, files=[new(name, "jpg")])
        tie(store, forget=(old,))
        assert ids(store) == expected


def test_what_a_later_measure_says_ties_or_divides(store: Store):
    write(store, files=[new("/p/1.JPG", "jpg"), new("/p/1.dng", "raw")])
    tie(store)
    assert len(set(ids(store).values())) == 2
    write(store, exif=taken(jpg=NOON, raw=NOON))
    tie(store)
    assert set(ids(store).values()) == {"shot-raw"}
    write(store, exif=taken(raw=NOON + timedelta(hours=1)))
    tie(store)
    assert len(set(ids(store).values())) == 2


def test_only_the_folders_that_were_touched_are_tied(store: Store):
    files = [new(f"/{folder}/IMG_0001.{suffix}", f"{folder}{suffix}", shot_id=f"old-{folder}{suffix}")
             for folder in "pq" for suffix in ("dng", "JPG")]  # fmt: skip
    write(store, files=files)
    tie(store)
    assert [row["shot_id"] for path, row in sorted(rows(store).items())] == [
        *("shot-pdng", "shot-pdng", "old-qJPG", "old-qdng"),
    ]
    tie(store, folder=None)
    assert {row["shot_id"] for row in rows(store).values()} == {"shot-pdng", "shot-qdng"}


def test_a_library_of_earlier_rules_is_divided_and_a_rejection_that_may_mean_another_photo_is_taken_back(store: Store):
    shot = {"shot_id": "shot-one", "shot_rule": "jpeg+png"}
    files = [new("/p/1.jpg", "one", **shot), new("/p/1.png", "two", **shot), new("/p/b.jpg", "b", shot_id="shot-b")]
    write(store, files=files, meta=[{"name": "tying", "value": "1"}])
    with store.writing():
        for verb, shots in (("reject", ["shot-one", "shot-b"]), ("reject", ["shot-one"]), ("keep", ["shot-one"])):
            record(store, verb, shots)
    assert not is_tied(store)
    told = tie(store, folder=None)
    assert is_tied(store)
    assert ids(store) == {"1.jpg": "shot-one", "1.png": "shot-two", "b.jpg": "shot-b"}
    assert [(each.verb, each.shot_ids) for each in decisions(store)] == [
        *(("reject", ("shot-b",)), ("keep", ("shot-one",))),
    ]
    assert "2 decisions" in told[0]


def test_nothing_is_written_where_nothing_changed(store: Store):
    write(store, files=[new("/p/IMG_0001.JPG", "jpg"), new("/p/IMG_0001.dng", "raw"), new("/p/a.MOV", "mov")])
    tie(store)
    version = store.version("files")
    tie(store)
    assert store.version("files") == version


def test_many_files_of_one_folder_are_tied_in_blocks_as_in_one(store: Store, monkeypatch: pytest.MonkeyPatch):
    files = [
        new(f"/p/IMG_{number:04}.{suffix}", f"{number:04}{suffix}", kind=kind)
        for number in range(40)
        for suffix, kind in (("JPG", "photo"), ("dng", "photo"), ("MOV", "video"))[: number % 4]
    ]
    write(store, files=files)
    tie(store)
    whole = ids(store)
    for name, size in (("_AT_ONCE", 7), ("_WRITTEN_AT_ONCE", 5)):
        monkeypatch.setattr(tying, name, size)
    write(store, files=[{**each, "shot_id": None} for each in files])
    tie(store)
    assert ids(store) == whole
    assert len(set(whole.values())) == 30


def test_a_form_on_the_same_template_is_another_shot_and_the_same_in_another_format_is_not(tmp_path: Path):
    def form(words: str) -> Image.Image:
        image = Image.new("RGB", (620, 877), "white")
        draw = ImageDraw.Draw(image)
        for line in range(30):
            draw.text((50, 40 + 26 * line), f"{line}: the same question, and a line to answer it on", "black")
        for top in (160, 420, 680):
            draw.text((300, top), words, "blue", font_size=22)
        return image

    photos = tmp_path / "photos"
    photos.mkdir()
    for name, words in (("scan1.jpg", "Ann Lee"), ("scan1.png", "Bob Ray"), ("scan2.jpg", "Cy"), ("scan2.png", "Cy")):
        form(words).save(photos / name)
        age(photos / name, 3600)
    library = Library(tmp_path / "library", Config(workers=1, without=NO_MODELS))
    library.scan(photos)
    shots = ids(library.store)
    assert shots["scan1.jpg"] != shots["scan1.png"]
    assert shots["scan2.jpg"] == shots["scan2.png"]


def _scenes() -> list[Image.Image]:
    """Return eight pictures: the left and the right half of four."""
    whole = [Image.fromarray(each).convert("RGB") for each in (data.astronaut(), data.chelsea(), data.coffee())]
    whole.append(Image.fromarray(data.rocket()).convert("RGB"))
    boxes = [(at * each.width // 2, 0, (at + 1) * each.width // 2, each.height) for each in whole for at in (0, 1)]
    return [each.crop(box) for each, box in zip((each for each in whole for _ in (0, 1)), boxes, strict=True)]


@pytest.fixture
def unrelated(tmp_path: Path) -> Path:
    photos = tmp_path / "photos"
    photos.mkdir()
    names = ("1.jpg", "1.png", "1.webp", "image.jpg", "image.png", "IMG_20~1.JPG", "IMG_20~2.JPG", "IMG_20~3.JPG")
    for name, scene in zip(names, _scenes(), strict=True):
        scene.save(photos / name)
    for path in photos.iterdir():
        age(path, 3600)
    return photos


def test_pictures_that_share_a_name_are_all_found_and_a_decision_on_one_is_on_that_one_alone(
    tmp_path: Path, unrelated: Path
):
    library = Library(tmp_path / "library", Config(workers=1, without=NO_MODELS))
    library.scan(unrelated)
    assert len(set(ids(library.store).values())) == 8
    found = {row["path"] for text in ("1", "image", "img") for row in library.search(text, words=True).rows}
    assert found == {str(path) for path in unrelated.iterdir()}
    library.decide("reject", unrelated / "1.png")
    assert [row["path"] for row in library.decisions()] == [str(unrelated / "1.png")]
    assert library.duplicates() == []


def test_a_library_scanned_by_earlier_rules_is_tied_anew_by_the_next_scan(tmp_path: Path, unrelated: Path):
    library = Library(tmp_path / "library", Config(workers=1, without=NO_MODELS))
    library.scan(unrelated)
    first = ids(library.store)["1.jpg"]
    with library.store.writing() as _:
        old = [{**row, "shot_id": first, "shot_rule": "jpeg+png"} for row in rows(library.store).values()]
        library.store.upsert(SPECS["files"], old)
        library.store.upsert(META, [{"name": "tying", "value": "1"}])
        record(library.store, "reject", [first])
    result = library.scan(unrelated)
    assert result.new == result.analysed == 0
    assert any("taken back" in warning for warning in result.warnings)
    assert len(set(ids(library.store).values())) == 8
    assert library.decisions() == []
