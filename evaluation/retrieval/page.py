"""The report as one page that needs nothing else: charts, the worst failures as pictures, what separates the groups."""

from __future__ import annotations

import base64
import colorsys
import contextlib
import hashlib
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from photoidx.errors import PhotoError, PhotoidxError
from photoidx.evaluation.reading import open_photo
from photoidx.evaluation.retrieval import svg_charts
from photoidx.evaluation.retrieval.bench import CHANCE, MethodResult, RetrievalReport, Row, worst
from photoidx.evaluation.retrieval.colour_distances import bin_colours
from photoidx.evaluation.retrieval.measures import CURVE
from photoidx.evaluation.retrieval.methods import EMD, RANDOM
from photoidx.evaluation.retrieval.svg_charts import safe

MARK = '<meta name="generator" content="photoidx bench retrieval">'
_FAILURES = 5
_SHOWN = 6
_THUMBNAIL = 240
_SWATCHES = 12
_CURVE_FEATURES = 200
_FIRST_BYTES = 2000
_WORDS = frozenset({"method", "weights", "first", "second"})
_QUARTERS = (0, 0.25, 0.5, 0.75, 1)


def check_place(out: Path) -> None:
    """Raise PhotoidxError if no page can be put there, or if something that is no such page is there."""
    if out.suffix.lower() not in {".html", ".htm"}:
        raise PhotoidxError(f"{out} is no name of a page. Let it end in .html.")
    if not out.absolute().parent.is_dir():
        raise PhotoidxError(f"There is no folder {out.absolute().parent} to put the page in. Make it first.")
    if out.exists() and not (out.is_file() and MARK.encode() in out.read_bytes()[:_FIRST_BYTES]):
        raise PhotoidxError(f"{out} holds something that is no report of this kind. Choose another name.")


def write_page(report: RetrievalReport, out: Path) -> None:
    """Write the page in one step. Raises PhotoidxError if it can't be written."""
    half = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        half.write_text(page(report), encoding="utf-8")
        half.replace(out)
    except OSError as error:
        with contextlib.suppress(OSError):  # a name that is too long can't be removed either
            half.unlink(missing_ok=True)
        raise PhotoidxError(f"Can't write {out}: {error.strerror or error}.") from error


