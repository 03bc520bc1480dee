"""Take the pictures of docs/review.md and look at them. It needs Chromium and scikit-image."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / "tests" / "helpers")]

from reviews import Running, make_library, running  # noqa: E402 - it lies with the tests' helpers

LARGE, PHONE = {"width": 1400, "height": 900}, {"width": 390, "height": 844}
VIEWS = {"bursts": ".frame img", "duplicates": ".file img", "photos": ".tile img", "reclaim": ".going img"}


def take(browser: Browser, server: Running, out: Path, view: str, keys: str = "", **options: Any) -> None:
    """Open a view, press keys, and write what is seen to the file `out`."""
    context = browser.new_context(**options)
    page = context.new_page()
    page.goto(f"{server.address}#/{view}")
    page.wait_for_selector(VIEWS[view])
    for key in keys.split():
        page.keyboard.press(key)
    page.wait_for_timeout(1000)
    page.screenshot(path=out, type="jpeg", quality=75)
    context.close()


def main(out: Path) -> None:
    """Take every view at both sizes, light and dark."""
    out.mkdir(parents=True, exist_ok=True)
    chromium = os.environ.get("PHOTOIDX_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        library = make_library(Path(home))
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        with running(library) as server:
            for view in VIEWS:
                for size, viewport in (("large", LARGE), ("phone", PHONE)):
                    for theme in ("light", "dark"):
                        options = {"viewport": viewport, "color_scheme": theme}
                        take(browser, server, out / f"{view}-{size}-{theme}.jpg", view, **options)
            dark = {"viewport": LARGE, "color_scheme": "dark"}
            take(browser, server, out / "compared.jpg", "bursts", "Tab z", **dark)
            take(browser, server, out / "faces.jpg", "bursts", "f", **dark)
        browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    main(parser.parse_args().out)
