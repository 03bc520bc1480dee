"""Ways to break a picture file. Each is a function of a random generator and of sound files, and gives other bytes.

The same generator gives the same file, so that a file that does harm can be made again from its seed and number.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random

from mutation_bombs import BOMBS, TEXTS

Files = Mapping[str, bytes]
Mutation = Callable[[Random, bytes, Files], bytes]
ABSURD = (0, 1, 2, 7, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0, 0xFFFFFFFF)
_TYPE_SIZES = (1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 16, 0, 255, 65535)
_DIMENSION_TAGS = (256, 257)
_POINTERS = (0x8769, 0x8825, 0x014A)
_MOST_DIRECTORIES = 20


@dataclass(frozen=True)
class Mutated:
    """A broken file: its name, bytes, the way it was broken, and the sound file that it was."""

    name: str
    data: bytes
    kind: str
    source: str


def mutate(seed: int, number: int, files: Files) -> Mutated:
    """Return the file of this number."""
    random = Random(f"{seed}/{number}")
    kind = random.choices(tuple(MUTATIONS), tuple(_WEIGHTS.get(kind, 10) for kind in MUTATIONS))[0]
    if kind in BOMBS:
        suffix, data = BOMBS[kind](random)
        return Mutated(f"{number:06}-{kind}.{suffix}", data, kind, suffix)
    source = random.choice([name for name in files if kind not in TEXTS or name.endswith((".xmp", ".aae", ".jpg"))])
    data = MUTATIONS[kind](random, files[source], files)
    suffix = source.rpartition(".")[2]
    if kind == "wrong_suffix":
        suffix = random.choice(sorted({name.rpartition(".")[2] for name in files}))
    return Mutated(f"{number:06}-{kind}.{suffix}", data, kind, source)


# -- bytes, whatever they mean ---------------------------------------------------------------------------------------


def bit_flips(random: Random, data: bytes, _files: Files) -> bytes:
    """Turn over a few bits anywhere."""
    return _flipped(random, data, len(data))


def header_flips(random: Random, data: bytes, _files: Files) -> bytes:
    """Turn over a few bits of the first part, where the structure is."""
    return _flipped(random, data, min(len(data), random.choice((64, 256, 1024))))


def _flipped(random: Random, data: bytes, within: int) -> bytes:
    out = bytearray(data)
    for _ in range(random.choice((1, 2, 4, 16, 64))):
        out[random.randrange(within)] ^= 1 << random.randrange(8)
    return bytes(out)


def truncated(random: Random, data: bytes, _files: Files) -> bytes:
    """Cut the end off; half of the time within the headers."""
    return data[: random.randrange(len(data) if random.choice((True, False)) else min(len(data), 300))]


def overwritten(random: Random, data: bytes, _files: Files) -> bytes:
    """Write zeros, ones or noise over a stretch."""
    at, length = random.randrange(len(data)), random.choice((2, 4, 8, 64, 512))
    filler = random.choice((b"\0" * length, b"\xff" * length, random.randbytes(length)))
    return (data[:at] + filler + data[at + length :])[: max(len(data), 1)]


def moved_stretch(random: Random, data: bytes, _files: Files) -> bytes:
    """Take a stretch out, double it, or put it elsewhere."""
    start = random.randrange(len(data))
    piece = data[start : start + random.choice((1, 4, 32, 256, 2048))]
    rest = data[:start] + data[start + len(piece) :]
    at = random.randrange(len(rest) + 1)
    return random.choice((rest, data[:start] + piece + data[start:], rest[:at] + piece + rest[at:]))


def absurd_number(random: Random, data: bytes, _files: Files) -> bytes:
    """Write absurd numbers of two or four bytes at places where numbers may be."""
    out = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 8))):
        width, order = random.choice((2, 4)), random.choice("<>")
        number = random.choice((*ABSURD, len(data), len(data) - 1)) & ((1 << 8 * width) - 1)
        at = random.randrange(max(1, min(len(out) - width, random.choice((128, 512, len(out))))))
        out[at : at + width] = number.to_bytes(width, "little" if order == "<" else "big")
    return bytes(out)


def spliced(random: Random, data: bytes, files: Files) -> bytes:
    """Set one format's end to another's beginning."""
    other = files[random.choice(list(files))]
    cut = random.choice((random.randrange(len(data)), min(len(data), random.randrange(16, 200))))
    return data[:cut] + random.choice((other, other[random.randrange(len(other)) :]))


def noise(random: Random, data: bytes, _files: Files) -> bytes:
    """Keep the magic, and nothing else."""
    return data[: random.choice((4, 12, 24))] + random.randbytes(random.choice((0, 16, 1000, 20_000)))


def wrong_suffix(random: Random, data: bytes, _files: Files) -> bytes:
    """Leave the bytes, sound or nearly so, and let the name lie."""
    return data if random.choice((True, False)) else _flipped(random, data, len(data))


# -- TIFF directories, as EXIF has them too --------------------------------------------------------------------------


def _directories(data: bytes) -> tuple[int, str, list[tuple[int, int]]]:
    """Return where a TIFF block begins, its byte order, and its directories' places and numbers of fields."""
    places = [at for magic in (b"II*\0", b"MM\0*") if (at := data.find(magic)) >= 0]
    if not places:
        return -1, "<", []
    base = min(places)
    order = "<" if data[base : base + 2] == b"II" else ">"
    waiting, found = [4], []
    while waiting and len(found) < _MOST_DIRECTORIES:
        pointer = waiting.pop()
        try:
            (offset,) = struct.unpack_from(order + "I", data, base + pointer)
            (count,) = struct.unpack_from(order + "H", data, base + offset)
        except struct.error:
            continue
        if not offset or (offset, count) in found or base + offset + 2 + 12 * count > len(data):
            continue
        found.append((offset, count))
        waiting.append(offset + 2 + 12 * count)
        for field in range(count):
            (tag,) = struct.unpack_from(order + "H", data, base + offset + 2 + 12 * field)
            if tag in _POINTERS:
                waiting.append(offset + 2 + 12 * field + 8)
    return base, order, found


