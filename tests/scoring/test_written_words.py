import io
import json
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from photoidx.errors import PhotoError
from photoidx.scoring.exif.iptc import parse_iptc
from photoidx.scoring.exif.sidecar import Sidecar
from photoidx.scoring.exif.stage import Exif
from photoidx.scoring.exif.verdicts import stars_of_percent
from photoidx.scoring.exif.xmp import XmpError, parse_xmp

SPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "MicrosoftPhoto": "http://ns.microsoft.com/photo/1.0/",
    "MP": "http://ns.microsoft.com/photo/1.2/",
    "MPRI": "http://ns.microsoft.com/photo/1.2/t/RegionInfo#",
    "MPReg": "http://ns.microsoft.com/photo/1.2/t/Region#",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "darktable": "http://darktable.sf.net/",
    "Iptc4xmpCore": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
}


def xmp(attributes="", body=""):
    spaces = " ".join(f"xmlns:{name}='{space}'" for name, space in SPACES.items())
    return (
        "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"
        f"<rdf:Description {spaces} {attributes}>{body}</rdf:Description></rdf:RDF></x:xmpmeta>"
    )


def items(name, *values, kind="Bag"):
    return f"<{name}><rdf:{kind}>{''.join(f'<rdf:li>{each}</rdf:li>' for each in values)}</rdf:{kind}></{name}>"


@dataclass
class FilePhoto:
    data: bytes
    format: str = "jpeg"
    content_id: str = ""

    def image(self, min_long_side=960):
        raise NotImplementedError


def sidecar(data, file_format="xmp"):
    [row] = Sidecar().run(FilePhoto(data if isinstance(data, bytes) else data.encode(), file_format))["sidecars"]
    return row


def photo(**saved):
    out = io.BytesIO()
    Image.new("RGB", (32, 16)).save(out, "JPEG", **saved)
    return Exif().run(FilePhoto(out.getvalue()))["exif"][0]


REGION = (
    "<mwg-rs:Regions rdf:parseType='Resource'><mwg-rs:RegionList><rdf:Bag>"
    "<rdf:li><rdf:Description mwg-rs:Name='Ann' mwg-rs:Type='Face'/></rdf:li>"
    "<rdf:li rdf:parseType='Resource'><mwg-rs:Name>Rex</mwg-rs:Name><mwg-rs:Type>Pet</mwg-rs:Type></rdf:li>"
    "</rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>"
)
MICROSOFT_REGION = (
    "<MP:RegionInfo><rdf:Description><MPRI:Regions><rdf:Bag>"
    "<rdf:li MPReg:PersonDisplayName='Ann' MPReg:Rectangle='0.1,0.1,0.2,0.2'/></rdf:Bag></MPRI:Regions>"
    "</rdf:Description></MP:RegionInfo>"
)


IMAGE_REGION = (
    "<Iptc4xmpExt:ImageRegion><rdf:Bag><rdf:li rdf:parseType='Resource'>"
    f"{items('Iptc4xmpExt:PersonInImage', 'Ann')}</rdf:li></rdf:Bag></Iptc4xmpExt:ImageRegion>"
)
SHOWN = (
    "<Iptc4xmpExt:LocationShown><rdf:Bag><rdf:li rdf:parseType='Resource'><Iptc4xmpExt:City>Porto"
    "</Iptc4xmpExt:City></rdf:li></rdf:Bag></Iptc4xmpExt:LocationShown>"
)


