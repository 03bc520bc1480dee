"""Search by a text: by words over rows as a scan writes them, and by pictures with a small random CLIP model."""

from __future__ import annotations

import json
import unicodedata
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import skimage.data
import torch
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from made_library import file, vector, write
from photoidx.cli import cli
from photoidx.config import Config
from photoidx.errors import LibraryLockedError, QueryError
from photoidx.indexer.embedders import embedder
from photoidx.library import Library
from photoidx.queries.search.label_words import label_texts
from photoidx.queries.search.texts import asked_words, is_current, words_in
from photoidx.queries.sql.query import run_sql
from photoidx.registry import stages
from photoidx.storage.schema import META
from photoidx.storage.store import Store
from pictures import age, draw

EXACT = Config(device="cpu", precision="float32")
NFD = unicodedata.normalize("NFD", "Zürich Café")


def day(*parts: int) -> datetime:
    return datetime(*parts)  # noqa: DTZ001 - a camera's local time


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    folder = tmp_path_factory.mktemp("search") / "library"
    write(
        Store(str(folder), create=True),
        files=[
            file("/p/BirthdayParty2014/IMG_0042.JPG", "fish"),
            file("/p/2015-08-03 Rome/DSC00017.JPG", "springer", shot_id="dog"),
            file("/p/2015-08-03 Rome/DSC00017.ARW", "raw", shot_id="dog"),
            file("/p/2015-08-03 Rome/DSC00017.xmp", "side", "sidecar", shot_id="dog"),
            file(f"/p/{NFD}/beacon.jpg", "tower"),
            file("/p/日本旅行/it's_a_'quote'.jpg", "noodles"),
            file("/p/misc/100%_sure.jpg", "maybe"),
            file("/p/misc/unread.jpg", None, shot_id=None),
        ],
        exif=[
            {"content_id": "fish", "make": "Canon", "model": "Canon EOS R6", "taken_at": day(2014, 6, 13), "iso": 100},
            {"content_id": "springer", "make": "SONY", "model": "ILCE-7M4", "lens": "FE 70-200mm F2.8", "iso": 1600},
            {"content_id": "tower", "taken_at": day(2016, 12, 24, 20), "gps_lat": 47.37, "gps_lon": 8.54},
            {"content_id": "noodles", "keywords": ["ramen", "Tokyo"], "label": "Red"},
        ],
        labels=[
            {"content_id": "fish", "labels": ["tench", "goldfish"], "probabilities": [0.8, 0.1]},
            {"content_id": "springer", "labels": ["English springer", "maraca"], "probabilities": [0.9, 0.01]},
            {"content_id": "tower", "labels": ["beacon"], "probabilities": [0.9]},
            {"content_id": "maybe", "labels": ["barn", "tench"], "probabilities": [0.5, 0.05]},
        ],
        sidecars=[{"content_id": "side", "keywords": ["pets"], "title": "Rex at the Colosseum"}],
    )  # fmt: skip
    return Library(folder)


def found(library: Library, text: str, **rest: Any) -> list[str]:
    return [Path(row["path"]).name for row in library.search(text, **rest).rows]


FISH, DOG, TOWER, NOODLES, MAYBE = "IMG_0042.JPG", "DSC00017.JPG", "beacon.jpg", "it's_a_'quote'.jpg", "100%_sure.jpg"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("lighthouse", [TOWER]),  # a synonym of the label
        ("a dog", [DOG]),  # the kind of the label
        ("Dogs", [DOG]),
        ("photos of my spaniel", [DOG]),
        ("tench", [FISH, MAYBE]),  # the more probable label first
        ("maraca", []),  # one chance in a hundred is noise
        ("canon", [FISH]),
        ("EOS r6", [FISH]),
        ("70-200mm", [DOG]),
        ("june 2014", [FISH]),
        ("2014-06-13", [FISH]),
        ("2014-06", [FISH]),
        ("13 June", [FISH]),
        ("friday", [FISH]),
        ("24 december", [TOWER]),
        ("2015-08", [DOG]),  # in the folder's name
        ("rome 2015", [DOG]),
        ("birthday", [FISH]),
        ("birthdayparty2014", [FISH]),
        ("IMG_0042", [FISH]),
        ("img 0042.jpg", [FISH]),
        ("zurich", [TOWER]),
        ("ZÜRICH café", [TOWER]),
        ("日本", [NOODLES]),
        ("ramen TOKYO", [NOODLES]),
        ("red", [NOODLES]),
        ("pets", [DOG]),  # the sidecar's keywords
        ("colosseum", [DOG]),  # and its title
        ("gps 47n 8e", [TOWER]),
        ("unread", ["unread.jpg"]),
        ("quote", [NOODLES]),
        ("it's a 'quote'", [NOODLES]),
    ],
)
def test_a_photo_is_found_by_what_is_known_of_it_in_words(library: Library, text: str, names: list[str]):
    assert found(library, text) == names