def tiff_fields(random: Random, data: bytes, files: Files) -> bytes:
    """Return some fields of a directory absurd types, counts, values or offsets."""
    base, order, found = _directories(data)
    if not found:
        return absurd_number(random, data, files)
    out = bytearray(data)
    for _ in range(random.choice((1, 2, 5))):
        offset, count = random.choice(found)
        if not count:
            continue
        at = base + offset + 2 + 12 * random.randrange(count)
        number = random.choice((*ABSURD, offset, len(data), len(data) - base - 1)) & 0xFFFFFFFF
        what = random.choice(("type", "count", "value", "tag", "fields"))
        if what == "type":
            struct.pack_into(order + "H", out, at + 2, random.choice(_TYPE_SIZES))
        elif what == "tag":
            struct.pack_into(
                order + "H", out, at, random.choice((*_DIMENSION_TAGS, 258, 273, 277, 279, 0x927C, 0x8769))
            )
        elif what == "fields":
            struct.pack_into(order + "H", out, base + offset, number & 0xFFFF)
        else:
            struct.pack_into(order + "I", out, at + (4 if what == "count" else 8), number)
    return bytes(out)


def directory_loop(random: Random, data: bytes, files: Files) -> bytes:
    """Let directories follow themselves or one another without end."""
    base, order, found = _directories(data)
    if not found:
        return spliced(random, data, files)
    out = bytearray(data)
    for offset, count in found:
        struct.pack_into(order + "I", out, base + offset + 2 + 12 * count, random.choice(found)[0])
        for field in range(count):
            at = base + offset + 2 + 12 * field
            (tag,) = struct.unpack_from(order + "H", data, at)
            if tag in _POINTERS or not random.randrange(10):
                struct.pack_into(order + "HHII", out, at, random.choice(_POINTERS), 4, 1, offset)
    return bytes(out)


# -- chunks, segments and boxes --------------------------------------------------------------------------------------


