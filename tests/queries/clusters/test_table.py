"""`photoidx clusters` on a library: kept, brought up to date, with ids that stay; the best of each; the benchmark."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from skimage import data

from made_library import file, write
from photoidx import Config, Library
from photoidx.cli.ask.best import best
from photoidx.cli.ask.clusters import clusters
from photoidx.cli.bench.clusters import clusters as clusters_bench
from photoidx.errors import PhotoidxError
from photoidx.evaluation.cluster_bench import measures
from photoidx.evaluation.datasets.tables import classes_of_folders, classes_of_table
from photoidx.queries.clusters.clustering import Parameters
from photoidx.queries.decisions.record import record
from photoidx.storage.store import Store
from pictures import age

SCENES = ("tench", "church", "parachute")
EACH, LONELY, WIDTH = 70, 6, 1280
RANDOM = np.random.default_rng(5)
MIDDLES = RANDOM.standard_normal((40, WIDTH))


def rows_of(scene: int, names: list[str], label: str = "") -> dict[str, list[dict[str, Any]]]:
    """Return rows of photos around one scene, as a scan would write them."""
    found: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("files", "exif", "labels", "quality", "vectors_efficientnet_lite0")
    }
    for name in names:
        content_id = f"{scene:02x}{abs(hash_of(name)):030x}"[:32]
        vector = MIDDLES[scene] + 0.6 * RANDOM.standard_normal(WIDTH)
        found["files"].append(file(f"/p/{name}.jpg", content_id, seen_at=datetime(2024, 1, 1)))  # noqa: DTZ001
        found["exif"].append({"content_id": content_id, "taken_at": None})
        found["labels"].append({"content_id": content_id, "labels": [label or "pier"], "probabilities": [0.9]})
        found["quality"].append({"content_id": content_id, "technical": 0.5})
        found["vectors_efficientnet_lite0"].append(
            {"content_id": content_id, "vector": list((vector / np.linalg.norm(vector)).astype(np.float16))}
        )
    return found


def hash_of(name: str) -> int:
    return int.from_bytes(name.encode().rjust(12, b"\0")[-12:], "big")


def names(kind: str, count: int) -> list[str]:
    return [f"{kind}_{number:03}" for number in range(count)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of three clusters and some photos that are like no other, clustered."""
    folder = tmp_path_factory.mktemp("clusters") / "library"
    store = Store(str(folder), create=True)
    for scene, kind in enumerate(SCENES):
        write(store, **rows_of(scene, names(kind, EACH), kind))
    for number in range(LONELY):
        write(store, **rows_of(10 + number, [f"lonely_{number}"]))
    write(store, files=[file("/p/broken.jpg", "f" * 32)])
    Library(folder).clusters()
    return folder


@pytest.fixture
def library(made: Path, tmp_path: Path) -> Library:
    return Library(shutil.copytree(made, tmp_path / "library"))


def kinds(library: Library, **rest: Any) -> dict[str, set[str]]:
    """Return the kinds of photos in each cluster, by id."""
    return {
        each["cluster_id"]: {os.path.basename(one["path"]).split("_")[0] for one in each["files"]}
        for each in library.clusters(**rest)
    }


def ask(library: Library, *words: str) -> Result:
    command, *rest = words
    found = CliRunner().invoke({"clusters": clusters, "best": best}[command], [*rest, "--library", library.uri])
    assert found.exit_code == 0, found.output
    return found


def test_clusters_have_names_members_with_probabilities_and_one_that_stands_for_them(library):
    found = library.clusters(with_noise=True)
    assert sorted(each["label"] for each in found) == ["", *sorted(SCENES)]
    for each in found[:-1]:
        paths = [one["path"] for one in each["files"]]
        assert each["size"] == len(paths) == EACH
        assert {os.path.basename(path).split("_")[0] for path in paths} == {each["label"]}
        assert {each["representative"], each["best"]} <= set(paths)
        assert all(0 < one["probability"] <= 1 for one in each["files"])
    noise = found[-1]
    assert (noise["cluster_id"], noise["representative"], noise["best"]) == (None, None, None)
    assert noise["size"] == LONELY


