"""Which pairs of pictures may be the same or alike: near hashes in any orientation, near vectors, and equal times.

Every pair that is found here is looked at later, so an unrelated one only costs time, but what is not found is lost.
Measured on 40 photos with 13 kinds of edit each: re-encoded, resized, recoloured, turned and mirrored copies differ in
at most 10 of the 64 bits and 26 of the 256, in the right orientation, where their cosine may fall to 0.28; cropped,
framed and stamped ones have a cosine of 0.83 or more, where their hashes may be anything.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from photoidx.queries.bursts.frames import NO_TIME
from photoidx.queries.compare.orientation import turned_hashes
from photoidx.queries.contents import Array
from photoidx.queries.duplicates.pictures import Pictures

NEAR_64, NEAR_256 = 10, 64
NEAR_COSINE = 0.8
NEIGHBOURS = 12
# A picture of which no camera or no time is known may be a small part of another, a story or a screenshot: cosines of
# 0.6 and more to the original or to another copy of it (crops to 30 % .67 to .75, stickers .60 to .70).
FAR_COSINE, _FAR_NEIGHBOURS = 0.6, 3
# Measured on ukbench, where a camera took each thing four times within a minute: cosines from 0.58 on; of two things up
# to 0.55.
MOMENT_COSINE, _MOMENT_US, _NEXT = 0.57, 60_000_000, 3
_FULL = 64  # entries of one bucket that are looked at: all-black pictures must not cost the square of their number
_BLOCK = 8192
_PAIRS = 1024  # whose vectors fit the processor's cache
_PRINCIPAL = (
    192  # components that the neighbours are searched in; the cosine itself is worked out from the whole vectors
)
_FLAT = 20_000  # pictures up to which every vector is compared with every other
_ROUNDING = 0.01  # of vectors that are stored as float16
_SAMPLE, _ROUNDS = 8_000, 4
_FEW = 20  # a share of 1 in so many pictures asks: all are compared with all
_SAME_MOMENT = 12
_GLANCE = 32


def candidates(pictures: Pictures, fresh: Array | None = None) -> Array:
    """Return pairs (m x 2, the lower place first, sorted, each once); with `fresh` (places), only theirs.

    Of contents with equal pixels only the first is compared with others; `equal_pixels` gives the rest.
    """
    first = _first_of_pixels(pictures)
    asking = first if fresh is None else first[np.isin(first, fresh)]
    if len(first) < 2 or not len(asking):  # noqa: PLR2004 - a pair
        return np.zeros((0, 2), np.int64)
    found = np.concatenate(
        [_near_hashes(pictures, first, asking), *_near_vectors(pictures, first, asking), _same_moment(pictures, first)]
    )
    if fresh is not None:
        found = found[np.isin(found, fresh).any(axis=1)]
    return unique_pairs(found[found[:, 0] != found[:, 1]])


def of_one_moment(pictures: Pictures, fresh: Array | None = None) -> Array:
    """Pair what one camera took within a minute and looks a little alike, each photo with its next three."""
    known = np.flatnonzero((pictures.time_us != NO_TIME) & (pictures.cameras >= 0))
    known = known[np.lexsort((pictures.time_us[known], pictures.cameras[known]))]
    found = [np.zeros((0, 2), np.int64)]
    found += [np.stack([known[:-step], known[step:]], axis=1) for step in range(1, min(_NEXT, len(known) - 1) + 1)]
    pairs = np.concatenate(found)
    pairs = pairs[are_of_one_moment(pictures, pairs)]
    if fresh is not None:
        pairs = pairs[np.isin(pairs, fresh).any(axis=1)]
    return pairs[cosines(pictures, pairs) >= MOMENT_COSINE]


def are_of_one_moment(pictures: Pictures, pairs: Array) -> Array:
    """Return for each pair whether one camera took both within a minute."""
    first, second = pairs[:, 0], pairs[:, 1]
    times = pictures.time_us[first], pictures.time_us[second]
    known = (times[0] != NO_TIME) & (times[1] != NO_TIME) & (pictures.cameras[first] >= 0)
    camera = pictures.cameras[first] == pictures.cameras[second]
    return np.asarray(known & camera & (np.abs(times[0] - times[1]) <= _MOMENT_US))


def equal_pixels(pictures: Pictures) -> Array:
    """Return pairs of the first content of each decoded picture with the others that have the same pixels."""
    _, first, inverse = np.unique(pictures.pixels, return_index=True, return_inverse=True)
    pairs = np.stack([first[inverse], np.arange(len(pictures))], axis=1).astype(np.int64)
    return np.asarray(pairs[pairs[:, 0] != pairs[:, 1]])


def unique_pairs(pairs: Array) -> Array:
    """Return each pair once, the lower place first, in order."""
    ordered = np.sort(pairs.reshape(-1, 2).astype(np.int64), axis=1)
    if not len(ordered):
        return ordered
    width = int(ordered.max()) + 1
    code = np.unique(ordered[:, 0] * width + ordered[:, 1])
    return np.stack([code // width, code % width], axis=1)


def _first_of_pixels(pictures: Pictures) -> Array:
    return np.sort(np.unique(pictures.pixels, return_index=True)[1])


def _near_hashes(pictures: Pictures, among: Array, asking: Array) -> Array:
    """Find pictures whose hashes differ in few bits in any orientation: each asker's nearest by the larger hash."""
    turned = turned_hashes(pictures.hash_64[asking, None], 8).ravel()
    whole = turned_hashes(pictures.hash_256[asking], 16)
    found = [np.zeros((0, 3), np.int64)]
    for near in near_bits(pictures.hash_64[among], turned):
        orientation, who = np.divmod(near[:, 0], len(asking))
        other = among[near[:, 1]]
        bits = np.bitwise_count(whole[orientation, who] ^ pictures.hash_256[other]).sum(axis=1)
        rows = np.stack([asking[who], other, bits], axis=1).astype(np.int64)
        found.append(nearest(rows[(bits <= NEAR_256) & (rows[:, 0] != rows[:, 1])]))
    return nearest(np.concatenate(found))[:, :2]


