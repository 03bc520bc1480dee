"""The text of a sidecar: read with the place of every tag, and edited so that the rest stays to the letter."""
