"""The gallery in a real Chromium: opened as files, keys pressed, hostile names, thousands of photos."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from galleries import FOLDER, burst, duplicates, jpegs, record, row
from photoidx import Config, Library
from photoidx.queries.gallery.build import Options
from photoidx.queries.gallery.writing import write_folder, write_page
from pictures import age

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
CHROMIUM = os.environ.get("PHOTOIDX_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
ARGUMENTS = ["--disable-gpu", "--no-first-run", "--disable-background-networking"]
HOSTILE = (
    b"<img src=x onerror=alert(1)>.jpg",
    b"--help.jpg",
    b"\"quotes\" 'and' `ticks`.jpg",
    b"two\nlines.jpg",
    b"bytes \xff\xfe.jpg",
    "turned \u202egpj.exe.jpg".encode(),
    b"{{code}} &lt;b&gt; #1 50%.jpg",
    b"<!--<script>.jpg",
    b"clear \x1b[2J \x1b]8;;mailto:x@y\x07.jpg",
    b"javascript:alert(1).jpg",
)
TILE = "#rows .tile"
Open = Callable[..., Page]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: install it, or name it in PHOTOIDX_CHROMIUM")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    arguments = [*ARGUMENTS, "--no-sandbox"] if os.geteuid() == 0 else ARGUMENTS
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Browser) -> Iterator[Open]:
    """Open a page, and in the end look that it complained of nothing and asked for nothing but files."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def look(request: Any) -> None:
        if not request.url.startswith(("file:", "data:", "blob:")):
            wrong.append(request.url)

    def opened(path: Path, **options: Any) -> Page:
        contexts.append(browser.new_context(**{"viewport": {"width": 1200, "height": 800}, **options}))
        contexts[-1].grant_permissions(["clipboard-read", "clipboard-write"])
        page = contexts[-1].new_page()
        page.set_default_timeout(300_000)
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: (wrong.append("a dialog"), dialog.dismiss()))
        page.on("request", look)
        page.on("requestfailed", lambda request: wrong.append(f"failed: {request.url}"))
        page.goto(path.as_uri())
        page.wait_for_selector(f"{TILE}, #map:not([hidden])")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture(scope="module", params=["folder", "page"])
