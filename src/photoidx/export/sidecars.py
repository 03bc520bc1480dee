"""Write what you decided, and what is known, into sidecars: planned one by one, noted in the journal, then written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Any

from photoidx.config import Config
from photoidx.export.journal import Earlier, Entry, Folder, Journal, Write, digest, earlier_writes, exporting
from photoidx.export.known import Photo, known_photos, shots_by_path
from photoidx.export.merge import Outcome, Policy, Wish, settle
from photoidx.export.placement import Naming, Target, by_folder, targets
from photoidx.export.writing import ended_when_full, is_full, put, read_or_none, words_of
from photoidx.export.xmp.fields import (
    SINGLE,
    Fields,
    add_keywords,
    check,
    missing_keywords,
    read_fields,
    with_value,
    write_field,
)
from photoidx.export.xmp.packet import Packet, SidecarError
from photoidx.export.xmp.properties import new_packet
from photoidx.files import is_at_or_below
from photoidx.queries.decisions.view import Flag
from photoidx.records import mtime_of, path_text
from photoidx.storage.store import Store

FIELDS = ("picks", "ratings", "labels", "keywords", "captions")
"""What may be written; each stands for fields of `xmp.fields`."""
_FIELDS = {
    "picks": ("pick",),
    "ratings": ("rating",),
    "labels": ("label",),
    "keywords": (),
    "captions": ("title", "caption"),
}
_REJECTED, _PICKED = -1, 1
_AT_ONCE = 64  # sidecars that are noted in the journal together


@dataclass(frozen=True)
class SidecarOptions:
    """How sidecars are written. `to` is a mirror folder; None stands for beside the photos.

    `with_picks` also flags the picks of bursts that you have not decided. `extra` (of `known.EXTRA`) become keywords,
    as do `words`. A pick is also given `pick_rating` stars and `pick_label`, for programs without flags.
    """

    to: str | None = None
    naming: Naming = "as-found"
    fields: tuple[str, ...] = FIELDS
    with_picks: bool = False
    extra: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    pick_rating: int | None = None
    pick_label: str | None = None
    policy: Policy = "name"


@dataclass(frozen=True)
class SidecarPlan:
    """What becomes of one sidecar. `path` is where it is written, `before` its bytes there, `data` the new ones.

    `problem` says why it can't be written; then nothing is.
    """

    path: str
    photo: str
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    added: tuple[str, ...] = ()
    before: bytes | None = None
    data: bytes | None = None
    mtime_ns: int | None = None
    foreign_at_ns: int | None = None
    problem: str = ""

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each change and each conflict: sidecar, photo, field, before, after, note."""
        head = {"sidecar": path_text(self.path), "photo": path_text(self.photo)}
        rows: list[dict[str, Any]] = []
        for name, each in self.outcomes.items():
            note = "" if each.conflict is None else f"conflict: you decided {each.conflict}; it stays as it is"
            if each.is_change or note:
                rows.append({**head, "field": name, "before": each.before, "after": each.after, "note": note})
        if self.added:
            rows.append({**head, "field": "keywords", "before": None, "after": list(self.added), "note": "added"})
        if self.problem:
            rows.append({**head, "field": None, "before": None, "after": None, "note": self.problem})
        return rows


@dataclass
class Result:
    """What an export of sidecars came to."""

    written: int = 0
    made: int = 0
    unchanged: int = 0
    conflicts: int = 0
    failed: int = 0


