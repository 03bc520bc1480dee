"""The review in a real Chromium over a real library: keys alone, the tables, undone, two windows, a scan meanwhile."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from skimage import data

from burst_album import NOON, shoot
from photoidx import Library
from photoidx.errors import LibraryLockedError
from reviews import FRAMES, Running

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
CHROMIUM = os.environ.get("PHOTOIDX_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
ARGUMENTS = ["--disable-gpu", "--no-first-run", "--disable-background-networking"]
AXE = os.environ.get("PHOTOIDX_AXE")
Open = Callable[..., Page]
expect.set_options(timeout=60_000)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: install it, or name it in PHOTOIDX_CHROMIUM")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    arguments = [*ARGUMENTS, "--no-sandbox"] if os.geteuid() == 0 else ARGUMENTS
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Browser, server: Running, reviewed: Library) -> Iterator[Open]:
    """Open the page; in the end look that nothing but the server was asked, and nothing was complained of."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def opened(address: str = "", **options: Any) -> Page:
        contexts.append(browser.new_context(**{"viewport": {"width": 1400, "height": 900}, **options}))
        page = contexts[-1].new_page()
        page.set_default_timeout(120_000)
        page.on("console", lambda message: wrong.append(message.text))
        page.on("dialog", lambda dialog: (wrong.append("a dialog"), dialog.dismiss()))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith(f"http://127.0.0.1:{server.port}/") else wrong.append(request.url)
            ),
        )
        page.goto(server.address + address)
        page.wait_for_selector("body[data-ready]")
        return page

    yield opened
    for context in contexts:
        context.close()
    for _ in reviewed.decisions():
        if reviewed.decisions():
            reviewed.undo()
    assert wrong == []


def frame(page: Page) -> int:
    return page.eval_on_selector_all(".frame", "all => all.findIndex((each) => each.ariaSelected === 'true')")


def place(page: Page) -> str:
    return page.get_attribute(".glass", "data-place") or ""


def looked_at(page: Page, name: str) -> None:
    expect(page.locator(".words strong")).to_have_text(name)


def saved(page: Page) -> None:
    expect(page.locator("#saved")).to_have_text("Saved", timeout=60_000)


def written(page: Page, library: Library, wanted: list[tuple[str, str]]) -> None:
    """Wait until these are the decisions in the tables: the page shows a step before it is written."""
    for _ in range(600):
        if verbs(library) == wanted:
            return
        page.wait_for_timeout(100)
    assert verbs(library) == wanted


def verbs(library: Library) -> list[tuple[str, str]]:
    return [(row["verb"], os.path.basename(row["path"])) for row in library.decisions()]


def test_a_burst_is_decided_by_keys_alone_and_is_in_the_tables_and_undone_and_there_after_a_reload(
    opened: Open, reviewed: Library
):
    page = opened()
    looked_at(page, "IMG_0001.JPG")
    assert page.locator(".frame").count() == FRAMES
    assert "left, about" in page.inner_text("#left")
    page.keyboard.press("ArrowRight")
    looked_at(page, "IMG_0002.JPG")
    page.keyboard.press("p")
    expect(page.locator(".words")).to_contain_text("Pick")
    saved(page)
    assert verbs(reviewed) == [("best", "IMG_0002.JPG")]
    assert reviewed.best_of_bursts()[0]["pick"]["path"].endswith("IMG_0002.JPG")
    page.keyboard.press("3")
    saved(page)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("x")
    saved(page)
    assert [verb for verb, _ in verbs(reviewed)] == ["best", "rate-3", "reject"]
    assert reviewed.sql("SELECT verb FROM decisions WHERE undone_at IS NULL ORDER BY decision_id").to_pydict() == {
        "verb": ["best", "rate-3", "reject"]
    }
    page.reload()
    expect(page.locator(".frame.best")).to_have_count(1)
    expect(page.locator(".frame.reject")).to_have_count(1)
    expect(page.locator(".frame .stars")).to_have_text("★★★")
    for _ in range(3):
        page.keyboard.press("Control+z")
        saved(page)
    expect(page.locator(".frame.best, .frame.reject, .frame .stars")).to_have_count(0)
    assert verbs(reviewed) == []


