"""The aesthetic scorer: which mark people would give a photo."""
