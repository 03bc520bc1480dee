"""Search by text, by words and by example."""
