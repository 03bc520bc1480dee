"""Names of exported files: whatever a template and a photo hold, the name stays in the folder and suits every disk."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photoidx.errors import ExportError
from photoidx.export.template import columns_in, place_of, safe_name

FACTS: dict[str, Any] = {
    "name": "IMG_1.CR3",
    "stem": "IMG_1",
    "suffix": ".CR3",
    "subfolder": "2019/Rome",
    "taken_at": datetime(2019, 7, 4, 13, 5),  # noqa: DTZ001 - local, as in the tables
    "model": "Canon EOS/R: 5",
    "rating": 4,
    "label": None,
}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{name}", "IMG_1.CR3"),
        ("{taken_at:%Y/%m}/{name}", "2019/07/IMG_1.CR3"),
        ("{taken_at:%Y%m%d-%H%M%S}", "20190704-130500.CR3"),
        ("{subfolder}/{name}", "2019/Rome/IMG_1.CR3"),
        ("{model}/{stem}", "Canon EOS_R_ 5/IMG_1.CR3"),
        ("{label}/{name}", "unknown/IMG_1.CR3"),
        ("{rating} stars/{name}", "4 stars/IMG_1.CR3"),
        ("CON/{name}", "_CON/IMG_1.CR3"),
        ("a//b/{name}", "a/b/IMG_1.CR3"),
    ],
)
def test_a_template_gives_a_name(template: str, expected: str):
    columns_in(template)
    assert "/".join(place_of(template, FACTS)) == expected


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("/etc/{name}", "leads out"),
        ("../{name}", "leads out"),
        ("a/../../{name}", "leads out"),
        ("~/{name}", "leads out"),
        ("a\\..\\{name}", "leads out"),
        ("{name", "can't be read"),
        ("{name.__class__}", "names of columns alone"),
        ("{name[0]}", "names of columns alone"),
        ("{name!r}", "names of columns alone"),
        ("{0}", "names of columns alone"),
        ("{taken_at:%Y}/", "ends without a name"),
        ("", "ends without a name"),
    ],
)
def test_a_template_that_leads_out_or_reaches_into_objects_is_refused(template: str, words: str):
    with pytest.raises(ExportError, match=words):
        columns_in(template)


def test_a_format_that_does_not_fit_is_said():
    with pytest.raises(ExportError, match="does not fit name"):
        place_of("{name:%Y}", FACTS)


@given(st.text(max_size=300))
def test_a_safe_name_is_one_name_that_every_disk_takes(name: str):
    found = safe_name(name.encode("utf-8", "replace").decode())
    assert found
    assert found not in {".", ".."}
    assert not set(found) & set('/\\:*?"<>|\0')
    assert len(found.encode()) <= 250
    assert found == found.rstrip(". ")
    assert found.partition(".")[0].lower() not in {"con", "nul", "com1"}
    assert safe_name(found) == found


@given(st.dictionaries(st.sampled_from(["model", "label", "stem"]), st.text(max_size=40)))
def test_what_a_column_holds_never_makes_a_folder(values: dict[str, str]):
    parts = place_of("{model}/{label}/{stem}", {**FACTS, "model": "m", "label": "l", **values})
    assert len(parts) <= 3
    assert ".." not in parts
    assert not any("/" in part or "\0" in part for part in parts)
