"""Commands that measure how good the answers are."""
