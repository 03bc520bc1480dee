"""What the gallery writes: the files, the data of the page, and where it refuses."""

from __future__ import annotations

import base64
import contextlib
import json
import math
import os
import re
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from galleries import FOLDER, burst, cluster, duplicates, jpegs, record, row
from made_library import file, write
from photoidx import Config, Library
from photoidx.cli import cli
from photoidx.errors import PhotoidxError, QueryError
from photoidx.queries.gallery.build import Options
from photoidx.queries.gallery.data import GalleryGroups, gather, shown
from photoidx.queries.gallery.layout import layout
from photoidx.queries.gallery.page import as_json, page
from photoidx.queries.gallery.reading import smaller
from photoidx.records import path_text
from photoidx.storage.store import Store
from pictures import draw

PLAIN = Options(with_map=False)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    folder = tmp_path_factory.mktemp("gallery")
    for number in range(4):
        draw(folder / "photos" / f"IMG_{number}.jpg", number, (400, 300))
    (folder / "photos" / "broken.jpg").write_bytes(b"no picture")
    library = Library(folder / "library", Config(without=("faces", "sharpness", "technical")))
    library.scan(folder / "photos")
    return library


def data_of(text: str) -> dict[str, object]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return dict(json.loads(found[1]))


def test_a_folder_has_a_page_and_the_thumbnails_as_they_are_in_the_table(library: Library, tmp_path: Path):
    done = library.gallery(tmp_path / "out", PLAIN)
    assert done["path"] == str(tmp_path / "out" / "index.html")
    assert (done["photos"], done["bursts"], done["on_map"]) == (5, 0, 0)
    data = data_of(Path(done["path"]).read_text())
    files = sorted((tmp_path / "out" / str(data["thumbs"])).rglob("*.jpg"))
    assert len(files) == 4
    assert {path.stem for path in files} == set(data["contents"])
    with Image.open(files[0]) as picture:
        assert picture.size == (320, 240)
    photo = Path(str(library.sql("SELECT path FROM photos WHERE name = 'IMG_0.jpg'")["path"][0]))
    assert library.thumbnail(photo) in {path.read_bytes() for path in files}
    assert done["size_bytes"] == sum(path.stat().st_size for path in (tmp_path / "out").rglob("*") if path.is_file())


def test_one_page_carries_smaller_thumbnails(library: Library, tmp_path: Path):
    done = library.gallery(tmp_path / "out.html", PLAIN)
    assert os.listdir(tmp_path) == ["out.html"]
    text = (tmp_path / "out.html").read_text()
    block = re.search(r'<script type="text/plain" id="thumbs-0">(.*?)</script>', text, re.DOTALL)
    assert block is not None
    pictures = [base64.b64decode(line) for line in block[1].split("\n")]
    assert len(pictures) == data_of(text)["contents"] == 4
    with Image.open(BytesIO(pictures[0])) as picture:
        assert picture.size == (160, 120)
    assert done["path"] == str(tmp_path / "out.html")


def test_thumbnails_can_be_made_smaller_and_are_never_enlarged(library: Library, tmp_path: Path):
    library.gallery(tmp_path / "out", Options(with_map=False, thumbnail_size=64))
    for path in (tmp_path / "out").rglob("*.jpg"):
        with Image.open(path) as picture:
            assert max(picture.size) == 64
    small = next(jpegs(["a"]))[1]
    assert smaller(small, 64) == small


def test_where_chooses_the_photos(library: Library, tmp_path: Path):
    where = "name IN ('IMG_1.jpg', 'IMG_2.jpg') -- and no more"
    done = library.gallery(tmp_path / "out", Options(where=where, with_map=False))
    assert done["photos"] == 2
    assert len(list((tmp_path / "out").rglob("*.jpg"))) == 2
    with pytest.raises(QueryError, match="--where"):
        library.gallery(tmp_path / "none", Options(where="false"))
    for wrong in ("no_column > 1", "", "1=1) AND (1=1", "name = '\udcff'"):
        with pytest.raises(QueryError):
            library.gallery(tmp_path / "none", Options(where=wrong))
    assert not (tmp_path / "none").exists()


