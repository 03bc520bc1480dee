"""What a command loads: importing is work, and most answers need neither a model nor a picture."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from made_library import file, write
from photoidx.storage.store import Store

_MODELS = {"torch", "timm", "torchvision", "open_clip", "mediapipe", "ai_edge_litert"}
_LEARNING = {"sklearn", "scipy", "umap", "hdbscan", "numba", "faiss"}
_NEVER = _MODELS | _LEARNING | {"onnxruntime", "lance_namespace_urllib3_client.api"}
_WITHOUT_TORCH = """
import sys
for name in ("torch", "timm", "open_clip", "huggingface_hub", "torchvision"):
    sys.modules[name] = None
"""
_ASK = """
import sys
from photoidx.cli import main
try:
    main()
except SystemExit as end:
    print(end.code, *sys.modules, file=sys.stderr)
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    uri = tmp_path_factory.mktemp("start") / "library"
    write(Store(str(uri), create=True), files=[file(f"/p/{number}.jpg", f"{number:032x}") for number in range(2)])
    return uri


def loaded(*words: object) -> set[str]:
    """Return the modules that a command has imported when it ends well."""
    done = subprocess.run(
        [sys.executable, "-c", _ASK, *map(str, words)], capture_output=True, text=True, check=False, encoding="utf-8"
    )
    code, *modules = done.stderr.splitlines()[-1].split()
    assert code in {"0", "None"}, done.stderr
    return set(modules)


@pytest.mark.parametrize(
    "words",
    [
        ["status"],
        ["show", "1.jpg"],
        ["best", "--burst"],
        ["bursts"],
        ["dups"],
        ["decide", "keep", "1.jpg"],
        ["search", "1"],
        ["sql", "SELECT count(*) FROM photos"],
        ["failures"],
        ["export", "xmp", "--to", "mirror", "--where", "false"],
    ],
    ids=" ".join,
)
def test_a_question_loads_no_model_and_nothing_that_learns(library: Path, words: list[str]):
    assert loaded(*words, "--library", library) & _NEVER == set()


def test_only_exports_load_lxml(library: Path):
    assert "lxml" not in loaded("status", "--library", library)
    assert "lxml" not in loaded("export", "--help")


def test_help_loads_no_table():
    assert loaded("--help") & {*_NEVER, "lancedb", "pyarrow", "numpy", "duckdb", "PIL"} == set()


def test_who_imports_photoidx_has_lancedb_with_its_rest_client():
    code = "from photoidx.storage.store import Store; import lance_namespace_urllib3_client as it; print(it.__file__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() != "None"


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for number in range(2):
        Image.effect_noise((64, 48), 50 + number).save(folder / f"{number}.png")
        os.utime(folder / f"{number}.png", (1e9, 1e9))
    return folder


def without_torch(*words: object) -> subprocess.CompletedProcess[str]:
    code = f"{_WITHOUT_TORCH}\nif __name__ == '__main__':\n    from photoidx.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True, check=False, encoding="utf-8"
    )


def test_without_torch_photos_are_scanned_with_vectors_and_labels(tmp_path: Path, photos: Path):
    done = without_torch("scan", photos, "--library", tmp_path)
    assert done.returncode == 0, done.stderr
    store = Store(str(tmp_path))
    assert store.count("vectors_efficientnet_lite0") == store.count("labels") == 2


@pytest.mark.parametrize(
    "words",
    [
        ["scan", "PHOTOS", "--embedder", "dinov2"],
        ["scan", "PHOTOS", "--embedder", "openclip"],
        ["explain", "PHOTOS/0.png", "PHOTOS/1.png", "OUT.png"],
        ["train", "series", "PHOTOS", "--layout", "degradations", "--out", "OUT"],
    ],
    ids=" ".join,
)
def test_what_needs_torch_says_in_one_line_how_to_get_it(tmp_path: Path, photos: Path, words: list[str]):
    told = [word.replace("PHOTOS", str(photos)).replace("OUT", str(tmp_path / "out")) for word in words]
    done = without_torch(*told, *(["--library", tmp_path / "library"] if words[0] == "scan" else []))
    assert done.returncode == 1, (done.stdout, done.stderr)
    (line,) = done.stderr.splitlines()
    assert "pip install 'photoidx-library[models]'" in line


def test_models_are_listed_without_torch(photos: Path):
    done = without_torch("models")
    assert done.returncode == 0
    assert "photoidx-library[models]" in done.stdout
