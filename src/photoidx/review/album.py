"""What the pages show: bursts, duplicates and photos, as JSON can hold them, read as any reader reads."""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from photoidx.errors import QueryError
from photoidx.library import Library
from photoidx.queries.best.picks import best_of_bursts
from photoidx.queries.bursts.table import bursts
from photoidx.queries.contents import thumbnails_of
from photoidx.queries.decisions.actions import ratings
from photoidx.queries.decisions.view import DecisionView, Flag, read_view
from photoidx.queries.duplicates.find import duplicates
from photoidx.queries.duplicates.known import Question
from photoidx.queries.gallery.data import shown
from photoidx.reclaim.run import find
from photoidx.storage.schema import DECISIONS
from photoidx.storage.store import Store

_FLAGS = {Flag.CHOSEN: "best", Flag.KEPT: "keep", Flag.UNDECIDED: "", Flag.REJECTED: "reject"}
_RESTS = 4
_MOST_PHOTOS = 200_000
_SHUT = "shut"
_FACE = ("box_x", "box_y", "box_width", "box_height")
_TABLES = ("files", "bursts", "quality", "faces", "pairs", "clusters")
_KEPT_THUMBNAILS = 4000
Json = dict[str, Any]


class Album:
    """A library as the pages see it. What costs much is read once for each state of the tables; safe in threads."""

    def __init__(self, library: Library, *, read_only: bool = False) -> None:
        """With `read_only` nothing is written: the duplicates are those that are known."""
        self.library, self._read_only = library, read_only
        self._reading, self._not_before = threading.Lock(), 0.0
        self._lock = threading.RLock()
        self._state: tuple[int, ...] = ()
        self._bursts: list[Json] = []
        self._place: dict[str, int] = {}
        self._of_shot: dict[str, int] = {}
        self._undecided: list[Json] = []
        self._files: dict[str, tuple[str, str]] = {}
        self._duplicates: list[Json] = []
        self._comparing = threading.Lock()
        self._compared: tuple[int, ...] = ()
        self._thumbnails: dict[str, bytes] = {}

    def refresh(self) -> bool:
        """Read the bursts anew if the tables changed; return whether they did.

        What was read before is given meanwhile. While a scan changes the tables again and again, reading takes at most
        a fifth of the time.
        """
        with self._reading:
            store = self.library.store
            state = tuple(store.version(name) for name in _TABLES)
            began = time.monotonic()
            if state == self._state or began < self._not_before:
                return False
            files = store.read("files", ["path", "content_id", "format", "kind"]).to_pylist()
            where = {
                row["content_id"]: (row["path"], row["format"])
                for row in reversed(files)
                if row["content_id"] and row["kind"] == "photo"
            }
            known = bursts(store)
            groups = {each["burst_id"]: each for each in known}
            picked = best_of_bursts(store, as_decided=False, known=known)
            frames = [frame for each in picked for frame in groups[each["burst_id"]]["frames"]]
            faces = _faces(store, [frame["content_id"] for frame in frames])
            found = [_burst(each, groups[each["burst_id"]], faces) for each in picked]
            self._not_before = time.monotonic() + _RESTS * (time.monotonic() - began)
            with self._lock:
                self._files, self._bursts, self._state = where, found, state
                self._place = {each["id"]: at for at, each in enumerate(found)}
                self._of_shot = {
                    shot: at for at, each in enumerate(found) for frame in each["frames"] for shot in frame["shots"]
                }
                self._undecided = [_short(self._decided(each, DecisionView(), {})) for each in found]
            return True

    def ready(self) -> None:
        """Wait until the library was read once."""
        if not self._state:
            self.refresh()

    def where(self, content_id: str) -> tuple[str, str] | None:
        """Return the path (as the tables have it) and format of a content's photo; None if there is none."""
        return self._files.get(content_id)

    def bursts(self) -> list[Json]:
        """Return all bursts in short, by time, with what was decided."""
        with self._lock:
            said, stars = self._said()
            concerned = {self._of_shot[shot] for shot in {*said.flags, *stars} if shot in self._of_shot}
            return [
                _short(self._decided(each, said, stars)) if at in concerned else self._undecided[at]
                for at, each in enumerate(self._bursts)
            ]

    def burst(self, burst_id: str) -> Json:
        """Return a burst with its frames in the order of time. Raises QueryError if there is none."""
        with self._lock:
            if burst_id not in self._place:
                raise QueryError("There is no such burst; a scan may have grouped its photos anew.")
            return self._decided(self._bursts[self._place[burst_id]], *self._said())

    def acceptance(self, burst_id: str) -> list[tuple[str, list[str]]]:
        """Return the decisions that accept a burst: its pick is the best, and what is not to be kept is rejected."""
        found = self.burst(burst_id)
        pick = found["frames"][found["pick"]]
        rest = [frame["shot"] for frame in found["frames"] if frame is not pick and not frame["keep"]]
        return [("best", [pick["shot"]])] + ([("reject", rest)] if rest else [])

    def duplicates(self) -> list[Json]:
        """Return the groups of duplicates, the one that frees most bytes first."""
        with self._comparing:
            if not self._read_only:
                self.library.refresh_duplicates()
            store = self.library.store
            state = tuple(store.version(name) for name in ("files", "pairs", DECISIONS.name))
            if state != self._compared:
                ids = {row["path"]: row for row in store.read("files", ["path", "content_id", "shot_id"]).to_pylist()}
                self._duplicates = [_group(each, ids) for each in duplicates(store, Question())]
                self._compared = state
            return self._duplicates

    def reclaimable(self) -> Json:
        """Return what may go into the trash: files, their bytes in all, and in words what stays."""
        store = self.library.store
        found = find(store, duplicates(store, Question()))
        files = [
            {
                "content": member.content_id,
                "name": shown(os.path.basename(member.path)),
                "folder": shown(os.path.dirname(member.path)),
                "size": member.size,
                "what": unit.what,
                "reason": shown(unit.reason),
            }
            for unit in found.units
            for member in unit.members
        ]
        return {
            "files": files,
            "size": found.size,
            "staying": [shown(f"{one.path}: {one.why}") for one in found.staying],
        }

    def photos(self, condition: str, words: str) -> list[list[Any]]:
        """Return name, content id, day and shot of the photos for which an SQL condition holds, or of a search.

        The newest comes first; of a search, the best. Raises QueryError.
        """
        if words:
            found = [row["path"] for row in self.library.search(words, count=500).rows]
            rows = {row["path"]: row for row in self._rows("true")}
            return [_photo(rows[path]) for path in found if path in rows]
        return [_photo(row) for row in self._rows(condition or "true")]

    def clusters(self) -> list[Json]:
        """Return the clusters that there are: id, label, size."""
        if "clusters" not in self.library.store.names():
            return []
        rows = self.library.sql(
            "SELECT cluster_id AS id, any_value(label) AS label, count(*) AS size FROM clusters "
            "WHERE cluster_id IS NOT NULL GROUP BY ALL ORDER BY size DESC"
        )
        return [{**row, "label": shown(row["label"] or "")} for row in rows.to_pylist()]

    def thumbnails(self, content_ids: Sequence[str]) -> Mapping[str, bytes]:
        """Return thumbnails as JPEG files; the last few thousand stay in memory."""
        with self._lock:
            lacking = [each for each in dict.fromkeys(content_ids) if each not in self._thumbnails]
            if lacking:
                self._thumbnails |= thumbnails_of(self.library.store, lacking)
            found = {each: self._thumbnails[each] for each in content_ids if each in self._thumbnails}
            for each in list(self._thumbnails)[: max(0, len(self._thumbnails) - _KEPT_THUMBNAILS)]:
                del self._thumbnails[each]
            return found

    @property
    def folder(self) -> Path:
        """The library's folder, in which its lock lies."""
        return Path(self.library.store.folder or ".")

    def facts(self) -> Json:
        """Return the numbers above the page."""
        store = self.library.store
        return {"photos": store.count("files"), "groups": len(self._bursts), "library": shown(self.library.uri)}

    def _rows(self, condition: str) -> list[Json]:
        from photoidx.queries.sql.query import as_condition

        query = (
            "SELECT path, content_id, taken_at, shot_id FROM photos "  # noqa: S608 - the user's own, run in its own process
            f"WHERE {as_condition(condition)} ORDER BY taken_at DESC NULLS LAST, path LIMIT {_MOST_PHOTOS}"
        )
        rows: list[Json] = self.library.sql(query).to_pylist()
        return rows

    def _said(self) -> tuple[DecisionView, Mapping[str, int]]:
        store = self.library.store
        if DECISIONS.name not in store.names():
            return DecisionView(), {}
        return read_view(store), ratings(store)

    @staticmethod
    def _decided(each: Json, said: DecisionView, stars: Mapping[str, int]) -> Json:
        """Lay the decisions that hold over a burst."""
        frames = []
        for frame in each["frames"]:
            flag = said.flag(frame["shots"])
            keep = flag in {Flag.CHOSEN, Flag.KEPT} or (flag is Flag.UNDECIDED and frame["kept"])
            rating = max((stars.get(shot, 0) for shot in frame["shots"]), default=0)
            frames.append({**frame, "flag": _FLAGS[flag], "keep": keep, "stars": rating})
        chosen = next((at for at, frame in enumerate(frames) if frame["flag"] == "best"), None)
        open_ones = [at for at, frame in enumerate(frames) if frame["flag"] != "reject"] or list(range(len(frames)))
        pick = chosen if chosen is not None else min(open_ones, key=lambda at: frames[at]["rank"])
        frames = [{**frame, "keep": frame["keep"] or at == pick} for at, frame in enumerate(frames)]
        return {**each, "frames": frames, "pick": pick, "decided": chosen is not None}


