"""What a trained scorer asks of an embedder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
OpenEmbedder = Callable[[str], Any]
"""Gives an embedder's stage by its name."""


def vectors_of(embedder: Any, arrays: Sequence[Array]) -> Array:
    """Give the vectors (n x d, float32, length 1) of prepared pictures, as the tables would hold them."""
    rows = embedder.run_batch(arrays)
    return np.stack([row[embedder.vector_table][0]["vector"] for row in rows]).astype(np.float32)