def test_of_raw_and_jpeg_one_is_given_and_it_says_what_matched(library: Library):
    answer = library.search("rex springer")
    (row,) = answer.rows
    assert row["path"].endswith(DOG)
    assert (
        row["matched"] == "title: Rex at the Colosseum; label: English springer (English springer spaniel, animal, dog)"
    )
    assert row["score"] > 0


def test_every_word_must_match_if_there_is_such_a_photo_and_else_any(library: Library):
    assert found(library, "tench barn") == [MAYBE]
    answer = library.search("tokyo lighthouse")
    assert {Path(row["path"]).name for row in answer.rows} == {NOODLES, TOWER}
    assert any("No photo has all the words" in note for note in answer.notes)
    assert found(library, "lighthouse tokyo ramen") == [NOODLES, TOWER]  # two of three words before one
    assert not any("all the words" in note for note in library.search("tench barn").notes)
    notes = library.search("tench barn", where="name = 'IMG_0042.JPG'").notes  # the only one that has both is left out
    assert "No photo that fulfils the condition has all the words; these have some of them." in notes


@pytest.mark.parametrize(
    ("text", "name", "note"),
    [
        ("colos", DOG, "“colos”. Searched for words that begin with it"),
        ("ligthhouse", TOWER, "“ligthhouse”: taken are words that are spelt like it"),
        ("birthdya", FISH, "spelt like it"),
    ],
)
def test_a_word_that_no_photo_has_is_taken_as_a_beginning_then_as_misspelt(
    library: Library, text: str, name: str, note: str
):
    answer = library.search(text)
    assert [Path(row["path"]).name for row in answer.rows] == [name]
    assert note in answer.notes[0]
    assert answer.rows[0]["matched"]


def test_it_says_how_it_searched_and_how_to_get_the_other_way(library: Library):
    answer = library.search("tench")
    assert answer.by == "words"
    assert "Searched by words" in answer.notes[-1]
    for command in ("photoidx models pull openclip", "photoidx scan FOLDER --embedder openclip"):
        assert command in answer.notes[-1]


def test_conditions_narrow_the_answer_and_whether_all_words_are_there_is_asked_of_the_rest(library: Library):
    assert found(library, "tench", where="iso = 100") == [FISH]
    assert found(library, "tench", where="iso > 100") == []
    assert found(library, "2014 rome", where="iso > 800") == [DOG]
    assert found(library, "tench", count=1) == [FISH]
    assert found(library, "tench", min_score=99) == []
    with pytest.raises(QueryError, match="no condition"):
        library.search("tench", where="1; DROP VIEW photos")


@pytest.mark.parametrize(
    "text", ["'; DROP TABLE texts; --", "' OR '1'='1", '" ) NEAR/2 *', "%", "_", "x' LIKE '%", "\\"]
)
def test_marks_of_other_languages_are_harmless(library: Library, text: str):
    before = library.store.count("texts")
    try:
        names = found(library, text)
    except QueryError as error:
        assert "no word" in str(error)  # noqa: PT017 - either is fine
    else:
        assert len(names) < 3
    assert library.store.count("texts") == before


@pytest.mark.parametrize("text", ["", "  ", "?!"])
def test_a_text_without_a_word_is_an_error(library: Library, text: str):
    with pytest.raises(QueryError):
        library.search(text)


def test_the_words_follow_the_tables_and_only_what_changed_is_written(tmp_path: Path):
    store = Store(str(tmp_path / "library"), create=True)
    library = Library(tmp_path / "library")
    write(store, files=[file("/p/a.jpg", "a"), file("/p/b.jpg", "b")])
    assert found(library, "jpg") == ["a.jpg", "b.jpg"]
    assert is_current(store)
    before = store.version("texts")
    assert found(library, "jpg") == ["a.jpg", "b.jpg"]
    assert store.version("texts") == before
    write(
        store, labels=[{"content_id": "a", "labels": ["tench"], "probabilities": [0.9]}], files=[file("/p/c.jpg", "c")]
    )
    with store.writing():
        store.delete("files", "path", ["/p/b.jpg"])
    assert not is_current(store)
    assert found(library, "tench") == ["a.jpg"]
    assert found(library, "jpg") == ["c.jpg", "a.jpg"]  # the shorter text before the longer
    assert found(library, "tencj") == ["a.jpg"]  # new words can be misspelt, too
    write(store, labels=[{"content_id": "a", "labels": ["barn"], "probabilities": [0.9]}])
    assert found(library, "tench") == []
    assert found(library, "barn") == ["a.jpg"]


