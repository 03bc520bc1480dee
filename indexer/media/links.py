"""Below which folders links are followed: what a scan is told of its roots is remembered, and holds for later scans."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence

from photoidx.files import is_at_or_below
from photoidx.records import path_text, text_path
from photoidx.storage.schema import META
from photoidx.storage.store import Store

Follows = Callable[[str], bool]
"""Tells of a folder whether links that lie in it are followed."""
_FACT = "links"
"""The fact in `meta` that says, as JSON, of roots whether links below them are followed."""


def everywhere(_folder: str) -> bool:
    """Follow all links."""
    return True


def nowhere(_folder: str) -> bool:
    """Follow no link."""
    return False


def link_rules(store: Store | None, roots: Sequence[str], follow: bool | None) -> dict[str, bool]:
    """Return what is known of roots and of these: `follow` says it of them and of all below, None leaves it as it was.

    The rule of a folder is that of the nearest root above it, and without one links are followed.
    """
    known = {} if store is None else json.loads(store.meta().get(_FACT, "{}"))
    rules = {text_path(root): bool(rule) for root, rule in known.items()}
    if follow is None:
        return rules
    rules = {root: rule for root, rule in rules.items() if not any(is_at_or_below(root, above) for above in roots)}
    for root in sorted(roots):
        if follows_by(rules)(root) != follow:
            rules[root] = follow
    return rules


def remember_links(store: Store, roots: Sequence[str], follow: bool | None) -> None:
    """Remember whether a scan of these roots follows links. The caller holds the writer lock."""
    rules = {path_text(root): rule for root, rule in sorted(link_rules(store, roots, follow).items())}
    value = json.dumps(rules)
    if value != store.meta().get(_FACT, "{}"):
        store.upsert(META, [{"name": _FACT, "value": value}])


def follows_by(rules: Mapping[str, bool]) -> Follows:
    """Return the function that tells of a folder whether links in it are followed."""
    if not rules:
        return everywhere

    def follows(folder: str) -> bool:
        while folder not in rules:
            above = os.path.dirname(folder)
            if above == folder:
                return True
            folder = above
        return rules[folder]

    return follows
