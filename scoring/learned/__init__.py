"""Scorers that were trained: directories with weights and a card that says what they are."""
