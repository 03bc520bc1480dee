"""Small charts as SVG text: bars with intervals, lines, and two distributions. Colours are the page's CSS classes."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_WIDTH, _LEFT, _RIGHT, _BAR, _ROW = 640, 170, 52, 14, 34
_HEIGHT, _TOP, _BOTTOM = 300, 14, 40
_SERIES = 8
_ROOM = 24  # characters beside a bar


@dataclass(frozen=True)
class Bar:
    """A value from 0 to 1 with an interval, and a mark beside it where others published one."""

    name: str
    value: float
    low: float
    high: float
    mark: float | None = None
    quiet: bool = False


def bars(rows: Sequence[Bar], about: str) -> str:
    """Draw a bar for each row, the interval as a line, the mark as a tick."""
    across = _WIDTH - _LEFT - _RIGHT
    height = _ROW * len(rows) + 28
    parts = [_grid_line(_LEFT + across * share, 4, height - 24, f"{share:g}") for share in (0, 0.25, 0.5, 0.75, 1)]
    for number, row in enumerate(rows):
        y = 8 + number * _ROW
        middle = y + _BAR / 2
        kind = "quiet-fill" if row.quiet else "fill"
        parts += [
            f'<text class="name" x="{_LEFT - 10}" y="{middle + 4}" text-anchor="end">{_short(row.name)}</text>',
            f'<rect class="{kind}" x="{_LEFT}" y="{y}" width="{across * row.value:.1f}" height="{_BAR}" rx="2"/>',
            f'<path class="whisker" d="M{_LEFT + across * row.low:.1f} {middle}H{_LEFT + across * row.high:.1f}"/>',
            f'<text class="value" x="{_WIDTH - _RIGHT + 8}" y="{middle + 4}">{row.value:.3f}</text>',
        ]
        if row.mark is not None:
            x = _LEFT + across * row.mark
            title = f"<title>published: {row.mark:.3f}</title>"
            parts.append(f'<path class="mark" d="M{x:.1f} {y - 4}V{y + _BAR + 4}">{title}</path>')
    return _svg(height, about, parts)


def lines(
    series: Mapping[str, Sequence[tuple[float, float]]],
    about: str,
    across: tuple[str, Sequence[tuple[float, str]]],
    upwards: tuple[str, Sequence[tuple[float, str]]],
) -> str:
    """Draw a line for each series of (x, y), both from 0 to 1, with a name and ticks (place, text) for each axis."""
    parts = _frame(across, upwards)
    for number, points in enumerate(series.values()):
        path = "L".join(f"{_x(x):.1f} {_y(y):.1f}" for x, y in points)
        parts.append(f'<path class="line s{number % _SERIES}" d="M{path}"/>')
    return _svg(_HEIGHT, about, parts)


def distributions(
    within: Sequence[float], between: Sequence[float], about: str, across: tuple[str, Sequence[tuple[float, str]]]
) -> str:
    """Draw two distributions over bins of equal width, each scaled to its own highest bin."""
    parts = _frame(across, ("", ()))
    for name, shares in (("between", between), ("within", within)):
        top = max(shares) or 1.0
        steps = [f"M{_x(0):.1f} {_y(0):.1f}"]
        for number, share in enumerate(shares):
            steps.append(f"V{_y(0.95 * share / top):.1f}H{_x((number + 1) / len(shares)):.1f}")
        parts.append(f'<path class="area {name}" d="{"".join(steps)}V{_y(0):.1f}Z"/>')
    return _svg(_HEIGHT, about, parts)


def legend(names: Sequence[str]) -> str:
    """Return the names of lines, each beside its colour."""
    items = (f'<li><i class="key s{number % _SERIES}"></i>{safe(name)}</li>' for number, name in enumerate(names))
    return f'<ul class="legend">{"".join(items)}</ul>'


def _frame(
    across: tuple[str, Sequence[tuple[float, str]]], upwards: tuple[str, Sequence[tuple[float, str]]]
) -> list[str]:
    parts = [_grid_line(_x(place), _TOP, _HEIGHT - _BOTTOM, text) for place, text in across[1]]
    for place, text in upwards[1]:
        parts += [
            f'<path class="grid" d="M{_x(0):.1f} {_y(place):.1f}H{_x(1):.1f}"/>',
            f'<text class="tick" x="{_x(0) - 8:.1f}" y="{_y(place) + 4:.1f}" text-anchor="end">{safe(text)}</text>',
        ]
    parts.append(f'<text class="tick" x="{_x(1):.1f}" y="{_HEIGHT - 4}" text-anchor="end">{safe(across[0])}</text>')
    if upwards[0]:
        parts.append(f'<text class="tick" x="{_x(0) + 6:.1f}" y="{_TOP + 10}">{safe(upwards[0])}</text>')
    return parts


def _grid_line(x: float, top: float, bottom: float, text: str) -> str:
    return (
        f'<path class="grid" d="M{x:.1f} {top}V{bottom}"/>'
        f'<text class="tick" x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{safe(text)}</text>'
    )


def _x(share: float) -> float:
    return 56 + (_WIDTH - 56 - 18) * share


def _y(share: float) -> float:
    return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * share


def _svg(height: float, about: str, parts: Sequence[str]) -> str:
    box = f'viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{safe(about)}"'
    return f"<svg {box}>{''.join(parts)}</svg>"


def safe(value: str) -> str:
    """Make text safe to stand in the page; bytes of a name that are no UTF-8 become a mark."""
    return html.escape(value.encode("utf-8", "replace").decode())


def _short(name: str) -> str:
    """Return a name as there is room for it, and the whole of it for who points at it."""
    if len(name) <= _ROOM:
        return safe(name)
    half = _ROOM // 2
    return f"{safe(name[:half])}…{safe(name[-half + 1 :])}<title>{safe(name)}</title>"
