"""Files that a walk saw and did not take, by suffix: nothing is left out in silence."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping

from photoidx.files import is_at_or_below
from photoidx.indexer.media.walk import OTHER
from photoidx.records import path_text, text_path
from photoidx.storage.schema import META
from photoidx.storage.store import Store

_FACT = "not_understood"
"""The fact in `meta` that says, as JSON, for each root how many files of which suffix are of no kind that is known."""
_MOST = 200  # what is one of more is told together as others


def remember(store: Store, seen: Mapping[str, Mapping[str, int]]) -> None:
    """Remember what a walk over whole roots saw and did not take. The caller holds the writer lock."""
    known = _read(store)
    kept = {root: counts for root, counts in known.items() if not any(is_at_or_below(root, each) for each in seen)}
    kept |= {root: _largest(counts) for root, counts in seen.items() if counts}
    if kept != known:
        value = json.dumps({path_text(root): counts for root, counts in sorted(kept.items())})
        store.upsert(META, [{"name": _FACT, "value": value}])


def not_understood(store: Store) -> dict[str, int]:
    """Return how many files of which suffix lie in the roots and are none that is known, the most first."""
    total: Counter[str] = Counter()
    for counts in _read(store).values():
        total.update(counts)
    return dict(total.most_common())


def _read(store: Store) -> dict[str, dict[str, int]]:
    return {text_path(root): counts for root, counts in json.loads(store.meta().get(_FACT, "{}")).items()}


def _largest(counts: Mapping[str, int]) -> dict[str, int]:
    kept: dict[str, int] = {}
    rest = 0
    for suffix, count in Counter(counts).most_common():
        if suffix == OTHER or len(kept) >= _MOST:
            rest += count
        else:
            kept[suffix] = count
    return kept | ({OTHER: rest} if rest else {})
