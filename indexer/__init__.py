"""Disk to tables: find the files, decide what to do with each, decode, analyse, commit."""