def test_a_gallery_is_replaced_by_a_newer_one_and_other_files_beside_it_stay(library: Library, tmp_path: Path):
    out = tmp_path / "out"
    library.gallery(out, PLAIN)
    before = str(data_of((out / "index.html").read_text())["thumbs"])
    (out / "mine.txt").write_text("mine")
    library.gallery(out, Options(where="name = 'IMG_1.jpg'", with_map=False))
    assert (out / "mine.txt").read_text() == "mine"
    assert not (out / before).exists()
    assert len(list(out.rglob("*.jpg"))) == 1
    assert sorted(os.listdir(tmp_path)) == ["out"]


def test_a_folder_with_other_things_is_refused_and_with_overwrite_keeps_them(library: Library, tmp_path: Path):
    out = tmp_path / "site"
    (out / "thumbs").mkdir(parents=True)
    (out / "thumbs" / "mine.jpg").write_bytes(b"mine")
    (out / "index.html").write_text("<p>mine")
    with pytest.raises(PhotoidxError, match="--overwrite"):
        library.gallery(out, PLAIN)
    assert (out / "index.html").read_text() == "<p>mine"
    library.gallery(out, Options(with_map=False, overwrite=True))
    assert (out / "thumbs" / "mine.jpg").read_bytes() == b"mine"
    (tmp_path / "page.html").write_text("<p>mine")
    with pytest.raises(PhotoidxError, match="--overwrite"):
        library.gallery(tmp_path / "page.html", PLAIN)


def test_a_scanned_folder_with_bytes_of_no_text_is_known_as_one(tmp_path: Path):
    photos = tmp_path / "ph\udcfftos"
    photos.mkdir()
    store = Store(str(tmp_path / "library"), create=True)
    write(store, files=[file(path_text(str(photos / "a.jpg")), "a", root=path_text(str(photos)))])
    with pytest.raises(PhotoidxError, match="--inside-photos"):
        Library(tmp_path / "library").gallery(photos / "album", PLAIN)
    done = Library(tmp_path / "library").gallery(tmp_path / "out", Options(title="\udcff\u202e", with_map=False))
    assert data_of(Path(done["path"]).read_text())["title"] == "\\xff\\u202e"


@pytest.mark.parametrize("reason", ["being written", "Can't write"])
def test_what_could_not_be_brought_up_to_date_is_told(reason: str, tmp_path: Path):
    store = Store(str(tmp_path / "library"), create=True)
    write(store, files=[file("/p/a.jpg", "a"), file("/p/b.jpg", "b")])
    with contextlib.ExitStack() as stack:
        if reason == "being written":
            stack.enter_context(store.writing())
        else:  # the lock can't be opened, as in a folder that can only be read
            (tmp_path / "library" / "writer.lock").unlink(missing_ok=True)
            (tmp_path / "library" / "writer.lock").mkdir()
        out = ["gallery", "--library", str(tmp_path / "library"), "--no-map", str(tmp_path / "out")]
        done = CliRunner().invoke(cli, out)
    assert done.exit_code == 0, done.output
    told = [line for line in done.stderr.splitlines() if reason in line]
    assert [line.split(":")[0] for line in told] == [
        "These are the duplicates that were known before",
        "The clusters are not kept",
    ]
    assert (tmp_path / "out" / "index.html").is_file()


@pytest.mark.parametrize("form", ["out", "out.html"])
def test_a_thumbnail_that_can_not_be_read_is_none(form: str, tmp_path: Path):
    store = Store(str(tmp_path / "library"), create=True)
    (_content_id, good), *_ = jpegs(["a"])
    write(
        store,
        files=[file("/p/a.jpg", "a"), file("/p/b.jpg", "b")],
        thumbnails=[
            {"content_id": content_id, "jpeg": jpeg, "width": 64, "height": 48}
            for content_id, jpeg in (("a", b"nothing"), ("b", good))
        ],
    )
    options = Options(with_map=False, thumbnail_size=32)
    done = Library(tmp_path / "library").gallery(tmp_path / form, options)
    if form == "out":
        assert [path.name for path in (tmp_path / form).rglob("*.jpg")] == ["b.jpg"]
    else:
        block = re.search(r'id="thumbs-0">(.*?)</script>', Path(done["path"]).read_text(), re.DOTALL)
        assert block is not None
        assert [bool(line) for line in block[1].split("\n")] == [False, True]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_text_can_leave_the_script_that_holds_the_data(text: str):
    written = as_json({"name": text})
    assert not set(written) & set("<>&\u2028\u2029\n")
    assert json.loads(written) == {"name": text}