def test_the_answer_is_kept_and_not_computed_twice(library):
    version = library.store.version("clusters")
    first = library.clusters()
    assert library.clusters() == first
    assert library.store.version("clusters") == version
    rows = library.sql("SELECT cluster_id, count(*) AS n FROM clusters WHERE cluster_id IS NOT NULL GROUP BY ALL")
    assert rows["n"].to_pylist() == [EACH] * 3
    assert library.sql("SELECT count(*) AS n FROM clusters WHERE is_representative")["n"].to_pylist() == [3]
    assert "clusters" not in library.show("/p/tench_000.jpg")


def test_to_cluster_again_keeps_the_ids_whatever_they_are(library):
    rows = library.store.read("clusters").to_pylist()
    ours = {cluster_id: f"cluster-{number}" for number, cluster_id in enumerate({row["cluster_id"] for row in rows})}
    write(library.store, clusters=[{**row, "cluster_id": ours[row["cluster_id"]]} for row in rows if row["cluster_id"]])
    before = kinds(library)
    assert set(before) < set(ours.values())
    version = library.store.version("clusters")
    assert kinds(library, recompute=True) == before
    assert library.store.version("clusters") > version


def test_a_new_photo_joins_its_cluster_and_all_ids_stay(library):
    before = kinds(library)
    write(library.store, **rows_of(1, ["church_new"], "church"))
    after = library.clusters()
    assert {each["cluster_id"] for each in after} == set(before)
    (church,) = (each for each in after if each["label"] == "church")
    assert church["size"] == EACH + 1
    assert "/p/church_new.jpg" in [one["path"] for one in church["files"]]


def test_new_photos_of_a_new_thing_become_a_cluster_and_the_others_keep_their_ids(library):
    before = kinds(library)
    write(library.store, **rows_of(30, names("bicycle", 10), "bicycle"))
    after = kinds(library)
    assert {cluster_id: of for cluster_id, of in after.items() if cluster_id in before} == before
    assert [of for cluster_id, of in after.items() if cluster_id not in before] == [{"bicycle"}]


def test_photos_that_are_gone_are_gone_from_their_cluster(library):
    before = {each["cluster_id"]: each["size"] for each in library.clusters()}
    with library.store.writing():
        library.store.delete("files", "path", ["/p/tench_000.jpg", "/p/tench_001.jpg"])
    after = {each["cluster_id"]: each["size"] for each in library.clusters()}
    assert after.keys() == before.keys()
    assert sorted(after.values()) == [EACH - 2, EACH, EACH]
    assert library.store.count("clusters") == 3 * EACH + LONELY - 2


def test_a_renamed_photo_keeps_its_cluster(library):
    before = {each["cluster_id"]: each["size"] for each in library.clusters()}
    row = library.store.read("files", where="path = '/p/tench_000.jpg'").to_pylist()[0]
    with library.store.writing():
        library.store.delete("files", "path", ["/p/tench_000.jpg"])
    write(library.store, files=[{**row, "path": "/elsewhere/x.jpg"}])
    version = library.store.version("clusters")
    assert {each["cluster_id"]: each["size"] for each in library.clusters()} == before
    assert library.store.version("clusters") == version


def test_parameters_hold_until_others_are_given(library):
    assert len(library.clusters(Parameters("kmeans", k=2, reduce="pca"))) == 2
    assert len(library.clusters()) == 2
    assert len(library.clusters(Parameters(reduce="pca"))) == 3


def test_while_another_process_writes_the_clusters_are_shown_and_not_kept(library):
    write(library.store, **rows_of(1, ["church_new"], "church"))
    version = library.store.version("clusters")
    said: list[str] = []
    with library.store.writing():
        found = library.clusters(warn=said.append)
    assert max(each["size"] for each in found) == EACH + 1
    assert library.store.version("clusters") == version
    assert any("not kept" in text for text in said)
    assert max(each["size"] for each in library.clusters()) == EACH + 1
    assert library.store.version("clusters") > version


def test_a_library_without_vectors_has_no_clusters(tmp_path):
    store = Store(str(tmp_path / "library"), create=True)
    write(store, files=[file("/p/1.jpg", "1" * 32)])
    said: list[str] = []
    assert Library(store.uri).clusters(warn=said.append) == []
    assert said == ["1 photo could not be read or has no vector: it is in no cluster."]


# The best of each


def picks(library: Library) -> dict[str, dict[str, Any]]:
    return {each["label"]: each for each in library.best_of_clusters()}


def score(library: Library, name: str, **values: Any) -> None:
    content_id = library.store.read("files", where=f"path = '/p/{name}.jpg'")["content_id"].to_pylist()[0]
    write(library.store, quality=[{"content_id": content_id, "technical": 0.5, **values}])


