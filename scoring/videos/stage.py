"""The stage that reads videos' headers."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import pyarrow as pa

from photoidx.records import Kind
from photoidx.scoring.exif.written_time import in_utc
from photoidx.scoring.videos.containers import Video, read_video
from photoidx.stage import Photo, PhotoStage, Rows, TableSpec, column

_MOMENT, _FLOAT, _TEXT = pa.timestamp("us"), pa.float64(), pa.string()


class Videos(PhotoStage):
    """Reads how long a video is, and when and where it was filmed. What the header doesn't tell is null."""

    name = "videos"
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.VIDEO})
    needs = "bytes"
    tables = (
        TableSpec(
            "video_facts",
            "What a video says of itself.",
            (
                column("duration_s", _FLOAT, "Length in seconds."),
                column("width", pa.int32(), "Width of the picture in pixels."),
                column("height", pa.int32(), "Height of the picture in pixels."),
                column("taken_at", _MOMENT, "When filming began, local time; in UTC where no other is told."),
                column("taken_at_utc", _MOMENT, "The same in UTC, where it is known."),
                column("utc_offset_min", pa.int16(), "Minutes east of UTC; 0 for a time that is told in UTC."),
                column("gps_lat", _FLOAT, "Latitude in degrees, south negative."),
                column("gps_lon", _FLOAT, "Longitude in degrees, west negative."),
                column("gps_alt_m", _FLOAT, "Height above the sea in metres."),
                column("make", _TEXT, "Maker of the camera."),
                column("model", _TEXT, "Model of the camera."),
            ),
        ),
    )

    def run(self, photo: Photo) -> Rows:
        """Read one video's header, which is all that `data` has of a video."""
        found = read_video(photo.data)
        local, utc, offset = _time(found)
        row = {
            "duration_s": found.duration_s,
            "width": found.width,
            "height": found.height,
            "taken_at": local,
            "taken_at_utc": utc,
            "utc_offset_min": offset,
            "gps_lat": found.lat,
            "gps_lon": found.lon,
            "gps_alt_m": found.alt_m,
            "make": found.make,
            "model": found.model,
        }
        return {"video_facts": [row]}


def _time(video: Video) -> tuple[datetime | None, datetime | None, int | None]:
    """Return local time, UTC and the offset. The time of the file's own header is UTC by the standard."""
    if video.taken is not None and video.taken.local is not None:
        offset = video.taken.offset_min
        return video.taken.local, in_utc(video.taken.local, offset), offset
    return video.made_utc, video.made_utc, None if video.made_utc is None else 0
