"""Made photos and groups for the gallery's tests: rows as the view `photos` gives them, with real small JPEG files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

from PIL import Image

from photoidx.queries.gallery.data import GalleryGroups, gather

FOLDER = "/pictures"
_START = datetime(2024, 5, 1, 12)  # noqa: DTZ001 - a camera writes local time


def row(name: str, number: int = 0, **facts: Any) -> dict[str, Any]:
    """Return a photo with everything known; `facts` say what is otherwise."""
    known = {
        "path": f"{FOLDER}/{name}",
        "folder": FOLDER,
        "format": "jpeg",
        "content_id": hashlib.md5(f"{name} {number}".encode("utf-8", "replace")).hexdigest(),
        "shot_id": f"shot-{name}-{number}",
        "taken_at": _START - timedelta(days=number),
        "make": "Maker",
        "model": "Model 1",
        "lens": "Lens 50",
        "exposure_time_s": 0.005,
        "f_number": 2.8,
        "iso": 400,
        "focal_length_mm": 50.0,
        "width": 4000,
        "height": 3000,
        "rating": None,
        "technical": 0.5,
        "blur_kind": "none",
        "face_count": 0,
        "labels": ["lakeside", "pier"],
        "probabilities": [0.6, 0.05],
        "thumbnail_width": 64,
        "thumbnail_height": 48,
    }
    return {**known, **facts}


def burst(burst_id: str, paths: Sequence[str], *, close: bool = False) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a burst as `Library.bursts` and as `Library.best_of_bursts` give it, the last path the pick."""
    ranked = list(reversed(paths))
    frames = [
        {
            "path": path,
            "rank": rank,
            "reason": "sharpest on the faces (1.3x)" if rank == 1 else "softer on the faces",
            "keep": rank == 1 or (close and rank == 2),
            "scores": {"technical": 0.9 / rank, "noise_sigma": 1.0 * rank},
        }
        for rank, path in enumerate(ranked, 1)
    ]
    group = {"burst_id": burst_id, "kind": "burst"}
    pick = {**group, "close_call": close, "decided_by": "sharpness", "frames": frames, "everyone_open": []}
    return {**group, "frames": [{"path": path} for path in paths]}, pick


def duplicates(group_id: str, paths: Sequence[str], kind: str = "same") -> dict[str, Any]:
    keep = paths[1]
    files = [
        {
            "path": path,
            "kind": kind,
            "distance": 0,
            "reason": "smaller copy",
            "keep": path == keep,
            "extra": path != keep and kind != "similar",
        }
        for path in paths
    ]
    return {"group_id": group_id, "kind": kind, "keep": keep, "files": files}


def cluster(cluster_id: str, paths: Sequence[str], label: str = "lakeside") -> dict[str, Any]:
    files = [{"path": path, "probability": 1 / number} for number, path in enumerate(paths, 1)]
    return {
        "cluster_id": cluster_id,
        "size": len(paths),
        "label": label,
        "representative": paths[-1],
        "best": paths[0],
        "files": files,
    }


def record(rows: Sequence[dict[str, Any]], **groups: Any) -> dict[str, Any]:
    """Return what a page is told of these photos, with the first four in a group of each kind, all on the map."""
    paths = [each["path"] for each in rows]
    found, pick = burst("burst-1", paths[:4])
    places = {path: (number % 7 / 6, number // 7 / max(1, len(paths) // 7)) for number, path in enumerate(paths)}
    made = {
        "bursts": [found],
        "picks": [pick],
        "duplicates": [duplicates("same-1", paths[2:5])],
        "clusters": [cluster("cluster-1", paths[:6])],
        "places": places,
    }
    return gather(rows, GalleryGroups(**{**made, **groups}), title="Test album")


def jpegs(content_ids: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Return a thumbnail for each content; a few pictures are used over and over."""
    pictures = []
    for number in range(8):
        out = BytesIO()
        Image.new("RGB", (64, 48), (30 * number, 200 - 20 * number, 90)).save(out, "JPEG")
        pictures.append(out.getvalue())
    return ((content_id, pictures[number % 8]) for number, content_id in enumerate(content_ids))
