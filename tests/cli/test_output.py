"""How answers are printed: by `render` itself, and by the command in a pipe."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from photoidx.cli.terminal.output import FORMATS, harmless, middle_cut, render, render_facts
from photoidx.cli.terminal.values import day, moment
from photoidx.records import path_text
from photoidx.storage.schema import FILES
from photoidx.storage.store import Store

PHOTOIDX = Path(sys.executable).with_name("photoidx")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


def printed(rows: Any, output_format: str, *, null: bool = False) -> bytes:
    """Return the bytes that `render` writes to stdout."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")
    before, sys.stdout = sys.stdout, out
    try:
        render(rows, output_format, null=null)
        out.flush()
    finally:
        sys.stdout = before
    return out.buffer.getvalue()


def one(value: Any, kind: pa.DataType | None = None) -> pa.Table:
    return pa.table({"value": pa.array([value], kind)})


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=5))
@example([("a\rb", "c\nd"), ("", '"')])
@settings(deadline=None)
def test_text_comes_back_unharmed_from_csv_and_jsonl(rows: list[tuple[str, str]]):
    table = pa.table({"a": [a for a, _ in rows], "b,\n": [b for _, b in rows]})
    back = list(csv.reader(io.StringIO(printed(table, "csv").decode(), newline="")))
    assert back == [["a", "b,\n"], *map(list, rows)]
    lines = printed(table, "jsonl").decode().split("\n")
    assert [tuple(json.loads(line).values()) for line in lines[:-1]] == rows
    assert json.loads(printed(table, "json")) == [{"a": a, "b,\n": b} for a, b in rows]


@given(st.binary(min_size=1, max_size=30).filter(lambda raw: b"\0" not in raw))
@settings(deadline=None)
def test_a_name_of_any_bytes_comes_back_as_those_bytes(raw: bytes):
    table = pa.table({"path": [path_text(os.fsdecode(raw))]})
    assert printed(table, "paths", null=True) == raw + b"\0"
    assert printed(table, "paths") == raw + b"\n"


@given(TEXT)
@settings(deadline=None)
def test_no_text_can_drive_the_terminal_from_a_table(text: str):
    table = printed(pa.table({text or "a": [text]}), "table").decode()
    assert all(char == "\n" or char.isprintable() or harmless(char) == char for char in table)
    assert "\x1b" not in table
    assert "\r" not in table


def test_escape_sequences_and_new_lines_in_names_are_spelled_out_in_a_table():
    rows = pa.table({"\x1b[31mname": ["red\x1b[2J.jpg", "two\nlines\u202e.jpg", ":smile: [bold]x[/bold]"]})
    assert printed(rows, "table").decode().split() == [
        "\\x1b[31mname", "red\\x1b[2J.jpg", "two\\nlines\\u202e.jpg", ":smile:", "[bold]x[/bold]",
    ]  # fmt: skip


def test_escape_sequences_are_spelled_out_among_facts(capsys: pytest.CaptureFixture[str]):
    render_facts({"file\x1b[2J": {"na\nme": "x\x07", "empty": None}, "nothing": {"a": None}})
    assert capsys.readouterr().out == "file\\x1b[2J\n  na\\nme  x\\x07\n"