def test_enter_accepts_the_pick_rejects_the_rest_and_goes_on(opened: Open, reviewed: Library):
    page = opened()
    looked_at(page, "IMG_0001.JPG")
    page.keyboard.press("Enter")
    looked_at(page, "IMG_0011.JPG")
    for _ in range(600):  # the page shows a step before it is written
        if verbs(reviewed):
            break
        page.wait_for_timeout(100)
    assert verbs(reviewed)[0] == ("best", "IMG_0001.JPG")
    assert {verb for verb, _ in verbs(reviewed)[1:]} == {"reject"}
    saved(page)
    expect(page.locator("#left")).to_contain_text("2 of 3 bursts left")
    page.keyboard.press("Control+z")
    expect(page.locator("#left")).to_contain_text("3 of 3 bursts left")
    written(page, reviewed, [])


def test_100_percent_keeps_its_place_from_frame_to_frame_and_space_flips_to_the_pick(opened: Open):
    page = opened()
    looked_at(page, "IMG_0001.JPG")
    expect(page.locator(".glass")).to_have_attribute("data-place", re.compile("fit"))
    page.keyboard.press("z")
    expect(page.locator(".glass")).to_have_attribute("data-place", re.compile("100"))
    there = place(page)
    page.keyboard.press("ArrowRight")
    looked_at(page, "IMG_0002.JPG")
    assert place(page) == there
    page.keyboard.press("Space")
    looked_at(page, "IMG_0001.JPG")
    assert place(page) == there
    page.keyboard.press("Space")
    looked_at(page, "IMG_0002.JPG")
    page.keyboard.press("Escape")
    assert place(page).startswith("fit")


def test_tab_compares_and_the_pick_is_held_still(opened: Open):
    page = opened()
    looked_at(page, "IMG_0001.JPG")
    page.keyboard.press("Tab")
    expect(page.locator(".pane")).to_have_count(2)
    page.keyboard.press("ArrowRight")
    expect(page.locator(".pane.held figcaption")).to_contain_text("IMG_0001.JPG")
    expect(page.locator(".pane:not(.held) figcaption")).to_contain_text("IMG_0002.JPG")
    page.keyboard.press("Tab")
    expect(page.locator(".pane")).to_have_count(3)


def test_faces_are_shown_over_all_frames(opened: Open):
    page = opened()
    looked_at(page, "IMG_0001.JPG")
    page.keyboard.press("f")
    expect(page.locator(".face")).to_have_count(FRAMES)
    expect(page.locator(".face").nth(1)).to_contain_text("eyes")


def test_a_decision_waits_for_a_scan_and_says_so(opened: Open, reviewed: Library):
    page = opened()
    looked_at(page, "IMG_0001.JPG")
    with reviewed.store.writing():
        page.keyboard.press("x")
        expect(page.locator(".frame.reject")).to_have_count(1)  # at once
        expect(page.locator("#saved")).to_contain_text("Waiting to save")
        assert verbs(reviewed) == []
    expect(page.locator("#saved")).not_to_have_text(re.compile("Waiting|Saving"), timeout=60_000)
    assert verbs(reviewed) == [("reject", "IMG_0001.JPG")]


def test_two_windows_show_the_same(opened: Open):
    one, other = opened(), opened()
    looked_at(one, "IMG_0001.JPG")
    looked_at(other, "IMG_0001.JPG")
    one.keyboard.press("p")
    expect(other.locator(".frame.best")).to_have_count(1)
    other.keyboard.press("Control+z")
    expect(one.locator(".frame.best")).to_have_count(0)


def test_views_have_addresses_that_can_be_kept(opened: Open, server: Running):
    page = opened("#/bursts?show=close")
    expect(page.locator("select[name=show]")).to_have_value("close")
    page.goto(f"http://127.0.0.1:{server.port}/#/photos?where=path+LIKE+'%25copies%25'")
    page.reload()
    expect(page.locator("#left")).to_have_text("1 photo")
    page.goto(f"http://127.0.0.1:{server.port}/#/duplicates")
    expect(page.locator(".file")).to_have_count(2)
    assert "key" not in page.url


def test_duplicates_are_laid_over_each_other(opened: Open):
    page = opened("#/duplicates")
    expect(page.locator(".words")).to_contain_text("byte for byte")
    name = "<img src=x onerror=alert(1)>.jpg"  # shown as text, never markup
    expect(page.locator(".file strong").nth(1)).to_have_text(name)
    expect(page.locator(".words")).to_contain_text(name)
    page.keyboard.press("d")
    assert page.get_attribute(".panes", "data-way") == "difference"


