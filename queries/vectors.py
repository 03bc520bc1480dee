"""An embedder's vectors as a whole: which embedders a library has, and the cosine of every content with one vector."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from photoidx.config import DEFAULT_EMBEDDER, Config
from photoidx.errors import AssetError, PhotoidxError, QueryError
from photoidx.indexer.embedders import embedder
from photoidx.indexer.embedders.base import VectorStage
from photoidx.indexer.embedders.clip import ClipStage
from photoidx.queries.contents import vectors_of
from photoidx.remembered import used_embedders
from photoidx.storage.store import Store

Array = np.ndarray[Any, Any]


def stage_of(store: Store, config: Config, name: str | None = None) -> VectorStage:
    """Return the embedder of that name; without one the default, or the first that the library has vectors of.

    Raises QueryError if the library has no vectors of it.
    """
    asked = [name] if name else [DEFAULT_EMBEDDER, *used_embedders(store)]
    stages = (embedder(each, config) for each in asked)
    found = next((stage for stage in stages if has_vectors(store, stage)), None)
    if found is not None:
        return found
    if name:
        raise QueryError(f"The library has no vectors of {name}. Make them: photoidx scan FOLDER --embedder {name}")
    raise QueryError("The library has no vectors. Scan its folders with an embedder: photoidx models")


def text_stage(store: Store, config: Config, name: str | None = None) -> tuple[ClipStage | None, str]:
    """Return the embedder that puts texts among the library's vectors; or None, and why there is none."""
    why = "no scan has used a model that reads texts"
    for each in [name] if name else used_embedders(store):
        if name is None and not each.startswith("openclip"):
            continue
        try:
            stage = embedder(each, config)
            if not isinstance(stage, ClipStage):
                raise QueryError(f"{each} reads no texts; openclip does.")
            stage.check()
        except AssetError as error:
            why = f"the library has vectors of {each}, whose weights are no longer here: {error}"
            continue
        except PhotoidxError as error:
            if name:
                raise
            why = str(error)
            continue
        if has_vectors(store, stage):
            return stage, ""
        why = f"the library has no vectors of {each} yet"
    return None, why


def has_vectors(store: Store, stage: VectorStage) -> bool:
    """Return whether the library has at least one vector of an embedder."""
    return store.count(stage.vector_table) > 0


def cosines(store: Store, stage: VectorStage, query: Array) -> tuple[pa.Array, Array]:
    """Return every content that has a vector, and its cosine (float32) with a vector of length 1.

    The search is exact. Its cost grows with the rows; only some thousand vectors are in memory at a time.
    """
    ids: list[pa.Array] = [pa.array([], pa.string())]
    found = [np.empty(0, np.float32)]
    wanted = query.astype(np.float32)
    for part in store.batches(stage.vector_table, ["content_id", "vector"]):
        flat = np.asarray(part["vector"].flatten(), np.float16).reshape(part.num_rows, -1)
        found.append(flat.astype(np.float32) @ wanted)
        ids.append(part["content_id"].take(np.arange(part.num_rows)))  # a copy: the part would be kept for its sake
    return pa.concat_arrays(ids), np.concatenate(found).clip(-1, 1)


def nearest(store: Store, stage: VectorStage, query: Array, count: int) -> tuple[pa.Array, Array]:
    """Return so many contents, or all, whose cosine (float32) with a vector of length 1 is highest, the best first.

    LanceDB searches, exactly; its cost grows with the rows, its memory does not. The cosines are those of `cosines`.
    """
    found = store.nearest(stage.vector_table, "vector", query, count)["content_id"].combine_chunks()
    vectors = vectors_of(store, found.to_pylist(), stage.vector_table.removeprefix("vectors_"))
    scores = (
        (vectors.astype(np.float32) @ query.astype(np.float32)).clip(-1, 1) if len(found) else np.empty(0, np.float32)
    )
    order = np.argsort(-scores, kind="stable")
    return found.take(order), scores[order]
