# ruff: noqa: DTZ001 - the table's times are naive
import io
import json
from dataclasses import dataclass
from datetime import datetime as local_time
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from photoidx.errors import PhotoError
from photoidx.records import format_of
from photoidx.scoring.exif.sidecar import Sidecar
from photoidx.scoring.exif.stage import Exif

SAMPLES = Path(__file__).parents[3] / "shared" / "photos" / "exif-samples"
EXIF_IFD, GPS_IFD = 0x8769, 0x8825
XMP = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" xmp:Rating="4" GCamera:BurstID="b-1">
<xmp:Label>Red</xmp:Label><dc:subject><rdf:Bag><rdf:li>lake</rdf:li><rdf:li> snow </rdf:li></rdf:Bag></dc:subject>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">Dawn</rdf:li></rdf:Alt></dc:title>
</rdf:Description></rdf:RDF></x:xmpmeta>"""


@dataclass
class FakePhoto:
    data: bytes
    format: str = "jpeg"
    content_id: str = "0" * 32

    def image(self, min_long_side=960):
        raise NotImplementedError


def exif_bytes(main=None, sub=None, gps=None):
    exif = Image.Exif()
    exif.update(main or {})
    exif.get_ifd(EXIF_IFD).update(sub or {})
    exif.get_ifd(GPS_IFD).update(gps or {})
    return exif.tobytes()


def picture(container="JPEG", **saved):
    out = io.BytesIO()
    Image.new("RGB", (32, 16)).save(out, container, **saved)
    return out.getvalue()


def read(data, file_format="jpeg"):
    [row] = Exif().run(FakePhoto(data, file_format))["exif"]
    pa.Table.from_pylist([row], schema=pa.schema(Exif.tables[0].columns))
    assert set(row) == {field.name for field in Exif.tables[0].columns}
    return row


def read_exif(**ifds):
    return read(picture(exif=exif_bytes(**ifds)))


def test_a_camera_s_exposure_is_read():
    row = read_exif(
        main={0x010F: "Maker\0  ", 0x0110: " M1 ", 0x0112: 6},
        sub={0x829A: 0.004, 0x829D: 2.8, 0x8827: 400, 0x920A: 35.0, 0xA405: 52, 0x9209: 1, 0x9204: -0.5},
    )
    assert (row["width"], row["height"], row["orientation"]) == (32, 16, 6)
    assert (row["make"], row["model"], row["iso"], row["flash"]) == ("Maker", "M1", 400, True)
    assert row["exposure_time_s"] == pytest.approx(0.004)
    assert (row["f_number"], row["focal_length_mm"], row["focal_length_35mm"]) == (pytest.approx(2.8), 35, 52)
    assert row["exposure_bias_ev"] == -0.5
    assert json.loads(row["tags"])["Image Model"] == "M1"


def test_the_offset_of_the_original_gives_utc():
    row = read_exif(sub={0x9003: "2024:05:06 01:08:09", 0x9291: "25 ", 0x9011: "+02:00"})
    assert row["taken_at"] == local_time(2024, 5, 6, 1, 8, 9, 250000)
    assert row["taken_at_utc"] == local_time(2024, 5, 5, 23, 8, 9, 250000)
    assert row["utc_offset_min"] == 120


def test_the_offset_of_the_last_change_gives_no_utc():
    row = read_exif(sub={0x9003: "2024:05:06 01:08:09", 0x9010: "+02:00"})
    assert row["taken_at"] is not None
    assert row["taken_at_utc"] is None


def test_the_time_of_the_last_change_is_no_time_of_the_shot():
    assert read_exif(main={0x0132: "2024:05:06 01:08:09"})["taken_at"] is None
    assert read_exif(sub={0x9004: "2024:05:06 01:08:09"})["taken_at"] == local_time(2024, 5, 6, 1, 8, 9)


@pytest.mark.parametrize("written", ["0000:00:00 00:00:00", "2024:13:01 00:00:00", "    :  :     :  :  ", "soon"])
def test_an_absurd_time_is_null(written):
    assert read_exif(sub={0x9003: written})["taken_at"] is None


def test_absurd_exposures_are_null():
    row = read_exif(sub={0x829A: 0, 0x829D: 0, 0x8827: 0, 0x920A: 0, 0x9204: 1000})
    names = ("exposure_time_s", "f_number", "iso", "focal_length_mm", "exposure_bias_ev")
    assert [row[name] for name in names] == [None] * 5


def test_places_have_signs():
    gps = {1: "S", 2: (33.0, 51.0, 36.0), 3: "W", 4: (70.0, 30.0, 0.0), 5: b"\1", 6: 12.0}
    row = read_exif(gps=gps | {7: (1.0, 2.0, 3.0), 29: "2024:05:06"})
    assert (row["gps_lat"], row["gps_lon"]) == (pytest.approx(-33.86), pytest.approx(-70.5))
    assert row["gps_alt_m"] == -12
    assert row["gps_time_utc"] == local_time(2024, 5, 6, 1, 2, 3)


def test_a_latitude_beyond_the_pole_is_null():
    row = read_exif(gps={1: "N", 2: (91.0, 0.0, 0.0), 3: "E", 4: (10.0, 0.0, 0.0)})
    assert row["gps_lat"] is row["gps_lon"] is None


def test_embedded_xmp_gives_rating_label_keywords_and_burst():
    row = read(picture(xmp=XMP))
    assert (row["rating"], row["label"], row["burst_uuid"]) == (4, "Red", "b-1")
    assert row["keywords"] == ["lake", "snow"]


def test_malformed_embedded_xmp_is_ignored():
    assert read(picture(xmp=XMP.replace(b"</rdf:RDF>", b"")))["rating"] is None


@pytest.mark.parametrize("container", ["PNG", "WEBP", "AVIF", "TIFF", "HEIF", "JXL"])
def test_exif_is_found_in_every_container(container):
    read(picture())  # registers the formats
    data = picture(container, exif=exif_bytes(main={0x0110: "M1"}))
    assert read(data, container.lower())["model"] == "M1"


def test_bytes_that_are_no_picture_give_a_row_of_nulls():
    assert set(read(b"nothing at all").values()) == {None}


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300))
def test_random_exif_never_crashes(noise):
    read(picture(exif=b"Exif\0\0" + noise))
    read(b"II*\0" + noise, "tiff")


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=12))
def test_damaged_exif_never_crashes(changes):
    gps = {1: "N", 2: (9.0, 0.0, 0.0), 3: "E", 4: (10.0, 0.0, 0.0)}
    sub = {0x9003: "2024:05:06 01:08:09", 0x829A: 0.5, 0x927C: b"Panasonic\0\0\0" + bytes(40)}
    data = bytearray(picture(exif=exif_bytes({0x010F: "Canon"}, sub, gps)))
    for place, value in changes:
        data[20 + place] = value
    read(bytes(data))


def test_a_sidecar_is_read():
    [row] = Sidecar().run(FakePhoto(XMP, "xmp"))["sidecars"]
    told = {name: value for name, value in row.items() if value is not None}
    assert told == {"rating": 4, "label": "Red", "keywords": ["lake", "snow"], "title": "Dawn"}


def test_a_broken_sidecar_is_a_failure_with_a_reason():
    with pytest.raises(PhotoError, match="no XMP") as caught:
        Sidecar().run(FakePhoto(XMP[:200], "xmp"))
    assert caught.value.stage == "sidecar"


def test_an_aae_gives_a_row_of_nulls():
    [row] = Sidecar().run(FakePhoto(b"<plist/>", "aae"))["sidecars"]
    assert set(row.values()) == {None}


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="../shared/photos is missing")
def test_the_samples_tell_their_cameras():
    photos = [path for path in sorted(SAMPLES.rglob("*")) if path.is_file() and format_of(path.name)]
    rows = [read(path.read_bytes(), format_of(path.name)) for path in photos]
    assert len(rows) > 90
    assert sum(row["model"] is not None for row in rows) >= 50