@pytest.mark.parametrize(
    ("value", "expected", "cell"),
    [
        (None, None, ""),
        (float("nan"), "NaN", "NaN"),
        (float("inf"), "Infinity", "Infinity"),
        (0.1, 0.1, "0.1"),
        (True, True, "true"),
        (Decimal(4999950000), 4999950000, "4999950000"),
        (Decimal("0.25"), 0.25, "0.25"),
        (datetime(2024, 5, 1, 12, 30, 15, 120000), "2024-05-01 12:30:15.120000", "2024-05-01 12:30:15.120000"),  # noqa: DTZ001
        (date(2024, 5, 1), "2024-05-01", "2024-05-01"),
        (timedelta(seconds=1.5), "0:00:01.500000", "0:00:01.500000"),
        (b"\xff\xd8", "/9g=", "/9g="),
        ([1.0, float("nan")], [1.0, "NaN"], '[1.0, "NaN"]'),
        (["Käse", None], ["Käse", None], '["Käse", null]'),
        ({"a": b"\0"}, {"a": "AA=="}, '{"a": "AA=="}'),
    ],
)
def test_every_kind_of_value_has_a_spelling(value: Any, expected: Any, cell: str):
    assert json.loads(printed(one(value), "json")) == [{"value": expected}]
    assert json.loads(printed(one(value), "jsonl")) == {"value": expected}
    assert list(csv.reader(io.StringIO(printed(one(value), "csv").decode())))[1:] == [[cell]]
    assert printed(one(value), "table").decode().split("\n")[1].strip() == cell


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        ((0, 0, 1_500_000_000), "00:00:01.5"),
        ((0, 2, 3_600_000_000_000 * 30), "2 days 30:00:00"),
        ((14, 0, 0), "14 months 00:00:00"),
        ((0, 0, -61_000_000_000), "-00:01:01"),
    ],
)
def test_a_length_of_time_is_readable(interval: tuple[int, int, int], words: str):
    table = one(pa.MonthDayNano(interval), pa.month_day_nano_interval())
    assert json.loads(printed(table, "json")) == [{"value": words}]


def test_times_that_python_can_not_hold_are_printed():
    far = one(400_000_000_000_000_000, pa.int64()).cast(pa.schema([("value", pa.timestamp("us"))]))
    assert b"14645" in printed(far, "csv")
    nano = one(1_234_567_890_123_456_789, pa.int64()).cast(pa.schema([("value", pa.timestamp("ns"))]))
    assert b"2009-02-13 23:31:30.123456789" in printed(nano, "table")


def test_an_empty_answer_keeps_its_header_in_csv_and_is_an_empty_list_in_json():
    nothing = pa.table({"path": pa.array([], pa.string()), "iso": pa.array([], pa.int32())})
    assert printed(nothing, "csv") == b"path,iso\n"
    assert printed(nothing, "json") == b"[]\n"
    assert printed(nothing, "jsonl") == b""
    assert printed(nothing, "paths") == b""
    assert printed([], "csv") == b""


def test_paths_leave_out_nulls_and_need_a_column_of_text():
    assert printed(pa.table({"path": ["/a", None]}), "paths") == b"/a\n"
    for table in (one("x"), pa.table({"path": [1]}), pa.table({"iso": pa.array([], pa.int32())})):
        with pytest.raises(click.UsageError, match="path"):
            printed(table, "paths")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> str:
    store = Store(str(tmp_path_factory.mktemp("output") / "library"), create=True)
    names = [path_text(os.fsdecode(b"/p/\xff\xfe.jpg")), "/p/a.jpg"]
    with store.writing():
        store.upsert(FILES, [{"path": path, "root": "/p", "kind": "photo", "mtime_ns": 1} for path in names])
    return store.uri


def sql(library: str, query: str, *options: str, **rest: Any) -> subprocess.CompletedProcess[bytes]:
    command = [PHOTOIDX, "sql", query, "--library", library, *options]
    return subprocess.run(command, capture_output=True, check=False, timeout=600, **rest)


def test_the_command_prints_the_bytes_of_a_name_that_is_not_utf_8(library: str):
    done = sql(library, "SELECT path FROM photos ORDER BY path DESC", "--format", "paths", "-0")
    assert done.stdout == b"/p/\xff\xfe.jpg\0/p/a.jpg\0"


def test_paths_without_a_path_column_are_a_wrong_call(library: str):
    done = sql(library, "SELECT size FROM photos WHERE false", "--format", "paths")
    assert done.returncode == 2
    assert b"path" in done.stderr
    assert done.stdout == b""


def test_a_pipe_gets_csv(library: str):
    assert sql(library, "SELECT 1 AS a, NULL AS b").stdout == b"a,b\n1,\n"


def test_any_encoding_of_the_terminal_is_survived(library: str):
    query = "SELECT 'K\u00e4se \u2192' AS a"
    for output_format in ("csv", "table", "jsonl"):
        done = sql(library, query, "--format", output_format, env={**os.environ, "PYTHONIOENCODING": "ascii"})
        assert done.returncode == 0, done.stderr
        assert b"se" in done.stdout


