"""Readers of published data sets. Each tells all that is missing or inconsistent before anything is computed."""