def _parts(data: bytes) -> tuple[list[tuple[int, int]], int, str]:
    """Return the parts (start, end) of a chunked file, and where in a part its length stands and how it is written."""
    if data.startswith(b"\x89PNG"):
        return list(_steps(data, 8, lambda at: 12 + _number(data, at, ">I"))), 0, ">I"
    if data.startswith(b"RIFF"):
        return list(_steps(data, 12, lambda at: 8 + (_number(data, at + 4, "<I") + 1) // 2 * 2)), 4, "<I"
    if data.startswith(b"\xff\xd8"):
        return list(_steps(data, 2, lambda at: 2 + _number(data, at + 2, ">H"))), 2, ">H"
    if data[4:8] in (b"ftyp", b"JXL "):
        return list(_boxes(data, 0, len(data))), 0, ">I"
    return [], 0, ">I"


def _number(data: bytes, at: int, form: str) -> int:
    try:
        return int(struct.unpack_from(form, data, at)[0])
    except struct.error:
        return 1 << 40


def _steps(data: bytes, at: int, length: Callable[[int], int]) -> Iterator[tuple[int, int]]:
    while at < len(data) and at + length(at) <= len(data):
        yield at, at + length(at)
        at += length(at)


def _boxes(data: bytes, at: int, end: int) -> Iterator[tuple[int, int]]:
    for start, stop in _steps(data[:end], at, lambda place: max(8, _number(data, place, ">I"))):
        yield start, stop
        kind = data[start + 4 : start + 8]
        if kind in (b"meta", b"iprp", b"ipco", b"iinf", b"iref"):
            skip = {b"meta": 12, b"iinf": 14, b"iref": 12}.get(kind, 8)
            yield from _boxes(data, start + skip, stop)


def length_lies(random: Random, data: bytes, files: Files) -> bytes:
    """Let some parts be longer or shorter than they say; of a PNG the checksums are made to fit."""
    parts, inside, form = _parts(data)
    if not parts:
        return absurd_number(random, data, files)
    out = bytearray(data)
    for start, end in random.choices(parts, k=random.choice((1, 1, 3))):
        most = (1 << 8 * struct.calcsize(form)) - 1
        near = end - start + random.randint(-20, 20)
        struct.pack_into(form, out, start + inside, max(0, random.choice((*ABSURD, near, near))) & most)
    return _with_checksums(bytes(out))


def parts_shuffled(random: Random, data: bytes, files: Files) -> bytes:
    """Leave parts out, double them, or change their order."""
    parts, _, _ = _parts(data)
    if len(parts) <= 1:
        return moved_stretch(random, data, files)
    pieces = [data[start:end] for start, end in parts]
    at, other = random.randrange(len(pieces)), random.randrange(len(pieces))
    what = random.choice(("without", "double", "swap", "many"))
    if what == "without":
        del pieces[at]
    elif what == "swap":
        pieces[at], pieces[other] = pieces[other], pieces[at]
    else:
        pieces[at:at] = [pieces[at]] * (1 if what == "double" else min(2000, 1 + 200_000 // max(1, len(pieces[at]))))
    return data[: parts[0][0]] + b"".join(pieces) + data[parts[-1][1] :]


def part_contents(random: Random, data: bytes, files: Files) -> bytes:
    """Change what a part holds, and let its length and checksum be true."""
    parts, _, _ = _parts(data)
    if not parts:
        return header_flips(random, data, files)
    start, end = random.choice(parts)
    out = bytearray(data)
    for _ in range(random.choice((1, 3, 10))):
        if end > start + 8:
            out[random.randrange(start + 8, end)] = random.choice((0, 1, 0x7F, 0xFF, random.randrange(256)))
    return _with_checksums(bytes(out))


def _with_checksums(data: bytes) -> bytes:
    if not data.startswith(b"\x89PNG"):
        return data
    out = bytearray(data)
    for start, end in _parts(data)[0]:
        struct.pack_into(">I", out, end - 4, zlib.crc32(data[start + 4 : end - 4]))
    return bytes(out)


def huge_picture(random: Random, data: bytes, files: Files) -> bytes:
    """Let the header announce another size, up to the largest that it can hold."""
    out = bytearray(data)
    width, height = (random.choice((0, 1, 97, 5000, 16383, 22000, 65535, 2**31 - 1, 2**32 - 1)) for _ in range(2))
    if data.startswith(b"\x89PNG"):
        struct.pack_into(">II", out, 16, width, height)
        return _with_checksums(bytes(out))
    if data.startswith(b"GIF8"):
        struct.pack_into(
            "<HH", out, random.choice((6, max(6, data.find(b",\0\0\0\0") + 5))), width & 65535, height & 65535
        )
    elif data.startswith(b"BM"):
        struct.pack_into("<II", out, 18, width, height)
    elif data.startswith(b"RIFF"):
        at = next((data.find(name) for name in (b"VP8X", b"VP8 ", b"VP8L") if name in data), 12)
        place = {b"VP8X": 12, b"VP8 ": 14, b"VP8L": 9}.get(data[at : at + 4], 8)
        out[at + place : at + place + 6] = struct.pack("<IH", width & 0xFFFFFF, height & 0xFFFF)
    elif data[4:8] == b"ftyp":
        at = data.find(b"ispe")
        struct.pack_into(">II", out, at + 8, width, height)
    elif data.startswith(b"\xff\xd8"):
        at = max(data.rfind(b"\xff\xc0"), data.rfind(b"\xff\xc2"))
        struct.pack_into(">HH", out, max(at, 0) + 5, height & 65535, width & 65535)
    else:
        return _huge_tiff(random, data, files, width, height)
    return bytes(out)


def _huge_tiff(random: Random, data: bytes, files: Files, width: int, height: int) -> bytes:
    base, order, found = _directories(data)
    if not found:
        return header_flips(random, data, files)
    out = bytearray(data)
    for field in range(found[0][1]):
        at = base + found[0][0] + 2 + 12 * field
        (tag,) = struct.unpack_from(order + "H", data, at)
        if tag in _DIMENSION_TAGS:
            struct.pack_into(order + "HII", out, at + 2, 4, 1, width if tag == _DIMENSION_TAGS[0] else height)
    return bytes(out)


_OWN = (
    bit_flips, header_flips, truncated, overwritten, moved_stretch, absurd_number, spliced, noise, wrong_suffix,
    tiff_fields, directory_loop, length_lies, parts_shuffled, part_contents, huge_picture,
)  # fmt: skip
MUTATIONS: Mapping[str, Mutation] = {
    **{each.__name__: each for each in _OWN},
    **TEXTS,
    **dict.fromkeys(BOMBS, noise),  # the name alone counts: a bomb is made from nothing
}
_WEIGHTS = {"tiff_fields": 25, "length_lies": 20, "part_contents": 20, "huge_picture": 20, **dict.fromkeys(BOMBS, 1)}