def _burst(picked: Mapping[str, Any], group: Mapping[str, Any], faces: Mapping[str, list[Json]]) -> Json:
    told = {frame["shot_id"]: frame for frame in picked["frames"]}
    frames = []
    for frame in group["frames"]:
        own = told[frame["shot_id"]]
        frames.append(
            {
                "content": frame["content_id"],
                "shot": frame["shot_id"],
                "shots": frame["shots"],
                "name": shown(os.path.basename(frame["path"])),
                "files": [shown(os.path.basename(path)) for path in frame["files"]],
                "time": frame["taken_at"] and str(frame["taken_at"]),
                "rank": own["rank"],
                "kept": own["keep"],
                "reason": shown(own["reason"]),
                "faces": faces.get(frame["content_id"], []),
            }
        )
    first = group["frames"][0]
    return {
        "id": group["burst_id"],
        "close": picked["close_call"],
        "folder": shown(os.path.dirname(first["path"])),
        "day": str(first["taken_at"] or "")[:10],
        "frames": frames,
    }


def _short(each: Json) -> Json:
    frames = each["frames"]
    return {
        **{name: each[name] for name in ("id", "close", "folder", "day", "decided")},
        "count": len(frames),
        "content": frames[each["pick"]]["content"],
        "name": frames[each["pick"]]["name"],
        "shut": any(face["eyes"] == _SHUT for frame in frames for face in frame["faces"]),
        "stars": max(frame["stars"] for frame in frames),
    }


