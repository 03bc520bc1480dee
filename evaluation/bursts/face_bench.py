"""How well the best frames of bursts of people are picked, and whether the reasons that are told are true.

The bursts are those of `face_bursts.py`: all is known of how each frame was made. Frames without damage are equally
good, so any of them may be picked, and none of them is softer than a damaged one.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from photoidx.errors import PhotoidxError
from photoidx.evaluation.bursts.bench import BurstReport, Index, Row
from photoidx.evaluation.bursts.builder import TrueFrame, Truth
from photoidx.evaluation.bursts.camera import Camera, exif
from photoidx.evaluation.bursts.face_bursts import face_bursts
from photoidx.evaluation.bursts.frames import BLURS
from photoidx.indexer.media.decode import DecodedPhoto
from photoidx.queries.best.face_tracking import persons
from photoidx.queries.best.sharper import GATE, leads
from photoidx.scoring.faces.stage import Faces

_QUALITY = 92
_AGE_S = 3600  # a scan waits for files that were written just now
_DAY = datetime(2024, 7, 1, 10, 0, 0)  # noqa: DTZ001 - cameras write local time
_EQUALLY, _SHARPEST = "equally good", "sharpest"


def bench(  # noqa: PLR0917 - the last has a default that suits
    folders: Iterable[Path], album: Path, seed: int, index: Index, count: int, truth_file: Path | None = None
) -> BurstReport:
    """Build `count` bursts into an empty folder, have it read, and judge the picks and the reasons.

    The truth is written to `truth_file`, if there is one, before the album is read. Raises PhotoidxError if the folders
    hold no photo with faces that are large enough.
    """
    truth = build(folders, album, seed, count)
    if truth_file:
        truth.save(truth_file)
    return judge(truth, album, index(album).best_of_bursts())


def build(folders: Iterable[Path], into: Path, seed: int, count: int) -> Truth:
    """Write bursts of people into a folder, each a few minutes after the one before."""
    if into.exists() and any(into.iterdir()):
        raise PhotoidxError(f"{into} is not empty: name a folder that is, or one that does not exist yet.")
    into.mkdir(parents=True, exist_ok=True)
    camera, start, then = Camera("Canon", "Canon EOS R6", "032021007777"), _DAY, time.time() - _AGE_S
    files = []
    for number, burst in enumerate(face_bursts(folders, count, np.random.default_rng(seed))):
        group = f"{number}: {burst.about}"
        for frame in burst.frames:
            path = f"{camera.next_stem()}.JPG"
            about = exif(camera, start + timedelta(seconds=frame.at), 0) or b""
            Image.fromarray(frame.pixels).save(into / path, "JPEG", quality=_QUALITY, exif=about)
            os.utime(into / path, (then, then))
            made = (frame.damage, frame.strength, frame.best)
            files.append(TrueFrame(path, path, camera.model, group, group, "burst", burst.about, *made))
        start += timedelta(minutes=4)
    if not files:
        raise PhotoidxError("No photo shows faces that are large enough to build bursts from.")
    return Truth(seed, tuple(files))


def judge(truth: Truth, album: Path, best: Sequence[Mapping[str, Any]]) -> BurstReport:
    """Compare the picks and the reasons with the making."""
    whole = os.path.abspath(album)
    files = {os.path.join(whole, file.path): file for file in truth.files}
    bursts: dict[str, list[TrueFrame]] = {}
    for file in truth.files:
        bursts.setdefault(file.group or "", []).append(file)
    found: dict[str, list[Mapping[str, Any]]] = {}
    for choice in best:
        found.setdefault(files[choice["pick"]["path"]].group or "", []).append(choice)
    rows, errors, told = [], [], 0
    for name, frames in bursts.items():
        choices = [each for each in found.get(name, ()) if len(each["frames"]) == len(frames)]
        if not choices:
            errors.append({"error": "not found as one burst", "detail": f"{frames[0].path}: {name}"})
            continue
        told += sum(len(frame["differences"]) for frame in choices[0]["frames"]) + 1
        found_errors = _errors(choices[0], files, name)
        errors += found_errors
        pick = files[choices[0]["pick"]["path"]]
        what = [each["error"] for each in found_errors]
        rows.append((pick, frames, what))
    return BurstReport({"faces": [_summary(rows, len(bursts), told)], "scale": [_scale_row(bursts, album)]}, errors)


def _summary(rows: Sequence[tuple[TrueFrame, Sequence[TrueFrame], Sequence[str]]], bursts: int, told: int) -> Row:
    undamaged = [sum(file.damage is None for file in frames) / len(frames) for _, frames, _ in rows]
    return {
        "of": "bursts of people",
        "bursts": bursts,
        "found": len(rows),
        "undamaged_picked": round(100 * float(np.mean([pick.damage is None for pick, *_ in rows])), 1)
        if rows
        else None,
        "chance": round(100 * float(np.mean(undamaged)), 1) if rows else None,
        "blurred_picked": sum(pick.damage in BLURS for pick, *_ in rows),
        "undamaged_called_softer": sum(each == "undamaged called softer" for *_, what in rows for each in what),
        "reasons": told,
        "untrue": sum(each.startswith("untrue") for *_, what in rows for each in what),
    }


def _errors(choice: Mapping[str, Any], files: Mapping[str, TrueFrame], name: str) -> list[Row]:
    """Name what is wrong about one burst: the pick, and each reason that is not true of the making."""
    pick = files[choice["pick"]["path"]]
    found = []
    if pick.damage is not None:
        found.append(_error("damaged frame picked", pick, f"{name}: {choice['pick']['reason']}"))
    others = [files[frame["path"]] for frame in choice["frames"][1:]]
    reason = choice["pick"]["reason"]
    if _SHARPEST in reason and (pick.damage in BLURS or any(other.damage not in BLURS for other in others)):
        found.append(_error("untrue: sharpest", pick, f"{name}: {reason}"))
    if _EQUALLY in reason and (pick.damage is None) != (others[0].damage is None):
        found.append(_error("untrue: equally good", pick, f"{name}: {others[0].damage} {others[0].strength}"))
    for frame in choice["frames"][1:]:
        other = files[frame["path"]]
        for each in frame["differences"]:
            if not _true(each, other):
                found.append(_error(f"untrue: {each['feature']}", other, f"{name}: {each['words']}"))
            if each["feature"] == "sharpness" and other.damage is None and pick.damage is not None:
                found.append(_error("undamaged called softer", other, f"{name}: {each['words']}"))
    return found


def _true(difference: Mapping[str, Any], other: TrueFrame) -> bool:
    """Tell whether a reason against a frame is true: nobody's eyes or smile differ, and only what is blurred is softer.

    Measured brightness and a lower score are facts.
    """
    feature = difference["feature"]
    if feature == "sharpness":
        return other.damage in BLURS
    if feature == "blur_kind":
        return other.damage == "motion blur"
    if feature == "noise_sigma":
        return other.damage == "noise"
    return feature != "smile_mean" and (feature != "eyes_open" or difference["winner"] is None)


def _error(what: str, file: TrueFrame, detail: str) -> Row:
    return {"error": what, "detail": f"{file.path} ({file.damage or 'undamaged'} {file.strength or ''}), {detail}"}


def _scale_row(bursts: Mapping[str, Sequence[TrueFrame]], album: Path) -> Row:
    """Compare undamaged frames of one burst on the faces: they differ by zoom, shift and place alone."""
    differences = []
    for frames in bursts.values():
        equal = [file for file in frames if file.damage is None]
        if len(equal) > 1:
            faces = [_faces(album / file.path) for file in equal]
            matter = [[face for face in each if face["important"] and "yaw_deg" in face] for each in faces]
            found = leads([{}] * len(equal), persons(matter))
            differences += [abs(lead.value) for (first, second), lead in found.items() if first < second]
    known = differences or [math.nan]
    median, p99, most = (round(float(each), 3) for each in np.percentile(known, (50, 99, 100)))
    third = round(GATE / 3, 3)
    row: Row = {
        "of": "equal frames",
        "pairs": len(differences),
        "median": median,
        "p99": p99,
        "most": most,
    }
    return row | {"a_third_of_the_gate": third}


def _faces(path: Path) -> Sequence[Mapping[str, Any]]:
    return Faces().run(DecodedPhoto(path.read_bytes(), "jpeg", 10**9))["faces"]
