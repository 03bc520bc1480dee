"""What a scan costs, against the floor: reading and decoding for a first scan, a bare walk for a rescan.

Everything that is compared is measured in one run, and ratios are printed: seconds mean little on a busy machine.
CPU time is that of all processes.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy is imported, as the workers of a scan have it
import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from itertools import cycle, islice
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow.compute as pc
from PIL import Image

from photoidx.config import DEFAULT_EMBEDDER, Config
from photoidx.indexer.media.decode import DecodedPhoto
from photoidx.indexer.scan.commit import Batch
from photoidx.library import Library
from photoidx.memory_limit import keep_freed_memory
from photoidx.records import Kind, content_id_of
from photoidx.registry import stages
from photoidx.stage import BatchStage, DerivedStage, PhotoStage, Rows
from photoidx.storage.schema import LEDGER, tables_of
from photoidx.storage.store import Store

_COMMAND = Path(sys.executable).parent / "photoidx"
_FOLDERS = ("large", "monstree")
_LEAST_PIXELS = 11_500_000  # smaller photos would be decoded at 1/2, and the floor at 1/4
_FLOOR_SCALE = 4
_PER_FOLDER = 200
_DAY_S = 86_400.0
_REPEATS = 5
_HELP_REPEATS = 9
_STARTS = {
    "start of Python": "pass",
    "a worker's imports": "import photoidx.indexer.engines.worker",
    "the scan's own imports": "import photoidx.library",
    "ONNX Runtime and the model": (
        "from photoidx.config import Config; from photoidx.registry import stages; stages(Config())[-1].load()"
    ),
}


@dataclass
class Cost:
    """Seconds."""

    cpu: float = 0.0
    wall: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.cpu + other.cpu, self.wall + other.wall)

    def less(self, other: "Cost") -> "Cost":
        """Return what is left of this cost."""
        return Cost(self.cpu - other.cpu, self.wall - other.wall)

    def over(self, count: float) -> "Cost":
        """Share the cost."""
        return Cost(self.cpu / count, self.wall / count)


def _cpu() -> float:
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


@contextmanager
def measured() -> Iterator[Cost]:
    """Measure a block. The cost is filled in at its end; child processes count once they have ended."""
    cost = Cost()
    cpu, wall = _cpu(), time.perf_counter()
    yield cost
    cost.cpu, cost.wall = _cpu() - cpu, time.perf_counter() - wall


def middle(action: Callable[[], object], repeats: int = _REPEATS) -> Cost:
    """Measure something several times, and give the medians."""
    costs = []
    for _ in range(repeats):
        with measured() as cost:
            action()
        costs.append(cost)
    return Cost(median(cost.cpu for cost in costs), median(cost.wall for cost in costs))


def run(*words: str | Path) -> None:
    """Run a command. What it says is not shown, unless it fails."""
    done = subprocess.run([str(word) for word in words], check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)


def scores() -> list[str]:
    """Return the names of the stages that score: all that look at the picture, but for thumbnails and the embedder."""
    apart = {"thumbnails", DEFAULT_EMBEDDER}
    return [
        stage.name
        for stage in stages(Config())
        if stage.needs != "bytes" and stage.name not in apart and not isinstance(stage, DerivedStage)
    ]


def scan(folder: Path, library: Path, without: Sequence[str] = ()) -> None:
    """Run `photoidx scan`."""
    left_out = [word for name in without for word in ("--without", name)]
    run(_COMMAND, "scan", folder, "--library", library, *left_out)


def row(name: str, cost: Cost, unit: str = "ms", scale: float = 1000.0) -> None:
    """Print one line of a table."""
    print(f"  {name:<44}{cost.cpu * scale:>10.2f}{cost.wall * scale:>10.2f} {unit}")


def head(title: str) -> None:
    """Print the top of a table."""
    print(f"\n{title}\n  {'':<44}{'CPU':>10}{'wall':>10}")


# -- a first scan -----------------------------------------------------------------------------------------------------


def copy_photos(photos: Path, into: Path, count: int) -> list[Path]:
    """Copy the photos in turn, each time with other bytes behind the picture's end."""
    found = [path for name in _FOLDERS for path in sorted((photos / name).glob("*.[jJ][pP][gG]"))]
    large = [path for path in found if _pixels(path) >= _LEAST_PIXELS]
    if not large:
        return []
    into.mkdir()
    made = []
    for number, source in enumerate(islice(cycle(large), count)):
        path = into / f"IMG_{number:04}.jpg"
        path.write_bytes(source.read_bytes() + number.to_bytes(4, "big"))
        made.append(_settled(path))
    return made


def _pixels(path: Path) -> int:
    with Image.open(path) as image:
        return image.width * image.height


def _settled(path: Path) -> Path:
    """Make a file look a day old: a scan waits for files that were written a moment ago."""
    yesterday = time.time() - _DAY_S
    os.utime(path, (yesterday, yesterday))
    return path


