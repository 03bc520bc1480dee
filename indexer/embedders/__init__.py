"""Models that turn a picture into a vector."""
