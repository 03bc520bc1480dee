"""A disk that is full while a scan writes: one line that says so, nothing lost, and the next scan completes.

Much more rooms are tried with PHOTOIDX_ALL_ROOMS=1 (a few minutes).
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from faults import full_disk
from faults.ready import faults_of
from photoidx.errors import LibraryNotFoundError, TableDamagedError
from photoidx.storage.store import Store

TESTS = Path(__file__).parents[1] / "helpers"
OWN_MOUNTS = ["unshare", "--user", "--map-root-user", "--mount"]


@functools.cache
def may_mount() -> bool:
    """Return whether file systems may be mounted in a name space of one's own."""
    return shutil.which("unshare") is not None and (
        subprocess.run(
            [*OWN_MOUNTS, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False
        ).returncode
        == 0
    )


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs a file system that can be filled, or a limit of files")
def test_a_full_disk_is_told_in_one_line_and_costs_nothing(tmp_path: Path):
    way = "disk" if may_mount() else "limit"
    command = [*(OWN_MOUNTS if way == "disk" else []), sys.executable, full_disk.__file__, way, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parents[1] / "scripts")])}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout) == []


@pytest.mark.parametrize("table", ["meta", "files", "decisions"])
def test_a_table_whose_making_was_cut_off_is_made_by_the_next_write(tmp_path: Path, table: str):
    (tmp_path / f"{table}.lance" / "_versions").mkdir(parents=True)
    with pytest.raises(LibraryNotFoundError):
        Store(str(tmp_path))
    store = Store(str(tmp_path), create=True)
    with store.writing():
        assert table in store.names()
    assert faults_of(tmp_path) == []


def test_a_table_that_was_there_and_is_an_empty_folder_now_is_missed(tmp_path: Path):
    store = Store(str(tmp_path), create=True)
    with store.writing():
        shutil.rmtree(tmp_path / "decisions.lance")
    (tmp_path / "decisions.lance" / "_versions").mkdir(parents=True)
    with pytest.raises(TableDamagedError, match="missing"), Store(str(tmp_path)).writing():
        pass
    assert faults_of(tmp_path) == ["was there and is missing"]
