"""What a file holds, and which file may go: the one rule that everything that deletes asks.

A file may go only if the file that stays is identical or the same picture, and holds all that it holds. What is not
known counts as held by the file that might go, and as lacking in the one that stays: where in doubt, a file stays.
Names of folders and times of files are no holdings. Pure functions of records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

CLOSE = ("identical", "same")
"""The relations of which a file may go."""

# The limits of the look at full size (origin.py), measured on copies of some twenty photos, of 25 kinds.
_MADE, _MADE_SMALLER = 1.3, 1.25  # at most: it can be made from the other one
_NOT_MADE, _NOT_MADE_LARGER = 3.0, 20.0  # at least: it can't
# Of a larger picture: what the smaller lacks must be this many times the smaller one's own loss. Of halves of originals
# it was 6 and more; of enlarged and sharpened copies 1.2 to 3.5 wherever their originals could be made from them.
_TIMES_THE_LOSS = 4.0
_FROM_COARSER = 0.3  # of the coarser one's own loss: the finer one was made from it
_COARSER = 2.0  # times the loss of the other
_LOSSY = 1.0  # squared grey levels: a loss that is more than rounding
_STRUCTURED = 0.3  # detail is where the picture has structure; added noise is everywhere
_MORE_DETAIL = 1.15
_ONE_SIZE = 0.005  # a share of the long side that rounding takes
_PLACE_DEG = 0.002  # 200 m
_COLOUR_RANK = {"grey": 0, "palette": 1, "rgb": 2}
_UNSURE_PARTS = frozenset({"unknown", "picture"})
_PART_WORDS = {
    "film": "its film",
    "gain map": "its gain map (HDR)",
    "depth": "its depth map",
    "matte": "its portrait matte",
    "sound": "its sound",
    "picture": "a second picture inside it",
    "thermal": "its thermal data",
    "credentials": "its content credentials",
    "unknown": "data behind its picture that are of no known kind",
}
_COMPANY_WORDS = {"video": "the film", "raw": "the RAW", "sidecar": "the sidecar", "photo": "the version"}
_CAMERA = ("make", "model", "serial", "lens", "iso", "f_number", "exposure_time_s", "focal_length_mm", "flash")


@dataclass(frozen=True)
class Companion:
    """A file of the same shot in the same folder: video, raw, sidecar or photo. `told`: what a sidecar says, short."""

    kind: str
    content: str | None
    name: str
    told: str = ""


@dataclass(frozen=True)
class Holdings:
    """What one file holds. What is not known is None.

    `facts` are what its metadata say, by column; `tags` the names of its tags beyond those; `words` what people wrote.
    `edited`: its name, or the program that wrote it, says so. `resized`: its EXIF tells of another size than it has.
    """

    path: str
    content: str
    format: str = "jpeg"
    width: int | None = None
    height: int | None = None
    pictures: int | None = None
    parts: frozenset[str] | None = None
    film_bytes: int | None = None
    bits: int | None = None
    colour: str | None = None
    alpha: bool | None = None
    wide_gamut: bool | None = None
    lossless: bool | None = None
    detail: int | None = None
    picture_id: str | None = None
    facts: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    tags: frozenset[str] = frozenset()
    words: frozenset[str] | None = None
    company: frozenset[Companion] = frozenset()
    edited: bool = False
    resized: bool = False

    @property
    def long_side(self) -> int:
        """The long side in pixels; 0 if it is not known."""
        return max(self.width or 0, self.height or 0)

    @property
    def has_camera(self) -> bool:
        """Whether it says which camera took it."""
        return bool(self.facts.get("make") or self.facts.get("model"))


@dataclass(frozen=True)
class Making:
    """How far a picture is from what can be made of another, in squared grey levels of the brightness.

    `ratio`: the distance against what encoding alone makes, the worst of Y, Cb and Cr; 1 is what a copy has. None if
    its encoding can't be repeated. `distance`: that of the brightness. `own`: how far the picture's own encoding alone
    moves brightness, 0 if it is stored without loss; None if it can't be repeated. `structured`: the correlation (-1 to
    1) of what can't be made from the other with where the other has structure: detail has some, added noise has none.
    `differs`: somewhere the two show something else, or in other tones, which no encoding explains.
    """

    ratio: float | None
    distance: float
    own: float | None
    structured: float
    differs: bool = False


@dataclass(frozen=True)
class Tie:
    """What is known of two files' pictures: the relation, and what a look at full size found.

    `equal_pixels`: both decode to the same picture, as far as it was decoded. `kept`: whether the kept picture can have
    been made from the other; `other`: the other way round; None where nobody looked.
    """

    relation: str
    equal_pixels: bool = False
    kept: Making | None = None
    other: Making | None = None


@dataclass(frozen=True)
class Lack:
    """One thing that a file has and the kept one lacks: a code for programs, and words that follow "only it has"."""

    code: str
    words: str


Rule = Callable[[Holdings, Holdings, Tie], Iterator[Lack]]


def lacks(kept: Holdings, other: Holdings, tie: Tie) -> tuple[Lack, ...]:
    """List what the other file holds, or may hold, that the kept one lacks. Nothing: the kept one holds all of it."""
    rules = _RULES_OF_COMPANY if kept.content == other.content else _RULES
    return tuple(lack for rule in rules for lack in rule(kept, other, tie))


def lacks_apart_from_the_picture(kept: Holdings, other: Holdings) -> tuple[Lack, ...]:
    """List what of the other file is lacking whatever both pictures show: parts, depth of colour, words, company."""
    rules = _RULES_OF_COMPANY if kept.content == other.content else tuple(r for r in _RULES if r is not _picture)
    return tuple(lack for rule in rules for lack in rule(kept, other, Tie("same")))


def may_go(kept: Holdings, other: Holdings, tie: Tie) -> bool:
    """Return whether the other file may go while the kept one stays."""
    return tie.relation in CLOSE and not lacks(kept, other, tie)


def needs_look(kept: Holdings, other: Holdings, tie: Tie) -> bool:
    """Return whether only a look at both at full size can tell that the other may go."""
    return tie.relation == "same" and not is_exact(kept, other, tie) and not lacks_apart_from_the_picture(kept, other)


def is_exact(one: Holdings, other: Holdings, tie: Tie) -> bool:
    """Return whether two files surely show the very same pixels."""
    if one.content == other.content or (one.picture_id is not None and one.picture_id == other.picture_id):
        return True
    return tie.equal_pixels and one.lossless is True and other.lossless is True


def _company(kept: Holdings, other: Holdings, _tie: Tie) -> Iterator[Lack]:
    held = {each.content for each in kept.company} | {kept.content}
    for each in sorted(other.company, key=lambda each: (each.kind, each.name)):
        if each.content is None or each.content not in held:
            told = f" ({each.told})" if each.told else ""
            yield Lack(
                f"beside:{each.kind}", f"{_COMPANY_WORDS.get(each.kind, 'the file')} {each.name} beside it{told}"
            )


def _pictures(kept: Holdings, other: Holdings, _tie: Tie) -> Iterator[Lack]:
    if other.pictures is None or kept.pictures is None:
        yield Lack("pictures:unclear", "perhaps more than one picture: that can't be told")
    elif other.pictures > 1 and (kept.picture_id is None or kept.picture_id != other.picture_id):
        yield Lack("pictures", f"its {other.pictures} pictures or frames")
    elif kept.pictures > 1 >= other.pictures:
        yield Lack("pictures:still", f"a still: the other has {kept.pictures} pictures or frames")


def _parts(kept: Holdings, other: Holdings, _tie: Tie) -> Iterator[Lack]:
    if other.parts is None:
        yield Lack("parts:unclear", "perhaps more than its picture: that can't be told")
        return
    held = (kept.parts or frozenset()) - _UNSURE_PARTS
    for part in sorted(other.parts):
        same_film = part != "film" or kept.film_bytes == other.film_bytes
        if part not in held or not same_film:
            size = f" ({other.film_bytes / 1e6:.1f} MB)" if part == "film" and other.film_bytes else ""
            yield Lack(f"part:{part}", f"{_PART_WORDS.get(part, part)}{size}")


def _colours(kept: Holdings, other: Holdings, tie: Tie) -> Iterator[Lack]:
    if is_exact(kept, other, tie) and kept.bits == other.bits and kept.format == other.format:
        return
    if other.bits is None or other.colour is None or other.alpha is None or kept.bits is None:
        yield Lack("colour:unclear", "perhaps more depth of colour: that can't be told")
        return
    if other.bits > kept.bits:
        yield Lack("bits", f"{other.bits} bits for each colour against {kept.bits}")
    ranks = _COLOUR_RANK.get(kept.colour or ""), _COLOUR_RANK.get(other.colour)
    if kept.colour != other.colour and (None in ranks or ranks[0] < ranks[1]):  # type: ignore[operator]
        yield Lack("colour", f"its colours ({other.colour} against {kept.colour or 'unknown'})")
    if other.alpha and not kept.alpha:
        yield Lack("alpha", "transparency")
    if other.wide_gamut and not kept.wide_gamut:
        yield Lack("gamut", "a wider range of colours")


def _picture(kept: Holdings, other: Holdings, tie: Tie) -> Iterator[Lack]:
    if is_exact(kept, other, tie):
        if kept.lossless and other.lossless is not True:
            yield Lack("first", f"the first encoding, of which the {kept.format.upper()} was made")
        return
    if kept.long_side == 0 or other.long_side == 0:
        yield Lack("size:unclear", "perhaps a larger picture: its size is not known")
    elif other.long_side > kept.long_side * (1 + _ONE_SIZE):
        yield _larger(kept, other)
    elif tie.kept is None or tie.other is None:
        yield Lack("detail:unclear", "perhaps more detail: the two were not compared at full size")
    elif tie.kept.differs or tie.other.differs:
        yield Lack(
            "differs", "another picture in places, as seen at full size: something was hidden, retouched or recoloured"
        )
    elif kept.long_side > other.long_side * (1 + _ONE_SIZE):
        yield from _smaller(kept, other, tie.kept, tie.other)
    else:
        yield from _of_one_size(tie.kept, tie.other)


def _larger(kept: Holdings, other: Holdings) -> Lack:
    sizes = f"{other.width} x {other.height} against {kept.width} x {kept.height}"
    if other.detail is not None and other.detail <= kept.long_side:
        return Lack("larger:enlarged", f"more pixels ({sizes}), though not more detail: it may be an enlarged copy")
    return Lack("larger", f"a larger picture: {sizes}")


def _smaller(kept: Holdings, other: Holdings, made: Making, back: Making) -> Iterator[Lack]:
    """Say what speaks against a smaller picture going for a larger one, which must have real detail and a camera."""
    has_more = made.ratio is not None and made.ratio >= _NOT_MADE_LARGER and made.structured >= _STRUCTURED
    has_more = has_more and made.own is not None and made.own > 0  # a lossless file may have been made of anything
    if back.ratio is None or back.own is None:
        yield Lack("enlarged", "perhaps the first size: its own encoding can't be repeated")
    elif back.ratio > _MADE_SMALLER:
        yield Lack("detail", "detail that the larger one lacks")
    elif not has_more or made.distance < _TIMES_THE_LOSS * back.own:
        yield Lack("enlarged", "perhaps the first size: the larger one shows no more, and may be an enlarged copy")
    elif kept.detail is None or kept.detail < _MORE_DETAIL * other.long_side:
        yield Lack("enlarged", "perhaps the first size: the larger one's own detail is not more than this one may have")
    elif not kept.has_camera or kept.edited or kept.resized:
        yield Lack("enlarged", "perhaps the first size: nothing tells that the larger one is the camera's own")


def _of_one_size(made: Making, back: Making) -> Iterator[Lack]:
    if back.ratio is not None and back.ratio > _MADE:
        yield Lack("detail", "detail that the other lacks")
        return
    has_more = made.ratio is not None and made.ratio >= _NOT_MADE and made.structured >= _STRUCTURED
    coarser = made.own is not None and back.own is not None and made.own >= max(_COARSER * back.own, _LOSSY)
    if not (has_more or (coarser and made.own is not None and made.distance <= _FROM_COARSER * made.own)):
        yield Lack(
            "first:unclear", "perhaps the first encoding: nothing tells which of the two was made from the other"
        )


def _facts(kept: Holdings, other: Holdings, _tie: Tie) -> Iterator[Lack]:
    for name, value in other.facts.items():
        if name in _CAMERA or name in {"gps_lat", "gps_lon", "keywords"}:
            continue
        own = kept.facts.get(name)
        if own is None or not _holds(own, value):
            yield Lack(f"fact:{name}", _fact_words(name, value))
    yield from _place(kept, other)
    missing = [word for word in other.facts.get("keywords") or () if word not in (kept.facts.get("keywords") or ())]
    if missing:
        yield Lack("fact:keywords", f"the keywords {', '.join(missing)}")
    camera = [name for name in _CAMERA if other.facts.get(name) is not None and kept.facts.get(name) is None]
    if camera:
        yield Lack("fact:camera", "the camera's data")
    elif other.tags - kept.tags:
        yield Lack("tags", f"{len(other.tags - kept.tags)} tags more of the camera's notes")


def _place(kept: Holdings, other: Holdings) -> Iterator[Lack]:
    here = [kept.facts.get(name) for name in ("gps_lat", "gps_lon")]
    there = [other.facts.get(name) for name in ("gps_lat", "gps_lon")]
    if None in there:
        return
    if None in here or max(abs(a - b) for a, b in zip(here, there, strict=True)) > _PLACE_DEG:  # type: ignore[operator]
        yield Lack("fact:place", "the place")


def _words(kept: Holdings, other: Holdings, _tie: Tie) -> Iterator[Lack]:
    if other.words is None:
        yield Lack("words:unclear", "perhaps words of yours: that can't be told")
        return
    missing = sorted(other.words - (kept.words or frozenset()))
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        yield Lack("words", f"the words “{missing[0][:60]}”{more}")


def _holds(own: Any, value: Any) -> bool:
    """Return whether a fact holds another: it is equal, or the same time told more finely."""
    if isinstance(own, datetime) and isinstance(value, datetime):
        return own == value or (value.microsecond == 0 and timedelta(0) <= own - value < timedelta(seconds=1))
    return bool(own == value)


def _fact_words(name: str, value: Any) -> str:
    if name == "rating":
        return f"the rating of {value} stars" if value >= 0 else "the mark of a rejected photo"
    if isinstance(value, datetime):
        return f"the time {value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, tuple):
        value = ", ".join(map(str, value))
    return f"{name.replace('_', ' ')} {value}"


_RULES_OF_COMPANY: tuple[Rule, ...] = (_company,)
_RULES: tuple[Rule, ...] = (_pictures, _parts, _company, _picture, _colours, _facts, _words)
