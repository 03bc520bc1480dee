"""The benchmark of duplicates: an album of edited copies of which all is known."""
