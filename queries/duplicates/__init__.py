"""Near-duplicates: which photos are the same picture, which are alike, and which of them to keep."""
