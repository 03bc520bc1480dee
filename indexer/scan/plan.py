"""How a file is judged: a pure function of what is on disk and what the tables hold."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from photoidx.files import is_at_or_below
from photoidx.indexer.media.walk import FileState, Listing


class Verdict(StrEnum):
    """What is to be done with a file."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    MOVED = "moved"
    GONE = "gone"
    UNSETTLED = "unsettled"


class KnownFile(NamedTuple):
    """What the tables hold of a file. A tuple, because a rescan makes one for each file."""

    state: FileState
    content_id: str | None
    root: str
    kind: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """One file's verdict, with the reason in words. `source` is the old path of a moved file."""

    path: str
    verdict: Verdict
    reason: str
    source: str | None = None


@dataclass
class Plan:
    """The verdicts of a scan. Unchanged files are only listed."""

    decisions: list[Decision] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def add(self, other: Plan) -> None:
        """Take the verdicts of another plan into this one."""
        self.decisions += other.decisions
        self.unchanged += other.unchanged
        self.warnings += other.warnings

    def of(self, *verdicts: Verdict) -> list[Decision]:
        """Return the decisions with one of these verdicts."""
        return [decision for decision in self.decisions if decision.verdict in verdicts]


def plan(
    listings: Sequence[Listing],
    known: Mapping[str, KnownFile],
    now_ns: int,
    settle_ns: int,
    *,
    allow_empty: bool = False,
) -> Plan:
    """Judge every file that is listed, and every known file below the listed roots.

    A file is unchanged if size, modification time and inode are as recorded. It is gone only if the folder that it lay
    in was listed, and its root is not suddenly without any file: an unmounted drive must not look like a deletion.
    """
    result = Plan()
    for listing in listings:
        for path, state in listing.files.items():
            decision = _judge(path, state, known.get(path), now_ns, settle_ns)
            if decision is None:
                result.unchanged.append(path)
            else:
                result.decisions.append(decision)
    gone = [path for listing in listings for path in _gone(listing, known, result, allow_empty=allow_empty)]
    _pair_moves(result, listings, gone, known)
    return result


def nothing_found(listings: Sequence[Listing], known: Mapping[str, KnownFile]) -> list[str]:
    """Say which roots, listed as a whole, hold nothing that a scan looks at, and never did."""
    words = []
    for listing in listings:
        if (
            listing.files
            or listing.root in listing.unlisted
            or any(is_at_or_below(path, listing.root) for path in known)
        ):
            continue
        left_out = f"; {listing.excluded:,} names are left out" if listing.excluded else ""
        words.append(f"No photos were found in {listing.root}{left_out}. Is it the right folder?")
    return words


def _judge(path: str, state: FileState, old: KnownFile | None, now_ns: int, settle_ns: int) -> Decision | None:
    is_fresh = state.mtime_ns is not None and now_ns - settle_ns < state.mtime_ns <= now_ns
    if is_fresh and (old is None or old.state != state):
        return Decision(path, Verdict.UNSETTLED, "changed a moment ago, it may still be being written")
    if old is None:
        return Decision(path, Verdict.NEW, "not in the library")
    if old.content_id is None:
        return Decision(path, Verdict.CHANGED, "could not be read the last time")
    if old.state == state:
        return None
    for name in ("size", "mtime_ns", "inode"):
        before, after = getattr(old.state, name), getattr(state, name)
        if before != after:
            return Decision(path, Verdict.CHANGED, f"{name} was {before}, is {after}")
    raise AssertionError("two states differ in no field")


def _gone(listing: Listing, known: Mapping[str, KnownFile], result: Plan, *, allow_empty: bool) -> Iterable[str]:
    beginning = listing.root if listing.root.endswith(os.sep) else listing.root + os.sep
    below = [path for path in known if path.startswith(beginning)]
    if listing.root in listing.unlisted:
        why = listing.unlisted[listing.root]
        result.warnings.append(f"{listing.root} can't be listed ({why}): its {len(below)} files stay in the library")
        return []
    if below and not listing.files and not allow_empty:
        result.warnings.append(
            f"{listing.root} is suddenly empty; is a drive not mounted? Its {len(below)} files stay in the library. "
            "If you did delete them, scan with --allow-empty."
        )
        return []
    for folder, why in listing.unlisted.items():
        result.warnings.append(f"{folder} can't be listed ({why}): its files stay in the library")
    missing = [path for path in below if path not in listing.files]
    return [path for path in missing if not any(is_at_or_below(path, folder) for folder in listing.unlisted)]


def _pair_moves(result: Plan, listings: Sequence[Listing], gone: Sequence[str], known: Mapping[str, KnownFile]) -> None:
    """Take a new file for a moved one if a file that is gone had its very size, time and inode."""
    # Without its time, a state does not tell one file from another that got its inode.
    sure = (path for path in gone if known[path].state.inode and known[path].state.mtime_ns is not None)
    left = {known[path].state: path for path in sure if known[path].content_id}
    taken: set[str] = set()
    for index, decision in enumerate(result.decisions):
        if decision.verdict in (Verdict.NEW, Verdict.UNSETTLED):
            state = next(listing.files[decision.path] for listing in listings if decision.path in listing.files)
            source = left.pop(state, None)
            if source is not None:
                taken.add(source)
                result.decisions[index] = Decision(decision.path, Verdict.MOVED, f"was {source}", source)
    result.decisions += [Decision(path, Verdict.GONE, "no longer in its folder") for path in gone if path not in taken]
