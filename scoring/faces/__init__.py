"""Faces: where they are, how they look, and which of them matter."""
