"""What a trained scorer asks of an embedder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from photoidx.errors import AssetError, PhotoidxError

Array = np.ndarray[Any, Any]
OpenEmbedder = Callable[[str], Any]
"""Return an embedder's stage by its name."""


def named_embedder(settings: Mapping[str, Any], open_embedder: OpenEmbedder, place: str) -> Any:
    """Open the embedder that a card names. Raises AssetError, with the card's `place`, if there is none of it."""
    name = settings.get("embedder")
    if not isinstance(name, str):
        raise AssetError(f"The card of {place} lacks the setting 'embedder'. Train the scorer again.")
    try:
        return open_embedder(name)
    except PhotoidxError as error:
        raise AssetError(f"The card of {place} names an embedder that there is not: {error}") from error


def vectors_of(embedder: Any, arrays: Sequence[Array]) -> Array:
    """Return the vectors (n x d, float32, length 1) of prepared pictures, as the tables would hold them."""
    rows = embedder.run_batch(arrays)
    return np.stack([row[embedder.vector_table][0]["vector"] for row in rows]).astype(np.float32)
