"""The short form of `scripts/soak.py`: its long form's result is in docs/reliability.md."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from soak import soak


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="kills process groups")
def test_an_album_that_changes_under_a_watch_that_is_killed_is_known_in_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert soak(tmp_path, minutes=0.2, seed=6, kill_every_s=5, patience_s=900), capsys.readouterr().out
