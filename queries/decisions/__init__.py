"""What the user decided: recorded, read as one view, and carried over when photos change."""