def test_what_looks_like_a_place_of_the_template_is_left_alone():
    made = record([row("{{thumbnails}}{{code}}.jpg", 0), *(row(f"{number}.jpg", number) for number in range(1, 8))])
    head, tail = page({**made, "title": "{{data}}<b>&"}, thumbs=None)
    assert data_of(head + tail)["photos"]["name"][0] == "{{thumbnails}}{{code}}.jpg"
    assert "<title>{{data}}&lt;b&gt;&amp;</title>" in head


def test_the_policy_lets_nothing_in_but_the_page_s_own_code():
    head, tail = page(record([row(f"{number}.jpg", number) for number in range(8)]), thumbs=None)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', head)
    assert policy is not None
    assert "default-src 'none'" in policy[1]
    assert "http" not in policy[1]
    assert "unsafe" not in policy[1]
    assert "http" not in re.sub(r"https?-equiv", "", head + tail).replace("http-equiv", "")


def test_bytes_of_no_text_and_what_turns_the_line_are_spelt_out():
    assert (
        shown("plain \u00fcber 🏔️ \u0645\u0631\u062d\u0628\u0627.jpg")
        == "plain \u00fcber 🏔️ \u0645\u0631\u062d\u0628\u0627.jpg"
    )
    assert shown("a\u202egpj.exe") == "a\\u202egpj.exe"
    assert shown("two\nlines") == "two\\nlines"
    assert shown(path_text("caf\udce9.jpg")) == "caf\\xe9.jpg"


def test_the_page_knows_the_address_of_a_file_with_an_odd_name():
    odd = path_text(f"{FOLDER}/caf\udce9.jpg")
    made = gather([row("x", path=odd), row("two\nlines.jpg"), row("a\u202eb.jpg"), row("fine é.jpg")], GalleryGroups())
    assert made["odd"] == {
        0: {"path": None, "uri": "file:///pictures/caf%E9.jpg"},
        1: {"path": None, "uri": "file:///pictures/two%0Alines.jpg"},
        2: {"path": f"{FOLDER}/a\u202eb.jpg", "uri": "file:///pictures/a%E2%80%AEb.jpg"},
    }


def test_raw_and_jpeg_and_copies_are_one_photo():
    rows = [
        row("a.cr3", shot_id="s1", format="cr3", content_id="raw"),
        row("a.jpg", shot_id="s1", content_id="jpeg"),
        row("copy.jpg", shot_id="s2", content_id="jpeg"),
        row("b.jpg", shot_id="s3", content_id="other"),
        row("unknown.jpg", shot_id=None, content_id=None, thumbnail_width=None, thumbnail_height=None),
    ]
    made = gather(rows, GalleryGroups())
    assert made["photos"]["lead"] == [1, 1, 1, 3, 4]
    assert made["photos"]["thumb"][4] == -1
    assert gather(rows, GalleryGroups(), first=[f"{FOLDER}/a.cr3"])["photos"]["lead"][1] == 0


def test_groups_are_told_by_number_without_photos_that_are_not_shown():
    rows = [row(f"{number}.jpg", number) for number in range(6)]
    paths = [each["path"] for each in rows]
    found, pick = burst("b", [*paths[:3], "/elsewhere/x.jpg"], close=True)
    gone, gone_pick = burst("gone", [paths[0], "/elsewhere/x.jpg"])
    made = gather(
        rows,
        GalleryGroups(
            bursts=[
                found,
                gone,
                {"burst_id": "p", "kind": "panorama", "frames": [{"path": path} for path in paths[3:]]},
            ],
            picks=[pick, gone_pick],
            duplicates=[duplicates("d", paths[:3]), duplicates("gone", ["/elsewhere/x.jpg", paths[1]])],
            clusters=[cluster("c", paths)],
            places={paths[0]: (0.0, 0.5), "/elsewhere/x.jpg": (1.0, 1.0)},
        ),
    )
    assert [(each["id"], each["picked"], each["close"], each["photos"], each["keep"]) for each in made["bursts"]] == [
        ("b", True, True, [2, 1, 0], [2]),
        ("p", False, False, [3, 4, 5], []),
    ]
    assert [each["pick"] for each in made["bursts"]] == [
        -1,
        -1,
    ]  # of the first the pick is not shown; of the other none
    assert [(each["id"], each["keep"], each["photos"]) for each in made["duplicates"]] == [("d", [1], [1, 0, 2])]
    assert made["clusters"] == [{"id": "c", "label": "lakeside", "best": 0, "photos": [5, 0, 1, 2, 3, 4]}]
    assert made["map"] == {"photos": [0], "x": [0], "y": [50000]}


