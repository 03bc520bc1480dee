# ruff: noqa: RUF001 - colours in the languages of programs
"""Ratings and colours as Lightroom, darktable, digiKam and Windows write them, on one scale."""

from __future__ import annotations

from collections.abc import Iterable

REJECTED, BEST = -1, 5
_PERCENT = ((0, 0), (12, 1), (37, 2), (62, 3), (87, 4), (100, 5))  # Windows writes 1, 25, 50, 75 and 99
_DARKTABLE = ("Red", "Yellow", "Green", "Blue", "Purple")
_DIGIKAM = (None, "Red", "Orange", "Yellow", "Green", "Blue", "Purple", "Grey", "Black", "White")
_DIGIKAM_PICKS = {"1": "rejected", "2": "pending", "3": "accepted"}
_COLOURS = {
    "Red": "red rot rouge rosso rojo vermelho rood röd rød punainen czerwony červená "
    "красный kırmızı 赤 レッド 红色 紅色 빨강",
    "Orange": "orange naranja arancione laranja oranje oranžová pomarańczowy оранжевый turuncu オレンジ 橙色 주황",
    "Yellow": "yellow gelb jaune giallo amarillo amarelo geel gul keltainen żółty žlutá желтый жёлтый sarı "
    "黄 イエロー 黄色 黃色 노랑",
    "Green": "green grün vert verde groen grön grønn grøn vihreä zielony zelená зеленый зелёный yeşil "
    "緑 グリーン 绿色 綠色 녹색 초록",
    "Blue": "blue blau bleu blu azul blauw blå sininen niebieski modrá синий mavi 青 ブルー 蓝色 藍色 파랑",
    "Purple": "purple violet lila violett magenta pourpre viola porpora morado púrpura roxo paars purper fioletowy "
    "fialová фиолетовый пурпурный mor 紫 パープル 紫色 보라 자주",
    "Grey": "grey gray grau gris grigio cinza grijs grå серый 灰色",
    "White": "white weiß blanc bianco blanco branco wit vit белый 白 白色",
    "Black": "black schwarz noir nero negro preto zwart svart черный чёрный 黑色",
}
_COLOUR_OF_WORD = {word: colour for colour, words in _COLOURS.items() for word in words.split()}


def stars(written: str | None) -> int | None:
    """Read xmp:Rating: 0 to 5, or -1 for rejected. What lies outside is none."""
    try:
        found = round(float(written or ""))
    except (ValueError, OverflowError):
        return None
    return found if REJECTED <= found <= BEST else None


def stars_of_percent(written: str | float | None) -> int | None:
    """Read Windows' rating in percent: 1, 25, 50, 75 and 99 are one to five stars."""
    try:
        percent = float(written if written is not None else "")
    except ValueError:
        return None
    return next((count for most, count in _PERCENT if 0 <= percent <= most), None)


def pick(written: str | None) -> str | None:
    """Read digiKam's pick label: rejected, pending or accepted."""
    return _DIGIKAM_PICKS.get(written or "")


def colour(label: str | None, darktable: Iterable[str] = (), digikam: str | None = None) -> str | None:
    """Return the colour of a label in English; a label that is no colour as it is written.

    darktable may give several colours; the first in its order counts. `label` is what xmp:Label says, in the language
    of the program that wrote it.
    """
    if label is not None:
        return _COLOUR_OF_WORD.get(label.strip().casefold(), label)
    numbers = sorted(int(each) for each in darktable if each.isdecimal() and int(each) < len(_DARKTABLE))
    if numbers:
        return _DARKTABLE[numbers[0]]
    number = int(digikam) if digikam is not None and digikam.isdecimal() else 0
    return _DIGIKAM[number] if number < len(_DIGIKAM) else None
