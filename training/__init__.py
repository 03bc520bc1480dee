"""Training: from data sets, or the user's own decisions, to directories of scorers."""