def small(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gallery of 40 photos with groups of each kind, in both forms."""
    folder = tmp_path_factory.mktemp("small")
    rows = [row(f"IMG_{number:02}.jpg", number) for number in range(40)]
    rows += [row("IMG_00.cr3", format="cr3", shot_id=rows[0]["shot_id"])]
    made = record(rows)
    if request.param == "page":
        write_page(folder / "out.html", made, jpegs(made["contents"]))
        return folder / "out.html"
    write_folder(folder / "out", made, jpegs(made["contents"]))
    return folder / "out" / "index.html"


def current(page: Page) -> str | None:
    """Name the photo that has the focus."""
    return page.evaluate("document.activeElement.matches('.tile') ? document.activeElement.title : null")


def section(page: Page) -> str:
    return page.eval_on_selector("#tabs [aria-selected=true]", "tab => tab.dataset.name")


def is_open(page: Page, dialog: str) -> bool:
    return page.eval_on_selector(f"#{dialog}", "dialog => dialog.open")


def loaded(page: Page, selector: str = f"{TILE} img") -> None:
    """Wait until every picture that is there was decoded."""
    page.wait_for_function(
        "selector => { const all = [...document.querySelectorAll(selector)]; "
        "return all.length > 0 && all.every((image) => image.complete && image.naturalWidth > 0); }",
        arg=selector,
    )


def test_both_forms_show_photos_with_counts_and_texts_for_them(opened: Open, small: Path, tmp_path: Path):
    page = opened(small)
    loaded(page)
    assert page.title() == "Test album"
    assert page.inner_text("#summary").startswith("40 photos · 1 more file")
    assert page.eval_on_selector_all("#tabs [role=tab]", "tabs => tabs.map((tab) => tab.innerText.split('\\n'))") == [
        ["Photos", "40"],
        ["Bursts", "1"],
        ["Duplicates", "1"],
        ["Clusters", "1"],
        ["Map", "40"],
    ]
    assert page.get_attribute(f"{TILE} img", "alt") == "IMG_00.jpg, lakeside, 1 May 2024, 12:00:00"
    headings = page.eval_on_selector_all("#rows h2", "all => all.map((each) => each.innerText)")
    assert headings == ["April 2024 – May 2024", "March 2024"]  # noqa: RUF001 - May has one photo, and no line
    page.screenshot(path=tmp_path / "photos.png")
    with Image.open(tmp_path / "photos.png") as seen:  # the pictures are seen, not only there
        assert len(seen.convert("RGB").resize((120, 80)).getcolors(10_000) or ()) > 20


def test_keys_move_open_and_close(opened: Open, small: Path):
    page = opened(small)
    page.keyboard.press("ArrowRight")
    assert current(page) == "IMG_01.jpg"
    page.keyboard.press("l")
    page.keyboard.press("h")
    assert current(page) == "IMG_01.jpg"
    page.keyboard.press("j")
    below = current(page)
    assert below not in {"IMG_01.jpg", None}
    page.keyboard.press("k")
    assert current(page) == "IMG_01.jpg"
    page.keyboard.press("End")
    assert current(page) == "IMG_39.jpg"
    page.keyboard.press("Home")
    assert current(page) == "IMG_00.jpg"
    page.keyboard.press("n")
    assert current(page) == "IMG_31.jpg"
    page.keyboard.press("p")
    page.keyboard.press("Enter")
    assert is_open(page, "detail")
    assert "Maker Model 1" in page.inner_text("#detail .facts")
    assert "1/200 s · f/2.8" in page.inner_text("#detail .facts")
    links = page.eval_on_selector_all("#detail .links a", "links => links.map((link) => link.href)")
    assert links == [f"file://{FOLDER}/IMG_00.jpg", f"file://{FOLDER}/IMG_00.cr3"]
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#detail h2") == "IMG_01.jpg"
    page.keyboard.press("Escape")
    assert not is_open(page, "detail")
    assert current(page) == "IMG_01.jpg"
    page.keyboard.press("?")
    assert is_open(page, "keys")
    page.keyboard.press("Escape")
    assert not is_open(page, "keys")


def test_numbers_switch_sections_and_a_pick_stands_first(opened: Open, small: Path):
    page = opened(small)
    for number, name in enumerate(("photos", "bursts", "duplicates", "clusters", "map"), 1):
        page.keyboard.press(str(number))
        assert section(page) == name
    page.keyboard.press("2")
    assert page.eval_on_selector_all(TILE, "tiles => tiles.map((tile) => tile.innerText)") == [
        "Pick\nsharpest on the faces (1.3x)",
        *["softer on the faces"] * 3,
    ]
    assert page.inner_text(f"{TILE}.chosen .badge") == "Pick"
    page.keyboard.press("3")
    assert page.inner_text(f"{TILE}.chosen") == f"Keep\nsmaller copy · IMG_03.jpg · {FOLDER}"
    page.reload()
    assert section(page) == "duplicates"


def test_space_compares_a_frame_with_the_pick(opened: Open, small: Path):
    page = opened(small)
    page.keyboard.press("2")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press(" ")
    captions = page.eval_on_selector_all("#detail figcaption", "all => all.map((each) => each.innerText.split(/\\n+/))")
    assert captions == [
        ["Pick IMG_03.jpg", "sharpest on the faces (1.3x)"],
        ["Frame 3 of 4 IMG_01.jpg", "softer on the faces"],
    ]
    assert page.eval_on_selector_all("#detail td.better", "cells => cells.map((cell) => cell.innerText)") == [
        "0.90",
        "1.0",
    ]
    page.keyboard.press("ArrowLeft")
    assert "Frame 2 of 4" in page.inner_text("#detail figure:nth-child(2)")
    page.keyboard.press(" ")
    assert page.locator("#detail figure").count() == 0
    assert is_open(page, "detail")
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    page.keyboard.press("End")
    page.keyboard.press(" ")
    assert not is_open(page, "detail")


def test_keys_that_follow_the_closing_of_a_photo_at_once_are_not_undone_by_it(opened: Open, small: Path):
    page = opened(small)
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    page.evaluate(
        """() => {
            for (const key of ["Escape", "1", "End"]) {
                const pressed = new KeyboardEvent("keydown", { key, bubbles: true });
                document.activeElement.dispatchEvent(pressed);
            }
        }"""
    )
    last = current(page)
    page.wait_for_timeout(200)
    assert (section(page), current(page)) == ("photos", last)
    assert not is_open(page, "detail")


def test_where_the_pick_or_the_copy_to_keep_is_not_shown_no_other_stands_for_it(opened: Open, tmp_path: Path):
    rows = [row(f"IMG_{number:02}.jpg", number) for number in range(6)]
    paths = [each["path"] for each in rows]
    found, pick = burst("b", paths[:4])
    groups = {"bursts": [found], "picks": [pick], "duplicates": [duplicates("d", paths[2:5])]}
    made = record([each for each in rows if each["path"] != paths[3]], **groups)  # the pick of both
    write_folder(tmp_path / "out", made, jpegs(made["contents"]))
    page = opened(tmp_path / "out" / "index.html")
    for key, words in (("2", "no pick among these"), ("3", "the one to keep is not among these")):
        page.keyboard.press(key)
        assert words in page.inner_text("#rows .head")
        assert page.locator("#rows .badge, #rows .chosen, #rows .act").count() == 0
    page.keyboard.press("2")
    page.keyboard.press("ArrowRight")
    page.keyboard.press(" ")
    assert not is_open(page, "detail")
    page.keyboard.press("Enter")
    assert "Frame 2 of 3" in page.inner_text("#detail .groups")
    assert "The pick" not in page.inner_text("#detail .groups")


def test_a_thumbnail_that_can_not_be_shown_is_a_tile_with_the_name(opened: Open, tmp_path: Path):
    made = record([row(f"IMG_{number:02}.jpg", number) for number in range(5)])
    thumbs = [(content_id, b"" if at == 2 else jpeg) for at, (content_id, jpeg) in enumerate(jpegs(made["contents"]))]
    write_page(tmp_path / "out.html", made, iter(thumbs))
    page = opened(tmp_path / "out.html")
    assert page.inner_text("#rows .missing") == "IMG_02.jpg"


def test_the_filter_narrows_every_section(opened: Open, small: Path):
    page = opened(small)
    page.keyboard.press("/")
    page.keyboard.type("img_03 pictures 2")
    page.wait_for_function("() => document.querySelectorAll('#rows .tile').length === 1")
    page.keyboard.press("Enter")
    assert current(page) == "IMG_03.jpg"
    assert page.eval_on_selector_all("#tabs .number", "all => all.map((each) => each.textContent)") == ["1"] * 5
    page.keyboard.press("/")
    page.keyboard.press("Escape")
    page.wait_for_function("() => document.querySelectorAll('#rows .tile').length > 10")
    page.keyboard.type("nothing has this")
    page.wait_for_function("() => !document.getElementById('empty').hidden")


def test_paths_are_copied_and_nothing_else_happens(opened: Open, small: Path):
    page = opened(small)
    page.keyboard.press("2")
    page.click("text=Copy picks")
    page.wait_for_selector("#status:popover-open")
    assert page.evaluate("navigator.clipboard.readText()") == f"{FOLDER}/IMG_03.jpg\n"
    page.keyboard.press("3")
    page.click("text=Copy what could go")
    page.wait_for_function("() => document.getElementById('status').textContent.includes('2 paths')")
    assert page.evaluate("navigator.clipboard.readText()") == f"{FOLDER}/IMG_02.jpg\n{FOLDER}/IMG_04.jpg\n"


def test_the_map_is_panned_zoomed_and_opened(opened: Open, small: Path):
    page = opened(small)
    page.keyboard.press("5")
    page.wait_for_function("() => plane.scale > 0")
    where = "[plane.scale, plane.left, plane.top]"
    whole = page.evaluate(where)
    page.mouse.move(600, 400)
    page.mouse.wheel(0, -500)
    page.wait_for_function("scale => plane.scale > 1.5 * scale", arg=whole[0])
    page.wait_for_function("() => plane.thumbs.length > 3")
    before = page.evaluate(where)
    page.mouse.move(900, 300)
    page.mouse.down()
    page.mouse.move(850, 330)
    page.mouse.up()
    moved = page.evaluate(where)
    assert (round(moved[1] - before[1]), round(moved[2] - before[2])) == (-50, 30)
    assert not is_open(page, "detail")
    page.keyboard.press("+")
    assert page.evaluate("plane.scale") > moved[0]
    page.keyboard.press("0")
    assert page.evaluate(where) == whole
    x, y = page.evaluate("[plane.x(3), plane.y(3)]")
    box = page.locator("#plane").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + x, box["y"] + y)
    assert page.inner_text("#hint").startswith("IMG_03.jpg")
    page.mouse.click(box["x"] + x, box["y"] + y)
    assert page.inner_text("#detail h2") == "IMG_03.jpg"
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    assert is_open(page, "detail")


def test_light_and_dark_follow_the_system_until_a_key_says_otherwise(opened: Open, small: Path):
    def brightness(page: Page) -> int:
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return int(colour.split("(")[1].split(",")[0])

    light, dark = opened(small, color_scheme="light"), opened(small, color_scheme="dark")
    assert brightness(light) > 200
    assert brightness(dark) < 60
    dark.keyboard.press("t")
    assert brightness(dark) > 200
    light.click("#theme")
    light.click("#theme")
    assert brightness(light) < 60


def test_on_a_phone_nothing_is_wider_than_the_screen(opened: Open, small: Path):
    page = opened(small, viewport={"width": 360, "height": 700})
    for number in "1234":
        page.keyboard.press(number)
        assert page.evaluate("document.documentElement.scrollWidth <= 360")
        ends = page.eval_on_selector_all(TILE, "tiles => tiles.map((tile) => tile.getBoundingClientRect().right)")
        assert max(ends) <= 360


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Galleries, by form, of real scanned files whose names, folder and EXIF try to get out."""
    folder = tmp_path_factory.mktemp("hostile")
    # A path may say </script>, a name can't.
    photos = folder / "photos" / "a<"
    (photos / "script><img src=x onerror=alert(2)>").mkdir(parents=True)
    exif = Image.Exif()
    exif[0x010F] = "<script>alert(3)</script>"
    places = [os.path.join(os.fsencode(photos), name) for name in HOSTILE]
    places.append(os.path.join(os.fsencode(photos), b"script><img src=x onerror=alert(2)>", b"inside.jpg"))
    for number, place in enumerate(places):
        Image.new("RGB", (80, 60), (20 * number, 90, 200)).save(os.fsdecode(place), exif=exif)
        age(Path(os.fsdecode(place)), 86400 + number)
    library = Library(folder / "library", Config(without=("faces", "sharpness", "technical")))
    library.scan(folder / "photos")
    options = Options(title="</title><script>alert(4)</script>", with_map=False)
    forms = {"folder": folder / "out", "page": folder / "out.html"}
    return {form: Path(library.gallery(out, options)["path"]) for form, out in forms.items()}


@pytest.mark.parametrize("form", ["folder", "page"])
def test_hostile_names_stand_there_as_text(form: str, opened: Open, hostile: dict[str, Path]):
    page = opened(hostile[form])
    loaded(page)
    assert page.title() == "</title><script>alert(4)</script>"
    assert page.inner_text("h1") == "</title><script>alert(4)</script>"
    shown = set(page.eval_on_selector_all(TILE, "tiles => tiles.map((tile) => tile.title)"))
    assert shown == {
        "<img src=x onerror=alert(1)>.jpg",
        "--help.jpg",
        "\"quotes\" 'and' `ticks`.jpg",
        "two\\nlines.jpg",
        "bytes \\xff\\xfe.jpg",
        "turned \\u202egpj.exe.jpg",
        "{{code}} &lt;b&gt; #1 50%.jpg",
        "<!--<script>.jpg",
        "clear \\x1b[2J \\x1b]8;;mailto:x@y\\x07.jpg",
        "javascript:alert(1).jpg",
        "inside.jpg",
    }
    assert page.locator("img[src=x]").count() == 0
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    page.keyboard.press("o")  # the originals, by their addresses
    for number in range(len(HOSTILE) + 1):
        loaded(page, "#detail .whole")
        assert "<script>alert(3)</script>" in page.inner_text("#detail .facts"), number
        page.keyboard.press("ArrowRight")
    assert page.locator("#detail script, #rows script").count() == 0


@pytest.mark.parametrize(("form", "count"), [("folder", 1000), ("page", 5000)])
def test_thousands_of_thumbnails_scroll_with_few_of_them_in_the_document(
    form: str, count: int, opened: Open, tmp_path: Path
):
    made = record([row(f"IMG_{number:04}.jpg", number) for number in range(count)])
    out = tmp_path / ("out.html" if form == "page" else "out")
    (write_page if form == "page" else write_folder)(out, made, jpegs(made["contents"]))
    page = opened(out if form == "page" else out / "index.html")
    assert page.inner_text("#tabs .number") == f"{count:,}"
    most = 0
    height = page.eval_on_selector("#view", "view => view.scrollHeight")
    for part in range(1, 41):
        page.eval_on_selector("#view", "(view, y) => { view.scrollTop = y; }", height * part / 40)
        page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        most = max(most, page.locator("*").count())
    loaded(page)
    assert f"IMG_{count - 1:04}.jpg" in page.eval_on_selector_all(TILE, "tiles => tiles.map((tile) => tile.title)")
    assert most < 600
    page.keyboard.press("End")
    assert current(page) == f"IMG_{count - 1:04}.jpg"