def test_what_may_go_is_moved_and_brought_back(opened: Open, reviewed: Library):
    page = opened("#/reclaim")
    expect(page.locator(".words strong")).to_have_text(re.compile("1 file, "))
    expect(page.locator(".going li")).to_contain_text("<img src=x onerror=alert(1)>.jpg")
    page.get_by_text("Move into the trash").click()
    expect(page.locator("#saved")).to_have_text("Moved into the trash: 1 files.", timeout=60_000)
    expect(page.locator(".words strong")).to_have_text("Nothing may go.")
    assert len(reviewed.trash()) == 1
    page.get_by_text("Bring back the last").click()
    expect(page.locator(".words strong")).to_have_text(re.compile("1 file, "), timeout=60_000)
    assert reviewed.trash() == []


def test_a_scan_meanwhile_adds_its_bursts_and_takes_nothing_away(opened: Open, reviewed: Library, tmp_path: Path):
    page = opened()
    looked_at(page, "IMG_0001.JPG")
    for number in range(3):
        at = NOON + timedelta(hours=1, milliseconds=200 * number)
        shoot(tmp_path / "more" / f"IMG_{90 + number:04}.JPG", data.rocket(), at, blur=number != 1, shift=number)

    def scan_when_free() -> None:
        while True:
            with contextlib.suppress(LibraryLockedError):  # the page writes a decision just now
                reviewed.scan(tmp_path / "more")
                return

    scan = threading.Thread(target=scan_when_free)
    scan.start()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("p")
    expect(page.locator(".frame.best")).to_have_count(1)
    scan.join()
    expect(page.locator("#left")).to_have_text(re.compile("3 of 4 bursts left"), timeout=60_000)
    looked_at(page, "IMG_0002.JPG")
    assert verbs(reviewed) == [("best", "IMG_0002.JPG")]


def test_an_attack_page_gets_nothing_and_decides_nothing(
    browser: Browser, server: Running, reviewed: Library, tmp_path: Path
):
    attack = tmp_path / "attack.html"
    attack.write_text(
        f"""<script>
        const to = "http://127.0.0.1:{server.port}";
        Promise.allSettled([
          fetch(to + "/api/bursts", {{credentials: "include"}}),
          fetch(to + "/api/undo", {{method: "POST", mode: "no-cors", credentials: "include"}}),
          fetch(to + "/api/decide", {{method: "POST", mode: "no-cors", credentials: "include",
            body: '{{"decisions": [{{"verb": "reject", "shots": ["a"]}}]}}'}}),
        ]).then((all) => {{ document.title = all.map((each) => each.value?.type || each.status).join(); }});
        </script><iframe src="http://127.0.0.1:{server.port}/"></iframe>"""
    )
    context = browser.new_context()
    page = context.new_page()
    page.goto(server.address)
    page.wait_for_selector("body[data-ready]")
    before = reviewed.store.version("decisions")
    page.goto(attack.as_uri())
    page.wait_for_function("document.title !== ''")
    assert page.title().split(",")[0] == "rejected"
    assert all(frame.url in {page.url, "chrome-error://chromewebdata/"} for frame in page.frames)
    assert reviewed.store.version("decisions") == before
    context.close()


@pytest.mark.skipif(AXE is None, reason="needs axe-core: name its axe.min.js in PHOTOIDX_AXE")
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("view", ["bursts", "duplicates", "photos", "reclaim"])
def test_axe_finds_no_serious_fault(browser: Browser, server: Running, view: str, theme: Any):
    context = browser.new_context(color_scheme=theme, bypass_csp=True)
    page = context.new_page()
    page.goto(f"{server.address}#/{view}")
    page.wait_for_selector(f"body[data-ready={view}]")
    page.wait_for_selector(".frame, .file, .tile, .going li")
    page.add_script_tag(path=AXE)
    found = page.evaluate("axe.run().then((found) => found.violations)")
    serious = [(each["id"], each["nodes"][0]["html"]) for each in found if each["impact"] in {"serious", "critical"}]
    context.close()
    assert serious == []