@pytest.mark.parametrize(
    ("body", "column", "value"),
    [
        (items("dc:subject", "lake", "snow"), "keywords", ["lake", "snow"]),
        (items("lr:hierarchicalSubject", "Animals|zebra"), "keywords", ["zebra"]),
        (items("lr:hierarchicalSubject", "Animals|zebra"), "keyword_paths", ["Animals|zebra"]),
        (items("digiKam:TagsList", "Animals/zebra", kind="Seq"), "keyword_paths", ["Animals|zebra"]),
        (items("MicrosoftPhoto:LastKeywordXMP", "zebra"), "keywords", ["zebra"]),
        (items("lr:hierarchicalSubject", "darktable|exported"), "keywords", None),
        (items("Iptc4xmpExt:PersonInImage", "Ann"), "people", ["Ann"]),
        (REGION, "people", ["Ann"]),
        (REGION, "keywords", ["Rex"]),
        (MICROSOFT_REGION, "people", ["Ann"]),
        (IMAGE_REGION, "people", ["Ann"]),
        (items("photoshop:SupplementalCategories", "zebra"), "keywords", ["zebra"]),
        (items("dc:title", "Dawn", kind="Alt"), "title", "Dawn"),
        (items("dc:description", "At the lake", kind="Alt"), "caption", "At the lake"),
        ("<photoshop:Headline>News</photoshop:Headline>", "title", "News"),
        ("<photoshop:City>Lisbon</photoshop:City>", "city", "Lisbon"),
        ("<photoshop:State>Lisboa</photoshop:State>", "region", "Lisboa"),
        ("<photoshop:Country>Portugal</photoshop:Country>", "country", "Portugal"),
        ("<Iptc4xmpCore:Location>Alfama</Iptc4xmpCore:Location>", "location", "Alfama"),
        (
            SHOWN,
            "city",
            "Porto",
        ),
    ],
)
def test_words_are_read_from_the_fields_of_every_program(body, column, value):
    assert sidecar(xmp(body=body))[column] == value


@pytest.mark.parametrize(
    ("attributes", "body", "rating", "label", "pick"),
    [
        ("xmp:Rating='4' xmp:Label='Red'", "", 4, "Red", None),
        ("xmp:Rating='-1'", "", -1, None, None),
        ("xmp:Rating='6'", "", None, None, None),
        ("xmp:Rating='0'", "", 0, None, None),
        ("xmp:Label='Rot'", "", None, "Red", None),
        ("xmp:Label='Jaune'", "", None, "Yellow", None),
        ("xmp:Label='紫'", "", None, "Purple", None),
        ("xmp:Label='To print'", "", None, "To print", None),
        ("", items("darktable:colorlabels", "3", "0", kind="Seq"), None, "Red", None),
        ("", items("darktable:colorlabels", "4", kind="Seq"), None, "Purple", None),
        ("digiKam:ColorLabel='3'", "", None, "Yellow", None),
        ("digiKam:ColorLabel='0' digiKam:PickLabel='0'", "", None, None, None),
        ("digiKam:PickLabel='1'", "", -1, None, "rejected"),
        ("digiKam:PickLabel='1' MicrosoftPhoto:Rating='75'", "", 4, None, "rejected"),
        ("digiKam:PickLabel='3' xmp:Rating='2'", "", 2, None, "accepted"),
        ("MicrosoftPhoto:Rating='99'", "", 5, None, None),
    ],
)
def test_verdicts_of_every_program_are_on_one_scale(attributes, body, rating, label, pick):
    row = sidecar(xmp(attributes, body))
    assert (row["rating"], row["label"], row["pick"]) == (rating, label, pick)


@pytest.mark.parametrize(
    ("percent", "stars"), [(0, 0), (1, 1), (25, 2), (50, 3), (75, 4), (99, 5), (100, 5), (-3, None)]
)
def test_windows_percent_are_stars(percent, stars):
    assert stars_of_percent(percent) == stars


def windows(text):
    return (text + "\0").encode("utf-16-le")


@pytest.mark.parametrize(
    ("tag", "value", "column", "told"),
    [
        (0x9C9E, windows("zebra;lagoon"), "keywords", ["zebra", "lagoon"]),
        (0x9C9E, windows(";".join(f"word{n}" for n in range(200))), "keywords", [f"word{n}" for n in range(200)]),
        (0x9C9B, windows("My lagoon"), "title", "My lagoon"),
        (0x9C9C, windows("seen at dusk"), "caption", "seen at dusk"),
        (0x010E, "zebra at noon", "caption", "zebra at noon"),
        (0x010E, "OLYMPUS DIGITAL CAMERA", "caption", None),
        (0x4746, 3, "rating", 3),
    ],
)
def test_exif_s_and_windows_own_fields_are_read(tag, value, column, told):
    exif = Image.Exif()
    exif[tag] = value
    assert photo(exif=exif)[column] == told