def test_facts_are_in_words():
    photos = gather(
        [row("a.jpg", make="NIKON CORPORATION", model="NIKON D90", exposure_time_s=2.0, f_number=11.0), row("b.jpg")],
        GalleryGroups(),
    )["photos"]

    def told(name: str, at: int) -> str:
        return str(photos[name]["values"][photos[name]["at"][at]])

    assert (told("camera", 0), told("camera", 1)) == ("NIKON D90", "Maker Model 1")
    assert told("exposure", 0) == "2 s · f/11 · ISO 400 · 50 mm"
    assert told("exposure", 1) == "1/200 s · f/2.8 · ISO 400 · 50 mm"
    assert told("labels", 0) == "lakeside"
    assert photos["blur"]["at"] == [-1, -1]


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"iso": 1638400}, "1/200 s · f/2.8 · ISO 1638400 · 50 mm"),
        ({"exposure_time_s": math.inf, "f_number": math.nan}, "ISO 400 · 50 mm"),
        ({"exposure_time_s": 5e-324, "iso": math.inf}, "f/2.8 · 50 mm"),
        ({"exposure_time_s": -1.0}, "f/2.8 · ISO 400 · 50 mm"),
    ],
)
def test_numbers_that_make_no_sense_are_left_out(facts: dict[str, float], words: str):
    made = gather([row("a.jpg", technical=math.nan, **facts)], GalleryGroups())
    assert made["photos"]["exposure"]["values"] == [words]
    assert made["photos"]["technical"] == [None]


@given(st.integers(0, 29), st.integers(1, 5))
@settings(max_examples=30, deadline=None)
def test_a_few_photos_lie_within_the_map(count: int, width: int):
    found = layout(np.random.default_rng(count).normal(size=(count, width)).astype(np.float16))
    assert found.shape == (count, 2)
    assert np.isfinite(found).all()
    assert ((found >= 0) & (found <= 1)).all()


def test_equal_photos_lie_in_one_place():
    for count in (1, 2, 29, 40):
        assert (layout(np.ones((count, 8), np.float16)) == 0).all()


def test_photos_that_look_alike_lie_near_each_other_and_in_the_same_place_each_time():
    rng = np.random.default_rng(0)
    kinds = np.repeat(np.arange(3), 60)
    vectors = (rng.normal(size=(3, 40))[kinds] + rng.normal(scale=0.1, size=(180, 40))).astype(np.float16)
    for sample in (1000, 120):  # all laid out; and a part, with the others between them
        found = layout(vectors, sample=sample)
        distances = np.linalg.norm(found[:, None] - found[None], axis=2)
        np.fill_diagonal(distances, np.inf)
        nearest = np.argsort(distances, axis=1)[:, :5]
        assert (kinds[nearest] == kinds[:, None]).mean() > 0.95
        assert (found == layout(vectors, sample=sample)).all()


def test_the_command_says_where_the_page_is(library: Library, tmp_path: Path):
    out = tmp_path / "--odd\x1b[31m"
    done = CliRunner().invoke(cli, ["gallery", "--library", library.uri, "--no-map", "--title", "<b>", "--", str(out)])
    assert done.exit_code == 0, done.output
    assert "\x1b" not in done.output
    assert done.stdout.strip().endswith("index.html")
    assert "5 photos" in done.stderr
    assert "&lt;b&gt;" in (out / "index.html").read_text()
