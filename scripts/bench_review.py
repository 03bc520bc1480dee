"""What `photoidx review` costs over a library of made rows: the first view, keys, scrolling, the server's memory.

The rows are made, the library, its tables, the server and the browser are real. It needs Chromium.
"""

import argparse
import io
import os
import shutil
import statistics
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

import psutil
import pyarrow as pa
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from bench_grouping import add_shots
from photoidx import Config, Library
from photoidx.queries.bursts.table import regroup
from photoidx.registry import stages
from photoidx.storage.schema import arrow_schema, tables_of
from photoidx.storage.store import Store

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / "tests" / "helpers")]
_FRAMES = """() => new Promise((done) => {
  const scroller = document.querySelector(".scroller"); const times = []; let last = performance.now();
  const step = (now) => { times.push(now - last); last = now; scroller.scrollTop += 40;
    if (times.length < 180) requestAnimationFrame(step); else done(times.slice(5)); };
  requestAnimationFrame(step); })"""
_KEY = """(key) => new Promise((done) => {
  const strip = document.querySelector(".strip"); const from = performance.now();
  new MutationObserver((_all, watcher) => { watcher.disconnect();
    requestAnimationFrame(() => done(performance.now() - from)); }).observe(strip, {childList: true});
  setTimeout(() => done(NaN), 10000);
  document.body.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true})); })"""


def make(folder: str, count: int) -> None:
    """Make a library of so many photos, each with a thumbnail and a score."""
    store = Store(folder, create=True)
    specs = tables_of(stages(Config()))
    jpegs = []
    for shade in range(16):
        out = io.BytesIO()
        Image.effect_noise((320, 213), 30 + shade).convert("RGB").save(out, "JPEG", quality=70)
        jpegs.append(out.getvalue())
    with store.writing():
        for spec in specs.values():
            store.ensure(spec)
        for first in range(0, count, 20_000):
            number = min(20_000, count - first)
            add_shots(store, first, number, first, datetime(2020, 6, 1))  # noqa: DTZ001
            ids = [f"{first + each:032x}" for each in range(number)]
            pictures = [
                {"content_id": each, "width": 320, "height": 213, "jpeg": jpegs[at % 16]} for at, each in enumerate(ids)
            ]
            scores = [{"content_id": each, "technical": (at % 97) / 97} for at, each in enumerate(ids)]
            for name, rows in (("thumbnails", pictures), ("quality", scores)):
                store.upsert(specs[name], pa.Table.from_pylist(rows, schema=arrow_schema(specs[name])))
        regroup(store, whole=True)


def measure(page: Page, address: str, process: psutil.Process) -> None:
    """Measure and print."""
    for what in ("first view, server just started", "first view, again"):
        began = time.perf_counter()
        page.goto(address)
        page.wait_for_selector(".frame")
        print(f"{what:<34}{time.perf_counter() - began:>8.2f} s")
        address = address.partition("?")[0]
        page.goto("about:blank")
    page.goto(address)
    page.wait_for_selector(".frame")
    page.wait_for_timeout(2000)
    page.keyboard.press("ArrowLeft")  # from here to the right there is a frame
    keys = [page.evaluate(_KEY, key) for key in ["ArrowRight", "ArrowLeft"] * 20]
    decisions = [page.evaluate(_KEY, key) for key in ["x", "u"] * 5]
    for what, times in (("arrow key, to the next frame", keys), ("x and u, to the next frame", decisions)):
        print(f"{what:<34}{statistics.median(times):>8.1f} ms, at most {max(times):.1f}")
    page.goto("about:blank")
    began = time.perf_counter()
    page.goto(address + "#/photos")
    page.wait_for_selector(".tile")
    print(f"{'all photos':<34}{time.perf_counter() - began:>8.2f} s")
    page.wait_for_timeout(2000)
    times = page.evaluate(_FRAMES)
    print(f"{'scrolling, frames a second':<34}{1000 / statistics.mean(times):>8.1f}, longest {max(times):.0f} ms")
    print(f"{'memory of the server':<34}{process.memory_info().rss / 2**20:>8.0f} MiB")


def main() -> None:
    """Make, start, measure."""
    from reviews import running  # noqa: PLC0415 - it lies with the tests' helpers

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=100_000)
    chromium = os.environ.get("PHOTOIDX_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory(prefix="photoidx-review-") as folder, sync_playwright() as playwright:
        make(f"{folder}/library", parser.parse_args().photos)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        with running(Library(f"{folder}/library")) as server:
            page = browser.new_page(viewport={"width": 1400, "height": 900})
            page.set_default_timeout(120_000)
            measure(page, server.address, psutil.Process(server.process.pid))
        browser.close()


if __name__ == "__main__":
    main()
