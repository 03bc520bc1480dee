"""Commands that learn from data sets or decisions."""
