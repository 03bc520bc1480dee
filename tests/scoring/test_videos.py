# ruff: noqa: DTZ001 - the table's times are naive
import io
import struct
from dataclasses import dataclass
from datetime import datetime

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photoidx.scoring.videos.containers import read_video
from photoidx.scoring.videos.head import video_head
from photoidx.scoring.videos.stage import Videos

MADE = int((datetime(2019, 7, 21, 10, 11, 12) - datetime(1904, 1, 1)).total_seconds())


@dataclass
class FilePhoto:
    data: bytes
    format: str = "mp4"
    content_id: str = ""


def box(kind, body):
    return (len(body) + 8).to_bytes(4, "big") + kind + body


def movie(made=MADE, scale=600, length=1500):
    return box(b"mvhd", struct.pack(">IIIII", 0, made, made, scale, length))


def apple(**texts):
    keys = b"".join(
        struct.pack(">I4s", len(name) + 28, b"mdta") + f"com.apple.quicktime.{name}".encode() for name in texts
    )
    values = b"".join(
        box(struct.pack(">I", at), box(b"data", b"\0\0\0\1\0\0\0\0" + text.encode()))
        for at, text in enumerate(texts.values(), 1)
    )
    hdlr = box(b"hdlr", bytes(8) + b"mdta" + bytes(13))
    return box(b"meta", hdlr + box(b"keys", struct.pack(">II", 0, len(texts)) + keys) + box(b"ilst", values))


def film(*parts, mdat=b"frames"):
    return box(b"ftyp", b"qt  ") + box(b"mdat", mdat) + box(b"moov", b"".join(parts))


def row(data):
    head = video_head(io.BytesIO(data), len(data))
    return Videos().run(FilePhoto(head))["video_facts"][0]


def test_a_movie_has_a_duration_and_the_time_of_its_header_in_utc():
    found = row(film(movie()))
    assert found["duration_s"] == 2.5
    assert found["taken_at"] == found["taken_at_utc"] == datetime(2019, 7, 21, 10, 11, 12)
    assert found["utc_offset_min"] == 0


def test_apple_s_local_time_and_place_go_before_the_header_s():
    keys = {"creationdate": "2019-07-21T12:11:12+0200", "make": "Apple", "location.ISO6709": "+47.5000+008.2500+430.0/"}
    found = row(film(movie(), apple(**keys)))
    assert (found["taken_at"], found["utc_offset_min"]) == (datetime(2019, 7, 21, 12, 11, 12), 120)
    assert found["taken_at_utc"] == datetime(2019, 7, 21, 10, 11, 12)
    assert (found["gps_lat"], found["gps_lon"], found["gps_alt_m"], found["make"]) == (47.5, 8.25, 430.0, "Apple")


def test_android_s_place_is_read():
    written = b"+47.5000+008.2500/"
    user = box(b"udta", box(b"\xa9xyz", struct.pack(">HH", len(written), 0x15C7) + written))
    assert (row(film(movie(), user))["gps_lat"], row(film(movie(), user))["gps_lon"]) == (47.5, 8.25)


@pytest.mark.parametrize("made", [0, 1, 0xFFFFFFFF])
def test_a_clock_that_was_never_set_tells_no_time(made):
    assert row(film(movie(made=made)))["taken_at"] is None


@pytest.mark.parametrize(("scale", "length"), [(0, 10), (600, 0xFFFFFFFF)])
def test_a_length_that_is_not_known_is_null(scale, length):
    assert row(film(movie(scale=scale, length=length)))["duration_s"] is None


@pytest.mark.parametrize(("suffix", "code"), [("mp4", "mp4v"), ("mov", "mp4v"), ("avi", "MJPG")])
def test_a_real_film_is_as_long_as_it_was_made(tmp_path, suffix, code):
    path = str(tmp_path / f"film.{suffix}")
    writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*code), 10, (64, 48))
    assert writer.isOpened()
    for shade in range(25):
        writer.write(np.full((48, 64, 3), shade, np.uint8))
    writer.release()
    with open(path, "rb") as file:
        found = row(file.read())
    assert (found["duration_s"], found["width"], found["height"]) == (pytest.approx(2.5), 64, 48)


def test_an_avi_tells_when_it_was_filmed():
    date = b"SUN JUL 21 23:06:38 2019\n\0"
    body = b"avih" + struct.pack("<I", 56) + struct.pack("<14I", 100_000, 0, 0, 0, 25, 0, 1, 0, 64, 48, 0, 0, 0, 0)
    found = row(b"RIFF\0\0\0\0AVI LIST\0\0\0\0hdrl" + body + b"IDIT" + struct.pack("<I", len(date)) + date)
    assert (found["duration_s"], found["taken_at"]) == (2.5, datetime(2019, 7, 21, 23, 6, 38))


def test_matroska_tells_its_length_and_its_time_in_utc():
    nanoseconds = int((datetime(2019, 7, 21, 10, 11, 12) - datetime(2001, 1, 1)).total_seconds()) * 10**9
    info = b"\x2a\xd7\xb1\x83\x0f\x42\x40" + b"\x44\x89\x88" + struct.pack(">d", 2500.0)
    info += b"\x44\x61\x88" + nanoseconds.to_bytes(8, "big", signed=True)
    found = row(
        b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff\x15\x49\xa9\x66"
        + bytes([0x80 | len(info)])
        + info
    )
    assert (found["duration_s"], found["taken_at_utc"]) == (2.5, datetime(2019, 7, 21, 10, 11, 12))


def test_the_frames_of_a_film_are_not_held():
    data = film(movie(), mdat=bytes(5 << 20))
    assert len(video_head(io.BytesIO(data), len(data))) < 1000
    assert row(data)["duration_s"] == 2.5


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"RIFF\0\0\0\0AVI ", b"\x1a\x45\xdf\xa3\x15\x49\xa9\x66", b"\0\0\0\x08ftyp"]),
)
def test_any_bytes_are_survived(noise, start):
    data = start + noise
    read_video(video_head(io.BytesIO(data), len(data)))
    read_video(film(noise))