def test_the_highest_score_wins_unless_an_eye_is_shut(library):
    score(library, "tench_004", technical=0.95, eyes_min=0.1, eyes_shut=1, eyes_unclear=0)
    score(library, "tench_005", technical=0.9, eyes_min=0.9, eyes_shut=0, eyes_unclear=0)
    score(library, "tench_006", technical=0.7)
    found = picks(library)["tench"]
    assert found["pick"] == {"path": "/p/tench_005.jpg", "reason": "technical score 0.90, eyes open"}
    assert (found["frames"][1]["path"], found["decided_by"]) == ("/p/tench_006.jpg", "score")
    assert found["frames"][-1] | {"scores": None} == {
        "path": "/p/tench_004.jpg",
        "shot_id": found["frames"][-1]["shot_id"],
        "rank": EACH,
        "keep": False,
        "reason": "an eye shut, technical score 0.95",
        "scores": None,
    }


@pytest.mark.parametrize(
    ("eyes", "told"),
    [
        ({"eyes_min": 0.9, "eyes_shut": 0, "eyes_unclear": 0}, True),
        ({"eyes_min": 0.9, "eyes_shut": 0, "eyes_unclear": 1}, False),
        ({"eyes_min": None, "eyes_shut": 0, "eyes_unclear": 0}, False),
    ],
)
def test_eyes_are_called_open_only_where_none_is_unclear(library, eyes, told):
    score(library, "tench_005", technical=0.97, **eyes)
    assert ("eyes open" in picks(library)["tench"]["pick"]["reason"]) is told


def test_the_user_s_word_wins_and_the_newest_choice_holds(library):
    score(library, "tench_005", technical=0.9)
    shot = {path: library.store.read("files", where=f"path = '/p/{path}.jpg'")["shot_id"].to_pylist()[0]
            for path in names("tench", 8)}  # fmt: skip

    def decide(verb: str, name: str) -> str:
        with library.store.writing():
            record(library.store, verb, [shot[name]])
        return str(picks(library)["tench"]["pick"]["path"])

    assert decide("reject", "tench_005") != "/p/tench_005.jpg"
    assert decide("keep", "tench_003") == "/p/tench_003.jpg"
    assert decide("best", "tench_002") == "/p/tench_002.jpg"
    assert decide("best", "tench_001") == "/p/tench_001.jpg"
    found = picks(library)["tench"]
    assert found["decided_by"] == "decision"
    assert found["pick"]["reason"].startswith("you chose it")
    assert found["frames"][-1]["path"] == "/p/tench_005.jpg"
    assert [frame["keep"] for frame in found["frames"][:4]] == [True, True, True, False]


def test_of_a_burst_only_the_pick_can_be_the_best_of_a_cluster(library):
    score(library, "church_001", technical=0.9, sharpness_subject=-3.0)
    score(library, "church_002", technical=0.95, sharpness_subject=-5.0)
    shots = [
        library.store.read("files", where=f"path = '/p/church_00{n}.jpg'")["shot_id"].to_pylist()[0] for n in (1, 2)
    ]
    rows = [{"shot_id": shot, "burst_id": "burst-1", "kind": "burst", "position": n} for n, shot in enumerate(shots)]
    write(library.store, bursts=rows)
    found = picks(library)["church"]
    assert found["pick"]["path"] == "/p/church_001.jpg"
    assert "another frame of its burst is better" in found["frames"][-1]["reason"]


# The command line


def test_every_format_tells_the_same_clusters(library):
    told = json.loads(ask(library, "clusters", "--format", "json").stdout)
    assert list(told[0]) == ["cluster_id", "size", "label", "representative", "best", "files"]
    lines = ask(library, "clusters", "--format", "jsonl").stdout.splitlines()
    assert [json.loads(line) for line in lines] == told
    paths = ask(library, "clusters", "--format", "paths").stdout.split()
    assert paths == [each["representative"] for each in told]
    table = ask(library, "clusters", "--format", "table").stdout
    assert all(label in table for label in SCENES)
    rows = ask(library, "clusters", "--format", "csv").stdout.splitlines()
    assert rows[0] == "cluster_id,label,path,probability,is_representative,is_best"
    assert len(rows) == 1 + 3 * EACH
    spoken = ask(library, "clusters", "--format", "json", "--noise")
    assert json.loads(spoken.stdout)[-1]["cluster_id"] is None
    assert spoken.stderr.splitlines() == [
        "1 photo could not be read or has no vector: it is in no cluster.",
        f"3 clusters; {LONELY} photos belong to none.",
    ]


