"""Benchmarks of bursts and of the picks from them."""
