"""The names of places: country, region and city of coordinates, without asking the network."""
