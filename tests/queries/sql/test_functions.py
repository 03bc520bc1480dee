"""`similarity` and `text_similarity` in SQL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_library import file, vector, write
from photoidx.errors import QueryError
from photoidx.queries.sql.functions import with_content_ids
from photoidx.queries.sql.query import run_sql
from photoidx.storage.store import Store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(str(tmp_path_factory.mktemp("functions") / "library"), create=True)
    write(
        store,
        files=[
            file("/p/a.jpg", "a"),
            file("/p/b.jpg", "b"),
            file("/p/it's (é).jpg", "c"),
            file("/p/blind.jpg", "d"),
            file("/p/x/twin.jpg", "a"),
        ],
        exif=[{"content_id": "a", "iso": 100}, {"content_id": "b", "iso": 1600}, {"content_id": "c", "iso": 900}],
        labels=[{"content_id": "a", "labels": ["tench"], "probabilities": [0.5]}],
        vectors_efficientnet_lite0=[
            {"content_id": "a", "vector": vector(1)},
            {"content_id": "b", "vector": vector(1, 1)},
            {"content_id": "c", "vector": vector(0, 1)},
        ],
    )
    return store


def ask(store: Store, query: str) -> list[tuple[Any, ...]]:
    found = [tuple(row.values()) for row in run_sql(store, query).to_pylist()]
    return [tuple(round(each, 3) if isinstance(each, float) else each for each in row) for row in found]


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        (
            "SELECT name, similarity('/p/a.jpg') AS s FROM photos WHERE iso > 800 ORDER BY s DESC",
            [("b.jpg", 0.707), ("it's (é).jpg", 0)],
        ),
        ("SELECT name FROM photos WHERE similarity('b.jpg') > 0.9", [("b.jpg",)]),
        ("SELECT similarity('a.jpg') FROM photos WHERE name = 'blind.jpg'", [(None,)]),
        ("SELECT similarity(NULL) FROM photos WHERE iso = 1600", [(None,)]),
        ("SELECT max(SIMILARITY ( 'it''s (é).jpg' )) FROM photos", [(1,)]),
        ("SELECT similarity($$it's (é).jpg$$ /* ) similarity('x') */) FROM photos WHERE iso = 1600", [(0.707,)]),
        ("SELECT similarity /* of ( */ ('a.jpg' -- , one )\n) FROM photos WHERE iso = 1600", [(0.707,)]),
        ("SELECT \"similarity\"('a.jpg') FROM photos WHERE iso = 1600", [(0.707,)]),
        ("SELECT 'similarity(''x'')' FROM photos WHERE iso = 100 -- similarity('nothing')", [("similarity('x')",)] * 2),
        ("SELECT similarity('a' || '.jpg') FROM photos WHERE iso = 1600", [(0.707,)]),
        ("WITH x AS (FROM photos) SELECT similarity('a.jpg') FROM x WHERE iso = 1600", [(0.707,)]),
        ("SELECT similarity('a.jpg') + similarity('b.jpg') AS s FROM photos WHERE iso = 1600", [(1.707,)]),
        (
            "SELECT p.name, similarity('b.jpg', p.content_id) FROM photos p JOIN labels l USING (path) ORDER BY ALL",
            [("a.jpg", 0.707), ("twin.jpg", 0.707)],
        ),
        ("SELECT similarity('b.jpg') FROM photos JOIN labels USING (content_id) LIMIT 1", [(0.707,)]),
        (
            "SELECT q.name, similarity(p.path, q.content_id) FROM photos p, photos q WHERE p.iso > 999 AND q.iso = 900",
            [("it's (é).jpg", 0.707)],
        ),
        ("SELECT similarity('a.jpg', 'no such content')", [(None,)]),
        ("SELECT list_cosine_similarity([1, 0], [1, 0])", [(1,)]),
    ],
)  # fmt: skip
def test_one_query_ranks_filters_and_joins_by_what_a_photo_looks_like(store: Store, query: str, answer: list[Any]):
    assert ask(store, query) == answer


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELECT similarity('xyzzy') FROM photos", "no photo named xyzzy"),
        ("SELECT similarity('/p/bb.jpg') FROM photos", "/p/b.jpg"),
        ("SELECT similarity('blind.jpg') FROM photos", "has no vector"),
        ("SELECT similarity('a.jpg') FROM photos p JOIN labels l USING (path)", "similarity('photo', p.content_id)"),
        ("SELECT similarity('a.jpg')", "p.content_id"),
        ("SELECT similarity('a.jpg') FROM bursts", "p.content_id"),
        ("SELECT similarity() FROM photos", "similarity"),
        ("SELECT similarity('a.jpg', content_id, 1) FROM photos", "similarity"),
        ("SELECT similarity('a.jpg' FROM photos", "syntax error"),
        ("SELECT '\udcff' FROM photos", "no UTF-8"),
        ("SELECT text_similarity('red bike') FROM photos", "photoidx models pull openclip"),
        ("CREATE TABLE x AS SELECT similarity('a.jpg') FROM photos", "Only queries"),
        ("SELECT similarity('a.jpg') FROM photos; SELECT 1", "exactly one"),
        ("SELECT similarity(content) FROM read_text('setup.cfg')", "disabled"),
    ],
)
def test_what_can_not_be_answered_says_why_in_one_line(store: Store, query: str, words: str):
    with pytest.raises(QueryError) as raised:
        run_sql(store, query)
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_query_reads_no_picture_from_disk(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "there.jpg").write_bytes(b"something")
    monkeypatch.chdir(tmp_path)
    messages = []
    for name in ("there.jpg", "gone.jpg"):
        with pytest.raises(QueryError) as raised:
            run_sql(store, f"SELECT similarity('{tmp_path}/{name}') FROM photos")
        messages.append(str(raised.value).replace(name, "X"))
    assert messages[0] == messages[1]


def test_a_column_of_many_photos_is_refused_before_it_takes_for_ever(store: Store, tmp_path: Path):
    many = Store(str(tmp_path / "many"), create=True)
    write(
        many,
        files=[file(f"/p/{number}.jpg", f"c{number}") for number in range(30)],
        vectors_efficientnet_lite0=[{"content_id": f"c{number}", "vector": vector(1)} for number in range(30)],
    )
    with pytest.raises(QueryError, match="not a column"):
        run_sql(many, "SELECT similarity(path) FROM photos")


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_whatever_is_quoted_stays_as_it_is(text: str):
    literal = "'" + text.replace("'", "''") + "'"
    query = f"SELECT 'é', similarity({literal}), {literal} FROM photos -- {literal.split(chr(10))[0]}"
    expected = query.replace(f"similarity({literal})", f"similarity({literal}, content_id)", 1)
    assert with_content_ids(query) == expected