def export_sidecars(
    store: Store,
    options: SidecarOptions,
    chosen: AbstractSet[str] | None = None,
    *,
    config: Config | None = None,
    dry_run: bool = False,
    on_plan: Callable[[SidecarPlan], None] = lambda _plan: None,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Result:
    """Write the sidecars of the photos at these paths (as tables have them), or of all; with `dry_run`, only plan.

    `on_plan` is told of each sidecar for which there is something to say, after it was written. A sidecar that can't be
    written is named and left; a full disk ends the export (ExportError). Raises LibraryLockedError.
    """
    photos = known_photos(store, chosen, with_picks=options.with_picks, extra=options.extra, config=config)
    result = Result()
    if dry_run:
        for plan in _plans(store, photos, options, on_progress):
            _count(result, plan)
            on_plan(plan)
        return result
    with exporting(store, "xmp") as journal:
        batch: list[SidecarPlan] = []
        for plan in _plans(store, photos, options, on_progress):
            batch.append(plan)
            if len(batch) >= _AT_ONCE:
                _write(batch, journal, result, on_plan)
                batch = []
        _write(batch, journal, result, on_plan)
    return result


def _count(result: Result, plan: SidecarPlan) -> None:
    result.conflicts += any(each.conflict is not None for each in plan.outcomes.values())
    if plan.problem:
        result.failed += 1
    elif plan.data is None:
        result.unchanged += 1
    else:
        result.written += 1
        result.made += plan.before is None


def _plans(
    store: Store, photos: Sequence[Photo], options: SidecarOptions, on_progress: Callable[[int, int], None]
) -> Iterator[SidecarPlan]:
    """SidecarPlan each sidecar for which there is something to say, and count the others in the progress alone."""
    shot_of, earlier = shots_by_path(store), earlier_writes(store)
    mirror = _Mirror(options.to, {photo.root for photo in photos})
    done = 0
    for folder, members in by_folder(photos).items():
        try:
            found = targets(folder, members, options.naming, shot_of)
        except OSError as error:
            yield SidecarPlan(folder, members[0].path, problem=f"the folder can't be read: {words_of(error)}")
            found = []
        for target in found:
            plan = plan_sidecar(target, options, earlier, mirror.place(target))
            if plan is not None:
                yield plan
        done += len(members)
        on_progress(done, len(photos))


class _Mirror:
    """Where sidecars are written: beside the photos, or in a folder that has the roots' names and their folders."""

    def __init__(self, to: str | None, roots: Iterable[str]) -> None:
        self._to = None if to is None else os.path.abspath(to)
        self._names: dict[str, str] = {}
        for root in sorted(roots):
            name = first = os.path.basename(root.rstrip(os.sep)) or "root"
            number = 1
            while name.casefold() in {each.casefold() for each in self._names.values()}:
                number += 1
                name = f"{first}-{number}"
            self._names[root] = name

    def place(self, target: Target) -> str:
        """Return the path of a sidecar."""
        if self._to is None:
            return target.path
        root = target.photos[0].root
        return os.path.join(self._to, self._names[root], os.path.relpath(target.path, root))


def plan_sidecar(
    target: Target, options: SidecarOptions, earlier: Mapping[str, Earlier], path: str | None = None
) -> SidecarPlan | None:
    """SidecarPlan one sidecar; None if there is nothing to say, now or before. `earlier` is what the journals have."""
    path, photo = path or target.path, target.photos[0].path
    try:
        real = _real(path, target.photos[0].root)
        before, base, source = read_or_none(real), None, real
        if before is None and path != target.path:
            source = os.path.realpath(target.path)
        base = before if source == real else read_or_none(source)
        state = os.stat(source) if base is not None else None
        packet = new_packet() if base is None else Packet.read(base)
        told = earlier.get(real)
        foreign_at = mtime_of(state) if state is not None else None
        if told is not None and base is not None and digest(base) == told.after:
            foreign_at = told.foreign_at_ns
        others = [_foreign(each, earlier) for each in target.others]
        return _planned(target, options, _Base(real, packet, before, is_new=base is None), told, foreign_at, others)
    except (OSError, SidecarError) as error:
        return SidecarPlan(path, photo, problem=f"left as it is: {words_of(error)}")


def _real(path: str, root: str) -> str:
    """Return the file that a sidecar's path stands for. Raises SidecarError for a link that someone may have laid."""
    real = os.path.realpath(path)
    if os.path.islink(path) and not (os.path.exists(real) and is_at_or_below(real, os.path.realpath(root))):
        raise SidecarError("it is a link that leads out of the scanned folder, or nowhere")
    return real


@dataclass(frozen=True)
class _Base:
    """A sidecar as it is. `before` are its bytes where it is to be written; `is_new`, if there is none anywhere."""

    path: str
    packet: Packet
    before: bytes | None
    is_new: bool


def _planned(  # noqa: PLR0917 - what decides about one sidecar
    target: Target,
    options: SidecarOptions,
    base: _Base,
    told: Earlier | None,
    foreign_at: int | None,
    others: Sequence[Fields],
) -> SidecarPlan | None:
    now = read_fields(base.packet)
    known = told.fields if told is not None else {}
    decided = _decided(target, options)
    asked = _asked(target, options)
    fills = [*others, *([photo.said for photo in target.photos] if base.is_new or (told and told.is_made) else [])]
    if base.is_new and not decided and not asked and not any(_says(each, options) for each in others):
        return None
    outcomes = {}
    for name in (each for group in options.fields for each in _FIELDS[group]):
        wish = decided.get(name) or next(
            (Wish(value) for each in fills if (value := getattr(each, name)) not in (None, "")), None
        )
        outcomes[name] = settle(name, wish, getattr(now, name), known.get(name), foreign_at, options.policy)
    is_kept = decided.get("pick", Wish(0)).value == _PICKED and "rating" not in decided
    if is_kept and "rating" in outcomes and outcomes["rating"].foreign == _REJECTED:  # who keeps a photo rejects it not
        wish = replace(decided["pick"], value=0)
        outcomes["rating"] = settle("rating", wish, now.rating, known.get("rating"), foreign_at, options.policy)
    if "pick" in outcomes and outcomes["pick"].conflict is not None:
        outcomes |= {
            name: _left(outcomes[name]) for name in ("rating", "label") if name in outcomes and name in decided
        }
    packet, wanted = base.packet, now
    for name, each in outcomes.items():
        if each.is_change:
            packet = write_field(packet, name, each.after)
            wanted = with_value(wanted, name, each.after)
    gone = set(told.added) if told is not None else set()  # what we added and others took out stays out
    filled = [word for each in fills for word in each.keywords if word not in gone]
    words = [*asked, *(filled if "keywords" in options.fields else ())]
    added = tuple(missing_keywords(packet, words))
    packet = add_keywords(packet, added)
    plan = SidecarPlan(base.path, target.photos[0].path, outcomes, added, base.before, foreign_at_ns=foreign_at)
    if packet.data == base.packet.data:
        return plan if any(each.conflict is not None for each in outcomes.values()) else replace(plan, outcomes={})
    check(base.packet, packet, replace(wanted, keywords=read_fields(packet).keywords))
    mtime = mtime_of(os.stat(base.path)) if base.before is not None else None
    return replace(plan, data=packet.raw(), mtime_ns=mtime)


def _left(outcome: Outcome) -> Outcome:
    """Return an outcome that changes nothing: a photo is not half rejected, nor half picked."""
    if outcome.is_change:
        return Outcome(outcome.before, outcome.before, outcome.foreign, conflict=outcome.after)
    return outcome


def _says(said: Fields, options: SidecarOptions) -> bool:
    names = [each for group in options.fields for each in _FIELDS[group]]
    return any(getattr(said, name) is not None for name in names) or bool(
        "keywords" in options.fields and said.keywords
    )


def _decided(target: Target, options: SidecarOptions) -> dict[str, Wish]:
    """Return what we would have in the fields because you decided it, or because of a pick."""
    flags = {photo.flag for photo in target.photos}
    times = [photo.decided_at_ns for photo in target.photos if photo.decided_at_ns is not None]
    at = max(times, default=None)
    is_said = bool(flags & {Flag.CHOSEN, Flag.KEPT})
    wishes: dict[str, Wish] = {}
    if Flag.REJECTED in flags and not is_said:
        wishes = {
            "pick": Wish(_REJECTED, is_decided=True, at_ns=at),
            "rating": Wish(_REJECTED, is_decided=True, at_ns=at),
        }
    elif is_said or any(photo.is_picked for photo in target.photos):
        wishes["pick"] = Wish(_PICKED, is_said, at)
        if options.pick_rating is not None:
            wishes["rating"] = Wish(options.pick_rating, is_said, at)
        if options.pick_label is not None:
            wishes["label"] = Wish(options.pick_label, is_said, at)
    allowed = {each for group in options.fields for each in _FIELDS[group]}
    return {name: wish for name, wish in wishes.items() if name in allowed}


def _asked(target: Target, options: SidecarOptions) -> list[str]:
    return list(dict.fromkeys([*options.words, *(word for photo in target.photos for word in photo.words)]))


def _foreign(path: str, earlier: Mapping[str, Earlier]) -> Fields:
    """Return what others say in a sidecar: what we wrote there ourselves is no news."""
    raw = read_or_none(path)
    try:
        found = Fields() if raw is None else read_fields(Packet.read(raw))
    except SidecarError:  # it fills no blank
        return Fields()
    told = earlier.get(os.path.realpath(path))
    if told is None:
        return found
    for name in SINGLE:
        each = told.fields.get(name)
        if each is not None and each["after"] == getattr(found, name):
            found = with_value(found, name, each["foreign"])
    return found


def _write(
    batch: Sequence[SidecarPlan], journal: Journal, result: Result, on_plan: Callable[[SidecarPlan], None]
) -> None:
    """Note what the plans write, and write it."""
    journal.note(entry for plan in batch if plan.data is not None for entry in _entries(plan))
    for plan in batch:
        done = plan
        if plan.data is not None:
            with ended_when_full("writing sidecars"):
                done = _put(plan, journal)
        _count(result, done)
        on_plan(done)


def _put(plan: SidecarPlan, journal: Journal) -> SidecarPlan:
    assert plan.data is not None
    try:
        os.makedirs(os.path.dirname(plan.path), exist_ok=True)
        put(plan.path, plan.data, plan.before)
    except OSError as error:
        journal.withdraw(plan.path)
        if is_full(error):
            raise
        return replace(plan, data=None, problem=f"left as it is: {words_of(error)}")
    return plan


def _entries(plan: SidecarPlan) -> Iterator[Entry]:
    assert plan.data is not None
    folder, new = os.path.dirname(plan.path), []
    while folder and not os.path.isdir(folder):
        new.append(Folder(folder))
        folder = os.path.dirname(folder)
    yield from reversed(new)
    changed: dict[str, dict[str, Any]] = {
        name: {"before": each.before, "after": each.after, "foreign": each.foreign}
        for name, each in plan.outcomes.items()
        if each.is_change
    }
    if plan.added:
        changed["keywords"] = {"added": list(plan.added)}
    yield Write(plan.path, plan.before, plan.mtime_ns, digest(plan.data), changed, plan.foreign_at_ns)
