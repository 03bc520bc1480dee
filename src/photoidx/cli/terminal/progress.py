"""How far a command is: a bar on a terminal; of a scan, a line every half minute elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

import click

Shown = Callable[[int, int, int], None]
"""Called with files done, files to do, failures so far."""

LINE_EVERY_S = 30.0
_MINUTE, _HOUR = 60, 3600


class Lines:
    """A line now and then, for logs. `clock` tells seconds. The rate is that since the first look at the work."""

    def __init__(self, every_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._every_s, self._clock = every_s, clock
        self._began = self._last = clock()
        self._done_at_first = self._done_before = sys.maxsize

    def line(self, done: int, total: int, failed: int) -> str | None:
        """Say how far it is, how fast it goes and what is left; None if the last line was a moment ago."""
        now = self._clock()
        if done < self._done_before:  # another kind of work, counted anew
            self._began, self._done_at_first = now, done
        self._done_before = done
        if now - self._last < self._every_s or done >= total:
            return None
        self._last = now
        rate = (done - self._done_at_first) / (now - self._began) if now > self._began else 0.0
        words = [f"Scanning: {done:,} of {total:,}"]
        if rate > 0:
            words += [f"{rate:,.1f} files/s", f"about {_length((total - done) / rate)} left"]
        return ", ".join(words + [f"{failed:,} failed"] * bool(failed)) + "."


def _length(seconds: float) -> str:
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    return f"{int(seconds // _HOUR):,} h {int(seconds % _HOUR // _MINUTE)} min"


@contextlib.contextmanager
def shown_progress() -> Iterator[Shown]:
    """Show on stderr files, rate, time left and failures."""
    if not sys.stderr.isatty():
        yield in_lines(lambda words: click.echo(words, err=True))
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("Scanning"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[failures]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("scan", total=None, rate="", failures="")

        def show(done: int, total: int, failed: int) -> None:
            speed = bar.tasks[0].finished_speed or bar.tasks[0].speed
            rate = f"{speed:.1f} files/s" if speed else ""
            failures = f"{failed} failed" if failed else ""
            bar.update(task, completed=done, total=total, rate=rate, failures=failures)

        yield show


def in_lines(say: Callable[[str], None]) -> Shown:
    """Return what says a line every half minute."""
    lines = Lines(LINE_EVERY_S)

    def show(done: int, total: int, failed: int) -> None:
        words = lines.line(done, total, failed)
        if words:
            say(words)

    return show


@contextlib.contextmanager
def step_progress() -> Iterator[Callable[[str, int, int], None]]:
    """Show on a terminal the step, how far it is, and the time left; show nothing where stderr is none.

    What it gives is called with the step, what is done of it, and all of it (0 where that is not known).
    """
    if not sys.stderr.isatty():
        yield lambda _step, _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def show(step: str, done: int, total: int) -> None:
            bar.update(task, description=step, completed=done, total=total or None)

        yield show
