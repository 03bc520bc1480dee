"""What the tests share: the real photos, where they are at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

SAMPLES = Path(__file__).resolve().parent.parent.parent / "shared" / "photos"


@pytest.fixture
def samples() -> Path:
    """The folder of real photos, beside the project."""
    if not SAMPLES.is_dir():
        pytest.skip("needs ../shared/photos")
    return SAMPLES