def test_a_first_search_that_was_cut_off_before_the_index_is_made_good_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    store, library = Store(str(tmp_path / "library"), create=True), Library(tmp_path / "library")
    write(store, files=[file("/p/dog_a.jpg", "a"), file("/p/cat_b.jpg", "b")])

    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Store, "index_text", cut_off)
    with pytest.raises(KeyboardInterrupt):
        library.search("dog")
    monkeypatch.undo()
    answer = library.search("dogs")
    assert [row["path"] for row in answer.rows] == ["/p/dog_a.jpg"]
    assert len(answer.notes) == 1


@pytest.mark.parametrize("length", [51, 300, 5000])
def test_a_word_of_hundreds_of_letters_is_in_no_photo(library: Library, length: int):
    answer = library.search("a" * length)
    assert answer.rows == []
    assert "No photo has the word" in answer.notes[0]


def test_while_a_scan_writes_the_words_of_before_answer_and_it_says_so(tmp_path: Path):
    store, library = Store(str(tmp_path / "library"), create=True), Library(tmp_path / "library")
    write(store, files=[file("/p/before.jpg", "a")])
    with store.writing(), pytest.raises(LibraryLockedError):
        library.search("before")
    assert found(library, "before") == ["before.jpg"]
    write(store, files=[file("/p/after.jpg", "b")])
    with store.writing():
        answer = library.search("jpg")
        assert [row["path"] for row in answer.rows] == ["/p/before.jpg"]
        assert "is being written" in answer.notes[0]
    assert found(library, "jpg") == ["after.jpg", "before.jpg"]


def test_an_empty_library_has_no_answer_and_no_error(tmp_path: Path):
    write(Store(str(tmp_path / "library"), create=True))
    assert found(Library(tmp_path / "library"), "tench") == []


def test_a_renamed_photo_is_found_under_its_new_name_after_a_rescan(tmp_path: Path):
    kept = {"exif", "efficientnet_lite0"}
    config = Config(without=tuple(each.name for each in stages(Config()) if each.name not in kept), workers=1)
    library = Library(tmp_path / "library", config)
    for name in ("chelsea", "coffee"):
        Image.fromarray(getattr(skimage.data, name)()).save(tmp_path / f"{name}.png")
    album = tmp_path / "album"
    album.mkdir()
    (tmp_path / "chelsea.png").rename(album / "Mimi.png")
    (tmp_path / "coffee.png").rename(album / "mug.png")
    for path in album.iterdir():
        age(path, 86400)
    library.scan(album)
    assert found(library, "mimi") == ["Mimi.png"]
    assert found(library, "cat") == ["Mimi.png"]
    (album / "Mimi.png").rename(album / "Mocha.png")
    library.scan(album)
    assert found(library, "mimi") == []
    assert found(library, "mocha") == ["Mocha.png"]
    assert library.similar("mug.png")[0]["path"] == str(album / "Mocha.png")


def test_the_labels_have_their_synonyms_and_kinds():
    texts = label_texts()
    assert texts["beacon"] == "beacon (lighthouse, beacon light, pharos)"
    for label, kind in (
        ("tabby", "cat"),
        ("Pembroke", "dog"),
        ("robin", "bird"),
        ("jeep", "car"),
        ("volcano", "mountain"),
    ):
        assert texts[label].endswith(f"{kind})")
    assert texts["tench"] == "tench (Tinca tinca, animal, fish)"
    assert "animal" not in texts["coral reef"] + texts["triceratops"] + texts["abacus"]


@given(st.text())
def test_a_photo_named_by_a_text_has_every_word_that_the_text_asks_for(text: str):
    assert set(asked_words(text)) <= set(words_in(text))


@given(
    st.lists(st.sampled_from(["Rome", "éTé", "2014-06-13", "IMG_0042", "x", "2014-06", "a1B2", "日本"])),
    st.sampled_from(" _/.-"),
)
def test_dates_and_names_keep_apart_whatever_stands_between(parts: list[str], between: str):
    assert set(asked_words(between.join(parts))) <= set(words_in(between.join(parts)))


