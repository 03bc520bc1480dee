"""`export xmp`: what is written where, what is left, and that it can be taken back, with real files and tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from export_album import Album, state
from photoidx.errors import ExportError
from photoidx.export.journal import pasts
from photoidx.export.sidecars import Result, SidecarOptions
from photoidx.export.xmp.fields import Fields, read_fields
from photoidx.export.xmp.packet import Packet


@pytest.fixture
def album(tmp_path: Path) -> Album:
    return Album(tmp_path)


def export(album: Album, *, dry_run: bool = False, **options: Any) -> tuple[Result, list[dict[str, Any]]]:
    rows: list[dict[str, Any]] = []
    done = album.library.export_xmp(
        SidecarOptions(**options), dry_run=dry_run, on_plan=lambda plan: rows.extend(plan.rows())
    )
    return done, rows


def told(path: Path) -> Fields:
    return read_fields(Packet.read(path.read_bytes()))


def names(album: Album) -> set[str]:
    return {path.name for path in album.folder.rglob("*") if path.suffix.lower() == ".xmp"}


def test_a_reject_and_a_pick_get_sidecars_and_others_none(album: Album):
    one, two, _three = (album.add(f"IMG_{number}.jpg") for number in range(3))
    album.decide("reject", one)
    album.decide("keep", two)
    done, rows = export(album)
    assert (done.written, done.made, done.failed) == (2, 2, 0)
    assert told(album.folder / "IMG_0.xmp") == Fields(pick=-1, rating=-1)
    assert told(album.folder / "IMG_1.xmp") == Fields(pick=1)
    assert names(album) == {"IMG_0.xmp", "IMG_1.xmp"}
    assert [(row["field"], row["before"], row["after"]) for row in rows] == [
        ("pick", None, -1),
        ("rating", None, -1),
        ("pick", None, 1),
    ]


def test_a_dry_run_tells_the_same_and_writes_nothing(album: Album):
    album.decide("reject", album.add("IMG_1.jpg"))
    before = state(album.folder)
    _, rows = export(album, dry_run=True)
    assert state(album.folder) == before
    assert not (album.uri / "exports").exists()
    assert export(album)[1] == rows


def test_exporting_again_changes_nothing(album: Album):
    album.decide("reject", album.add("IMG_1.jpg", rating=4, keywords=["sea"], label="Red"))
    album.decide("keep", album.add("IMG_2.jpg"))
    export(album, words=("photoidx",))
    before = state(album.folder)
    done, rows = export(album, words=("photoidx",))
    assert (done.written, rows) == (0, [])
    assert state(album.folder) == before
    assert len(pasts(album.store)) == 1


@pytest.mark.parametrize(
    ("naming", "there", "expected"),
    [
        ("adobe", [], {"IMG_1.xmp"}),
        ("darktable", [], {"IMG_1.CR3.xmp", "IMG_1.JPG.xmp"}),
        ("as-found", [], {"IMG_1.xmp"}),
        ("as-found", ["IMG_1.xmp"], {"IMG_1.xmp"}),
        ("as-found", ["img_1.XMP"], {"img_1.XMP"}),
        ("as-found", ["IMG_1.CR3.xmp"], {"IMG_1.CR3.xmp", "IMG_1.JPG.xmp"}),
        ("as-found", ["IMG_1_01.CR3.xmp"], {"IMG_1_01.CR3.xmp", "IMG_1.CR3.xmp", "IMG_1.JPG.xmp"}),
        ("adobe", ["IMG_1.CR3.xmp"], {"IMG_1.CR3.xmp", "IMG_1.xmp"}),
        ("darktable", ["IMG_1.xmp"], {"IMG_1.xmp", "IMG_1.CR3.xmp", "IMG_1.JPG.xmp"}),
    ],
)
def test_raw_and_jpeg_of_one_press_get_what_the_program_looks_for(
    album: Album, naming: str, there: list[str], expected: set[str]
):
    raw = album.add("IMG_1.CR3", shot="one")
    album.add("IMG_1.JPG", shot="one")
    for name in there:
        album.sidecar(name)
    album.decide("reject", raw)
    export(album, naming=naming)
    assert names(album) == expected
    for name in expected - (set(there) if naming != "as-found" or "_01" in str(there) else set()):
        assert told(album.folder / name).rating == -1


def test_a_name_that_would_speak_for_two_photos_is_not_used(album: Album):
    one = album.add("1.jpg")
    album.add("1.png")
    album.decide("reject", one)
    export(album, naming="adobe")
    assert names(album) == {"1.jpg.xmp"}


def test_what_a_sidecar_holds_stays_to_the_letter(album: Album):
    album.decide("keep", album.add("IMG_1.CR3"))
    path = album.sidecar("IMG_1.xmp", 'xmp:Rating="3"')
    before = path.read_text()
    export(album)
    after = path.read_text()
    added = ' xmlns:xmpDM="http://ns.adobe.com/xmp/1.0/DynamicMedia/" xmpDM:pick="1"'
    added += ' xmlns:digiKam="http://www.digikam.org/ns/1.0/" digiKam:PickLabel="3"'
    assert after.replace(added, "") == before


@pytest.mark.parametrize(
    ("policy", "age_s", "rating"),
    [("name", 3600, 4), ("newer", 3600, -1), ("newer", -3600, 4), ("ours", -3600, -1)],
)
def test_a_conflict_is_named_and_the_newer_wins_only_when_told(album: Album, policy: str, age_s: float, rating: int):
    photo = album.add("IMG_1.jpg")
    path = album.sidecar("IMG_1.xmp", 'xmp:Rating="4"', age_s)
    album.decide("reject", photo)
    done, rows = export(album, policy=policy)
    assert told(path).rating == rating
    notes = [row["note"] for row in rows if row["field"] == "rating"]
    assert notes == (["conflict: you decided -1; it stays as it is"] if rating == 4 else [""])
    assert done.conflicts == (rating == 4)
    assert export(album, policy=policy)[0].written == 0


def test_a_photo_that_is_kept_and_rejected_elsewhere_is_a_conflict(album: Album):
    photo = album.add("IMG_1.jpg")
    path = album.sidecar("IMG_1.xmp", 'xmp:Rating="-1"', 10)
    album.decide("keep", photo)
    assert export(album)[0].conflicts == 1
    assert told(path).rating == -1
    export(album, policy="ours")
    assert told(path) == Fields(pick=1, rating=0)


def test_a_decision_that_is_taken_back_takes_back_what_was_written(album: Album):
    photo = album.add("IMG_1.jpg")
    path = album.sidecar("IMG_1.xmp", 'xmp:Rating="4"', 10)
    album.decide("reject", photo)
    export(album, policy="ours")
    assert told(path) == Fields(pick=-1, rating=-1)
    album.library.undo()
    export(album)
    assert told(path) == Fields(rating=4)
    assert export(album)[0].written == 0


def test_what_others_write_after_us_is_not_overwritten(album: Album):
    photo = album.add("IMG_1.jpg", rating=2)
    album.decide("keep", photo)
    export(album)
    path = album.folder / "IMG_1.xmp"
    assert told(path) == Fields(pick=1, rating=2)
    path.write_text(path.read_text().replace('xmp:Rating="2"', 'xmp:Rating="5"'))
    export(album)
    assert told(path).rating == 5
    album.library.undo_export()
    assert told(path) == Fields(rating=5)


def test_a_new_sidecar_repeats_what_the_photo_says_and_an_old_one_does_not(album: Album):
    one = album.add("IMG_1.CR3", rating=3, label="Blue", keywords=["sea", "sand"])
    two = album.add("IMG_2.CR3", rating=3, label="Blue", keywords=["sea"])
    album.sidecar("IMG_2.xmp")
    album.decide("keep", one, two)
    export(album)
    assert told(album.folder / "IMG_1.xmp") == Fields(1, 3, "Blue", ("sea", "sand"))
    assert told(album.folder / "IMG_2.xmp") == Fields(1)


def test_what_one_naming_says_is_carried_to_the_other(album: Album):
    album.add("IMG_1.CR3")
    album.sidecar("IMG_1.xmp", 'xmp:Rating="4" xmp:Label="Green"')
    export(album, naming="darktable")
    assert told(album.folder / "IMG_1.CR3.xmp") == Fields(rating=4, label="Green")


def test_fields_can_be_chosen_and_picks_marked_for_programs_without_flags(album: Album):
    photo = album.add("IMG_1.jpg", keywords=["sea"])
    album.decide("keep", photo)
    export(album, fields=("picks", "ratings", "labels"), pick_rating=5, pick_label="Green")
    assert told(album.folder / "IMG_1.xmp") == Fields(1, 5, "Green")


def test_keywords_with_levels_are_written_for_each_program(album: Album):
    album.add("IMG_1.jpg")
    export(album, words=("Albums|Lisbon",))
    text = (album.folder / "IMG_1.xmp").read_text()
    for part in (
        '<dc:subject xmlns:dc="http://purl.org/dc/elements/1.1/"><rdf:Bag><rdf:li>Lisbon</rdf:li>',
        "<rdf:li>Albums|Lisbon</rdf:li>",
        "<rdf:li>Albums/Lisbon</rdf:li>",
    ):
        assert part in text


def test_a_list_with_levels_has_the_keywords_of_others_too_for_who_reads_no_other(album: Album):
    album.add("IMG_1.jpg")
    path = album.sidecar("IMG_1.xmp")
    subject = (
        "<dc:subject xmlns:dc='http://purl.org/dc/elements/1.1/'><rdf:Bag><rdf:li>sea</rdf:li></rdf:Bag></dc:subject>"
    )
    path.write_text(path.read_text().replace('"kept"/>', f'"kept">{subject}</rdf:Description>'))
    export(album, words=("Albums|Lisbon",))
    assert "<lr:hierarchicalSubject" in path.read_text()
    assert path.read_text().count("<rdf:li>sea</rdf:li>") == 3
    assert export(album, words=("Albums|Lisbon",))[0].written == 0


def test_a_mirror_takes_over_what_is_beside_the_photos(album: Album, tmp_path: Path):
    photo = album.add("2019/IMG_1.CR3")
    source = album.sidecar("2019/IMG_1.xmp", 'xmp:Label="Red"')
    before = state(album.folder)
    album.decide("reject", photo)
    export(album, to=str(tmp_path / "out"))
    written = tmp_path / "out" / "photos" / "2019" / "IMG_1.xmp"
    assert told(written) == Fields(-1, -1, "Red")
    assert 'own:history="kept"' in written.read_text()
    assert state(album.folder) == before
    album.library.undo_export()
    assert not (tmp_path / "out").exists()
    assert source.exists()


def test_undo_puts_back_every_byte_and_time(album: Album):
    photos = [album.add(f"IMG_{number}.jpg") for number in range(3)]
    album.sidecar("IMG_0.xmp", 'xmp:Rating="0"', 100)
    before = state(album.folder)
    album.decide("reject", *photos)
    export(album)
    assert state(album.folder) != before
    found = album.library.undo_export()
    assert state(album.folder) == before
    assert (found.kind, len(found.rows), found.failed) == ("xmp", 3, 0)
    with pytest.raises(ExportError, match="no export to take back"):
        album.library.undo_export()


def test_undo_leaves_what_others_wrote_since_and_takes_out_ours(album: Album):
    album.decide("reject", album.add("IMG_1.jpg"))
    path = album.sidecar("IMG_1.xmp")
    before = path.read_text()
    export(album, words=("photoidx",))
    path.write_text(path.read_text().replace('own:history="kept"', 'own:history="developed"'))
    album.library.undo_export()
    assert told(path) == Fields()
    assert 'own:history="developed"' in path.read_text()
    assert "developed" not in before


def test_undo_of_a_folder_that_is_away_goes_on_when_it_is_back(album: Album):
    album.decide("reject", album.add("a/IMG_1.jpg"), album.add("b/IMG_2.jpg"))
    before = state(album.folder)
    export(album)
    (album.folder / "a").rename(album.folder.parent / "away")
    assert album.library.undo_export().failed == 1
    (album.folder.parent / "away").rename(album.folder / "a")
    assert album.library.undo_export().failed == 0
    assert state(album.folder) == before
