"""Earlier compression: the quality of a JPEG from before a picture was saved again, better or without loss.

A decoded JPEG's cosine coefficients lie at multiples of its steps, and stay near them when the picture is saved again
on the same grid with much finer steps (Fan and de Queiroz, "Identification of bitmap compression history", 2003). For
each quality of the IJG's tables, the mean of cos(2 pi c / step) is taken over the coefficients c above half a step, for
nine low frequencies. It is near 1 where they lie at multiples, and near 0 or below where they do not. Only steps at
least twice as large as the file's own are asked about: multiples of those tell nothing.

It is asked of the picture's top lines at full size. What is found there is true; where nothing is found (a sky, a
cropped or resized picture, tables of another shape, a progressive JPEG) nothing is known. In the top lines of the 5
photos of `large`, saved once at 95, 90, 85 and 75, the least of the nine means was .15 at most; saved before at 80
to 15, and found at all, mostly .5 and more. The limits stand between, and were tried on the photos of `kodak`.
"""

from __future__ import annotations

import zlib
from functools import cache
from io import BytesIO
from typing import Any

import cv2
import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from photoidx.scoring.compression import table_of

LINES = 32
"""So many lines are decoded: a multiple of 16, the largest block of a JPEG."""
LEAST_OF_MEANS, LEAST_MEAN = 0.4, 0.6
_LEAST_COUNT = 30  # coefficients above half a step, for a frequency to say something
_LEAST_FREQUENCIES = 2
_FINER = 2  # times finer the present steps are
_LEAST_STEP = 4  # grey levels; rounding to whole pixels hides smaller ones
_MOST_BLOCKS = 1500
_BLOCK, _WAVES = 8, 4
_QUALITIES = range(5, 85)
_FREQUENCIES = ((0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (1, 2), (2, 1), (0, 3), (3, 0))  # down, across
_BINS_PER_LEVEL, _LARGEST = 2, 255
_SPARE_BYTES, _SPARE_TIMES = 16384, 4  # of a file so much is handed on as so many lines may need
_LONGEST = 65535  # pixels, a JPEG's limit; what a broken PNG announces must not cost memory
_NOTHING: Any = None
_BASELINE, _ENDS = (0xC0, 0xC1), (0xC2, 0xD9, 0xDA)
_PNG = b"\x89PNG\r\n\x1a\n"
_Array = np.ndarray[Any, Any]


def earlier_quality(data: bytes) -> int | None:
    """Return the quality, 5 to 84, at which the picture of a JPEG or PNG file was saved before; None if not known."""
    try:
        found = _top_of_png(data) if data.startswith(_PNG) else _top_of_jpeg(data)
    except (OSError, SyntaxError, ValueError, IndexError, KeyError, TypeError, Image.DecompressionBombError):
        return None
    return None if found is None else quality_in(*found)


def long_side_of_png(data: bytes) -> int:
    """Return the long side of a PNG, in pixels, by its header; 0 for other formats."""
    if not data.startswith(_PNG):
        return 0
    return max(int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big"))


def quality_in(grey: _Array, present: _Array) -> int | None:
    """Return the earlier quality that coefficients show, or None.

    `grey` is height x width, uint8, its first block at the top left; `present` the 8 x 8 steps of the file itself.
    """
    blocks = _different_blocks(grey)
    if len(blocks) < _LEAST_COUNT:
        return None
    counts = _histograms(blocks)
    steps, waves, halves = _candidates()
    frequencies = np.arange(len(_FREQUENCIES))
    above = np.cumsum(counts[:, ::-1], axis=1)[:, ::-1][frequencies, halves]
    means = np.matmul(waves, counts[:, :, None])[:, :, 0].T / np.maximum(above, 1)
    own = np.array([present[place] for place in _FREQUENCIES])
    asked = (above >= _LEAST_COUNT) & (steps >= np.maximum(_FINER * own, _LEAST_STEP))
    least = np.where(asked, means, 1).min(axis=1)
    mean = (means * above * asked).sum(axis=1) / np.maximum((above * asked).sum(axis=1), 1)
    likely = (asked.sum(axis=1) >= _LEAST_FREQUENCIES) & (least >= LEAST_OF_MEANS) & (mean >= LEAST_MEAN)
    return _QUALITIES[int(np.where(likely, mean, 0).argmax())] if likely.any() else None


def _different_blocks(grey: _Array) -> _Array:
    """Return blocks of 8 x 8 pixels from all over the lines, each once: the repeated ones of drawings prove nothing."""
    down, across = grey.shape[0] // _BLOCK, grey.shape[1] // _BLOCK
    laid = grey[: down * _BLOCK, : across * _BLOCK].reshape(down, _BLOCK, across, _BLOCK).transpose(0, 2, 1, 3)
    every = laid.reshape(-1, _BLOCK * _BLOCK)
    if not len(every):
        return every
    chosen = np.ascontiguousarray(every[:: -(-len(every) // _MOST_BLOCKS)])
    each = dict.fromkeys(chosen.view(f"V{_BLOCK * _BLOCK}").ravel().tolist())
    return np.frombuffer(b"".join(each), np.uint8).reshape(-1, _BLOCK, _BLOCK)


def _histograms(blocks: _Array) -> _Array:
    """Count the coefficients by their size in half grey levels: frequencies x bins."""
    lines = np.ascontiguousarray(blocks.reshape(-1, _BLOCK), dtype=np.float32)
    turned = cv2.gemm(lines, _cosines(), 1, _NOTHING, 0).reshape(-1, _BLOCK, _WAVES).transpose(0, 2, 1)
    found = cv2.gemm(np.ascontiguousarray(turned).reshape(-1, _BLOCK), _cosines(), 1, _NOTHING, 0)
    sizes = np.rint(np.abs(found) * _BINS_PER_LEVEL).reshape(-1, _WAVES, _WAVES).astype(np.intp)  # block, across, down
    sizes = np.minimum(sizes, _BINS_PER_LEVEL * _LARGEST - 1)
    bins = _BINS_PER_LEVEL * _LARGEST
    counts = [np.bincount(sizes[:, across, down], minlength=bins) for down, across in _FREQUENCIES]
    return np.array(counts, dtype=np.float32)


@cache
def _cosines() -> _Array:
    """Return the first waves of the orthonormal cosine transform of 8 samples: 8 x 4."""
    wave, place = np.arange(_WAVES)[None, :], np.arange(_BLOCK)[:, None]
    scale = np.where(wave == 0, np.sqrt(1 / _BLOCK), 0.5)
    return np.asarray(scale * np.cos((2 * place + 1) * wave * np.pi / 16), dtype=np.float32)


@cache
def _candidates() -> tuple[_Array, _Array, _Array]:
    """Return the candidates' steps, their cosines by bin, and the first bin above half a step.

    They are qualities x frequencies, frequencies x qualities x bins (0 up to half a step), qualities x frequencies.
    """
    tables = np.array([table_of(quality).reshape(_BLOCK, _BLOCK) for quality in _QUALITIES])
    steps = np.stack([tables[:, down, across] for down, across in _FREQUENCIES], axis=1).astype(np.float64)
    halves = np.floor(steps / 2 * _BINS_PER_LEVEL).astype(int) + 1
    bins = np.arange(_BINS_PER_LEVEL * _LARGEST)
    waves = np.cos(2 * np.pi * bins / _BINS_PER_LEVEL / steps.T[:, :, None]) * (bins >= halves.T[:, :, None])
    return steps, waves.astype(np.float32), halves


def _top_of_jpeg(data: bytes) -> tuple[_Array, _Array] | None:
    """Decode the top lines of a baseline JPEG: their brightness, and its table of steps. None for other kinds."""
    at = 2
    while data[at + 1] not in (*_BASELINE, *_ENDS):
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    height = int.from_bytes(data[at + 5 : at + 7], "big")
    if data[at + 1] not in _BASELINE or height < LINES:
        return None
    end = at + _SPARE_BYTES + (len(data) - at) * LINES * _SPARE_TIMES // height
    cut = b"".join((data[: at + 5], LINES.to_bytes(2, "big"), data[at + 7 : end]))
    with JpegImageFile(BytesIO(cut)) as picture:
        picture.draft("L", None)
        if picture.mode != "L" or 0 not in picture.quantization:
            return None
        steps = np.array(picture.quantization[0]).reshape(_BLOCK, _BLOCK)
        return np.asarray(picture), steps


def _top_of_png(data: bytes) -> tuple[_Array, _Array] | None:
    """Decode the top lines of a PNG of 8 bits that is not interlaced: their brightness, and steps of 1."""
    header = data[12:29]
    height = int.from_bytes(header[8:12], "big")
    # Eight bits a channel, grey or in colours, without a palette, not interlaced.
    is_plain = header[12] == 8 and header[13] in {0, 2, 6} and not header[16]  # noqa: PLR2004 - PNG's codes
    if height < LINES or long_side_of_png(data) > _LONGEST or not is_plain:
        return None
    header = header[:8] + LINES.to_bytes(4, "big") + header[12:]
    chunks = ((b"IHDR", header[4:]), (b"IDAT", _first_pixels(data, height)), (b"IEND", b""))
    cut = b"".join(
        (
            _PNG,
            *(
                len(held).to_bytes(4, "big") + kind + held + zlib.crc32(kind + held).to_bytes(4, "big")
                for kind, held in chunks
            ),
        )
    )
    with PngImageFile(BytesIO(cut)) as picture:
        return np.asarray(picture.convert("RGB").convert("L")), np.ones((_BLOCK, _BLOCK))


def _first_pixels(data: bytes, height: int) -> bytes:
    """Return the compressed pixels of a PNG from their beginning, as many as its top lines may need."""
    wanted = _SPARE_BYTES + len(data) * LINES * _SPARE_TIMES // height
    at, found = 8, bytearray()
    while at < len(data) and len(found) < wanted:
        length = int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] == b"IDAT":
            found += data[at + 8 : at + 8 + min(length, wanted)]
        at += 12 + length
    return bytes(found)
