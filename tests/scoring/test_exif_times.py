# ruff: noqa: DTZ001 - the table's times are naive
import io
import struct
import zlib
from dataclasses import dataclass
from datetime import date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from photoidx.scoring.exif.png import read_png
from photoidx.scoring.exif.stage import Exif
from photoidx.scoring.exif.written_time import parse_time

EXIF_IFD, GPS_IFD = 0x8769, 0x8825
SPACES = (
    "xmlns:exif='http://ns.adobe.com/exif/1.0/' xmlns:photoshop='http://ns.adobe.com/photoshop/1.0/' "
    "xmlns:xmp='http://ns.adobe.com/xap/1.0/'"
)


@dataclass
class FilePhoto:
    data: bytes
    format: str = "jpeg"
    content_id: str = ""

    def image(self, min_long_side=960):
        raise NotImplementedError


def xmp(attributes):
    return (
        "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"
        f"<rdf:Description {SPACES} {attributes}/></rdf:RDF></x:xmpmeta>"
    ).encode()


def exif(main=None, sub=None, gps=None):
    found = Image.Exif()
    found.update(main or {})
    found.get_ifd(EXIF_IFD).update(sub or {})
    found.get_ifd(GPS_IFD).update(gps or {})
    return found.tobytes()


def picture(container="JPEG", **saved):
    out = io.BytesIO()
    Image.new("RGB", (32, 16)).save(out, container, **saved)
    return out.getvalue()


def read(data, file_format="jpeg"):
    return Exif().run(FilePhoto(data, file_format))["exif"][0]


def iptc_jpeg(*sets):
    records = b"".join(b"\x1c\x02" + bytes([n]) + len(text).to_bytes(2, "big") + text for n, text in sets)
    block = b"8BIM\x04\x04\0\0" + len(records).to_bytes(4, "big") + records + b"\0" * (len(records) % 2)
    body = b"Photoshop 3.0\0" + block
    plain = picture()
    return plain[:2] + b"\xff\xed" + (len(body) + 2).to_bytes(2, "big") + body + plain[2:]


@pytest.mark.parametrize(
    ("written", "local", "offset"),
    [
        ("2024:05:06 07:08:09", "2024-05-06 07:08:09", None),
        ("2024:05:06 07:08:09.25", "2024-05-06 07:08:09.25", None),
        ("2023-07-21 21:06:26", "2023-07-21 21:06:26", None),
        ("2012/03/04 05:06:07", "2012-03-04 05:06:07", None),
        ("2018-01-20T11:46:00Z", "2018-01-20 11:46:00", 0),
        ("2018-01-20T11:46", "2018-01-20 11:46:00", None),
        ("2019:07:12 11:22:33+02:00", "2019-07-12 11:22:33", 120),
        ("2019:07:12 11:22:33-0530", "2019-07-12 11:22:33", -330),
        ("2017:05:16 1:48:24 pm", "2017-05-16 13:48:24", None),
        ("2017:05:16 1:48:24 AM", "2017-05-16 01:48:24", None),
        ("2017:05:16 12:00:01 a.m.", "2017-05-16 00:00:01", None),
        ("2017:05:16 12:00:01 p. m.", "2017-05-16 12:00:01", None),
        ("2017:05:16 下午1:48:24", "2017-05-16 13:48:24", None),
        ("2015:08:22 24:08:19", "2015-08-22 00:08:19", None),
    ],
)
def test_a_time_is_read_as_programs_write_it(written, local, offset):
    found = parse_time(written)
    assert (found.local, found.offset_min) == (datetime.fromisoformat(local), offset)
    assert (found.day, found.precision) == (found.local.date(), "second")


