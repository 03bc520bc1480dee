"""Which embedders and trained scorers a library uses: those that its scans were given, so that no column falls behind.

Of a scorer `best` needs more than the name: its kind and settings are remembered, too.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from photoidx.config import Config
from photoidx.errors import AssetError, PhotoidxError
from photoidx.indexer.embedders import embedder
from photoidx.indexer.media.links import remember_links
from photoidx.scoring.learned.card import read_card, read_scorer
from photoidx.storage.schema import META
from photoidx.storage.store import Store

_EMBEDDERS, _SCORERS = "embedders", "scorers"


def used_embedders(store: Store) -> list[str]:
    """Return the names of the embedders that scans used."""
    found: list[str] = json.loads(store.meta().get(_EMBEDDERS, "[]"))
    return found


def used_scorers(store: Store) -> list[dict[str, Any]]:
    """Return the library's scorers, the one that was given last at the end: name, kind, directory and settings."""
    found: list[dict[str, Any]] = json.loads(store.meta().get(_SCORERS, "[]"))
    return found


def with_remembered(store: Store, config: Config) -> tuple[Config, list[str]]:
    """Add the embedders and scorers of earlier scans; with a warning for each that is no longer here.

    Raises AssetError if a given scorer is none, PhotoidxError if two of them have one name.
    """
    embedders, missing = _with_embedders(store, config)
    scorers, gone = _with_scorers(store, config)
    return replace(config, embedders=embedders, scorers=scorers), [*missing, *gone]


def remember(store: Store, config: Config, roots: Sequence[str]) -> None:
    """Remember the embedders and scorers of this scan of these roots, and whether links are followed there.

    The scorers are kept in their order. The caller holds the writer lock.
    """
    remember_links(store, roots, config.follow)
    known = {each["name"]: each for each in used_scorers(store) if each["directory"] not in config.scorers}
    for directory in config.scorers:
        card, _ = read_card(Path(directory))
        known.pop(card.name, None)
        known[card.name] = {
            "name": card.name,
            "kind": card.kind,
            "directory": directory,
            "settings": dict(card.settings),
        }
    _keep(store, _SCORERS, list(known.values()))
    names = [embedder(name, config).name for name in config.embedders]
    _keep(store, _EMBEDDERS, list(dict.fromkeys((*used_embedders(store), *names))))


def forget(store: Store, name: str, config: Config) -> None:
    """Use an embedder or a scorer no longer. The caller holds the writer lock. Raises PhotoidxError if no scan did."""
    scorers, embedders = used_scorers(store), used_embedders(store)
    if any(each["name"] == name for each in scorers):
        _keep(store, _SCORERS, [each for each in scorers if each["name"] != name])
        return
    if name not in embedders:
        name = embedder(name, config).name
    if name not in embedders:
        raise PhotoidxError(f"No scan used the embedder {name}; they used {', '.join(embedders)}.")
    _keep(store, _EMBEDDERS, [each for each in embedders if each != name])


def _keep(store: Store, fact: str, value: list[Any]) -> None:
    if value != json.loads(store.meta().get(fact, "[]")):
        store.upsert(META, [{"name": fact, "value": json.dumps(value)}])


def _with_embedders(store: Store, config: Config) -> tuple[tuple[str, ...], list[str]]:
    asked, warnings = list(config.embedders), []
    names = {embedder(name, config).name for name in asked}
    for name in used_embedders(store):
        if name not in names:
            try:
                embedder(name, config).check()
                asked.append(name)
            except PhotoidxError as error:
                warnings.append(f"without {name}, which earlier scans used: {error}")
    return tuple(asked), warnings


def _with_scorers(store: Store, config: Config) -> tuple[tuple[str, ...], list[str]]:
    names: dict[str, str] = {}
    for directory in config.scorers:
        name = _checked(directory, config)
        if names.setdefault(name, directory) != directory:
            raise PhotoidxError(f"{names[name]} and {directory} are both named {name}. Train one with another --name.")
    kept, warnings = [], []
    for each in used_scorers(store):
        if each["name"] not in names:
            try:
                name = _checked(each["directory"], config)
                if name != each["name"]:
                    raise AssetError(f"{each['directory']} now holds one named {name}.")
                kept.append(each["directory"])
            except PhotoidxError as error:
                words = f"without the scorer {each['name']}, which earlier scans used: {error}"
                warnings.append(f"{words} To do without it for good: photoidx models forget {each['name']}")
    return (*kept, *names.values()), warnings


def _checked(directory: str, config: Config) -> str:
    """Return a scorer's name. Raises PhotoidxError if it could not be used: a scan would stop half-way."""
    card, _ = read_card(Path(directory))
    from photoidx.registry import stages_of_scorer  # noqa: PLC0415 - brings every stage

    read_scorer(Path(directory), card.kind)
    for stage in stages_of_scorer(directory, config):
        stage.check()
    return card.name