def decode_at_floor(paths: Sequence[Path]) -> None:
    """Read and decode, and do nothing else."""
    for path in paths:
        with Image.open(BytesIO(path.read_bytes())) as image:
            image.draft(None, (image.width // _FLOOR_SCALE, image.height // _FLOOR_SCALE))
            image.load()


def floor_side_by_side(paths: Sequence[Path], processes: int) -> Cost:
    """Measure the floor with the files shared among processes, as a scan shares them; less their start."""
    context = get_context("spawn")
    costs = []
    for share in (paths, paths[:0]):
        with measured() as cost:
            running = [context.Process(target=decode_at_floor, args=(share[n::processes],)) for n in range(processes)]
            for process in running:
                process.start()
            for process in running:
                process.join()
        costs.append(cost)
    return costs[0].less(costs[1])


def parts(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """Cut a sequence into parts of this size."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


class Steps:
    """The steps of a scan, one after another in this process, each measured."""

    def __init__(self, library: Path) -> None:
        self._config = Config()
        self._stages = stages(self._config)
        self._store = Store(str(library), create=True)
        with self._store.writing():
            for spec in tables_of(self._stages).values():
                self._store.ensure(spec)
        self._batch = Batch(self._store, self._stages, self._config.commit_rows)
        self.costs: dict[str, Cost] = {}
        keep_freed_memory()
        for stage in self._stages:
            stage.load()

    def run(self, paths: Sequence[Path]) -> None:
        """Do what a scan does with these files."""
        models = [stage for stage in self._stages if isinstance(stage, BatchStage)]
        self._models_run_once(models, paths[0])
        for group in parts(paths, self._config.commit_rows):
            waiting = [self._look_at(path) for path in group]
            for model in models:
                for part in parts(waiting, model.batch_size):
                    with self._step(f"{model.name}: model"):
                        results: Sequence[Rows] = model.run_batch([arrays[model.name] for _, arrays in part])
                    for (content_id, _), rows in zip(part, results, strict=True):
                        self._batch.add(content_id, model.name, rows)
            with self._store.writing(), self._step("commit"):
                self._batch.commit()

    def _models_run_once(self, models: Sequence[BatchStage], path: Path) -> None:
        """Have the models choose their kernels before anything is measured."""
        photo = DecodedPhoto(path.read_bytes(), "jpeg", self._config.max_pixels)
        for model in models:
            model.run_batch([model.prepare(photo)])

    def _look_at(self, path: Path) -> tuple[str, dict[str, Any]]:
        with self._step("read"):
            data = path.read_bytes()
        with self._step("hash"):
            content_id = content_id_of(data)
        photo = DecodedPhoto(data, "jpeg", self._config.max_pixels)
        with self._step("decode"):
            photo.image()
        arrays = {}
        for stage in self._stages:
            if isinstance(stage, PhotoStage) and Kind.PHOTO in stage.kinds:
                with self._step(stage.name):
                    rows = stage.run(photo)
                self._batch.add(content_id, stage.name, rows)
            elif isinstance(stage, BatchStage):
                with self._step(f"{stage.name}: prepare"):
                    arrays[stage.name] = stage.prepare(photo)
        self._batch.file({"path": str(path), "content_id": content_id})
        return content_id, arrays

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        with measured() as cost:
            yield
        self.costs[name] = self.costs.get(name, Cost()) + cost


def first_scan(photos: Path, count: int, folder: Path) -> None:
    """Compare a scan with reading and decoding the same files."""
    paths = copy_photos(photos, folder / "photos", count)
    if not paths:
        print(f"\nFirst scan: skipped, no JPEGs of 12 megapixels in {' and '.join(_FOLDERS)} of the folder of photos.")
        return
    (folder / "one").mkdir()
    os.link(paths[0], folder / "one" / "IMG.jpg")
    decode_at_floor(paths[:8])
    with measured() as before:
        decode_at_floor(paths)
    scan(folder / "one", folder / "warm")
    with measured() as start:
        scan(folder / "one", folder / "library-one", scores())
    with measured() as whole:
        scan(folder / "photos", folder / "library", scores())
    with measured() as scored:
        scan(folder / "photos", folder / "library-scored")
    with measured() as after:
        decode_at_floor(paths)
    workers = Config().worker_count
    shared = floor_side_by_side(paths, workers)
    floor = (before + after).over(2)
    steps = Steps(folder / "library-steps")
    steps.run(paths)
    head(f"First scan of {count} JPEGs of 12 megapixels: the steps one after another in one process, for each photo")
    for name, cost in steps.costs.items():
        row(name, cost.over(count))
    row("sum of the steps", sum(steps.costs.values(), Cost()).over(count))
    all_scores = sum((steps.costs[name] for name in scores()), Cost())
    row("of them scores", all_scores.over(count))
    print(f"  CPU of the scores / decode: {all_scores.cpu / steps.costs['decode'].cpu:.2f}")
    head("Start-up")
    for name, code in _STARTS.items():
        row(name, middle(lambda code=code: run(sys.executable, "-c", code), 3), "s", 1.0)
    row("`photoidx scan` of one photo, without scores", start, "s", 1.0)
    head("`photoidx scan` against the floor, for each photo")
    row("floor: read, and decode at 1/4, one process", floor.over(count))
    row(f"the same in {workers} processes side by side", shared.over(count))
    row("scan without scores", whole.over(count))
    row("the same without start-up", whole.less(start).over(count))
    row("scan", scored.over(count))
    print(
        f"  CPU of the scan / floor: {scored.cpu / floor.cpu:.2f}; without scores: {whole.cpu / floor.cpu:.2f}; "
        f"without start-up: {whole.less(start).cpu / floor.cpu:.2f}; "
        f"without start-up, floor side by side: {whole.less(start).cpu / shared.cpu:.2f}"
    )


# -- a rescan without changes -----------------------------------------------------------------------------------------


def make_tiny(folder: Path, count: int) -> None:
    """Make distinct JPEGs of 16 x 16 pixels."""
    out = BytesIO()
    Image.new("RGB", (16, 16), (90, 120, 40)).save(out, "JPEG")
    for number in range(count):
        place = folder / f"{number // _PER_FOLDER:04}"
        place.mkdir(parents=True, exist_ok=True)
        path = place / f"IMG_{number:06}.jpg"
        path.write_bytes(out.getvalue() + number.to_bytes(4, "big"))
        _settled(path)


def bare_walk(folder: str) -> None:
    """List the folders and stat each file, and do nothing else."""
    waiting = [folder]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir():
                    waiting.append(entry.path)
                else:
                    entry.stat()


def scan_as_if_embedded(folder: Path, library: Path) -> None:
    """Scan without models and scores, then tell the ledger that they have run: a rescan only looks there."""
    config = Config()
    left_out = {*scores(), DEFAULT_EMBEDDER}
    ours = Library(library, replace(config, embedders=(), without=tuple(scores())))
    ours.scan(folder)
    store = ours.store
    ledger = store.read(LEDGER.name)
    rows = ledger.filter(pc.equal(ledger["stage"], "exif")).to_pylist()
    with store.writing():
        for stage in stages(config):
            if stage.name in left_out:
                done = [{**row, "stage": stage.name, "fingerprint": stage.fingerprint} for row in rows]
                store.upsert(LEDGER, done)
    ours.optimize()


def rescan(count: int, folder: Path, repeats: int = _REPEATS) -> None:
    """Compare a scan that finds no change with a bare walk of the same folders."""
    costs = {}
    for name, number in (("one", 1), ("all", count)):
        make_tiny(folder / name, number)
        scan_as_if_embedded(folder / name, folder / f"library-{name}")
        ours = Library(folder / f"library-{name}")
        result = ours.scan(folder / name)
        if result.unchanged != number or result.analysed:
            sys.exit(f"The rescan was to find {number} files unchanged: {result}")
        costs[f"bare walk, {name}"] = middle(lambda name=name: bare_walk(str(folder / name)), repeats)
        costs[f"Library.scan, {name}"] = middle(lambda ours=ours, name=name: ours.scan(folder / name), repeats)
        costs[f"command, {name}"] = middle(lambda name=name: scan(folder / name, folder / f"library-{name}"), repeats)
    bare, inside, command = (costs[f"{what}, all"] for what in ("bare walk", "Library.scan", "command"))
    head(f"Rescan of {count:,} files without a change")
    row("bare walk: scandir and stat", bare)
    row("Library.scan", inside)
    row("Library.scan of one file", costs["Library.scan, one"])
    row("`photoidx scan`", command)
    row("`photoidx scan` of one file", costs["command, one"])
    print(
        f"  CPU / bare walk: Library.scan {inside.cpu / bare.cpu:.2f}, "
        f"without what one file costs {inside.less(costs['Library.scan, one']).cpu / bare.cpu:.2f}; "
        f"command {command.cpu / bare.cpu:.2f}, "
        f"without what one file costs {command.less(costs['command, one']).cpu / bare.cpu:.2f}"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, default=Path(__file__).parents[2] / "shared" / "photos")
    parser.add_argument("--files", type=int, default=300, help="photos of the first scan; 0 leaves it out")
    parser.add_argument("--rescan", type=int, default=20_000, help="files of the rescan; 0 leaves it out")
    parser.add_argument("--repeats", type=int, default=_REPEATS, help="times that a rescan is measured")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="photoidx-bench-") as folder:
        if options.files:
            first_scan(options.photos, options.files, Path(folder))
        if options.rescan:
            rescan(options.rescan, Path(folder) / "rescan", options.repeats)
    run(_COMMAND, "--help")
    helped = _HELP_REPEATS if options.repeats >= _REPEATS else options.repeats
    head(f"`photoidx --help`, median of {helped}")
    row("", middle(lambda: run(_COMMAND, "--help"), helped))


if __name__ == "__main__":
    main()
