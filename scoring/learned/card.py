"""A trained scorer on disk: a directory with `card.json`, which says what it is, and `weights.safetensors`.

Weights are read as numbers and never as code. The card holds their BLAKE3 hash, so that a scorer is what its card says.
"""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from blake3 import blake3
from safetensors import SafetensorError
from safetensors.numpy import load, save

from photoidx.errors import AssetError, PhotoidxError
from photoidx.files import write_whole

FORMAT = 1
CARD, WEIGHTS = "card.json", "weights.safetensors"
KINDS = ("series", "aesthetic", "blend")
_LARGEST_CARD = 1 << 20  # bytes
_MAPPINGS = ("settings", "data", "protocol", "figures")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")

Array = np.ndarray[Any, Any]
Tensors = Mapping[str, Array]


@dataclass(frozen=True)
class Card:
    """What a scorer is, what it was trained on and how, and what it is worth.

    `settings` are what its kind needs to be built again. `data`, `protocol` and `figures` are for people.
    """

    kind: str
    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    protocol: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)
    licence: str = ""


def check_name(name: str) -> None:
    """Raise PhotoidxError if a scorer can't be called so: names stand in tables and in questions."""
    if not _NAME.fullmatch(name):
        raise PhotoidxError(f"{name!r} is no name for a scorer: use small letters, digits and _, a letter first.")


def check_new(directory: Path, name: str) -> None:
    """Raise PhotoidxError if a scorer can't be written there, or can't be called so: before hours are spent on it."""
    check_name(name)
    try:
        taken = directory.exists() and not (directory / CARD).is_file()
        if taken and (not directory.is_dir() or any(directory.iterdir())):
            raise PhotoidxError(f"{directory} is there and is no scorer. Choose another place for the new one.")
    except OSError as error:
        raise PhotoidxError(f"Can't write the scorer {directory}: {error.strerror}.") from error


def write_scorer(directory: Path, card: Card, tensors: Tensors) -> None:
    """Write a scorer, or put it in the place of the one that is there.

    Killed, it leaves the one before, the new one, or for an instant a card that does not fit its weights, which nobody
    takes for a scorer. Raises PhotoidxError if something else is there, or the directory can't be written.
    """
    check_new(directory, card.name)
    weights = save({name: np.ascontiguousarray(tensor) for name, tensor in sorted(tensors.items())})
    told = {"format": FORMAT, **asdict(card), "weights": {"file": WEIGHTS, "blake3": blake3(weights).hexdigest()}}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, data in ((WEIGHTS, weights), (CARD, (json.dumps(told, indent=2, allow_nan=False) + "\n").encode())):
            write_whole(directory / name, data)
    except OSError as error:
        raise PhotoidxError(f"Can't write the scorer {directory}: {error.strerror}.") from error


def read_card(directory: Path) -> tuple[Card, str]:
    """Return a scorer's card and the hash of its weights. Raises AssetError, naming the file, if it is no card."""
    path = directory / CARD
    try:
        if not stat.S_ISREG(path.stat().st_mode) or path.stat().st_size > _LARGEST_CARD:
            raise AssetError(f"{path} is no card of a scorer: it is no file, or too large.")
        told = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise AssetError(f"{directory} is no scorer: {CARD} can't be read ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:
        raise AssetError(f"{path} is no card: it is not JSON.") from error
    try:
        if int(told["format"]) > FORMAT:
            raise AssetError(f"{path} was written by a newer photoidx. Install it, or train the scorer again.")
        for name in _MAPPINGS:
            dict(told[name].items())
        card = Card(**{name: told[name] for name in Card.__dataclass_fields__})
        digest = str(told["weights"]["blake3"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise AssetError(f"{path} is no card of a scorer. Missing, or not what it should be: {error}") from error
    if card.kind not in KINDS:
        raise AssetError(f"{path} tells of a scorer of kind {card.kind!r}; known are {', '.join(KINDS)}.")
    if not isinstance(card.name, str) or not _NAME.fullmatch(card.name):
        raise AssetError(f"{path} tells of a scorer named {card.name!r}, which is no name.")
    return card, digest


def read_scorer(directory: Path, kind: str) -> tuple[Card, dict[str, Array]]:
    """Return a scorer's card and weights. Raises AssetError if it is of another kind, or not what its card says."""
    card, digest = read_card(directory)
    path = directory / WEIGHTS
    if card.kind != kind:
        raise AssetError(f"{directory} is a scorer of kind {card.kind}; one of kind {kind} is needed.")
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise AssetError(f"{path} is no file.")
        data = path.read_bytes()
    except OSError as error:
        raise AssetError(f"{path} can't be read: {error.strerror}.") from error
    if blake3(data).hexdigest() != digest:
        raise AssetError(f"{path} is not what its card says: the hashes differ. Copy or train the scorer again.")
    try:
        tensors = dict(load(data))
    except (SafetensorError, KeyError, TypeError, ValueError) as error:  # also for kinds that NumPy does not know
        raise AssetError(f"{path} is no safetensors file, or holds numbers of an unknown kind: {error}.") from error
    odd = [name for name, each in tensors.items() if each.dtype.kind not in "fiu" or not np.isfinite(each).all()]
    if odd:
        raise AssetError(f"{path} holds what are no numbers: {', '.join(odd[:3])}. Train the scorer again.")
    return card, tensors


def fingerprint_of(directory: Path) -> str:
    """Return what a scorer's results depend on: the hash of its card, which holds the one of its weights."""
    read_card(directory)
    return blake3((directory / CARD).read_bytes()).hexdigest()[:16]
