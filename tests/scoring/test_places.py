import pyarrow as pa
import pytest

from photoidx.config import Config
from photoidx.scoring.places.geonames import GeoNames
from photoidx.scoring.places.stage import Places

WORLD = GeoNames(Config())


@pytest.mark.parametrize(
    ("lat", "lon", "country", "region", "city"),
    [
        (38.7139, -9.1394, "Portugal", "Lisbon", "Lisbon"),  # Rossio
        (38.6916, -9.2160, "Portugal", "Lisbon", "Lisbon"),  # the tower of Belém, at the edge
        (48.8584, 2.2945, "France", "Île-de-France", "Paris"),
        (40.7580, -73.9855, "United States", "New York", "New York City"),  # between many quarters
        (35.0116, 135.7681, "Japan", "Kyoto", "Kyoto"),
        (-33.8568, 151.2153, "Australia", "New South Wales", "Sydney"),
        (47.5907, 7.5616, "France", "Grand Est", "Saint-Louis"),  # beside Basel, beyond the border
        (64.8378, -147.7164, "United States", "Alaska", "Fairbanks"),
        (-16.5, 179.99, "Fiji", None, None),  # beside the line where days change
        (0.0, -30.0, None, None, None),  # the ocean
        (90.0, 0.0, None, None, None),
    ],
)
def test_a_point_has_the_town_in_which_it_lies(lat, lon, country, region, city):
    [found] = WORLD.names(pa.array([lat]).to_numpy(), pa.array([lon]).to_numpy())
    assert found.country == country
    if region is not None:
        assert (found.region, found.city) == (region, city)


def test_far_from_every_town_there_is_a_country_and_no_city():
    [found] = WORLD.names(pa.array([23.0]).to_numpy(), pa.array([5.9]).to_numpy())  # the Hoggar, 55 km from Tamanrasset
    assert (found.country, found.city) == ("Algeria", None)


def test_photos_without_coordinates_open_no_list_of_places():
    stage = Places()
    rows = pa.record_batch({"content_id": ["a", "b"], "gps_lat": [None, 38.7], "gps_lon": [1.0, None]})
    nowhere = {"places": [{"country": None, "region": None, "city": None}]}
    assert stage.run_rows(rows) == [nowhere, nowhere]
    assert "_world" not in vars(stage)