def test_the_command_prints_rows_to_stdout_and_talk_to_stderr(library: Library):
    run = CliRunner().invoke
    done = run(cli, ["search", "june", "2014", "--library", library.uri, "--format", "json"])
    (row,) = json.loads(done.stdout)
    assert list(row) == ["path", "score", "matched"]
    assert "Searched by words" in done.stderr
    nothing = run(cli, ["search", "maraca", "--library", library.uri, "--format", "csv"])
    assert (nothing.exit_code, nothing.stdout) == (0, "path,score,matched\n")
    assert run(cli, ["search", "--library", library.uri]).exit_code == 2


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a CLIP with small towers and random weights, which lie in a file."""
    folder = tmp_path_factory.mktemp("clip")
    told = {
        "embed_dim": 24,
        "vision_cfg": {"image_size": 64, "layers": 2, "width": 64, "patch_size": 16, "head_width": 32},
        "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
    }
    (folder / "photoidx-search.json").write_text(json.dumps(told))
    open_clip.add_model_config(folder / "photoidx-search.json")
    torch.manual_seed(4)
    torch.save(open_clip.create_model("photoidx-search").state_dict(), folder / "tiny.pt")
    return f"openclip:photoidx-search/{folder / 'tiny.pt'}"


@pytest.fixture(scope="module")
def seeing(tmp_path_factory: pytest.TempPathFactory, clip: str) -> Library:
    """A library with vectors of that model: one near the vector of `red bike`, one of `a cat`, and one without."""
    folder = tmp_path_factory.mktemp("seeing") / "library"
    store = Store(str(folder), create=True)
    stage = embedder(clip, EXACT)
    bike, cat = stage.encode_text(["red bike", "a cat"])
    write(
        store,
        files=[file(f"/p/{name}.jpg", name) for name in ("bike", "both", "cat", "blind")],
        exif=[{"content_id": "both", "iso": 1600}],
    )
    with store.writing():
        store.ensure(stage.tables[0])
        rows = {"bike": bike, "both": bike + cat, "cat": cat - 0.2 * bike}
        vectors = [{"content_id": name, "vector": vector(*row, width=24)} for name, row in rows.items()]
        store.upsert(stage.tables[0], vectors)
        store.upsert(META, [{"name": "embedders", "value": json.dumps(["efficientnet_lite0", clip])}])
    return Library(folder, EXACT)


def test_with_a_model_that_reads_texts_pictures_are_ranked_by_the_texts_vector(seeing: Library, clip: str):
    answer = seeing.search("red bike")
    assert answer.by == "pictures"
    assert [Path(row["path"]).stem for row in answer.rows] == ["bike", "both", "cat"]
    assert answer.rows[0]["score"] == pytest.approx(1, abs=1e-2)
    assert clip in answer.notes[0]
    assert "--words" in answer.notes[0]
    assert found(seeing, "red bike", where="iso > 800") == ["both.jpg"]
    assert len(found(seeing, "red bike", count=1)) == 1


def test_similar_photos_by_such_a_model_of_a_photo_in_the_library_and_of_one_that_is_not(
    seeing: Library, clip: str, tmp_path: Path
):
    assert [Path(row["path"]).stem for row in seeing.similar("bike.jpg", embedder=clip)] == ["both", "cat"]
    unrelated = draw(tmp_path / "unrelated.png", size=(200, 160))
    assert len(seeing.similar(unrelated)) == 3  # the one model that the library has vectors of


def test_words_are_there_on_demand_beside_such_a_model(seeing: Library):
    answer = seeing.search("bike", words=True)
    assert (answer.by, [row["path"] for row in answer.rows]) == ("words", ["/p/bike.jpg"])


def test_text_similarity_in_sql_is_the_same_score(seeing: Library):
    query = "SELECT path, text_similarity('red bike') AS score FROM photos ORDER BY score DESC NULLS LAST"
    # Here and not in the process of queries: the model of this test is known to this one alone.
    rows = run_sql(seeing.store, query, seeing.config).to_pylist()
    assert rows[-1] == {"path": "/p/blind.jpg", "score": None}
    scores = [row["score"] for row in seeing.search("red bike").rows]
    assert [round(row["score"], 4) for row in rows[:-1]] == scores
    both = "SELECT p.path FROM photos p WHERE iso > 800 AND text_similarity('red bike') > text_similarity('zebra') - 2"
    assert run_sql(seeing.store, both, seeing.config).num_rows == 1
    assert not np.isnan(scores).any()


def test_where_the_models_weights_are_gone_words_answer_and_the_reason_is_told(tmp_path: Path):
    store = Store(str(tmp_path / "library"), create=True)
    gone = f"openclip@{tmp_path / 'gone.pt'}"
    write(store, files=[file("/p/bike.jpg", "a")])
    with store.writing():
        store.upsert(META, [{"name": "embedders", "value": json.dumps([gone])}])
    answer = Library(tmp_path / "library").search("bike")
    assert answer.by == "words"
    assert "gone.pt" in answer.notes[-1]
    with pytest.raises(QueryError, match=r"gone\.pt"):
        Library(tmp_path / "library").search("bike", embedder=gone)
    with pytest.raises(QueryError, match="reads no texts"):
        Library(tmp_path / "library").search("bike", embedder="efficientnet_lite0")


def test_a_picture_of_an_album_that_was_never_embedded_is_found_by_name(tmp_path: Path):
    draw(tmp_path / "album" / "a.jpg")
    everything = tuple(each.name for each in stages(Config()) if each.name != "exif")
    library = Library(tmp_path / "library", Config(without=everything, workers=1))
    library.scan(tmp_path / "album")
    assert found(library, "album") == ["a.jpg"]
