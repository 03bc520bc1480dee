"""Search by words: which photos have the words of a text, by labels, dates, cameras, and names of files and folders."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from photoidx.errors import QueryError
from photoidx.queries.contents import quoted
from photoidx.queries.search.ranking import ranked
from photoidx.queries.search.texts import asked_words, is_unbroken, words_in
from photoidx.storage.schema import TEXTS
from photoidx.storage.store import Store

# Words that people write around what they look for.
_FILLERS = frozenset(
    [
        *("a", "an", "the", "of", "in", "on", "at", "by", "with", "from", "and", "or", "my", "our", "me"),
        *("photo", "photos", "picture", "pictures", "image", "images"),
    ]
)
_SHORTEST_BEGINNING = 2
_SHORTEST_MISSPELT, _LONGER = 4, 6
_LONGEST_MISSPELT = 50  # the index refuses to look for what is like a word of some hundred letters
_ENDING = re.compile("(e|es|s|ed|ing)$")
_LIKE = 0.7  # how like two spellings are, at least, to be told as a match


@dataclass(frozen=True)
class Hits:
    """The photos that have one word: score by path, and how the word was taken: exactly, begins or like."""

    word: str
    how: str
    scores: dict[str, float]


def search_words(
    store: Store, text: str, *, count: int, least: float | None, allowed: Collection[str] | None
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return path, score (BM25) and what matched of the best photos, one a shot, and remarks on how words were taken.

    Photos with every word, where there are any, else those with some. Raises QueryError if the text has no word.
    """
    words = asked_words(text)
    words = [word for word in words if word not in _FILLERS] or words
    if not words:
        raise QueryError(f"There is no word to look for in {text!r}.")
    hits = [_hits(store, word) for word in words]
    notes = [_TAKEN[each.how].format(each.word) for each in hits if each.how in _TAKEN]
    anywhere = _with_all(hits)
    if allowed is not None:
        permitted = set(allowed)
        hits = [
            Hits(each.word, each.how, {path: each.scores[path] for path in each.scores.keys() & permitted})
            for each in hits
        ]
    together = _with_all(hits)
    if not together and len(hits) > 1 and any(each.scores for each in hits):
        which = "photo that fulfils the condition" if anywhere else "photo"
        notes.append(f"No {which} has all the words; these have some of them.")
    scores = _summed(hits, together)
    keys, values = pa.array(list(scores), pa.string()), np.array(list(scores.values()), np.float32)
    rows = ranked(store, "path", keys, values, count=count, least=least, allowed=None)
    return _with_matches(store, rows, [each.word for each in hits if each.scores]), notes


_TAKEN = {
    "begins": "No photo has the word “{}”. Searched for words that begin with it.",
    "like": "No photo has the word “{}”: taken are words that are spelt like it.",
    "nothing": "No photo has the word “{}”, or one like it.",
}


def _with_all(hits: Sequence[Hits]) -> set[str]:
    """Return the paths of the photos that have every word."""
    return set.intersection(*(set(each.scores) for each in hits))


def _summed(hits: Sequence[Hits], together: Collection[str]) -> dict[str, float]:
    """Add up the scores of the photos with all words; if there are none, of all, times the share of words they have."""
    scores: dict[str, float] = {}
    counts: dict[str, int] = {}
    for each in hits:
        for path, score in each.scores.items():
            if not together or path in together:
                scores[path] = scores.get(path, 0.0) + score
                counts[path] = counts.get(path, 0) + 1
    return {path: score * counts[path] / len(hits) for path, score in scores.items()}


def _hits(store: Store, word: str) -> Hits:
    """Find the photos with a word; where there is none, with words that begin with it, then with words like it.

    A word of a script without blanks is found inside of others, too.
    """
    if is_unbroken(word):
        inside = store.read(TEXTS.name, ["path"], f"words LIKE {quoted(f'%{word}%')}")["path"].to_pylist()
        return Hits(word, "exactly" if inside else "nothing", dict.fromkeys(inside, _rarity(store, len(inside))))
    exact = _scores(store.search_text(TEXTS.name, "words", word, ["path"]))
    if exact:
        return Hits(word, "exactly", exact)
    if len(word) >= _SHORTEST_BEGINNING:
        begins = store.read(TEXTS.name, ["path"], f"words LIKE {quoted(f'% {word}%')}")["path"].to_pylist()
        if begins:
            return Hits(word, "begins", dict.fromkeys(begins, _rarity(store, len(begins))))
    if _SHORTEST_MISSPELT <= len(word) <= _LONGEST_MISSPELT and word.isalpha():
        like: dict[str, float] = {}
        # The index holds stems, and spellings are compared with these.
        for form in dict.fromkeys((word, _ENDING.sub("", word))):
            edits = 1 if len(word) < _LONGER else 2
            like = _scores(store.search_text(TEXTS.name, "words", form, ["path"], edits)) | like
        if like:
            return Hits(word, "like", like)
    return Hits(word, "nothing", {})


def _rarity(store: Store, found: int) -> float:
    """Return how much a word counts that so many photos have: BM25's own weight."""
    return math.log(1 + (store.count(TEXTS.name) - found + 0.5) / (found + 0.5))


def _scores(found: pa.Table) -> dict[str, float]:
    return dict(zip(found["path"].to_pylist(), found["_score"].to_pylist(), strict=True))


def _with_matches(store: Store, rows: list[dict[str, Any]], words: Sequence[str]) -> list[dict[str, Any]]:
    """Add to each row the facts of the photo that have one of the words."""
    if not rows:
        return rows
    among = ", ".join(quoted(row["path"]) for row in rows)
    table = store.read(TEXTS.name, ["path", "facts"], f"path IN ({among})")
    facts = dict(zip(table["path"].to_pylist(), table["facts"].to_pylist(), strict=True))
    return [{**row, "matched": "; ".join(_matching(facts[row["path"]].splitlines(), words))} for row in rows]


def _matching(facts: Sequence[str], words: Sequence[str]) -> list[str]:
    """Return for each word the facts that come nearest to it."""
    told: dict[str, None] = {}
    for word in words:
        near = [max((_nearness(word, each) for each in words_in(fact.partition(": ")[2])), default=0) for fact in facts]
        best = max(near, default=0)
        told |= dict.fromkeys(fact for fact, how in zip(facts, near, strict=True) if how == best and how >= _LIKE)
    return list(told)


def _nearness(word: str, other: str) -> float:
    if word == other:
        return 2
    if is_unbroken(word) and word in other:
        return 1
    return 1 if other.startswith(word) else difflib.SequenceMatcher(None, word, other).ratio()
