"""Whatever happens to the folder and to the scans, the tables end as those of a fresh scan."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from photoidx import Config, Library
from photoidx.storage.store import Store
from pictures import draw
from table_state import state_of

CONFIG = Config(embedders=(), workers=1, settle_s=0.0, commit_rows=2)
NAMES = st.sampled_from(["a.jpg", "a.png", "a.xmp", "a-edited.jpg", "b.jpg", "in/a.jpg", "in/b.jpg", "in/ü \n.jpg"])
SEEDS = st.integers(0, 3)
SIDECAR = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="{}"/></rdf:RDF></x:xmpmeta>"""


class Killed(Exception):  # noqa: N818 - it stands for a kill, not for an error
    """The scan dies here."""


@contextmanager
def dies_at_write(number: int) -> Iterator[None]:
    """Let the process die, as far as the tables can tell, at its n-th write."""
    writes = itertools.count()
    real = {name: getattr(Store, name) for name in ("upsert", "delete")}

    def counted(name: str):
        def method(self: Store, *args: object) -> None:
            if next(writes) == number:
                raise Killed
            real[name](self, *args)

        return method

    try:
        for name in real:
            setattr(Store, name, counted(name))
        yield
    except Killed:
        pass
    finally:
        for name, method in real.items():
            setattr(Store, name, method)


class History(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="photoidx-history-"))
        self.photos = self.home / "photos"
        self.photos.mkdir()
        draw(self.photos / "first.jpg", 9)
        self.library = Library(self.home / "library", CONFIG)
        self.times = itertools.count(1_600_000_000)

    def teardown(self) -> None:
        self.scan()
        shutil.rmtree(self.home)

    def files(self) -> list[Path]:
        return sorted(path for path in self.photos.rglob("*") if path.is_file())

    def some_file(self, data: st.DataObject) -> Path:
        return data.draw(st.sampled_from(self.files()))

    def age(self, path: Path) -> None:
        then = next(self.times)
        os.utime(path, (then, then))

    @rule(name=NAMES, seed=SEEDS)
    def add_or_edit(self, name: str, seed: int) -> None:
        path = self.photos / name
        path.parent.mkdir(exist_ok=True)
        if path.suffix == ".xmp":
            path.write_text(SIDECAR.format(seed))
        else:
            draw(path, seed)
        self.age(path)

    @rule(name=NAMES, seed=SEEDS)
    def add_a_broken_one(self, name: str, seed: int) -> None:
        self.add_or_edit(name, seed)
        path = self.photos / name
        path.write_bytes(path.read_bytes()[:100])
        self.age(path)

    @rule(data=st.data(), name=NAMES)
    def rename(self, data: st.DataObject, name: str) -> None:
        source = self.some_file(data)
        target = (self.photos / name).with_suffix(source.suffix)
        target.parent.mkdir(exist_ok=True)
        source.rename(target)

    @rule(data=st.data(), name=NAMES)
    def copy(self, data: st.DataObject, name: str) -> None:
        source = self.some_file(data)
        target = (self.photos / name).with_suffix(source.suffix)
        if target != source:
            target.parent.mkdir(exist_ok=True)
            shutil.copy2(source, target)

    @rule(data=st.data())
    def touch(self, data: st.DataObject) -> None:
        self.age(self.some_file(data))

    @precondition(lambda self: len(self.files()) > 1)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        self.some_file(data).unlink()

    @precondition(lambda self: (self.photos / "in").exists() and not (self.photos / "out").exists())
    @rule()
    def rename_the_folder(self) -> None:
        (self.photos / "in").rename(self.photos / "out")

    @rule(write=st.integers(0, 12))
    def scan_and_crash(self, write: int) -> None:
        with dies_at_write(write):
            self.library.scan(self.photos)

    @rule()
    def scan(self) -> None:
        self.library.scan(self.photos)
        with tempfile.TemporaryDirectory() as folder:
            fresh = Library(Path(folder) / "fresh", CONFIG)
            fresh.scan(self.photos)
            assert state_of(self.library) == state_of(fresh)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
class TestAnyHistoryEndsAsAFreshScan(History.TestCase):
    settings = settings(
        max_examples=int(os.environ.get("PHOTOIDX_HISTORIES", "8")),
        stateful_step_count=10,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
