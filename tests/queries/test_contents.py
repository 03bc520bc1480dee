"""What the tables hold of given contents, in the order that is asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import made_library
from photoidx.queries import contents
from photoidx.queries.contents import vectors_of
from photoidx.storage.store import Store

COUNT = 12


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(str(tmp_path_factory.mktemp("library")), create=True)
    rows = [{"content_id": f"c{at}", "vector": made_library.vector(1, at)} for at in range(COUNT)]
    made_library.write(store, vectors_efficientnet_lite0=rows)
    return Store(store.uri)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(asked=st.lists(st.integers(0, COUNT + 2), min_size=1, max_size=20), few=st.booleans())
def test_vectors_come_in_the_order_asked_for_also_twice_and_are_zero_where_there_is_none(
    store: Store, monkeypatch: pytest.MonkeyPatch, asked: list[int], few: bool
):
    monkeypatch.setattr(contents, "_FEW", 100 if few else 0)
    found = vectors_of(store, [f"c{at}" for at in asked])
    whole = np.array([made_library.vector(1, at) if at < COUNT else np.zeros(made_library.WIDTH) for at in asked])
    assert len(found) == len(asked)
    assert found == pytest.approx(whole, abs=1e-3) if min(asked) < COUNT else not found.any()


def test_a_library_without_the_embedder_gives_zeros(tmp_path: Path):
    store = Store(str(tmp_path), create=True)
    assert vectors_of(store, ["a", "b"]).shape == (2, 1)