@pytest.mark.parametrize("output_format", FORMATS)
def test_a_closed_pipe_ends_the_command_quietly(library: str, output_format: str):
    query = "SELECT 'x' || range AS path FROM range(20000)"
    command = f"'{PHOTOIDX}' sql \"{query}\" --library '{library}' --format {output_format} | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=False, timeout=600)
    assert done.stderr == b""
    assert done.stdout.count(b"\n") == 1


DAY = 24 * 60 * 60


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (float("nan"), pa.float64(), "NaN"),
        (float("inf"), pa.float64(), "Infinity"),
        (float("-inf"), pa.float32(), "-Infinity"),
        (6_585_322, pa.date32(), "20000-01-01"),
        (-719_529, pa.date32(), "-0001-12-31"),
        (-719_163, pa.date32(), "0000-12-31"),
        (2**31 - 1, pa.date32(), "infinity"),
        (-(2**31 - 1), pa.date32(), "-infinity"),
        (6_585_322 * DAY * 10**6 + 1_500_000, pa.timestamp("us"), "20000-01-01 00:00:01.5"),
        (6_585_322 * DAY, pa.timestamp("s", "UTC"), "20000-01-01 00:00:00+00:00"),
        (2**63 - 1, pa.timestamp("us"), "infinity"),
        (-(2**63) + 1, pa.timestamp("ms"), "-infinity"),
    ],
)
def test_what_python_can_t_hold_is_printed_in_every_format(value: Any, kind: pa.DataType, text: str):
    whole = pa.array([value], kind) if isinstance(value, float) else pa.array([value]).cast(_number(kind)).view(kind)
    held = {"value": whole, "list": pa.ListArray.from_arrays([0, 1], whole)}
    rows = pa.table({**held, "struct": pa.StructArray.from_arrays([whole], ["a"])})
    told = {"value": text, "list": [text], "struct": {"a": text}}
    assert json.loads(printed(rows, "json")) == [told]
    assert json.loads(printed(rows, "jsonl")) == told
    (_, cells) = csv.reader(io.StringIO(printed(rows, "csv").decode()))
    assert cells == [text, json.dumps([text]), json.dumps({"a": text})]
    assert text.split(maxsplit=1)[0] in printed(rows, "table").decode()


def _number(kind: pa.DataType) -> pa.DataType:
    return pa.int32() if kind == pa.date32() else pa.int64()


def test_lists_of_days_are_printed():
    rows = pa.table({"days": pa.array([[date(2020, 1, 1), None]], pa.list_(pa.date32()))})
    assert json.loads(printed(rows, "json")) == [{"days": ["2020-01-01", None]}]


@given(st.dates())
@settings(deadline=None)
def test_a_day_is_spelt_as_python_spells_it(one_day: date):
    assert day((one_day - date(1970, 1, 1)).days) == one_day.isoformat()


@given(st.integers(-(2**62), 2**62), st.sampled_from(["s", "ms", "us", "ns"]))
@settings(deadline=None)
def test_every_moment_is_spelt(value: int, unit: str):
    assert re.fullmatch(r"-?\d{4,}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?", moment(value, unit))


@pytest.mark.parametrize(
    ("path", "width", "expected"),
    [
        ("/p/a.jpg", 24, "/p/a.jpg"),
        ("/home/ann/Pictures/2024/IMG_0001.JPG", 24, "/home/ann/\u2026/IMG_0001.JPG"),
        ("/p/PXL_20240601_210000000.MP.jpg", 24, "/p/PXL_\u2026210000000.MP.jpg"),
    ],
)
def test_a_path_is_shortened_in_its_middle(path: str, width: int, expected: str):
    assert middle_cut(path, width) == expected
    assert len(expected) <= width


def test_a_table_in_a_pipe_has_every_path_whole(capsys: pytest.CaptureFixture[str]):
    path = "/home/ann/" + "long/" * 40 + "IMG_0001.JPG"
    render([{"path": path, "iso": 100}], "table")
    assert path in capsys.readouterr().out
