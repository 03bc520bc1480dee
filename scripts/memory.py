"""How much memory a scan takes, with few photos and with many: it must not grow with the library.

A real `photoidx scan` runs, and the kernel is asked for the largest resident size that each of its processes ever had.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

_COMMAND = Path(sys.executable).parent / "photoidx"
_SIZE = (320, 240)
_PER_FOLDER = 500
_LOOK_EVERY_S = 0.1
_PEAK, _RESIDENT = "VmHWM:", "VmRSS:"


@dataclass
class Peak:
    """The largest resident sizes, in MiB."""

    main: float = 0.0
    worker: float = 0.0
    seconds: float = 0.0


def make_photos(folder: Path, count: int) -> None:
    """Make distinct JPEGs: coarse noise, scaled up."""
    random = np.random.default_rng(0)
    for number in range(count):
        place = folder / f"{number // _PER_FOLDER:03}"
        place.mkdir(parents=True, exist_ok=True)
        noise = random.integers(0, 256, (12, 16, 3), np.uint8)
        image = Image.fromarray(noise).resize(_SIZE, Image.Resampling.BILINEAR)
        image.save(place / f"IMG_{number:05}.jpg", quality=85)


def measure(folder: Path, library: Path) -> Peak:
    """Scan, and look at the processes all the while."""
    peak = Peak()
    began = time.monotonic()
    words = [str(_COMMAND), "scan", str(folder), "--library", str(library)]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak.main = max(peak.main, resident(process.pid))
            peak.worker = max(peak.worker, *map(resident, children(process.pid)), 0.0)
            time.sleep(_LOOK_EVERY_S)
    if process.returncode:
        sys.exit(f"The scan ended with status {process.returncode}.")
    peak.seconds = time.monotonic() - began
    return peak


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found


def resident(pid: int) -> float:
    """Return the largest resident size that a process has had, in MiB; where the kernel keeps none, the present one."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    sizes = {line.split()[0]: int(line.split()[1]) for line in lines if line.startswith((_PEAK, _RESIDENT))}
    return sizes.get(_PEAK, sizes.get(_RESIDENT, 0)) / 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("counts", type=int, nargs="*", default=[500, 5000], help="photos of each scan")
    if not Path("/proc/self/status").exists():
        sys.exit("This measure needs /proc, which Linux has.")
    print(f"{'photos':>8}{'main process, MiB':>20}{'largest worker, MiB':>22}{'seconds':>10}")
    for count in parser.parse_args().counts:
        with tempfile.TemporaryDirectory(prefix="photoidx-memory-") as folder:
            make_photos(Path(folder) / "photos", count)
            peak = measure(Path(folder) / "photos", Path(folder) / "library")
            print(f"{count:>8,}{peak.main:>20.0f}{peak.worker:>22.0f}{peak.seconds:>10.1f}", flush=True)


if __name__ == "__main__":
    main()