def near_bits(stored: Array, asked: Array) -> Iterator[Array]:
    """Return which stored hashes (n, uint64) are near those asked for (k), by multi-index hashing, in blocks.

    The rows (m x 3) are the places in `asked` and `stored`, and the bits, at most `NEAR_64`; some come twice. See
    Norouzi, Punjani, Fleet 2012: two hashes that differ in at most 7 bits agree in one of four bands but for one bit.
    So each band is an index, and is asked for the band's bits and for those with one of them changed. The bands are as
    wide as keeps the buckets small, so that cost grows little more than linearly; above 65,536 pictures there are
    three, which find 5 bits for sure and most of 6 to 10.
    """
    width = max(16, math.ceil(math.log2(max(1, len(stored)))))
    for band in range(64 // width):
        keys = _band(stored, band, width)
        order = np.argsort(keys, kind="stable")
        ends = np.cumsum(np.bincount(keys, minlength=1 << width))
        for start in range(0, len(asked), _BLOCK):
            here = asked[start : start + _BLOCK]
            wanted = _band(here, band, width)
            near = [np.zeros((0, 3), np.int64)]
            for flip in (0, *(1 << bit for bit in range(width))):
                key = wanted ^ flip
                begin = np.where(key > 0, ends[key - 1], 0)
                number = np.minimum(ends[key] - begin, _FULL)
                who = np.repeat(np.arange(len(key)), number)
                nth = np.arange(len(who)) - np.repeat(np.cumsum(number) - number, number)
                other = order[begin[who] + nth]
                bits = np.bitwise_count(here[who] ^ stored[other])
                few = bits <= NEAR_64
                near.append(np.stack([who[few] + start, other[few], bits[few]], axis=1).astype(np.int64))
            yield np.concatenate(near)


def nearest(rows: Array, most: int = NEIGHBOURS) -> Array:
    """Leave each asker (first column) its nearest others (second), by a cost (third): thousands may look alike."""
    rows = np.unique(rows, axis=0)
    rows = rows[np.lexsort((rows[:, 2], rows[:, 0]))]
    start = np.searchsorted(rows[:, 0], rows[:, 0])
    return np.asarray(rows[np.arange(len(rows)) - start < most])


def _band(hashes: Array, band: int, width: int) -> Array:
    shift = np.uint64(64 - (band + 1) * width)
    return ((hashes >> shift) & np.uint64((1 << width) - 1)).astype(np.int64)


def _near_vectors(pictures: Pictures, among: Array, asking: Array) -> Iterator[Array]:
    """Find each picture's nearest vectors: among all of them, or in a large library in near cells (FAISS)."""
    embedded = _is_set(pictures.vectors)
    among, asking = among[embedded[among]], asking[embedded[asking]]
    if len(among) < 2 or not len(asking):  # noqa: PLR2004 - a pair
        return
    if len(asking) * _FEW <= len(among):
        by_block = [_all_near(pictures, block, asking) for block in blocks(among, _BLOCK)]
        yield nearest(np.concatenate([near for near, _ in by_block]))[:, :2]
        yield nearest(np.concatenate([far for _, far in by_block]), _FAR_NEIGHBOURS)[:, :2]
        return
    import faiss  # noqa: PLC0415 - a third of a second

    reduced = _reduced(pictures.vectors, among)
    width = reduced.shape[1]
    index: Any = faiss.IndexFlatL2(width)
    if len(among) > _FLAT:
        index = faiss.IndexIVFFlat(index, width, round(3 * math.sqrt(len(among))))
        index.cp.niter, index.cp.max_points_per_centroid, index.cp.min_points_per_centroid = 8, 40, 1
        index.train(reduced)
        index.nprobe = 8
    index.add(reduced)
    places = np.searchsorted(among, asking)
    is_bare = _is_bare(pictures)
    maybe: list[Array] = [np.zeros((0, 2), np.int64)]
    far: list[Array] = [np.zeros((0, 2), np.int64)]
    for block in blocks(places, _BLOCK):
        squares, found = index.search(reduced[block], NEIGHBOURS + 1)
        pairs = np.stack([np.repeat(among[block], found.shape[1]), among[found.ravel()]], axis=1)
        other = (found.ravel() >= 0) & (pairs[:, 0] != pairs[:, 1])
        # Of vectors of length 1, |a - b|^2 = 2 - 2 cos, and components can only bring them nearer.
        maybe.append(pairs[other & (squares.ravel() <= 2 - 2 * NEAR_COSINE + _ROUNDING)])
        first = np.tile(np.arange(found.shape[1]) <= _FAR_NEIGHBOURS, len(found))
        far.append(pairs[other & first & is_bare[pairs[:, 0]] & (squares.ravel() <= 2 - 2 * FAR_COSINE + _ROUNDING)])
    pairs = unique_pairs(np.concatenate(maybe))  # most are found from both sides
    yield pairs[cosines(pictures, pairs) >= NEAR_COSINE]
    pairs = unique_pairs(np.concatenate(far))
    yield pairs[cosines(pictures, pairs) >= FAR_COSINE]


def _is_bare(pictures: Pictures) -> Array:
    return np.asarray((pictures.cameras < 0) | (pictures.time_us == NO_TIME))


def _is_set(vectors: Array) -> Array:
    """Return which rows are not all zero. Nearly every vector shows it in its first numbers."""
    found = np.asarray(vectors[:, :_GLANCE].any(axis=1))
    empty = np.flatnonzero(~found)
    found[empty] = vectors[empty].any(axis=1)
    return found


def _all_near(pictures: Pictures, block: Array, asking: Array) -> tuple[Array, Array]:
    """Compare every vector of a block with every one that asks: for a few new photos that is quicker than an index.

    Return the near pairs, and those that are not so near but one of which is bare.
    """
    rows, columns = (pictures.vectors[each].astype(np.float32) for each in (block, asking))
    cosine = rows @ columns.T
    is_bare = _is_bare(pictures)

    def pairs(chosen: Array, most: int) -> Array:
        near, by = np.nonzero(chosen)
        found = np.stack([asking[by], block[near], (-1e6 * cosine[near, by]).astype(np.int64)], axis=1)
        return nearest(found[found[:, 0] != found[:, 1]], most)

    far = (cosine >= FAR_COSINE) & (is_bare[block][:, None] | is_bare[asking])
    return pairs(cosine >= NEAR_COSINE, NEIGHBOURS), pairs(far, _FAR_NEIGHBOURS)


def _reduced(vectors: Array, places: Array) -> Array:
    """Return the principal components of vectors, float32: their distances are nearly those of the whole vectors."""
    sample = vectors[places[:: max(1, len(places) // _SAMPLE)]].astype(np.float32)
    mean = sample.mean(axis=0)
    sample -= mean
    # Randomised subspace iteration (Halko, Martinsson, Tropp 2011): all 1280 axes would cost ten times as much.
    axes = np.random.default_rng(0).standard_normal((sample.shape[1], _PRINCIPAL), np.float32)
    for _ in range(_ROUNDS):
        axes = np.linalg.qr(sample.T @ (sample @ axes))[0]
    return np.concatenate([(vectors[block].astype(np.float32) - mean) @ axes for block in blocks(places, _BLOCK)])


def blocks(places: Array, size: int) -> Iterator[Array]:
    """Cut places into blocks of this size."""
    for start in range(0, len(places), size):
        yield places[start : start + size]


def cosines(pictures: Pictures, pairs: Array) -> Array:
    """Return the cosines of pairs (m), in blocks: the vectors of a large library are not copied whole."""

    def of(block: Array) -> Array:
        left, right = (pictures.vectors[block[:, side]].astype(np.float32) for side in (0, 1))
        return np.asarray(np.einsum("ij,ij->i", left, right))

    # Most of the time goes into the change from float16, which lets other threads run.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return np.concatenate([np.zeros(0, np.float32), *pool.map(of, blocks(pairs, _PAIRS))])


def _same_moment(pictures: Pictures, among: Array) -> Array:
    """Pair what one camera took in one second: an edited copy keeps its time."""
    known = among[(pictures.time_us[among] != NO_TIME) & (pictures.cameras[among] >= 0)]
    second = pictures.time_us[known] // 1_000_000
    order = np.lexsort((second, pictures.cameras[known]))
    known, second = known[order], second[order]
    found = [np.zeros((0, 2), np.int64)]
    for step in range(1, min(_SAME_MOMENT, len(known))):
        alike = (second[step:] == second[:-step]) & (pictures.cameras[known[step:]] == pictures.cameras[known[:-step]])
        found.append(np.stack([known[:-step][alike], known[step:][alike]], axis=1))
    return np.concatenate(found)