@pytest.mark.parametrize(
    "comment",
    [
        b"ASCII\0\0\0zebra crossing",
        b"UNICODE\0" + "zebra crossing".encode("utf-16-le"),
        b"UNICODE\0" + "zebra crossing".encode("utf-16-be"),
        b"UNICODE\0" + "zebra crossing".encode("utf-16"),
        b"\0" * 8 + b"zebra crossing",
    ],
)
def test_a_user_comment_is_read_in_each_of_its_codes(comment):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = comment
    assert photo(exif=exif)["caption"] == "zebra crossing"


def records(*sets):
    return b"".join(bytes([0x1C, r, n]) + len(text).to_bytes(2, "big") + text for r, n, text in sets)


@pytest.mark.parametrize("code", ["utf-8", "latin-1"])
def test_iptc_is_read_in_its_code(code):
    head = [(1, 90, b"\x1b%G")] if code == "utf-8" else []
    found = parse_iptc(
        records(*head, (2, 25, "Übersee".encode(code)), (2, 120, "Am See".encode(code)), (2, 90, b"Ulm"))
    )
    assert (found.keywords, found.caption, found.city) == (("Übersee",), "Am See", "Ulm")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_block_of_iptc_is_survived(noise):
    parse_iptc(noise)
    parse_iptc(b"8BIM" + noise)
    parse_iptc(b"\x1c\x02" + noise)


@pytest.mark.parametrize("code", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("head", ["", "<?xml version='1.0' encoding='UTF-8'?>\n", "<?xpacket begin='\ufeff'?>"])
def test_a_sidecar_may_be_in_any_unicode(code, head):
    written = head + xmp("xmp:Rating='4'", items("dc:subject", "旅行"))
    row = sidecar(written.encode(code))
    assert (row["rating"], row["keywords"]) == (4, ["旅行"])


def test_what_the_packet_says_of_other_documents_does_not_count():
    pantry = "<xmpMM:Pantry><rdf:Bag><rdf:li><rdf:Description xmp:Rating='1'/></rdf:li></rdf:Bag></xmpMM:Pantry>"
    assert sidecar(xmp("", pantry))["rating"] is None


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_xmp_or_an_error(noise):
    for packet in (noise, b"<x:xmpmeta>" + noise, b"\xff\xfe" + noise):
        try:
            parse_xmp(packet)
        except XmpError:
            continue


TAKEOUT = {
    "title": "IMG_1.jpg",
    "description": "midnight sun",
    "photoTakenTime": {"timestamp": "1563764798"},
    "geoData": {"latitude": 0.0, "longitude": 0.0, "altitude": 0.0},
    "geoDataExif": {"latitude": 64.8, "longitude": -147.7, "altitude": 130.0},
    "people": [{"name": "Ann Lee"}, {"name": "Ann Lee"}, {}],
    "favorited": True,
}


def test_takeout_s_json_tells_time_place_words_and_people():
    row = sidecar(json.dumps(TAKEOUT), "takeout")
    assert (str(row["taken_at"]), row["utc_offset_min"]) == ("2019-07-22 03:06:38", 0)
    assert (row["gps_lat"], row["gps_lon"], row["gps_alt_m"]) == (64.8, -147.7, 130.0)
    assert (row["caption"], row["people"], row["is_favourite"]) == ("midnight sun", ["Ann Lee"], True)


@pytest.mark.parametrize(
    ("told", "taken"),
    [
        ("-86400", "1969-12-31 00:00:00"),
        ("0", None),
        ("", None),
        (None, None),
        ("1e9", None),
        ("9" * 30, None),
        (True, None),
    ],
)
def test_a_time_of_takeout_is_one_or_none(told, taken):
    row = sidecar(json.dumps(TAKEOUT | {"photoTakenTime": {"timestamp": told}}), "takeout")
    assert (row["taken_at"] and str(row["taken_at"])) == taken


@pytest.mark.parametrize("told", [[], 3, {"a": 1}, {"photoTakenTime": [], "geoData": 1, "people": "x"}])
def test_json_of_another_kind_says_nothing(told):
    assert set(sidecar(json.dumps(told), "takeout").values()) == {None}


def test_broken_json_is_a_failure_with_a_reason():
    with pytest.raises(PhotoError, match="no JSON"):
        sidecar("{", "takeout")
