"""An album made of real photos: bursts, brackets, panoramas, timelapses, focus stacks, and traps, with the truth.

Lengths in pixels are those of a frame whose long side is 1200; smaller frames get shorter ones. All is drawn from one
seed. The traps are what grouping has stumbled over: interleaved cameras, restarted counters, missing times,
unrelated photos.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image

from photoidx.errors import PhotoidxError
from photoidx.evaluation.bursts import frames
from photoidx.evaluation.bursts.camera import CAMERAS, Camera, exif
from photoidx.evaluation.bursts.closed_eyes import Finder, eye_bursts, found_faces
from photoidx.evaluation.bursts.frames import Frame
from photoidx.evaluation.degradation_bench import pictures
from photoidx.evaluation.degradations import Pixels, fitted

KINDS = ("burst", "bracket", "panorama", "timelapse", "focus_stack")
DAMAGES = (*frames.WAYS, "mixed")

_QUALITY = 92
_AGE_S = 3600  # a scan waits for files that were written just now
_MOST_SOURCES = 80
_LEAST_SIDE, _LARGEST_SIDE = 400, 2400  # of a source; a larger one is brought down to this
_LEAST_DETAIL = 30.0  # variance of the Laplacian of a source; below it, no one sees that a frame is blurred
_VIEWS = 5  # files so near in a folder may show one thing twice
_SMALL = 480  # long side of the unrelated photos, of which there are many
_DAY = datetime(2024, 6, 1, 10, 0, 0)  # noqa: DTZ001 - cameras write local time


@dataclass(frozen=True)
class BurstAmount:
    """How much is built: bursts for each kind of damage, equally good bursts, other series and traps of each kind.

    `eyes` bursts are made of photos of faces: someone closes the eyes in all frames but one.
    Single photos stand between the series. `unrelated` photos are taken in one go, each of another scene.
    """

    bursts: int = 6
    equal: int = 6
    others: int = 5
    singles: int = 24
    traps: int = 2
    unrelated: int = 300
    eyes: int = 12
    long_side: int = 1200


@dataclass(frozen=True)
class TrueFrame:
    """What is true of one file. `path` is relative to the album. A single photo has no group and no kind.

    `best` marks the one undamaged frame of a burst; a burst without such a frame is equally good all through.
    """

    path: str
    shot: str
    camera: str
    scene: str
    group: str | None = None
    kind: str | None = None
    trap: str | None = None
    damage: str | None = None
    strength: float | None = None
    best: bool = False
    eyes: str | None = None


@dataclass(frozen=True)
class Truth:
    """What is true of an album, and how many photos and faces were passed over, since no lids could be painted."""

    seed: int
    files: tuple[TrueFrame, ...]
    passed_over: tuple[int, int] = (0, 0)

    def save(self, path: Path) -> None:
        """Write the truth as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1))

    @classmethod
    def load(cls, path: Path) -> Truth:
        """Read what `save` wrote."""
        saved = json.loads(path.read_text())
        photos, faces = saved["passed_over"]
        return cls(saved["seed"], tuple(TrueFrame(**each) for each in saved["files"]), (photos, faces))


