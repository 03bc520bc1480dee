"""How the watch stays out of the way: it asks for little of the processor and the disk, and rests on battery."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable

LOGGER = logging.getLogger("photoidx.watch")
NICENESS = 15
_ASK_AGAIN_S = 10.0


def step_back() -> str:
    """Lower the priority of this process and of the processes that it starts from now on; say what was done.

    Call it before threads are started: Linux keeps priorities by thread, and a new one takes its maker's.
    """
    import psutil  # noqa: PLC0415

    ours = psutil.Process()
    done: list[str] = []
    try:
        if sys.platform == "win32":
            # Of the classes below normal, and only of those, Windows hands the class down to child processes.
            ours.nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
            done.append("priority below normal")
        else:
            done.append(f"niceness {os.nice(max(0, NICENESS - os.nice(0)))}")
        if sys.platform == "linux":
            ours.ionice(psutil.IOPRIO_CLASS_IDLE)
            done.append("disk when nobody else wants it")
    except (OSError, psutil.Error) as error:
        done.append(f"no further, because the system refuses: {error}")
    return f"Low priority: {', '.join(done)}."


class BatteryRest:
    """Whether the watch may work: not while the machine runs on its battery. A machine without a battery always may.

    The battery is asked at most every ten seconds, so that a loop may call this as often as it likes.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.reason: str | None = None
        """Why the watch rests, in words; None while it may work."""
        self._clock = clock
        self._asked: float | None = None

    def __call__(self) -> bool:
        """Answer, and tell the log when the answer changes."""
        now = self._clock()
        if self._asked is None or now - self._asked >= _ASK_AGAIN_S:
            self._asked = now
            before, self.reason = self.reason, on_battery()
            if self.reason and not before:
                LOGGER.info("Resting: %s.", self.reason)
            elif before and not self.reason:
                LOGGER.info("Going on: no longer on battery.")
        return self.reason is None


def on_battery() -> str | None:
    """Say in words that the machine runs on its battery; None if it does not, or has none, or can't tell."""
    import psutil  # noqa: PLC0415

    try:
        battery = psutil.sensors_battery()
    except (AttributeError, OSError, ValueError, psutil.Error):  # a system without the question, or an odd driver
        return None
    if battery is None or battery.power_plugged is not False:
        return None
    return f"on battery ({battery.percent:.0f} % left)"