def test_options_choose_the_method(library):
    assert len(json.loads(ask(library, "clusters", "--k", "2", "--reduce", "pca", "--format", "json").stdout)) == 2
    wrong = CliRunner().invoke(clusters, ["--k", "2", "--method", "hdbscan", "--library", library.uri])
    assert isinstance(wrong.exception, PhotoidxError)


def test_the_best_of_each_cluster_is_printed(library):
    score(library, "tench_005", technical=0.9)
    table = ask(library, "best", "--cluster", "--format", "table").stdout
    assert "  * /p/tench_005.jpg  picked: technical score 0.90, the highest of 70" in table
    assert f"    and {EACH - 3} more" in table
    assert len(ask(library, "best", "--cluster", "--keep", "3", "--format", "paths").stdout.split()) == 9
    assert ask(library, "best", "--cluster", "--format", "csv").stdout.startswith("cluster_id,decided_by,")
    assert CliRunner().invoke(best, ["--cluster", "--burst", "--library", library.uri]).exit_code == 2


# The benchmark


def test_noise_costs_in_the_measures():
    classes = list("aaaabbbb")
    right = measures(np.array([0, 0, 0, 0, 1, 1, 1, 1]), classes)
    assert (right["ari"], right["bcubed_f1"], right["noise"], right["clusters"]) == (1, 1, 0, 2)
    left_out = measures(np.array([0, 0, 0, -1, 1, 1, 1, -1]), classes)
    assert left_out["ari_in"] == 1
    assert 0 < left_out["ari"] < 1
    assert left_out["noise"] == 0.25
    nothing = measures(np.full(8, -1), classes)
    assert (nothing["ari"], nothing["clusters"]) == (0, 0)


def test_classes_come_from_folders_or_a_table(tmp_path):
    inside = [
        str(tmp_path / "a" / "1.jpg"),
        str(tmp_path / "b" / "deep" / "2.jpg"),
        str(tmp_path / "3.jpg"),
        "/x/a/4.jpg",
    ]
    assert classes_of_folders(tmp_path, inside) == {inside[0]: "a", inside[1]: "b"}
    (tmp_path / "t.csv").write_text("img,category,split\n1.jpg,one,x\n3.jpg,three,y\n")
    assert classes_of_table(tmp_path / "t.csv", inside) == {inside[0]: "one", inside[2]: "three"}
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n")
    with pytest.raises(PhotoidxError, match="needs the columns path and label"):
        classes_of_table(tmp_path / "bad.csv", inside)


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Crops of three photos, in a folder for each."""
    folder = tmp_path_factory.mktemp("real") / "album"
    for name in ("astronaut", "coffee", "rocket"):
        scene = Image.fromarray(getattr(data, name)())
        (folder / name).mkdir(parents=True)
        for number in range(12):
            left = 5 * number
            path = folder / name / f"{name}_{number}.jpg"
            scene.crop((left, number, left + 300, number + 280)).resize((224, 208)).save(path, quality=85)
            age(path, 3600)
    return folder


def test_real_photos_are_clustered_by_what_they_show_and_the_benchmark_says_so(album, tmp_path):
    uri = str(tmp_path / "library")
    Library(uri, Config(workers=2, without=("faces", "sharpness", "technical"))).scan(album)
    done = CliRunner().invoke(clusters_bench, [str(album), "--library", uri, "--format", "json"])
    assert done.exit_code == 0, done.output
    rows = {(row["method"], row["reduction"]): row for row in json.loads(done.stdout)}
    assert set(rows) == {
        (method, how) for method in ("hdbscan", "kmeans", "kmeans, k = 3", "dbscan") for how in ("pca", "none")
    }
    assert rows["hdbscan", "pca"]["ari"] > 0.9
    assert rows["kmeans", "pca"]["ari"] > 0.9
    found = Library(uri).clusters()
    assert sorted({os.path.basename(os.path.dirname(one["path"])) for one in each["files"]} for each in found)
    assert len(found) == 3
    taken = {each["cluster_id"]: {one["path"] for one in each["files"]} for each in found}
    assert sum(map(len, taken.values())) > 33