@pytest.mark.parametrize(
    ("written", "day", "precision"),
    [
        ("2012:03:04", date(2012, 3, 4), "day"),
        ("1987-06-05", date(1987, 6, 5), "day"),
        ("1987-06", date(1987, 6, 1), "month"),
        ("1987", date(1987, 1, 1), "year"),
        ("1987:00:00", date(1987, 1, 1), "year"),
        ("2012:03:04   :  :  ", date(2012, 3, 4), "day"),
    ],
)
def test_a_day_alone_is_a_day_with_its_precision(written, day, precision):
    found = parse_time(written)
    assert (found.day, found.precision, found.local) == (day, precision, None)


@pytest.mark.parametrize(
    "written",
    [
        *("0000:00:00 00:00:00", "    :  :     :  :  ", "05/16/2017 13:48:24", "2024:13:01 00:00:00"),
        *("2024:02:31 01:02:03", "2016:12:31 23:59:60", "2016:12:31 25:00:00", "1800:01:01 00:00:00", "soon", "", None),
    ],
)
def test_what_is_no_time_is_none(written):
    assert parse_time(written) is None


@given(st.text(st.sampled_from("0123456789:-/ TZ+.apm下午"), max_size=30), st.text(max_size=5) | st.none())
def test_any_text_is_a_time_or_none(written, sub_seconds):
    found = parse_time(written, sub_seconds)
    assert found is None or found.local is None or found.local.date() == found.day


ORIGINAL, DIGITISED = {0x9003: "2000:01:01 00:00:00"}, {0x9004: "2015:01:01 00:00:00"}
IN_XMP = datetime(1987, 6, 5, 12)


@pytest.mark.parametrize(
    ("data", "source", "local"),
    [
        (picture(exif=exif(sub=ORIGINAL), xmp=xmp("exif:DateTimeOriginal='1987-06-05T12:00:00'")), "exif", None),
        (picture(exif=exif(sub=DIGITISED), xmp=xmp("exif:DateTimeOriginal='1987-06-05T12:00:00'")), "xmp", IN_XMP),
        (picture(exif=exif(sub=DIGITISED), xmp=xmp("photoshop:DateCreated='1987-06-05T12:00:00'")), "xmp", IN_XMP),
        (picture(exif=exif(sub=DIGITISED), xmp=xmp("xmp:CreateDate='1987-06-05T12:00:00'")), "exif", None),
        (picture(xmp=xmp("xmp:CreateDate='1987-06-05T12:00:00'")), "xmp", IN_XMP),
        (picture(xmp=xmp("xmp:ModifyDate='1987-06-05T12:00:00'")), None, None),
        (iptc_jpeg((55, b"19870605"), (60, b"120000+0000")), "iptc", IN_XMP),
        (iptc_jpeg((62, b"19870605"), (63, b"120000")), "iptc", IN_XMP),
    ],
)
def test_the_time_of_the_shot_goes_before_that_of_digitising(data, source, local):
    row = read(data)
    assert row["taken_at_source"] == source
    if local is not None:
        assert row["taken_at"] == local


@pytest.mark.parametrize(
    ("sets", "day", "precision"),
    [
        ([(55, b"19870605")], date(1987, 6, 5), "day"),
        ([(55, b"19870600")], date(1987, 6, 1), "month"),
        ([(55, b"19870000")], date(1987, 1, 1), "year"),
        ([(55, b"00000000")], None, None),
    ],
)
def test_iptc_writes_zeros_for_what_is_not_known(sets, day, precision):
    row = read(iptc_jpeg(*sets))
    assert (row["taken_on"], row["taken_on_precision"], row["taken_at"]) == (day, precision, None)


def chunk(kind, body):
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")


def png(*before, after=b""):
    plain = picture("PNG")
    return plain[:33] + b"".join(before) + plain[33:-12] + after + plain[-12:]


def profile(kind, body):
    digits = body.hex().encode()
    lines = b"\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
    return b"\n" + kind + b"\n%8d\n" % len(body) + lines + b"\n"


BLOCK = exif(main={0x010F: "Canon", 0x0110: "EOS"}, sub={0x9003: "2011:02:03 04:05:06"})


