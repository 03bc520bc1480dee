"""A time that a file's name carries, as phones and messengers write it."""

import re
from datetime import datetime

# IMG_20240131_142530.jpg, PXL_20240131_142530123.jpg, 2024-01-31 14.25.30.jpg, Screenshot_2024-01-31-14-25-30.png
_TIME = re.compile(
    r"(?<!\d)(19\d\d|20\d\d)([-_.]?)(\d\d)\2(\d\d)[-_ T.]?(\d\d)([-_.:]?)(\d\d)\6(\d\d)(\d{3})?(?!\d)",
)


def time_in_name(name: str) -> datetime | None:
    """Return the local time in a file's name; None if it carries no full, possible one."""
    found = _TIME.search(name)
    if found is None:
        return None
    year, _, month, day, hour, _, minute, second, millis = found.groups()
    try:
        parts = (int(year), int(month), int(day), int(hour), int(minute), int(second), int(millis or 0) * 1000)
        return datetime(*parts)  # noqa: DTZ001 - a camera writes local time
    except ValueError:
        return None
