"""One scanned library and one server for all tests of the review."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from photoidx import Library
from reviews import Running, make_library, running

HOSTILE = "<img src=x onerror=alert(1)>.jpg"


@pytest.fixture(scope="session")
def reviewed(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return make_library(tmp_path_factory.mktemp("review"), HOSTILE)


@pytest.fixture(scope="session")
def server(reviewed: Library) -> Iterator[Running]:
    with running(reviewed) as found:
        yield found
