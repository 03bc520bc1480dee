"""The best frame of a group, and why."""
