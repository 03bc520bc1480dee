"""Bursts, brackets, panoramas, time-lapses and focus stacks: frames to groups."""