@pytest.mark.parametrize(
    "data",
    [
        png(chunk(b"eXIf", BLOCK[6:])),
        png(chunk(b"eXIf", BLOCK)),
        png(after=chunk(b"eXIf", BLOCK[6:])),
        png(chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(profile(b"exif", BLOCK)))),
        png(chunk(b"zTXt", b"Raw profile type APP1\0\0" + zlib.compress(profile(b"generic", BLOCK)))),
        png(chunk(b"tEXt", b"Raw profile type exif\0" + profile(b"exif", BLOCK[6:]))),
        png(chunk(b"iTXt", b"Raw profile type exif\0\1\0\0\0" + zlib.compress(profile(b"exif", BLOCK)))),
    ],
)
def test_exif_is_found_in_every_spelling_of_png(data):
    row = read(data, "png")
    assert (row["make"], row["model"], row["taken_at"]) == ("Canon", "EOS", datetime(2011, 2, 3, 4, 5, 6))
    assert (row["width"], row["height"]) == (32, 16)


@pytest.mark.parametrize("written", [b"2011:02:03 04:05:06", b"2011-02-03T04:05:06", b"Thu, 03 Feb 2011 04:05:06 GMT"])
def test_png_s_own_time_of_creation_counts_and_that_of_change_does_not(written):
    row = read(png(chunk(b"tEXt", b"Creation Time\0" + written)), "png")
    assert (row["taken_at"], row["taken_at_source"]) == (datetime(2011, 2, 3, 4, 5, 6), "png")
    assert read(png(chunk(b"tIME", b"\x07\xdb\2\3\4\5\6")), "png")["taken_at"] is None


def test_a_text_that_unpacks_to_gigabytes_is_not_unpacked():
    bomb = zlib.compress(b"0" * (64 << 20))
    assert len(read_png(png(chunk(b"zTXt", b"XML:com.adobe.xmp\0\0" + bomb))).xmp or b"") <= 16 << 20


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_chunk_of_png_is_survived(noise):
    read_png(png(chunk(b"zTXt", noise), chunk(b"iTXt", b"Raw profile type exif\0" + noise), chunk(b"eXIf", noise)))


def test_a_jpeg_with_a_raw_s_name_is_read_by_its_bytes():
    row = read(
        picture(exif=exif(main={0x0110: "M1"}, gps={1: "N", 2: (47.0, 30.0, 0.0), 3: "E", 4: (8.0, 0.0, 0.0)})), "cr3"
    )
    assert (row["model"], row["gps_lat"], row["width"]) == ("M1", 47.5, 32)


def box(kind, body):
    return (len(body) + 8).to_bytes(4, "big") + kind + body


def test_a_cr3_has_its_place_and_its_note_in_boxes_of_their_own():
    def directory(**parts):
        return exif(**parts)[6:]

    def moved(directory_of, tag):
        """Return a TIFF block whose first directory is the one that a tag points to."""
        block = bytearray(directory_of)
        at, order = 8, ">" if block[:2] == b"MM" else "<"
        byteorder = "big" if order == ">" else "little"
        for entry in range(int.from_bytes(block[at : at + 2], byteorder)):
            start = at + 2 + 12 * entry
            if int.from_bytes(block[start : start + 2], byteorder) == tag:
                block[4:8] = block[start + 8 : start + 12]
        return bytes(block)

    gps = {1: "N", 2: (47.0, 30.0, 0.0), 3: "E", 4: (8.0, 15.0, 0.0), 5: b"\0", 6: 430.0}
    parts = [
        box(b"CMT1", directory(main={0x010F: "Canon", 0x0110: "EOS M50"})),
        box(b"CMT2", moved(directory(sub={0x9003: "2018:02:21 12:08:56", 0x829D: 3.5}), EXIF_IFD)),
        box(b"CMT4", moved(directory(gps=gps), GPS_IFD)),
    ]
    row = read(box(b"ftyp", b"crx \0\0\0\1crx isom") + box(b"moov", b"".join(parts)), "cr3")
    assert (row["model"], row["taken_at"]) == ("EOS M50", datetime(2018, 2, 21, 12, 8, 56))
    assert (row["gps_lat"], row["gps_lon"], row["gps_alt_m"]) == (47.5, 8.25, 430.0)


