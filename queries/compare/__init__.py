"""Compare two pictures: whether they are the same, and what was done to one of them."""
