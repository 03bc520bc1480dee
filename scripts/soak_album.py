"""A folder of photos to which things happen at random, and what each of its files must hold."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

_FIRST = 12  # photos


class Album:
    """A folder of photos, and what each of them must hold."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root, self.random = root, random.Random(seed)
        self.holds: dict[str, str] = {}
        self.did: Counter[str] = Counter()
        self._number = 0
        self._aside = root.parent / "aside"
        self._aside.mkdir()
        root.mkdir()
        for _ in range(_FIRST):
            self._create()

    def change(self) -> None:
        """Do something at random."""
        ways: list[tuple[int, Callable[[], None]]] = [
            (5, self._create),
            (2, self._create_slowly),
            (3, self._edit),
            (2, self._save_atomically),
            (3, self._move),
            (2, self._copy),
            (2, self._touch),
            (3, self._delete),
            (1, self._import_a_card),
            (1, self._rename_a_folder),
            (1, self._delete_a_folder),
            (1, self._write_what_is_no_photo),
        ]
        ((_, way),) = self.random.choices(ways, [weight for weight, _ in ways])
        if not self.holds:
            way = self._create
        way()
        self.did[way.__name__.strip("_").replace("_", " ")] += 1

    def _create(self) -> None:
        self._write(self._new_name(), self._picture())

    def _create_slowly(self) -> None:
        data, path = self._picture(), self.root / self._new_name()
        with path.open("wb") as file:
            for start in range(0, len(data), len(data) // 4 + 1):
                file.write(data[start : start + len(data) // 4 + 1])
                file.flush()
                time.sleep(0.3)
        self._note(path)

    def _edit(self) -> None:
        self._write(self._some(), self._picture())

    def _save_atomically(self) -> None:
        name = self._some()
        path = self.root / name
        partly = path.with_name(f"{path.name}.part")
        partly.write_bytes(self._picture())
        os.replace(partly, path)
        self._note(path)

    def _move(self) -> None:
        name, new = self._some(), self._new_name(Path(self._some()).suffix)
        os.rename(self.root / name, self.root / new)
        self.holds[new] = self.holds.pop(name)

    def _copy(self) -> None:
        name, new = self._some(), self._new_name()
        shutil.copy2(self.root / name, self.root / new)
        self.holds[new] = self.holds[name]

    def _touch(self) -> None:
        os.utime(self.root / self._some())

    def _delete(self) -> None:
        name = self._some()
        (self.root / name).unlink()
        del self.holds[name]

    def _import_a_card(self) -> None:
        self._number += 1
        card, target = self._aside / f"card{self._number}", self.root / f"card{self._number}"
        (card / "DCIM").mkdir(parents=True)
        for number in range(self.random.randint(1, 8)):
            (card / "DCIM" / f"IMG_{number}.jpg").write_bytes(self._picture())
        os.rename(card, target)
        for path in target.rglob("*.jpg"):
            self._note(path)

    def _rename_a_folder(self) -> None:
        folders = [each for each in self.root.iterdir() if each.is_dir()]
        if folders:
            self._number += 1
            old = self.random.choice(folders)
            new = self.root / f"folder{self._number}"
            os.rename(old, new)
            for name in [each for each in self.holds if each.startswith(f"{old.name}/")]:
                self.holds[f"{new.name}/{name.partition('/')[2]}"] = self.holds.pop(name)

    def _delete_a_folder(self) -> None:
        folders = [each for each in self.root.iterdir() if each.is_dir()]
        if folders and len(self.holds) > 30:  # noqa: PLR2004 - so that there is something left to do
            folder = self.random.choice(folders)
            shutil.rmtree(folder)
            self.holds = {name: held for name, held in self.holds.items() if not name.startswith(f"{folder.name}/")}

    def _write_what_is_no_photo(self) -> None:
        self._write(self._new_name(), self.random.randbytes(2000))

    def is_as_written(self) -> bool:
        """Return whether the photos are those that were written, to the last byte."""
        there = {str(path.relative_to(self.root)): path for path in self.root.rglob("*") if path.is_file()}
        return {name: _digest(path) for name, path in there.items()} == self.holds

    def _some(self) -> str:
        return self.random.choice(sorted(self.holds))

    def _new_name(self, suffix: str = ".jpg") -> str:
        self._number += 1
        folder = self.root / self.random.choice(["", "", "a", "b", "b/c"])
        folder.mkdir(parents=True, exist_ok=True)
        return str((folder / f"{self._number}{suffix}").relative_to(self.root))

    def _picture(self) -> bytes:
        pixels = np.random.default_rng(self.random.getrandbits(32)).integers(0, 256, (12, 16, 3), np.uint8)
        partly = self._aside / "picture.jpg"
        Image.fromarray(pixels).resize((480, 360), Image.Resampling.BICUBIC).save(partly)
        return partly.read_bytes()

    def _write(self, name: str, data: bytes) -> None:
        (self.root / name).write_bytes(data)
        self._note(self.root / name)

    def _note(self, path: Path) -> None:
        self.holds[str(path.relative_to(self.root))] = _digest(path)


def _digest(path: Path) -> str:
    return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
