"""An album of real photos, edited copies of them, and photos that only look like copies, with the truth.

Two files are the same picture if, and only if, they come from one press of the shutter. The traps are what is easily
taken for a copy: frames of a walk around a thing, of bursts, brackets, panoramas, timelapses and focus stacks. No
photo that such frames are made of is in the album itself, for a frame is cut from it as a cropped copy would be.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np

from photoidx.errors import PhotoError, PhotoidxError
from photoidx.evaluation.bursts import builder as burst_builder
from photoidx.evaluation.bursts.frames import laplacian_variance
from photoidx.evaluation.degradations import Pixels
from photoidx.evaluation.duplicates.edits import EDITS, Edit, EditedCopy, Original
from photoidx.evaluation.reading import open_photo
from photoidx.indexer.media.walk import walk
from photoidx.records import content_id_of, format_of
from photoidx.temporary import temporary_folder

ORIGINAL = "original"
_FORMATS = frozenset({"jpeg", "png"})
_LEAST_SIDE = 320  # of an original, pixels: a smaller one is an icon
_LEAST_SPREAD = 2.0  # grey levels: a blank picture is a copy of any other blank one
_TWIN = 0.99  # correlation of two photos at 32 x 32; the nearest that are two presses have 0.96
_TWIN_SIDE = 32
_SCENE_SIDE, _SCENE_DETAIL = 480, 40.0  # of a photo that series are made of: a little more than those ask for
_ASIDE = 6  # one in so many photos of each folder is set aside for the series, beside those beyond the limit
_ORIGINAL_AGE_S, _COPY_AGES_S = 3 * 86_400, (3600, 2 * 86_400)
_SEED_BYTES = 8
_COPIES_OF_FRAMES = ("jpeg 60", "messenger")
_MARKS = ("_1", " copy", "-edited", "_small", "_web", " (2)")


@dataclass(frozen=True)
class CopyAmount:
    """How much is built: originals of each folder, bursts, and series of each other kind."""

    originals: int = 40
    bursts: int = 8
    others: int = 2
    edits: tuple[Edit, ...] = EDITS


@dataclass(frozen=True)
class TrueFile:
    """What is true of one file. `path` is relative to the album, `press` is common to the copies of one picture.

    `source` is the photo that the file comes from, as "folder/name". `scene` is common to photos that may look alike: a
    series, a walk, or a folder. `trap` names the kind of series. `edit` is "original" for what was not edited.
    """

    path: str
    source: str
    press: str
    edit: str
    scene: str
    trap: str | None = None


def save(truth: Sequence[TrueFile], path: Path) -> None:
    """Write the truth as a JSON list."""
    path.write_text(json.dumps([asdict(each) for each in truth], indent=1))


def load(path: Path) -> tuple[TrueFile, ...]:
    """Read what `save` wrote."""
    return tuple(TrueFile(**each) for each in json.loads(path.read_text()))


@dataclass(frozen=True)
class _Source:
    path: str
    folder: str
    long_side: int
    detail: float

    @property
    def name(self) -> str:
        return f"{self.folder}/{os.path.basename(self.path)}"

    @property
    def is_scene(self) -> bool:
        return self.long_side >= _SCENE_SIDE and self.detail >= _SCENE_DETAIL


@dataclass
class _Album:
    into: Path
    seed: int
    files: list[TrueFile] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    sent: int = 0

    def add(self, file: TrueFile, data: bytes | None, age_s: float) -> None:
        """Record a file, and write it if it is not there yet."""
        whole = self.into / file.path
        if data is not None:
            whole.parent.mkdir(parents=True, exist_ok=True)
            whole.write_bytes(data)
        then = time.time() - age_s
        os.utime(whole, (then, then))
        self.files.append(file)
        self.taken.add(file.path.casefold())

    def original(self, source: _Source, trap: str | None = None) -> TrueFile:
        """Put a photo into the album as it is."""
        path = f"photos/{source.name}"
        file = TrueFile(path, source.name, source.name, ORIGINAL, source.folder, trap)
        self.add(file, Path(source.path).read_bytes(), _ORIGINAL_AGE_S)
        return file

    def copies(self, of: TrueFile, edits: Iterable[Edit]) -> None:
        """Put edited copies of a file of the album into it. What is drawn depends on that file and the seed alone."""
        original = Original(str(self.into / of.path))
        digits = content_id_of(original.data).encode()[:_SEED_BYTES]
        for edit in edits:
            rng = np.random.default_rng((self.seed, *digits, *edit.name.encode()))
            made = edit.make(original, rng)
            path = self._free(self._path(of, edit.name, made, rng), made.suffix)
            age_s = float(rng.uniform(*_COPY_AGES_S))
            self.add(replace(of, path=path, edit=edit.name), made.data, age_s)

    def _path(self, of: TrueFile, edit: str, made: EditedCopy, rng: np.random.Generator) -> str:
        """Return a path without suffix, as people and programs choose them."""
        folder, name = os.path.split(of.path)
        stem = os.path.splitext(name)[0]
        number = f"{rng.integers(10_000):04d}"
        if edit == "bytes":
            return f"backup/{os.path.basename(folder)}/{stem} {number}"
        if edit == "messenger":
            self.sent += 1
            return f"messenger/IMG-202406{1 + self.sent % 28:02d}-WA{self.sent:04d}"
        beside = f"{folder}/{stem}{rng.choice(_MARKS)}"
        exported = f"exports/{os.path.basename(folder)}/{stem}"
        return str(rng.choice((beside, exported, f"downloads/{made.suffix[1:]}_{number}")))

    def _free(self, path: str, suffix: str) -> str:
        number, free = 2, path + suffix
        while free.casefold() in self.taken:
            number, free = number + 1, f"{path}-{number}{suffix}"
        return free


def build(
    folders: Iterable[Path], into: Path, seed: int, amount: CopyAmount | None = None, walks: Iterable[Path] = ()
) -> tuple[TrueFile, ...]:
    """Write an album into a folder, from the JPEG and PNG photos below other folders. They are only read.

    `walks` are folders of photos of one thing, each another press: they are copied as they are. Photos beyond the
    amount of originals become the scenes of series, or single photos. Raises PhotoidxError if `into` holds anything, or
    if there is no photo to begin with.
    """
    if into.exists() and any(into.iterdir()):
        raise PhotoidxError(f"{into} is not empty: name a folder that is, or one that does not exist yet.")
    amount = amount or CopyAmount()
    album = _Album(into, seed)
    sources = list(_sources(folders))
    if not sources:
        raise PhotoidxError(f"No JPEG or PNG photo of {_LEAST_SIDE} pixels or more is below these folders.")
    originals, spare = _shared_out(sources, amount, np.random.default_rng(seed))
    scenes = _scenes(spare, amount)
    for source in originals:
        album.copies(album.original(source), amount.edits)
    for source in spare:
        if source not in scenes:
            album.original(source, "single")
    _write_series(album, scenes, amount)
    for folder in walks:
        for path in sorted(walk(os.path.abspath(folder)).files):
            if format_of(path) in _FORMATS:
                found = album.original(_Source(path, f"walk {folder.name}", 0, 0.0), "walk")
                album.files[-1] = replace(found, source=folder.name)
    return tuple(album.files)


def _sources(folders: Iterable[Path]) -> Iterator[_Source]:
    """Return the photos that can be judged: large enough, not blank, and each picture once."""
    known: list[Pixels] = []
    for folder in folders:
        for path in sorted(walk(os.path.abspath(folder)).files):
            if format_of(path) not in _FORMATS:
                continue
            try:
                decoded = open_photo(path)
                pixels = np.asarray(decoded.image().convert("RGB"), dtype=np.uint8)
            except (OSError, PhotoError):
                continue
            grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
            if max(grey.shape) < _LEAST_SIDE or grey.std() < _LEAST_SPREAD or _is_known(grey, known):
                continue
            yield _Source(path, folder.name, max(grey.shape), laplacian_variance(pixels))


def _is_known(grey: Pixels, known: list[Pixels]) -> bool:
    """Return whether a picture was given already, turned or not; if not, note it."""
    small = cv2.resize(grey, (_TWIN_SIDE, _TWIN_SIDE), interpolation=cv2.INTER_AREA).astype(np.float64)
    small = (small - small.mean()) / (small.std() * _TWIN_SIDE + 1e-9)
    turns = [np.rot90(each, quarter).ravel() for each in (small, small[:, ::-1]) for quarter in range(4)]
    if known and float((np.array(turns) @ np.array(known).T).max()) > _TWIN:
        return True
    known.append(small.ravel())
    return False


def _shared_out(
    sources: Sequence[_Source], amount: CopyAmount, rng: np.random.Generator
) -> tuple[list[_Source], list[_Source]]:
    """Draw the originals of each folder; give them, and the others."""
    chosen: list[_Source] = []
    spare: list[_Source] = []
    for folder in dict.fromkeys(source.folder for source in sources):
        here = [source for source in sources if source.folder == folder]
        aside = len(here) // _ASIDE if amount.bursts + amount.others else 0
        keep = min(amount.originals, len(here) - aside)
        drawn = [here[at] for at in rng.permutation(len(here))]
        chosen += sorted(drawn[:keep], key=lambda source: source.path)
        spare += drawn[keep:]
    return chosen, spare


def _scenes(spare: Sequence[_Source], amount: CopyAmount) -> Sequence[_Source]:
    """Return the photos that series are made of: twice as many as series, so that each is used once; none if one."""
    series = amount.bursts + amount.others * (len(burst_builder.KINDS) - 1)
    found = [source for source in spare if source.is_scene][: 2 * series]
    return found if len(found) > 1 else []


def _write_series(album: _Album, scenes: Sequence[_Source], amount: CopyAmount) -> None:
    """Build bursts and other series, and send a frame of each burst around as people do."""
    if not scenes:
        return
    wanted = burst_builder.BurstAmount(
        bursts=0, equal=amount.bursts, others=amount.others, singles=0, traps=0, unrelated=0
    )
    with temporary_folder("scenes") as folder:
        for place, scene in enumerate(scenes):
            shutil.copyfile(scene.path, Path(folder) / f"{place:03d}{Path(scene.path).suffix}")
        truth = burst_builder.build([Path(folder)], album.into / "series", album.seed, wanted)
    bursts: dict[str, list[TrueFile]] = {}
    for each in truth.files:
        group = each.group or each.shot
        file = TrueFile(f"series/{each.path}", group, f"series/{each.shot}", ORIGINAL, group, each.kind)
        album.add(file, None, _ORIGINAL_AGE_S)
        if each.kind == "burst":
            bursts.setdefault(group, []).append(file)
    rng = np.random.default_rng((album.seed, len(bursts)))
    for frames in bursts.values():
        chosen = frames[int(rng.integers(len(frames)))]
        album.copies(chosen, [edit for edit in amount.edits if edit.name in _COPIES_OF_FRAMES])
