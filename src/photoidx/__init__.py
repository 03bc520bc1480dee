"""photoidx: index a photo library into LanceDB tables and ask it questions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from photoidx.config import Config
    from photoidx.library import Library

__all__ = ["Config", "Library"]


def __getattr__(name: str) -> Any:
    """Import the public classes when they are asked for: `photoidx --help` need not wait for LanceDB."""
    if name == "Library":
        from photoidx.library import Library  # noqa: PLC0415

        return Library
    if name == "Config":
        from photoidx.config import Config  # noqa: PLC0415

        return Config
    raise AttributeError(f"module 'photoidx' has no attribute {name!r}")
