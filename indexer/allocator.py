"""How this process takes memory from the system, where its C library is glibc."""

from __future__ import annotations

import contextlib
import ctypes
import platform

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # the names that malloc.h gives these numbers: M_TRIM_THRESHOLD, ...
_LARGE = 32 << 20  # glibc takes no more than this for M_MMAP_THRESHOLD
_KEPT = 256 << 20


def keep_freed_memory() -> None:
    """Have freed buffers of up to 32 MiB reused, instead of given back to the system and taken again, page by page.

    Every decoded photo and every layer of a model is such a buffer. Measured on 300 photos of 12 megapixels: a scan
    takes 2.0 s of system time instead of 3.8 s, and 22.8 s of CPU instead of 27.6 s in all.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(_MMAP_THRESHOLD, _LARGE)
        library.mallopt(_TRIM_THRESHOLD, _KEPT)
