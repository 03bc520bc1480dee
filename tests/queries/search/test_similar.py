"""What looks like a photo, on real pictures that were really scanned."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from made_library import file, vector, write
from photoidx.cli import cli
from photoidx.config import Config
from photoidx.errors import PhotoidxError, QueryError
from photoidx.library import Library
from photoidx.queries.search.similar import AVOIDED, query_vector
from photoidx.registry import stages
from photoidx.storage.store import Store
from pictures import age

KEPT = {"exif", "hashes", "efficientnet_lite0"}
QUICK = Config(without=tuple(stage.name for stage in stages(Config()) if stage.name not in KEPT), workers=1)
EXIF, ISO, ORIENTATION = 0x8769, 0x8827, 0x0112


def save(path: Path, picture: Image.Image, iso: int = 100, orientation: int = 1) -> Path:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    exif.get_ifd(EXIF)[ISO] = iso
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, exif=exif)
    age(path, 86400)
    return path


def picture(name: str) -> Image.Image:
    return Image.fromarray(getattr(skimage.data, name)()).convert("RGB")


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("similar") / "album"
    cat, coffee = picture("chelsea"), picture("coffee")
    first = save(folder / "cats" / "cat.jpg", cat, 400)
    save(folder / "cats" / "cat-edited.jpg", cat.convert("L").convert("RGB"), 400)
    save(folder / "cats" / "tom.jpg", cat.transpose(Image.Transpose.FLIP_LEFT_RIGHT).crop((20, 0, 420, 280)), 1600)
    save(folder / "coffee.jpg", coffee, 1600)
    save(folder / "Zoë's käse.jpg", coffee.crop((60, 20, 600, 380)), 3200)
    for name in ("astronaut", "rocket", "camera"):
        save(folder / f"{name}.jpg", picture(name), 200)
    (folder / "Backup").mkdir()
    shutil.copy2(first, folder / "Backup" / "cat.jpg")
    (folder / "broken.jpg").write_bytes(first.read_bytes()[:600])
    save(folder / "one" / "same.jpg", picture("brick"))
    save(folder / "two" / "same.jpg", picture("grass"))
    age(folder / "broken.jpg", 86400)
    return folder


@pytest.fixture(scope="module")
def library(album: Path) -> Library:
    library = Library(album.parent / "library", QUICK)
    assert library.scan(album).failed == 1  # broken.jpg
    return library


def names(rows: list[dict[str, object]]) -> list[str]:
    return [Path(str(row["path"])).name for row in rows]


def test_the_nearest_comes_first_and_no_file_of_the_photos_own_shot_comes_at_all(library: Library, album: Path):
    rows = library.similar(album / "cats" / "cat.jpg")
    assert names(rows)[0] == "tom.jpg"
    assert {"cat.jpg", "cat-edited.jpg"}.isdisjoint(names(rows))
    scores = [row["score"] for row in rows]
    assert scores == sorted(scores, reverse=True)
    assert all(-1 <= score <= 1 for score in scores)


def test_one_row_stands_for_a_shot_and_its_copies_and_itself_only_if_asked_for(library: Library, album: Path):
    rows = library.similar(album / "cats" / "tom.jpg")
    assert len({"cat.jpg", "cat-edited.jpg"}.intersection(names(rows))) == 1
    assert len(names(rows)) == len(set(names(rows))) + 1  # the two that are named same.jpg
    own = library.similar(album / "cats" / "tom.jpg", include_self=True)[0]
    assert (Path(own["path"]).name, own["score"]) == ("tom.jpg", pytest.approx(1, abs=1e-3))


def test_a_photo_is_known_by_its_file_name_alone_also_with_quotes_and_accents(library: Library):
    assert names(library.similar("tom.jpg"))[0].startswith("cat")
    assert names(library.similar("Zoë's käse.jpg"))[0] == "coffee.jpg"


def test_a_picture_that_is_not_in_the_library_is_read_and_embedded(library: Library, tmp_path: Path):
    unrelated = save(tmp_path / "unrelated.png", picture("chelsea").crop((40, 20, 400, 290)))
    assert {"cat.jpg", "tom.jpg"} & set(names(library.similar(unrelated))[:1])
    assert not library.sql("SELECT 1 FROM photos WHERE name = 'unrelated.png'").num_rows


def test_a_copy_outside_the_library_finds_the_photo_itself(library: Library, album: Path, tmp_path: Path):
    copy = shutil.copy2(album / "coffee.jpg", tmp_path / "copy.jpg")
    assert library.similar(copy, count=1)[0] == {
        "path": str(album / "coffee.jpg"),
        "score": pytest.approx(1, abs=1e-3),
    }


def test_a_picture_is_turned_upright_before_it_is_compared(library: Library, tmp_path: Path):
    lying = picture("rocket").transpose(Image.Transpose.ROTATE_90)
    told = save(tmp_path / "told.jpg", lying, orientation=6)
    untold = save(tmp_path / "untold.jpg", lying)
    upright = library.similar(told, count=1)[0]
    assert Path(upright["path"]).name == "rocket.jpg"
    assert upright["score"] > 0.97
    assert library.similar(untold, count=20)[0]["score"] < 0.9


def test_what_is_not_wanted_moves_away(library: Library):
    both = names(library.similar("tom.jpg", "coffee.jpg"))
    assert "Zoë's käse.jpg" in both[:2]
    rows = library.similar("tom.jpg", "coffee.jpg", against=["Zoë's käse.jpg"])
    assert "Zoë's käse.jpg" not in names(rows)  # its own shot
    scores = {Path(row["path"]).name: row["score"] for row in library.similar("tom.jpg", "coffee.jpg")}
    moved = {Path(row["path"]).name: row["score"] for row in library.similar("tom.jpg", against=["coffee.jpg"])}
    assert moved["Zoë's käse.jpg"] < 0 < scores["Zoë's käse.jpg"]


def test_conditions_and_least_scores_narrow_the_answer(library: Library):
    assert set(names(library.similar("tom.jpg", where="iso > 800"))) == {"coffee.jpg", "Zoë's käse.jpg"}
    assert names(library.similar("tom.jpg", where="iso = 1600 -- that is all")) == ["coffee.jpg"]
    inner = "path IN (SELECT path FROM photos WHERE name LIKE 'rock%')"
    assert names(library.similar("tom.jpg", where=inner)) == ["rocket.jpg"]
    assert library.similar("tom.jpg", where="iso > 99999") == []
    assert names(library.similar("coffee.jpg", min_score=0.5)) == ["Zoë's käse.jpg"]


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("isoo > 800", "nearest are: iso"),
        ("iso >", "no condition"),
        ("", "no condition"),
        ("iso > 8; DROP VIEW photos", "no condition"),
        ("1) OR (1 = 1", "no condition"),
        ("1 UNION SELECT path FROM files", "no condition"),
        ("iso > 8 ORDER BY iso", "no condition"),
        ("path IN (SELECT content FROM read_text('setup.cfg'))", "disabled"),
        ("name = '\udcff'", "no UTF-8"),
        ("name", "BOOL"),
    ],
)
def test_what_is_no_condition_is_an_error_that_says_so(library: Library, where: str, words: str):
    with pytest.raises(QueryError, match=words):
        library.similar("tom.jpg", where=where)


def test_a_misspelt_photo_is_an_error_with_the_nearest_names(library: Library, album: Path):
    with pytest.raises(QueryError, match=r"cofee\.jpg is not in the library.*/coffee\.jpg"):
        library.similar(album / "cofee.jpg")
    with pytest.raises(QueryError, match="no photo named xyzzy"):
        library.similar("xyzzy")
    with pytest.raises(QueryError, match="photoidx scan"):
        library.similar(album.parent / "elsewhere" / "qqq")


def test_a_name_that_two_photos_have_is_an_error_that_tells_them(library: Library):
    with pytest.raises(QueryError, match=r"2 photos named same\.jpg: .*one/same\.jpg, .*two/same\.jpg"):
        library.similar("same.jpg")


def test_a_file_that_is_no_picture_and_a_folder_are_errors(library: Library, album: Path, tmp_path: Path):
    (tmp_path / "text.jpg").write_text("not a picture")
    for wrong, words in ((tmp_path / "text.jpg", "no photo"), (album, "directory"), (album / "broken.jpg", "no photo")):
        with pytest.raises(QueryError, match=words):
            library.similar(wrong)
    with pytest.raises(QueryError, match="at least one"):
        library.similar()


def test_an_embedder_without_vectors_is_an_error_that_says_how_to_make_them(library: Library, tmp_path: Path):
    with pytest.raises(QueryError, match="--embedder dinov2"):
        library.similar("tom.jpg", embedder="dinov2")
    with pytest.raises(PhotoidxError, match="Unknown embedder"):
        library.similar("tom.jpg", embedder="nonsense")
    write(Store(str(tmp_path / "empty"), create=True), files=[file("/p/a.jpg", "a")])
    with pytest.raises(QueryError, match="no vectors"):
        Library(tmp_path / "empty").similar("a.jpg")


def test_of_a_raw_and_a_jpeg_that_look_the_same_the_jpeg_is_given(tmp_path: Path):
    store = Store(str(tmp_path / "library"), create=True)
    write(
        store,
        files=[
            file("/p/q.jpg", "q"),
            file("/p/a.cr3", "a", shot_id="one"),
            file("/p/a.jpg", "b", shot_id="one"),
            file("/p/unread.jpg", None, shot_id=None),
            file("/p/b.jpg", "c", shot_id=None),
            file("/p/c.xmp", "d", "sidecar"),
        ],
        vectors_efficientnet_lite0=[
            {"content_id": name, "vector": vector(1, side)} for name, side in zip("qabcd", (0, 1, 1, 2, 0), strict=True)
        ],
    )
    rows = Library(tmp_path / "library").similar("q.jpg")
    assert [(row["path"], row["score"]) for row in rows] == [
        ("/p/a.jpg", pytest.approx(0.5**0.5, abs=1e-3)),
        ("/p/b.jpg", pytest.approx(0.2**0.5, abs=1e-3)),
    ]


def test_an_exact_copy_of_the_photo_is_left_out_whatever_shot_it_is_in(tmp_path: Path):
    store = Store(str(tmp_path / "library"), create=True)
    write(
        store,
        files=[
            file("/p/A/1.cr3", "raw"),
            file("/p/A/1.jpg", "jpeg", shot_id="shot-raw"),
            file("/p/B/1.jpg", "jpeg"),
            file("/p/B/2.jpg", "other"),
        ],
        vectors_efficientnet_lite0=[
            {"content_id": name, "vector": vector(1, side)} for name, side in (("raw", 0), ("jpeg", 0.1), ("other", 2))
        ],
    )
    for path in ("/p/A/1.jpg", "/p/B/1.jpg"):
        assert names(Library(tmp_path / "library").similar(path)) == ["2.jpg"]
    assert len(Library(tmp_path / "library").similar("/p/B/1.jpg", include_self=True)) == 2


def test_a_least_score_that_is_no_number_is_an_error(library: Library):
    with pytest.raises(QueryError, match="number"):
        library.similar("tom.jpg", min_score=float("nan"))


@given(
    arrays(np.float32, st.tuples(st.integers(1, 4), st.just(5)), elements=st.floats(0.125, 1, width=32)),
    arrays(np.float32, st.tuples(st.integers(0, 3), st.just(5)), elements=st.floats(0, 1, width=32)),
)
def test_the_vector_to_look_for_has_length_one_and_leans_away_from_what_is_avoided(liked, avoided):
    found = query_vector(liked, avoided)
    plain = query_vector(liked, avoided[:0])
    assert np.linalg.norm(plain) == pytest.approx(1, abs=1e-5)
    assert np.allclose(plain * np.linalg.norm(liked.mean(axis=0)), liked.mean(axis=0), atol=1e-5)
    if len(avoided) and np.linalg.norm(liked.mean(axis=0) - AVOIDED * avoided.mean(axis=0)) > 1e-3:
        assert np.linalg.norm(found) == pytest.approx(1, abs=1e-4)
        assert found @ avoided.mean(axis=0) <= plain @ avoided.mean(axis=0) + 1e-5


def test_the_command_prints_every_format(library: Library):
    run = CliRunner().invoke
    base = ["similar", "tom.jpg", "--library", library.uri, "--where", "iso > 800"]
    done = run(cli, [*base, "--format", "json"])
    assert [set(row) for row in json.loads(done.stdout)] == [{"path", "score"}] * 2
    paths = run(cli, [*base, "--format", "paths", "--count", "1"]).stdout.splitlines()
    assert paths == [json.loads(done.stdout)[0]["path"]]
    assert run(cli, [*base, "--min-score", "2", "--format", "csv"]).stdout == "path,score\n"
    assert run(cli, ["similar", "--library", library.uri]).exit_code == 2
    avoid = run(cli, ["similar", "tom.jpg", "--not", "coffee.jpg", "--library", library.uri, "--format", "jsonl"])
    assert json.loads(avoid.stdout.splitlines()[-1])["score"] < 0
