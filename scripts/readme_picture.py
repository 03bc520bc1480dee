"""Make the picture of the gallery in the README: the sample album of `make demo`, scanned and opened in Chromium.

.venv/bin/python scripts/readme_picture.py
"""

from __future__ import annotations

import io
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from demo import main as demo_album
from photoidx import Library

_OUT = Path(__file__).parent.parent / "docs" / "gallery.jpg"
_SIZE = {"width": 1000, "height": 492}
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def main() -> None:
    """Write docs/gallery.jpg."""
    browser_path = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    if browser_path is None:
        raise SystemExit(f"There is no browser here: install one of {', '.join(_BROWSERS)}.")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        album, page_file = Path(folder) / "album", Path(folder) / "gallery.html"
        demo_album(album)
        (album / "broken.jpg").unlink()
        library = Library(Path(folder) / "library")
        library.scan(album)
        library.gallery(page_file)
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        page = browser.new_page(viewport=_SIZE)
        page.goto(page_file.as_uri())
        page.wait_for_load_state("networkidle")
        shown = page.screenshot()
        browser.close()
    with Image.open(io.BytesIO(shown)) as picture:
        picture.convert("RGB").save(_OUT, quality=72, optimize=True, progressive=True)
    print(f"{_OUT.name}: {_OUT.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
