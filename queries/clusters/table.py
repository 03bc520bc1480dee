"""The table `clusters`: computed when it is asked for and not current, with ids that stay.

Few new shots join the clusters that there are. When more than a twentieth of the library changed since everything was
clustered, or the new shots look like a cluster of their own, everything is clustered again.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from photoidx.config import DEFAULT_EMBEDDER
from photoidx.errors import PhotoidxError
from photoidx.queries.bursts.frames import Frames, narrowed, read_frames
from photoidx.queries.clusters.clustering import NEW, NOISE, VERSION, Array, Parameters, cluster, join
from photoidx.queries.clusters.count import unit
from photoidx.queries.clusters.names import Subject, name_clusters
from photoidx.queries.contents import columns_of
from photoidx.queries.stable_ids import keep_ids
from photoidx.storage.schema import CLUSTERS, META, arrow_schema
from photoidx.storage.store import Store

_STATE = "clusters"
_MOST_CHANGED = 0.05
"""Of 2,118 photos 105 were added to the rest: 93 of 100 joined the cluster in which they are when all are clustered."""
_A_GROUP = 4  # faces

Row = Mapping[str, Any]
Warn = Callable[[str], None]


@dataclass(frozen=True)
class ClusterMember:
    """A shot of a cluster, and how surely it belongs there, 0 to 1. `shots` are all of its press of the shutter."""

    shot_id: str
    shots: tuple[str, ...]
    content_id: str
    path: str
    probability: float


@dataclass(frozen=True)
class Cluster:
    """A cluster: its members, the surest first, and the path of the one that stands for it. Noise has no id."""

    cluster_id: str | None
    label: str
    representative: str | None
    members: tuple[ClusterMember, ...]


@dataclass(frozen=True)
class _State:
    """What the table was made of: parameters, a digest of shots and vectors, how many there were, how many changed."""

    version: int
    parameters: Parameters
    made_of: str
    embedders: str
    whole: int
    changed: int


def find_clusters(
    store: Store, asked: Parameters | None = None, *, recompute: bool = False, warn: Warn = lambda _text: None
) -> list[Cluster]:
    """Return the clusters, the largest first, and last the noise. They are computed and kept if they are not current.

    Without parameters those of the last time hold. `recompute` clusters everything again. Where another process writes,
    nothing is kept, and `warn` is told; also of shots that have no vector: they are in no cluster, and no noise.
    """
    state = _read_state(store)
    parameters = asked or (state.parameters if state else Parameters())
    everything = read_frames(store, with_vectors=False)
    contents, embedders = _embedded(store)
    shots = [shot for shot, content in _pairs(everything) if content in contents]
    missing = len(everything) - len(shots)
    if missing:
        one = missing == 1
        said = (
            "photo could not be read or has no vector: it is"
            if one
            else "photos could not be read or have no vector: they are"
        )
        warn(f"{missing:,} {said} in no cluster.")
    made_of = _digest([pair for pair in _pairs(everything) if pair[1] in contents])
    rows: Sequence[Row] = store.read(CLUSTERS.name).to_pylist() if CLUSTERS.name in store.names() else []
    same = state is not None and (state.version, state.parameters, state.embedders) == (VERSION, parameters, embedders)
    if recompute or state is None or not same or state.made_of != made_of:
        frames = narrowed(store, everything, shots)
        known = {row["shot_id"]: row for row in rows}
        changed = len(known.keys() ^ set(shots)) + (state.changed if state else 0)
        few = state is not None and same and not recompute and changed <= _MOST_CHANGED * state.whole
        joined = _joined(frames, known, parameters) if few else None
        rows = joined if joined is not None else _clustered(store, frames, known, parameters)
        whole, changed = (state.whole, changed) if joined is not None and state else (len(shots), 0)
        _save(store, rows, _State(VERSION, parameters, made_of, embedders, whole, changed), warn)
    return _told(everything, rows)


def _pairs(frames: Frames) -> list[tuple[str, str]]:
    return list(zip(frames.shot_ids, frames.content_ids, strict=True))


def _embedded(store: Store) -> tuple[set[str], str]:
    """Return the contents that have a vector, and a name for the versions of the embedder that made them."""
    name = f"vectors_{DEFAULT_EMBEDDER}"
    if name not in store.names():
        return set(), ""
    ledger = store.read("ledger", ["fingerprint"], f"stage = '{DEFAULT_EMBEDDER}' AND status = 'done'")
    versions = sorted(filter(None, ledger["fingerprint"].unique().to_pylist()))
    return set(store.read(name, ["content_id"])["content_id"].to_pylist()), " ".join(versions)


def _digest(pairs: Sequence[tuple[str, str]]) -> str:
    lines = "\n".join(sorted(f"{shot_id} {content_id}" for shot_id, content_id in pairs))
    return hashlib.blake2b(lines.encode(), digest_size=16).hexdigest()


def _read_state(store: Store) -> _State | None:
    text = store.meta().get(_STATE)
    if not text:
        return None
    values = json.loads(text)
    return (
        _State(**{**values, "parameters": Parameters(**values["parameters"])}) if values["version"] == VERSION else None
    )


def _save(store: Store, rows: Sequence[Row], state: _State, warn: Warn) -> None:
    try:
        with store.writing():
            store.upsert(META, [{"name": _STATE, "value": ""}])  # cut off in between, it is computed again
            before = set(store.read(CLUSTERS.name, ["shot_id"])["shot_id"].to_pylist())
            store.upsert(CLUSTERS, pa.Table.from_pylist(list(rows), schema=arrow_schema(CLUSTERS)))
            store.delete(CLUSTERS.name, "shot_id", sorted(before - {row["shot_id"] for row in rows}))
            store.upsert(META, [{"name": _STATE, "value": json.dumps(asdict(state))}])
    except PhotoidxError as error:
        warn(f"The clusters are not kept: {error}")


def _joined(frames: Frames, known: Mapping[str, Row], parameters: Parameters) -> list[Row] | None:
    """Let the new shots join the clusters; None if so many fit nowhere that they may be a cluster of their own.

    To kmeans there is no noise: there it is None as soon as one fits nowhere.
    """
    ids = sorted({row["cluster_id"] for row in known.values() if row["cluster_id"] is not None})
    number: dict[str | None, int] = {cluster_id: at for at, cluster_id in enumerate(ids)} | {None: NOISE}
    rows = [known.get(shot_id) for shot_id in frames.shot_ids]
    labels = np.array([number[row["cluster_id"]] if row else NEW for row in rows], np.int64)
    confidence = np.array([row["probability"] if row else 0.0 for row in rows], np.float32)
    new = labels == NEW
    if new.any():
        found, votes = join(frames.vectors, labels)
        if (found == NOISE).sum() >= (1 if parameters.method == "kmeans" else parameters.min_size):
            return None
        labels[new], confidence[new] = found, votes
    names = {row["cluster_id"]: row["label"] for row in known.values()}
    return _rows(frames, labels, confidence, ids, [names[cluster_id] for cluster_id in ids])


def _clustered(store: Store, frames: Frames, known: Mapping[str, Row], parameters: Parameters) -> list[Row]:
    """Cluster everything. A cluster gets the id of the one of before with which it shares most."""
    labels, confidence = cluster(frames.vectors, parameters)
    groups = _groups(labels)
    before = {shot_id: row["cluster_id"] for shot_id, row in known.items() if row["cluster_id"] is not None}
    shots = [[frames.shot_ids[at] for at in (_medoid(frames, each), *each.tolist())] for each in groups]
    ids = keep_ids([list(dict.fromkeys(each)) for each in shots], before, "cluster")
    subjects = _subjects(store, frames)
    return _rows(
        frames, labels, confidence, ids, name_clusters([[subjects[at] for at in each] for each in groups], subjects)
    )


def _groups(labels: Array) -> list[Array]:
    """Return the rows of each cluster, in the order of their numbers."""
    order = np.argsort(labels, kind="stable")
    order = order[labels[order] != NOISE]
    return np.split(order, np.flatnonzero(np.diff(labels[order])) + 1) if len(order) else []


def _medoid(frames: Frames, members: Array) -> int:
    """Return the row that is nearest to the mean of a cluster, by cosine."""
    vectors = unit(frames.vectors[members].astype(np.float32))
    return int(members[int(np.argmax(vectors @ vectors.mean(axis=0)))])


def _rows(frames: Frames, labels: Array, confidence: Array, ids: Sequence[str], names: Sequence[str]) -> list[Row]:
    """Return the rows of the table; `ids` and `names` are of the clusters by number."""
    stand = {_medoid(frames, each) for each in _groups(labels)}
    numbers = labels.tolist()
    return [
        {
            "shot_id": shot_id,
            "cluster_id": ids[numbers[at]] if numbers[at] != NOISE else None,
            "label": names[numbers[at]] if numbers[at] != NOISE else None,
            "probability": round(float(confidence[at]), 4) if numbers[at] != NOISE else 0.0,
            "is_representative": at in stand,
        }
        for at, shot_id in enumerate(frames.shot_ids)
    ]


def _subjects(store: Store, frames: Frames) -> list[Subject]:
    """Return what names are made of."""
    labels = columns_of(store, "labels", ["labels", "probabilities"], frames.content_ids)
    exif = columns_of(store, "exif", ["gps_lat", "gps_lon"], frames.content_ids)
    faces = columns_of(store, "quality", ["faces_important"], frames.content_ids)
    nothing = [None] * len(frames)
    words, chances = (labels[name].to_pylist() if name in labels else nothing for name in ("labels", "probabilities"))
    north, east = (exif[name].to_pylist() if name in exif else nothing for name in ("gps_lat", "gps_lon"))
    places = [
        None if lat is None or lon is None else (float(lat), float(lon)) for lat, lon in zip(north, east, strict=True)
    ]
    people = faces["faces_important"].to_pylist() if "faces_important" in faces else nothing
    return [
        Subject(
            frames.paths[at],
            dict(zip(words[at] or (), chances[at] or (), strict=True)) | _people(people[at] or 0),
            frames.time_of(at),
            places[at],
        )
        for at in range(len(frames))
    ]


def _people(faces: int) -> dict[str, float]:
    """Return the label of a photo with faces: the embedder's labels know no people."""
    return {"people" if faces < _A_GROUP else "groups of people": 1.0} if faces else {}


def _told(frames: Frames, rows: Sequence[Row]) -> list[Cluster]:
    found: dict[str | None, list[Row]] = defaultdict(list)
    for row in rows:
        if row["shot_id"] in frames.place:
            found[row["cluster_id"]].append(row)
    clusters = []
    for cluster_id, members in found.items():
        paths = {row["shot_id"]: frames.paths[frames.place[row["shot_id"]]] for row in members}
        stands = [paths[row["shot_id"]] for row in members if row["is_representative"]]
        shots = sorted(members, key=lambda row: (-row["probability"], paths[row["shot_id"]]))
        clusters.append(
            Cluster(
                cluster_id,
                members[0]["label"] or "",
                stands[0] if stands and cluster_id is not None else None,
                tuple(_member(frames, row) for row in shots),
            )
        )
    return sorted(clusters, key=lambda each: (each.cluster_id is None, -len(each.members), each.cluster_id or ""))


def _member(frames: Frames, row: Row) -> ClusterMember:
    at = frames.place[row["shot_id"]]
    return ClusterMember(
        row["shot_id"], frames.shots_of(at), frames.content_ids[at], frames.paths[at], row["probability"]
    )
