"""What workers look up by id, and how they agree on who begins with a content."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from photoidx.indexer.engines.id_tables import Claims, KnownIds, KnownPairs, make_claims, write_ids, write_pairs

IDS = st.integers(1, 2**128 - 1).map("{:032x}".format)
# Ids that share a place in the table, too.
CROWDED = st.integers(1, 40).map(lambda number: (number * 7).to_bytes(8, "little").hex() + f"{number:016x}")


@given(st.lists(IDS, max_size=50), st.lists(IDS, max_size=20))
def test_what_was_written_is_known_and_nothing_else(tmp_path_factory, written, others):
    folder = tmp_path_factory.mktemp("known")
    write_ids(folder / "ids", written)
    write_pairs(folder / "pairs", {each: each[::-1] for each in written})
    ids, pairs = KnownIds(folder / "ids"), KnownPairs(folder / "pairs")
    for each in (*written, *others):
        assert (each in ids) == (each in written)
        assert pairs.get(each) == (each[::-1] if each in written else None)


@given(st.lists(IDS | CROWDED, max_size=60))
def test_one_of_several_workers_begins_with_a_content(tmp_path_factory, met):
    path = tmp_path_factory.mktemp("claims") / "claims"
    make_claims(path, len(met))
    workers = [Claims(path) for _ in range(3)]
    begun = [each for at, each in enumerate(met) if workers[at % 3].take(each)]
    assert sorted(begun) == sorted(set(met))


TAKE_ALL = """
import sys
from pathlib import Path
from photoidx.indexer.engines.id_tables import Claims
claims = Claims(Path(sys.argv[1]))
print("\\n".join(each for each in sys.stdin.read().split() if claims.take(each)))
"""


def test_workers_at_the_same_time_leave_nothing_out_and_share_the_work(tmp_path: Path):
    ids = [f"{number * 2654435761 % 2**64:016x}{number:016x}" for number in range(1, 20_001)]
    make_claims(tmp_path / "claims", len(ids))
    command = [sys.executable, "-c", TAKE_ALL, str(tmp_path / "claims")]
    workers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    with ThreadPoolExecutor() as both:
        orders = ("\n".join(ids), "\n".join(reversed(ids)))
        told = list(both.map(lambda worker, order: worker.communicate(order, timeout=600)[0].split(), workers, orders))
    taken = Counter([*told[0], *told[1]])
    assert taken.keys() == set(ids)
    assert sum(taken.values()) < 1.1 * len(ids)
