"""`photoidx export` and its commands."""
