"""Clusters of photos that look alike, their names, and their best photos."""
