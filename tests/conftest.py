"""What the tests share: the real photos, where they are at hand."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

SAMPLES = Path(__file__).resolve().parent.parent.parent / "shared" / "photos"


@pytest.fixture
def samples() -> Path:
    """The folder of real photos, beside the project."""
    if not SAMPLES.is_dir():
        pytest.skip("needs ../shared/photos")
    return SAMPLES


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what is remembered about models out of the user's cache, here and in the processes that are started."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Spell what a test printed so that it can be sent from process to process: names of files may be any bytes."""
    report = yield
    report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]
    return report
