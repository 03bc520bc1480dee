"""Which trained scorers a library uses: those that its scans were given, with what `best` needs to know of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from photoidx.errors import AssetError, PhotoidxError
from photoidx.schema import META
from photoidx.scoring.learned.card import read_card
from photoidx.store import Store

_FACT = "scorers"


def used_scorers(store: Store) -> list[dict[str, Any]]:
    """Give the library's scorers, the one that was given last at the end: name, kind, directory and settings."""
    found: list[dict[str, Any]] = json.loads(store.meta().get(_FACT, "[]"))
    return found


def with_remembered(store: Store, given: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    """Add the directories of earlier scans to those that are given; with a warning for each that is no longer there.

    Raises AssetError if a given one is no scorer, PhotoidxError if two of them have one name.
    """
    names: dict[str, str] = {}
    for directory in given:
        name = read_card(Path(directory))[0].name
        if names.setdefault(name, directory) != directory:
            raise PhotoidxError(f"{names[name]} and {directory} are both named {name}. Train one with another --name.")
    kept, warnings = list(names.values()), []
    for each in used_scorers(store):
        if each["name"] not in names:
            try:
                read_card(Path(each["directory"]))
            except AssetError as error:
                warnings.append(f"without the scorer {each['name']}, which earlier scans used: {error}")
            else:
                kept.append(each["directory"])
    return tuple(kept), warnings


def remember_scorers(store: Store, directories: Sequence[str]) -> None:
    """Remember the scorers of this scan, with their cards' settings."""
    before = used_scorers(store)
    known = {each["name"]: each for each in before}
    for directory in directories:
        card, _ = read_card(Path(directory))
        told = {"name": card.name, "kind": card.kind, "directory": directory, "settings": dict(card.settings)}
        if known.get(card.name) != told:
            known.pop(card.name, None)
            known[card.name] = told
    if list(known.values()) != before:
        store.upsert(META, [{"name": _FACT, "value": json.dumps(list(known.values()))}])


def forget_scorer(store: Store, name: str) -> bool:
    """Use a scorer no longer; tell whether it was one."""
    before = used_scorers(store)
    after = [each for each in before if each["name"] != name]
    if after != before:
        store.upsert(META, [{"name": _FACT, "value": json.dumps(after)}])
    return after != before