def _faces(store: Store, content_ids: Sequence[str]) -> dict[str, list[Json]]:
    found: dict[str, list[Json]] = defaultdict(list)
    if "faces" not in store.names():
        return found
    wanted = set(content_ids)
    names = ["content_id", "face", *_FACE, "important", "eyes", "smile"]
    there = [name for name in names if name in store.schema("faces").names]
    for batch in store.batches("faces", there):
        for row in batch.to_pylist():
            if row["content_id"] in wanted and row.get("important"):
                box = [round(float(row[name]), 4) for name in _FACE]
                smile = row.get("smile")
                found[row["content_id"]].append(
                    {
                        "face": row["face"],
                        "box": box,
                        "eyes": row.get("eyes") or "",
                        "smile": None if smile is None else round(float(smile), 2),
                    }
                )
    for own in found.values():
        own.sort(key=lambda face: face["face"])
    return found


def _group(each: Mapping[str, Any], ids: Mapping[str, Mapping[str, Any]]) -> Json:
    files = [
        {
            "content": ids[file["path"]]["content_id"],
            "shot": ids[file["path"]]["shot_id"],
            "name": shown(os.path.basename(file["path"])),
            "folder": shown(os.path.dirname(file["path"])),
            **{name: file[name] for name in ("kind", "width", "height", "size", "keep", "extra", "there")},
            "reason": shown(file["reason"]),
            "only": [shown(lack["words"]) for lack in file["only"]],
        }
        for file in each["files"]
        if file["path"] in ids
    ]
    return {"id": each["group_id"], "kind": each["kind"], "frees": each["bytes_freed"], "files": files}


def _photo(row: Mapping[str, Any]) -> list[Any]:
    return [shown(os.path.basename(row["path"])), row["content_id"], str(row["taken_at"] or "")[:10], row["shot_id"]]
