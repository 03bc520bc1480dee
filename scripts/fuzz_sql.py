"""Ask a library thousands of random SQL statements: each is answered and printed, or refused in one line.

    .venv/bin/python scripts/fuzz_sql.py --statements 5000 --seed 1

Half are made by a small grammar, with extreme values; half are sound queries in which words were left out, doubled,
swapped or replaced. A fault is an error that photoidx did not expect, an answer that can't be printed, a message of
several lines, a process that ended, or a statement that changed the library.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from photoidx.cli.terminal.output import render
from photoidx.config import Config
from photoidx.errors import PhotoidxError
from photoidx.queries.sql.process import Questions
from photoidx.registry import stages
from photoidx.storage.schema import tables_of
from photoidx.storage.store import Store

_LIMIT_S = 3.0
_ANSWER_BYTES = 64 << 20
_FORMATS = ("csv", "json", "jsonl", "table")
_VIEWS = (
    "photos",
    "files",
    "labels",
    "failures",
    "scans",
    "exif",
    "sidecars",
    "ledger",
    "bursts",
    "decisions",
    "quality",
)
_COLUMNS = ("path", "name", "size", "iso", "taken_at", "modified_at", "f_number", "content_id", "shot_id")
_LITERALS = (
    *("0", "-1", "9223372036854775807", "-9223372036854775808", "170141183460469231731687303715884105727"),
    *("1e308", "1e-320", "'NaN'::DOUBLE", "'Infinity'::DOUBLE", "'-Infinity'::FLOAT", "0.1::DECIMAL(38,20)", "NULL"),
    *("DATE '0001-01-01'", "DATE '294247-01-10'", "DATE 'infinity'", "DATE '4714-11-24 (BC)'", "TIMESTAMP 'infinity'"),
    *("TIMESTAMP '290309-12-22 (BC) 00:00:00'", "TIMESTAMP_NS '2262-04-11'", "TIMESTAMPTZ '9999-12-31 23:59:59+00'"),
    *(
        "TIME '24:00:00'",
        "TIMETZ '12:00:00+15'",
        "INTERVAL '178956970 years'",
        "INTERVAL '-1 day'",
        "''",
        "'a\u0301\u202e'",
    ),
    *("'\\xFF'::BLOB", "'101'::BIT", "[]", "[NULL]", "[DATE '20000-01-01']", "{'a': 1, 'b': [NULL, 2]}", "MAP {1: 2}"),
    *(
        "uuid()",
        "1::UHUGEINT",
        "'x'::ENUM('x', 'y')",
        "true",
        "array_value(1, 2, 3)",
        "union_value(n := 1)",
        "random()",
    ),
)
_CALLS = (
    *(
        "length({})",
        "abs({})",
        "upper({})",
        "list_sort([{}, {}])",
        "coalesce({}, {})",
        "{} || {}",
        "{} + {}",
        "{} / {}",
    ),
    *("CAST({} AS VARCHAR)", "CAST({} AS BIGINT)", "TRY_CAST({} AS DATE)", "TRY_CAST({} AS TIMESTAMP)", "hash({})"),
    *("date_trunc('month', {})", "extract(year FROM {})", "strftime({}, '%Y')", "regexp_matches({}, '(a*)*$')"),
    *("to_json({})", "json_extract({}, '$.a')", "list_transform([{}], lambda x: x)", "struct_pack(a := {}, b := {})"),
    *(
        "{} BETWEEN {} AND {}",
        "{} IN ({}, {})",
        "CASE WHEN {} THEN {} END",
        "row({}, {})",
        "range({})",
        "repeat({}, {})",
    ),
    *("similarity({})", "similarity('a.jpg')", "count({})", "sum({})", "list({})", "max({}) OVER ()", "unnest([{}])"),
    *(
        "format('{{}}', {})",
        "printf('%d', {})",
        "lpad({}, 10, {})",
        "epoch_ms({})",
        "make_timestamp({})",
        "bitstring({}, 8)",
    ),
)
_SOUND = (
    "SELECT path, iso FROM photos WHERE iso > 800 ORDER BY taken_at DESC NULLS LAST LIMIT 10",
    "SELECT folder, count(*) AS n, sum(size) FROM photos GROUP BY ALL HAVING n > 1 ORDER BY n",
    "WITH x AS (SELECT shot_id, count(*) AS n FROM files GROUP BY shot_id) SELECT * FROM x JOIN files USING (shot_id)",
    "WITH RECURSIVE r AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM r WHERE a < 10) SELECT * FROM r",
    "SELECT path, row_number() OVER (PARTITION BY folder ORDER BY size) AS n FROM photos QUALIFY n = 1",
    "PIVOT photos ON format USING count(*) GROUP BY folder",
    "UNPIVOT (SELECT 1 AS a, 2 AS b) ON COLUMNS(*)",
    "SELECT * EXCLUDE (tags) REPLACE (upper(path) AS path) FROM photos",
    "SELECT a.path FROM photos a ASOF JOIN photos b ON a.taken_at >= b.taken_at",
    "SELECT DISTINCT ON (folder) folder, path FROM photos ORDER BY folder, size",
    "EXPLAIN ANALYZE SELECT count(*) FROM photos",
    "DESCRIBE photos",
    "SHOW TABLES",
    "SUMMARIZE files",
    "FROM labels WHERE rank = 1",
    "VALUES (1, 'a'), (2, NULL)",
    "SELECT * FROM failures POSITIONAL JOIN scans",
    "SELECT COLUMNS('.*_at') FROM photos TABLESAMPLE 50%",
    "SELECT path FROM photos WHERE path LIKE '%.jpg' UNION ALL BY NAME SELECT path, size FROM files",
    "SELECT (SELECT max(size) FROM files f WHERE f.shot_id = p.shot_id) FROM photos p",
    "SELECT list(path ORDER BY size) FILTER (WHERE size > 5), histogram(format) FROM files",
    "SELECT similarity('a.jpg') AS s, path FROM photos ORDER BY s DESC",
    "SELECT * FROM files, LATERAL (SELECT size + 1 AS more)",
    "SELECT GROUPING SETS ((format), (kind)) FROM files",
    "DELETE FROM t.files RETURNING *",
    "WITH x AS (INSERT INTO t.files SELECT * FROM t.files RETURNING *) FROM x",
    "CREATE TABLE mine AS FROM photos",
    "UPDATE t.files SET size = 0",
    "COPY photos TO 'out.csv'",
    "ATTACH 'x.db' AS x",
    "CHECKPOINT",
    "SET threads = 1",
    "CALL pragma_version()",
    "SELECT * FROM read_csv('/etc/passwd')",
    "EXECUTE p(1)",
    "BEGIN TRANSACTION",
    "SELECT 1; SELECT 2",
)
_WORDS = (
    *(
        "SELECT",
        "FROM",
        "WHERE",
        "(",
        ")",
        ",",
        "*",
        ";",
        "--",
        "/*",
        "'",
        '"',
        "NULL",
        "AS",
        "ON",
        "USING",
        "ALL",
        "BY",
    ),
    *("DELETE", "INSERT", "RETURNING", "UNION", "EXCEPT", "INTERSECT", "LATERAL", "RECURSIVE", "PIVOT", "IN", "EXISTS"),
    *("$1", "?", ":a", "::", "[", "]", "{", "}", "->", "lambda", "0", "1e9", "é", "\0", "\u202e", "\ud800", "EXPLAIN"),
)
_TOKEN = re.compile(r"\w+|'[^']*'|[<>=!:|-]+|\S")


def statement(seed: int, number: int) -> str:
    """Return the statement with a number."""
    at = random.Random(f"{seed} {number}")
    return _made(at) if number % 2 else _mutated(at)


def _made(at: random.Random) -> str:
    view = "photos" if _chance(at, 0.6) else at.choice(_VIEWS)
    depths = [at.choice((0, 0, 1, 1, 2)) for _ in range(at.randint(1, 2))]
    chosen = ", ".join(f"{_expression(at, depth)} AS c{n}" for n, depth in enumerate(depths))
    words = [f"SELECT {chosen} FROM {view}"]
    if _chance(at, 0.1):
        words.append(f"{at.choice(('CROSS JOIN', 'NATURAL JOIN', 'LEFT JOIN', 'SEMI JOIN'))} {at.choice(_VIEWS)}")
    clauses = [clause for clause in ("WHERE", "GROUP BY", "HAVING", "ORDER BY", "LIMIT") if _chance(at, 0.06)]
    return " ".join([*words, *(f"{clause} {_expression(at, 2)}" for clause in clauses)])


def _chance(at: random.Random, share: float) -> bool:
    return at.random() < share


def _expression(at: random.Random, depth: int) -> str:
    if depth == 0 or _chance(at, 0.3):
        return at.choice(_LITERALS if _chance(at, 0.8) else _COLUMNS)
    call = at.choice(_CALLS)
    return re.sub(r"(?<!\{)\{\}(?!\})", lambda _: _expression(at, depth - 1), call).replace("{{}}", "{}")


def _mutated(at: random.Random) -> str:
    words = _TOKEN.findall(at.choice(_SOUND))
    for _ in range(at.choice((0, 1, 1, 2, 4))):
        place = at.randrange(len(words))
        way = at.randrange(5)
        if way == 0 and len(words) > 1:
            del words[place]
        elif way == 1:
            words.insert(place, words[at.randrange(len(words))])
        elif way == 2:  # noqa: PLR2004
            words[place] = at.choice(_WORDS)
        elif way == 3:  # noqa: PLR2004
            words[place] = _expression(at, 2)
        else:
            other = at.randrange(len(words))
            words[place], words[other] = words[other], words[place]
    return " ".join(words)


def make(folder: Path) -> Store:
    """Make a library of made rows, some of whose values are the least and the most that there are."""
    store = Store(str(folder / "library"), create=True)
    specs = tables_of(stages(Config()))
    files = [
        {"path": f"/p/{name}.jpg", "root": "/p", "size": size, "mtime_ns": mtime, "inode": 0, "content_id": name}
        | {"kind": "photo", "format": "jpeg", "shot_id": f"shot-{name}"}
        for name, size, mtime in (("a", 0, None), ("b", 2**63 - 1, 2**63 - 1), ("c", 10, -(2**63)))
    ]
    exif = [
        {"content_id": "a", "taken_at": datetime(9999, 12, 31), "iso": 2**31 - 1, "keywords": ["a", None]},  # noqa: DTZ001
        {"content_id": "b", "taken_at": datetime(1, 1, 1), "f_number": float("nan"), "gps_lat": float("inf")},  # noqa: DTZ001
    ]
    ledger = [
        {"content_id": "a", "stage": "decode", "fingerprint": "x", "status": "failed", "error": "it\nis broken"}
        | {"at": datetime.now(UTC).replace(tzinfo=None)}
    ]
    with store.writing():
        for name, rows in (("files", files), ("exif", exif), ("ledger", ledger)):
            store.ensure(specs[name])
            store.upsert(specs[name], rows)
    return store


def ask(questions: Questions, store: Store, query: str) -> tuple[str, str | None]:
    """Ask one statement. Returns what came of it, and the fault if it is one."""
    config = Config(query_time_limit_s=_LIMIT_S, query_answer_bytes=_ANSWER_BYTES)
    try:
        answer = questions.ask(store.uri, query, config)
    except PhotoidxError as error:
        words = str(error)
        if "can't be answered (" in words or "given up" in words or "\n" in words.strip():
            return "fault", words
        return ("stopped" if "was stopped" in words or "memory" in words else "refused"), None
    except Exception as error:  # noqa: BLE001 - what is looked for
        return "fault", f"{type(error).__name__}: {error}"
    answer = answer.slice(0, 50)
    for form in _FORMATS:
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                render(answer, form)
        except Exception as error:  # noqa: BLE001 - what is looked for
            return "fault", f"{form}: {type(error).__name__}: {error}"
    return "answered", None


def run(folder: Path, numbers: Sequence[int], seed: int) -> tuple[Counter[str], list[str]]:
    """Ask the statements of these numbers. Returns how many came to what, and the faults."""
    store = make(folder)
    versions = {name: store.version(name) for name in store.names()}
    counts: Counter[str] = Counter()
    faults = []
    with contextlib.closing(Questions()) as questions:
        for number in numbers:
            query = statement(seed, number)
            came, fault = ask(questions, store, query)
            counts[came] += 1
            if fault is not None:
                faults.append(f"{number}: {fault[:300]!r} of {query!r}")
                print(faults[-1], flush=True)
    if {name: Store(store.uri).version(name) for name in versions} != versions:
        faults.append("a statement changed the library")
    return counts, faults


def main() -> None:
    """Parse, ask, and end with status 1 if there was a fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--statements", type=int, default=5000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="photoidx-sql-") as folder:
        numbers = range(options.first, options.first + options.statements)
        counts, faults = run(Path(folder), numbers, options.seed)
    print(f"{len(numbers):,} statements, seed {options.seed}: {dict(counts)}, {len(faults)} faults, "
          f"{time.monotonic() - began:.0f} s")  # fmt: skip
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