def page(report: RetrievalReport) -> str:
    """Return the whole page. It runs no code and makes no connection."""
    style = files(__package__).joinpath("retrieval.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    title = f"Which method finds the photos of {os.path.basename(report.folder.rstrip(os.sep)) or report.folder}"
    body = "\n".join((*_opening(report, title), *_charts(report), *_separation(report), *_failures(report)))
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n{MARK}\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{safe(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _opening(report: RetrievalReport, title: str) -> Iterable[str]:
    asked = len(report.results[0].judged.asked)
    trained = [result for result in report.results if result.name != CHANCE and result.weights != RANDOM]
    protocol = f", protocol {report.protocol}" if report.layout == "holidays" else ""
    yield f"<h1>{safe(title)}</h1>"
    yield (
        f"<p>{len(report.photos):,} photos in {len(np.unique(report.groups)):,} groups; {asked:,} of them ask for the "
        f"others of their group. Layout {safe(report.layout)}{protocol}.</p>"
    )
    if trained:
        best = max(trained, key=lambda result: float(result.row["map_10"]))
        nearest = 100 * float(best.row["nearest"])
        words = f"its mAP@10 is {best.row['map_10']:.3f}; the nearest photo is a right one for {nearest:.1f} %."
        yield f'<p class="answer"><b>{safe(best.name)}</b> finds them best: {words}</p>'
    notes = [*report.notes, *(f"left out {path}: {why}" for path, why in sorted(report.unread.items()))]
    notes += [
        f"{each.name} has random weights: it shows that it runs" for each in report.results if each.weights == RANDOM
    ]
    if notes:
        yield '<ul class="notes">' + "".join(f"<li>{safe(note)}</li>" for note in notes) + "</ul>"


def _charts(report: RetrievalReport) -> Iterable[str]:
    rows = [
        svg_charts.Bar(
            _label(result),
            result.row["map_10"],
            result.row["low"],
            result.row["high"],
            result.row.get("published_map_10"),
            result.name == CHANCE or result.weights == RANDOM,
        )
        for result in report.results
    ]
    yield "<h2>How good the first ten answers are</h2>"
    published = " The red tick is what others published, on the whole set." if any(row.mark for row in rows) else ""
    yield f"<p>mAP@10, with a 95 % interval by bootstrap over groups.{published}</p>"
    yield svg_charts.bars(rows, "mAP@10 of each method")
    yield "<h2>How many right ones are found</h2>"
    yield "<p>Recall: the share of the other photos of the group among the first answers.</p>"
    means = {_label(result): result.judged.recall.mean(axis=0) for result in report.results}
    top = next(each for each in (0.1, 0.25, 0.5, 1.0) if each >= max(float(mean[-1]) for mean in means.values()))
    curves = {
        name: [(at / (CURVE - 1), float(value) / top) for at, value in enumerate(mean)] for name, mean in means.items()
    }
    places = [((place - 1) / (CURVE - 1), str(place)) for place in (1, 5, 10, 15, 20)]
    shares = [(share, f"{share * top:g}") for share in _QUARTERS]
    yield svg_charts.lines(curves, "recall by the number of answers", ("answers", places), ("recall", shares))
    yield svg_charts.legend(list(curves))
    yield "<h2>Do they agree?</h2><p>Shares of the questions whose nearest photo is a right one by both methods, one "
    yield "or none; and the share of the first ten answers that two methods have in common.</p>"
    yield _table(report.agreement)
    yield f"<h2>All figures</h2>{_table(report.rows)}"


def _separation(report: RetrievalReport) -> Iterable[str]:
    methods = [result for result in report.results if result.name != CHANCE]
    yield "<h2>What separates the groups</h2>"
    yield (
        "<p>How alike two photos of one group are, and two of different groups, by each method; each curve is scaled "
        "to its own height. The farther apart, the larger Fisher's criterion: the squared distance of the two means "
        "over the sum of the variances.</p>"
    )
    yield '<ul class="legend"><li><i class="key in"></i>one group</li><li><i class="key out"></i>two groups</li></ul>'
    yield '<div class="two">'
    for result in methods:
        apart = result.judged.separation
        ticks = [(share, f"{np.interp(share, (0, 1), apart.edges[[0, -1]]):.2f}") for share in _QUARTERS]
        yield f"<div><h3>{safe(_label(result))}: {apart.criterion:.2f}</h3>"
        about = f"similarities by {result.name}"
        shares = apart.within.tolist(), apart.between.tolist()
        yield svg_charts.distributions(*shares, about, ("similarity", ticks)) + "</div>"
    yield "</div><h3>Single features</h3>"
    yield (
        "<p>Fisher's ratio of each feature, the variance between groups over the variance within, the best features "
        "first. A steep fall means that few features carry the method.</p>"
    )
    yield _fisher_curves(methods)
    emd = next((result for result in methods if result.name == EMD), None)
    if emd is not None:
        yield "<h3>The colours that separate the groups best</h3>" + _swatches(emd.fisher)


def _fisher_curves(methods: Sequence[MethodResult]) -> str:
    """Draw the ratios of each method's features, sorted, over ranks; both axes are logarithmic."""
    ratios = {_label(result): np.sort(result.fisher)[::-1][:_CURVE_FEATURES] for result in methods}
    top = max((float(each) for values in ratios.values() for each in values if np.isfinite(each)), default=1.0)
    high = np.ceil(np.log10(max(top, 1e-2)) + 1e-9)
    low = high - 3
    series = {}
    for name, values in ratios.items():
        x = np.log10(np.arange(1, len(values) + 1)) / np.log10(_CURVE_FEATURES)
        y = ((np.log10(np.maximum(values, 10.0**low)) - low) / (high - low)).clip(0, 1)
        series[name] = list(zip(x.tolist(), y.tolist(), strict=True))
    across = [(float(np.log10(rank) / np.log10(_CURVE_FEATURES)), str(rank)) for rank in (1, 5, 20, 50, 200)]
    upwards = [(step / 3, f"{10.0 ** (low + step):g}") for step in range(4)]
    chart = svg_charts.lines(series, "Fisher's ratios of features", ("feature", across), ("ratio", upwards))
    return chart + svg_charts.legend(list(series))


def _swatches(fisher: np.ndarray[Any, Any]) -> str:
    """Show the bins of hue, saturation and value with the highest ratios; none that tells nothing."""
    parts = []
    for place in np.argsort(-fisher, kind="stable")[:_SWATCHES]:
        if not fisher[place]:
            break
        hue, saturation, value = bin_colours()[place]
        red, green, blue = (round(255 * each) for each in colorsys.hsv_to_rgb(hue / (2 * np.pi), saturation, value))
        words = f"ratio {fisher[place]:.2f}" if np.isfinite(fisher[place]) else "it varies between groups alone"
        parts.append(
            f'<svg viewBox="0 0 42 42" role="img"><title>{words}</title><rect width="42" height="42" '
            f'fill="#{red:02x}{green:02x}{blue:02x}"/></svg>'
        )
    return f'<div class="swatches">{"".join(parts)}</div>' if parts else "<p>No colour tells them apart.</p>"


def _failures(report: RetrievalReport) -> Iterable[str]:
    pictures: dict[int, str] = {}
    yield "<h2>The worst failures</h2>"
    yield "<p>The photo that asks, and the photos that each method puts first. A green frame is a right answer.</p>"
    for result in report.results:
        if result.name == CHANCE or result.weights == RANDOM:
            continue
        rows = worst(result, _FAILURES)
        yield f"<h3>{safe(_label(result))}{'' if rows else ': none'}</h3>"
        for row in rows:
            query = int(result.judged.asked[row])
            first = int(result.judged.first_right[row])
            caption = f"asked; the first right one stands at {first:,}"
            shown = [_figure(report, query, "asked", caption, pictures)]
            for place, other in enumerate(result.judged.nearest[row][:_SHOWN], start=1):
                if other >= 0:
                    right = report.groups[other] == report.groups[query]
                    shown.append(_figure(report, int(other), "right" if right else "wrong", str(place), pictures))
            yield f'<div class="failure">{"".join(shown)}</div>'


def _figure(report: RetrievalReport, at: int, kind: str, caption: str, pictures: dict[int, str]) -> str:
    photo = report.photos[at]
    if at not in pictures:
        pictures[at] = _thumbnail(photo.path)
    name = f"{photo.group}, {os.path.basename(photo.path)}"
    picture = f'<img src="{pictures[at]}" alt="{safe(name)}">' if pictures[at] else ""
    return f'<figure class="{kind}">{picture}<figcaption><b>{caption}</b> {safe(name)}</figcaption></figure>'


def _thumbnail(path: str) -> str:
    """Return a small picture as a data URI; nothing where the photo has gone meanwhile."""
    try:
        image = open_photo(path).image().copy()
    except (OSError, PhotoError):
        return ""
    image.thumbnail((_THUMBNAIL, _THUMBNAIL))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=72)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()


def _table(rows: Sequence[Row]) -> str:
    if not rows:
        return "<p>There is one method only.</p>"
    names = [name for name in rows[0] if any(row.get(name) not in (None, "") for row in rows)]
    head = "".join(f'<th scope="col"{_class(name)}>{safe(name.replace("_", " "))}</th>' for name in names)
    lines = []
    for row in rows:
        kind = ' class="quiet"' if row.get("method") == CHANCE or row.get("weights") == RANDOM else ""
        lines.append(f"<tr{kind}>" + "".join(f"<td{_class(name)}>{_cell(row, name)}</td>" for name in names) + "</tr>")
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def _class(name: str) -> str:
    return ' class="word"' if name in _WORDS else ""


def _cell(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else safe(str(value))


def _label(result: MethodResult) -> str:
    return f"{result.name} (random)" if result.weights == RANDOM else result.name
