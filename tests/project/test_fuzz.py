"""A short run of the fuzzer: every way to break a file, decoded and read in this process; and a few through a scan."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fuzz_seeds import XMP, seeds
from mutation_bombs import BOMBS, _laughs, hostile_xml
from mutations import MUTATIONS, Mutated, mutate
from photoidx import Config, Library
from photoidx.errors import PhotoError
from photoidx.indexer.media.decode import DecodedPhoto
from photoidx.records import Kind, format_of, kind_of
from photoidx.scoring.exif.sidecar import Sidecar
from photoidx.scoring.exif.stage import Exif
from photoidx.scoring.exif.xmp import parse_xmp
from pictures import age

SEED = 6
SOUND = seeds()


def broken(kind: str, count: int) -> list[Mutated]:
    """Return the first files that are broken in one way."""
    found: list[Mutated] = []
    number = 0
    while len(found) < count:
        made = mutate(SEED, number, SOUND)
        found += [made] * (made.kind == kind)
        number += 1
    return found


@pytest.mark.parametrize("name", [name for name in SOUND if not name.endswith((".xmp", ".aae"))])
def test_the_files_to_be_broken_are_sound(name: str):
    picture = DecodedPhoto(SOUND[name], format_of(name) or "", 10**7).image()
    assert max(picture.size) in {48, 96}


def test_the_same_seed_and_number_make_the_same_file():
    for number in range(30):
        assert mutate(SEED, number, SOUND) == mutate(SEED, number, SOUND)
    assert mutate(SEED, 1, SOUND) != mutate(SEED + 1, 1, SOUND)


@pytest.mark.parametrize("kind", [kind for kind in MUTATIONS if kind not in BOMBS])
def test_a_broken_file_is_a_picture_or_a_failure_of_one_line(kind: str):
    for made in broken(kind, 12):
        file_format = format_of(made.name) or ""
        photo = DecodedPhoto(made.data, file_format, 20_000_000)
        if kind_of(file_format) is Kind.SIDECAR:
            outcome = Sidecar().run
        else:
            assert set(Exif().run(photo)) == {"exif"}, made.name
            outcome = lambda photo: photo.image()  # noqa: E731
        why = ""
        try:
            outcome(photo)
        except PhotoError as error:
            why = str(error)
        assert "\n" not in why, made.name
        assert len(why) < 600, made.name


def state_of(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


def test_files_of_every_kind_end_as_rows_of_a_real_scan(tmp_path: Path):
    photos = tmp_path / "photos"
    photos.mkdir()
    made = [mutate(SEED, number, SOUND) for number in range(60)]
    for each in made:
        if each.kind not in BOMBS:
            (photos / each.name).write_bytes(each.data)
            age(photos / each.name, 3600)
    config = Config(workers=1, without=("faces", "sharpness", "technical"), max_pixels=20_000_000)
    library = Library(tmp_path / "library", config)
    before = state_of(photos)
    result = library.scan(photos)
    assert state_of(photos) == before
    names = set(before)
    assert (result.seen, result.new) == (len(names), len(names))
    rows = library.sql("SELECT path FROM files").to_pylist()
    assert {os.path.basename(row["path"]) for row in rows} == names
    shown = library.sql("SELECT path FROM photos JOIN thumbnails USING (content_id)").to_pylist()
    failed = library.sql("SELECT path FROM failures").to_pylist()
    ended = {os.path.basename(row["path"]) for row in (*shown, *failed)}
    assert {name for name in names - ended if not name.endswith((".xmp", ".aae"))} == set()
    assert len(shown) > 10
    assert len(failed) > 10


def test_a_billion_laughs_in_a_sidecar_is_a_failure_and_in_a_photo_is_ignored():
    with pytest.raises(PhotoError, match="no XMP"):
        Sidecar().run(DecodedPhoto(_laughs(10, 10), "xmp", 10**7))
    photo = DecodedPhoto(SOUND["plain.jpg"] + _laughs(10, 10), "jpeg", 10**7)
    assert Exif().run(photo)["exif"][0]["rating"] is None
    assert photo.image().size == (96, 64)


def test_an_xml_entity_reads_no_file_and_a_huge_sidecar_is_not_parsed(tmp_path: Path):
    secret = tmp_path / "secret"
    secret.write_text("the-secret")
    packet = f'<!DOCTYPE x [<!ENTITY f SYSTEM "{secret.as_uri()}">]><x>&f;</x>'.encode()
    with pytest.raises(PhotoError, match="no XMP") as raised:
        Sidecar().run(DecodedPhoto(packet, "xmp", 10**7))
    assert "the-secret" not in str(raised.value)
    with pytest.raises(PhotoError, match="are read at most"):
        Sidecar().run(DecodedPhoto(b"<x>" + b" " * (5 << 20) + b"</x>", "xmp", 10**7))


def test_holders_of_keywords_that_are_nested_by_the_thousand_are_read_once():
    packet = XMP.replace(b"<dc:subject>", b"<dc:subject>" * 50_000).replace(b"</dc:subject>", b"</dc:subject>" * 50_000)
    assert parse_xmp(packet).keywords == ("sea", "boat")


def test_every_hostile_text_is_answered():
    from random import Random

    for number in range(40):
        photo = DecodedPhoto(hostile_xml(Random(number)), "xmp", 10**7)
        try:
            found = Sidecar().run(photo)["sidecars"][0]
        except PhotoError:
            continue
        assert len(found["keywords"] or ()) <= 1000
        assert len(found["title"] or "") <= 2000
