"""Pixels and bytes to measures: one stage a file."""
