"""The stage that reads sidecars: what other programs wrote beside a photo."""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa

from photoidx.errors import PhotoError
from photoidx.records import Kind
from photoidx.scoring.exif.xmp import Xmp, XmpError, parse_xmp
from photoidx.stage import Photo, PhotoStage, Rows, TableSpec, column


class Sidecar(PhotoStage):
    """Reads rating, label, keywords and title of an XMP sidecar. An AAE holds none of them: its row is empty."""

    name = "sidecar"
    kinds: ClassVar[frozenset[Kind]] = frozenset({Kind.SIDECAR})
    needs = "bytes"
    tables = (
        TableSpec(
            "sidecars",
            "What a sidecar says about its photo.",
            (
                column("rating", pa.int8(), "Stars from 0 to 5; -1 means rejected."),
                column("label", pa.string(), "The colour or word that the photo is labelled with."),
                column("keywords", pa.list_(pa.string()), "Keywords, in the sidecar's order."),
                column("title", pa.string(), "The title, in the first language given."),
            ),
        ),
    )

    def run(self, photo: Photo) -> Rows:
        """Read one sidecar. Malformed XML is a failure of that file."""
        found = Xmp()
        if photo.format == "xmp":
            try:
                found = parse_xmp(photo.data)
            except XmpError as error:
                raise PhotoError(f"the sidecar is no XMP: {error}", stage="sidecar") from error
        keywords = None if found.keywords is None else list(found.keywords)
        row = {"rating": found.rating, "label": found.label, "keywords": keywords, "title": found.title}
        return {"sidecars": [row]}