def test_a_tiff_whose_first_page_is_a_reduced_one_has_the_size_of_its_picture():
    out = io.BytesIO()
    small, large = Image.new("RGB", (16, 8)), Image.new("RGB", (64, 32))
    small.save(out, "TIFF", save_all=True, append_images=[large], tiffinfo={254: 1})
    data = bytearray(out.getvalue())
    # Pillow marks every page alike: the second is the picture.
    second = data.rfind(b"\xfe\x00\x04\x00\x01\x00\x00\x00\x01")
    data[second + 8] = 0
    row = read(bytes(data), "tiff")
    assert (row["width"], row["height"]) == (64, 32)


@pytest.mark.parametrize(("reference", "metres"), [(0, 430.5), (1, -430.5), (2, 430.5), (3, -430.5)])
def test_a_height_is_above_or_below_as_its_reference_says(reference, metres):
    assert read(picture(exif=exif(gps={5: bytes([reference]), 6: 430.5})))["gps_alt_m"] == metres


@pytest.mark.parametrize(
    ("attributes", "place"),
    [
        ("exif:GPSLatitude='47,30.5N' exif:GPSLongitude='8,15.25E'", (47 + 30.5 / 60, 8 + 15.25 / 60, None)),
        ("exif:GPSLatitude='33,51,36S' exif:GPSLongitude='70,30,0W'", (-33.86, -70.5, None)),
        ("exif:GPSLatitude='-33.86' exif:GPSLongitude='70.5'", (-33.86, 70.5, None)),
        ("exif:GPSLatitude='47,30N' exif:GPSLongitude='8,0E' exif:GPSAltitude='861/2' exif:GPSAltitudeRef='1'",
         (47.5, 8, -430.5)),
        ("exif:GPSLatitude='47,30N'", (None, None, None)),
        ("exif:GPSLatitude='0,0N' exif:GPSLongitude='0,0E'", (None, None, None)),
        ("exif:GPSLatitude='97,30N' exif:GPSLongitude='8,0E'", (None, None, None)),
        ("exif:GPSLatitude='47,30E' exif:GPSLongitude='8,0N'", (None, None, None)),
    ],
)  # fmt: skip
def test_a_place_in_xmp_is_read(attributes, place):
    row = read(picture(xmp=xmp(attributes)))
    assert (row["gps_lat"], row["gps_lon"], row["gps_alt_m"]) == tuple(
        None if part is None else pytest.approx(part) for part in place
    )


def heap(*entries):
    """Return a heap of a CRW: contents, a directory, and where it stands."""
    bodies, directory = b"", b""
    for tag, body in entries:
        if tag & 0x4000:
            directory += struct.pack("<H", tag) + body.ljust(8, b"\0")
        else:
            directory += struct.pack("<HII", tag, len(body), len(bodies))
            bodies += body
    return bodies + struct.pack("<H", len(entries)) + directory + struct.pack("<I", len(bodies))


def test_a_crw_tells_its_camera_and_its_time():
    inner = heap((0x080A, b"Canon\0Canon EOS D30\0"))
    data = b"II" + struct.pack("<I", 14) + b"HEAPCCDR" + heap((0x2807, inner), (0x580E, struct.pack("<I", 1514811812)))
    row = read(data, "crw")
    assert (row["make"], row["model"], row["taken_at"]) == ("Canon", "Canon EOS D30", datetime(2018, 1, 1, 13, 3, 32))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=120))
def test_any_crw_is_survived(noise):
    read(b"II\x0e\0\0\0HEAPCCDR" + noise, "crw")