class _Deck:
    """Returns scenes in a shuffled order, over and over, and none that was given shortly before."""

    def __init__(self, sources: Sequence[tuple[str, Pixels]], rng: np.random.Generator) -> None:
        self.sources, self.rng = sources, rng
        by_width = sorted(range(len(sources)), key=lambda place: -sources[place][1].shape[1])
        self.widest = by_width[: max(2, len(sources) // 8)]
        self.pile: list[int] = []
        self.recent: list[int] = []

    def draw(self, *, wide: bool = False) -> Pixels:
        """Return a scene; a `wide` one is among the few with the most pixels from left to right."""
        if len(self.pile) <= len(self.sources) // 2:
            self.pile += self.rng.permutation(len(self.sources)).tolist()
        pile = self.rng.permutation(self.widest).tolist() if wide else self.pile
        place = next((each for each in pile if self._is_new(each)), None)
        if place is None:
            place = next((each for each in pile if each not in self.recent[-1:]), pile[0])
        if place in self.pile:
            self.pile.remove(place)
        self.recent = [*self.recent, place][-max(1, min(20, len(self.sources) // 3)) :]
        return self.sources[place][1]

    def _is_new(self, place: int) -> bool:
        folder = os.path.dirname(self.sources[place][0])
        return all(
            place != other and (abs(place - other) >= _VIEWS or os.path.dirname(self.sources[other][0]) != folder)
            for other in self.recent
        )


@dataclass
class _Album:
    """Where the files go, and what is true of them."""

    into: Path
    rng: np.random.Generator
    deck: _Deck
    amount: BurstAmount
    files: list[TrueFrame] = field(default_factory=list)
    groups: int = 0

    def write(  # noqa: PLR0917 - a series is named by its place, its camera and its time
        self,
        folder: str,
        camera: Camera,
        start: datetime,
        series: Sequence[Frame],
        kind: str | None = None,
        trap: str | None = None,
        *,
        pair: bool = False,
    ) -> datetime:
        """Write a series, or single photos where there is no kind. Returns the time of the last frame."""
        (self.into / folder).mkdir(parents=True, exist_ok=True)
        group = f"{kind} {self.groups}" if kind else None
        self.groups += bool(kind)
        at = start
        for frame in series:
            at = start + timedelta(seconds=frame.at)
            stem = f"{folder}/{camera.next_stem()}"
            about = exif(camera, at, frame.stops)
            for ending in (".HEIC", ".JPG") if pair else (".JPG",):
                self._save(stem + ending, frame.pixels, about)
                true = TrueFrame(
                    path=stem + ending,
                    shot=stem,
                    camera=camera.name or camera.serial or camera.model,
                    scene=group or stem,
                    group=group,
                    kind=kind,
                    trap=trap,
                    damage=frame.damage,
                    strength=frame.strength,
                    best=frame.best,
                    eyes=frame.eyes,
                )
                self.files.append(true)
        return at

    def _save(self, path: str, pixels: Pixels, about: bytes | None) -> None:
        image, whole = Image.fromarray(pixels), self.into / path
        if path.endswith(".HEIC"):
            pillow_heif.from_pillow(image).save(whole, quality=_QUALITY, exif=about)
        elif about is None:
            image.save(whole, "JPEG", quality=_QUALITY)
        else:
            image.save(whole, "JPEG", quality=_QUALITY, exif=about)
        _age(whole)

    def scene(self) -> Pixels:
        return self.deck.draw()

    def single(self, long_side: int = 0) -> Frame:
        """Return a photo of a part of a scene, at the time 0."""
        return Frame(frames.part(self.scene(), long_side or self.amount.long_side, self.rng))

    def burst(self, count: int = 0, gap_s: float = 0.0, damage: str | None = None) -> list[Frame]:
        """Return a hand-held burst, with damage in all frames but one where a damage is named."""
        return frames.burst(self.scene(), self.amount.long_side, self.rng, (count, gap_s), damage)

    def series(self, kind: str, damage: str | None) -> list[Frame]:
        """Return a series of a kind."""
        if kind == "burst":
            return self.burst(damage=damage)
        make = {
            "bracket": frames.bracket,
            "panorama": frames.panorama,
            "timelapse": frames.timelapse,
            "focus_stack": frames.focus_stack,
        }[kind]
        return make(self.deck.draw(wide=kind == "panorama"), self.amount.long_side, self.rng)


def build(  # noqa: PLR0917 - the last three have defaults that suit
    folders: Iterable[Path],
    into: Path,
    seed: int,
    amount: BurstAmount | None = None,
    walks: Iterable[Path] = (),
    faces: Iterable[Path] = (),
    finder: Finder = found_faces,
) -> Truth:
    """Write an album of JPEGs into a folder, from the photos below other folders. They are only read.

    `walks` are folders of photos that were taken while walking around something: they are copied as they are, and are
    no bursts. `faces` are folders of photos of faces, for bursts with closed eyes of the faces that
    `finder` finds. Raises PhotoidxError if the folders
    hold too few photos, or `into` holds anything.
    """
    if into.exists() and any(into.iterdir()):
        raise PhotoidxError(f"{into} is not empty: name a folder that is, or one that does not exist yet.")
    rng = np.random.default_rng(seed)
    album = _Album(into, rng, _Deck(_sources(folders, seed), rng), amount or BurstAmount())
    _write_series(album)
    for place, trap in enumerate((_two_serials, _two_ranges, _edge_of_a_second, _pairs, _restarted_counter)):
        for repeat in range(album.amount.traps):
            trap(album, repeat, _DAY + timedelta(days=10 + place, minutes=17 * repeat))
    if album.amount.traps:
        _minutes(album, _DAY + timedelta(days=20))
        _no_exif(album)
    _unrelated(album, _DAY + timedelta(days=21))
    for walk in walks:
        _copy_walk(album, walk)
    passed_over = _closed_eyes(album, list(faces), _DAY + timedelta(days=30), finder)
    return Truth(seed, tuple(album.files), passed_over)


def _sources(folders: Iterable[Path], seed: int) -> list[tuple[str, Pixels]]:
    found = []
    for path, pixels in pictures(folders, _MOST_SOURCES, seed):
        if not isinstance(pixels, Exception) and max(pixels.shape[:2]) >= _LEAST_SIDE:
            smaller = fitted(pixels, _LARGEST_SIDE)
            if frames.laplacian_variance(smaller) >= _LEAST_DETAIL:
                found.append((path, smaller))
    if len(found) < 2:  # noqa: PLR2004 - neighbours must differ
        raise PhotoidxError("At least 2 sharp photos are needed to build bursts from; 40 or more are better.")
    return found


def _write_series(album: _Album) -> None:
    """Write the series without traps: each camera has a folder and a day of its own."""
    amount, rng = album.amount, album.rng
    asked: list[tuple[str | None, str | None]] = [("burst", way) for way in DAMAGES for _ in range(amount.bursts)]
    asked += [("burst", None)] * amount.equal
    asked += [(kind, None) for kind in KINDS[1:] for _ in range(amount.others)]
    cameras = [replace(camera) for camera in CAMERAS]
    starts = [_DAY + timedelta(days=day) for day in range(len(cameras))]
    days: list[list[tuple[str | None, str | None]]] = [asked[place :: len(cameras)] for place in range(len(cameras))]
    for place in range(amount.singles):
        days[place % len(cameras)].append((None, None))
    for camera, start, day in zip(cameras, starts, days, strict=True):
        at = start
        for place in rng.permutation(len(day)):
            kind, damage = day[place]
            series = album.series(kind, damage) if kind else [album.single()]
            at = album.write(f"album {camera.model}", camera, at, series, kind)
            soon = rng.random() < 0.3  # noqa: PLR2004 - the others leave some minutes
            at += timedelta(milliseconds=int(rng.integers(1500, 10_000) if soon else rng.integers(20_000, 400_000)))


def _two_serials(album: _Album, place: int, start: datetime) -> None:
    """Two bodies of one model take two scenes at the same time."""
    bodies = [
        Camera("Canon", "Canon EOS R6", f"03202100{number}", number=number + 40 * place) for number in (2001, 7001)
    ]
    _interleave(album, "two serials", bodies, start)


def _two_ranges(album: _Album, place: int, start: datetime) -> None:
    """Two bodies of one model, without serials, differ in their file numbers alone."""
    clock = ("subseconds", "seconds")[place % 2]
    for offset, second in enumerate((("DSC_", 5001), ("IMG_", 6001))):
        bodies = [
            Camera("Panasonic", "DC-GX9", None, clock, prefix, number + 40 * place, f"GX9 {prefix}{number}")
            for prefix, number in (("IMG_", 1001 + 400 * offset), second)
        ]
        _interleave(album, "two ranges", bodies, start + timedelta(minutes=8 * offset))


def _interleave(album: _Album, trap: str, bodies: Sequence[Camera], start: datetime) -> None:
    gap_s = float(album.rng.uniform(0.2, 0.4))
    for place, body in enumerate(bodies):
        begin = start + timedelta(seconds=place * gap_s / 2)
        album.write(f"trap {trap}", body, begin, album.burst(5, gap_s), "burst", trap)


def _edge_of_a_second(album: _Album, place: int, start: datetime) -> None:
    """Frames 383 ms apart lie on two sides of a full second."""
    camera = Camera("Canon", "Canon EOS R6", "032021003333", number=3001 + 20 * place)
    begin = start + timedelta(milliseconds=(809, 430)[place % 2])
    at = album.write("trap second", camera, begin, album.burst(2 + place % 2, 0.383), "burst", "edge of a second")
    album.write("trap second", camera, at + timedelta(seconds=20), [album.single()], trap="edge of a second")


def _pairs(album: _Album, place: int, start: datetime) -> None:
    """Each press of the shutter gives two files, in a burst and alone."""
    camera = Camera("Apple", "iPhone 12", None, number=4001 + 20 * place)
    at = album.write("trap pairs", camera, start, album.burst(4), "burst", "pairs", pair=True)
    album.write("trap pairs", camera, at + timedelta(seconds=9), [album.single()], trap="pairs", pair=True)


def _restarted_counter(album: _Album, place: int, start: datetime) -> None:
    """Let the file numbers start anew inside a burst."""
    clock = ("subseconds", "seconds")[place % 2]
    camera = Camera("NIKON CORPORATION", "NIKON Z 6_2", f"60123{place}", clock, "IMG_", 9998)
    album.write(f"trap counter {place}", camera, start, album.burst(5), "burst", "restarted counter")


def _minutes(album: _Album, start: datetime) -> None:
    """Leave the seconds out of the times: four scenes share each minute."""
    camera = Camera("FUJIFILM", "FinePix S5000", None, "minutes", "DSCF", 101)
    for place in range(12):
        album.write(
            "trap minutes", camera, start + timedelta(seconds=15 * place), [album.single(_SMALL)], trap="minutes"
        )


def _no_exif(album: _Album) -> None:
    """Strangers that know nothing about themselves."""
    camera = Camera("", "", None, "none", "IMG_", 5001, "unknown")
    for _ in range(10):
        album.write("trap no EXIF", camera, _DAY, [album.single(_SMALL)], trap="no EXIF")


def _unrelated(album: _Album, start: datetime) -> None:
    """One photographer takes hundreds of scenes within an hour or so, as at a wedding."""
    camera, at = Camera("Canon", "Canon EOS R6", "032021005555", number=6001), start
    for _ in range(album.amount.unrelated):
        album.write("trap unrelated", camera, at, [album.single(_SMALL)], trap="unrelated")
        at += timedelta(milliseconds=int(album.rng.integers(5000, 20_000)))


def _closed_eyes(album: _Album, folders: Sequence[Path], start: datetime, finder: Finder) -> tuple[int, int]:
    """Take bursts of people, with someone's eyes closed in all frames but one. Returns what was passed over."""
    camera, at = Camera("Canon", "Canon EOS R6", "032021007777", number=8001), start
    photos = faces = 0
    for series, passed in eye_bursts(folders, album.amount.eyes, album.amount.long_side, album.rng, finder):
        faces += passed
        if series is None:
            photos += 1
        else:
            at = album.write("album faces", camera, at, series, "burst") + timedelta(minutes=3)
    return photos, faces


def _copy_walk(album: _Album, walk: Path) -> None:
    folder = f"trap walk {walk.name}"
    (album.into / folder).mkdir(parents=True)
    for source in sorted(each for each in walk.iterdir() if each.suffix.lower() in {".jpg", ".jpeg"}):
        shutil.copyfile(source, album.into / folder / source.name)
        _age(album.into / folder / source.name)
        path = f"{folder}/{source.name}"
        album.files.append(TrueFrame(path, f"{folder}/{source.stem}", folder, folder, trap="walk"))


def _age(path: Path) -> None:
    then = time.time() - _AGE_S
    os.utime(path, (then, then))
