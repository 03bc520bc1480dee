"""What comes with an extra of the install, and what to say where it is not there."""

from __future__ import annotations

from importlib.util import find_spec

from photoidx.errors import PhotoidxError

_EXTRAS = {"models": ("torch", "timm", "open_clip", "huggingface_hub")}
"""The packages of each extra, by the names that are imported."""


class MissingExtraError(PhotoidxError):
    """Something needs packages that this install was made without."""


def require(extra: str, what: str) -> None:
    """Raise MissingExtraError if packages of an extra are missing. Imports none of them."""
    missing = [name for name in _EXTRAS[extra] if find_spec(name) is None]
    if missing:
        raise MissingExtraError(_advice(extra, what, missing[0]))


def told(error: ModuleNotFoundError) -> MissingExtraError | None:
    """Return what to say of an import that failed; None if no extra has that package."""
    package = (error.name or "").partition(".")[0]
    found = next((extra for extra, names in _EXTRAS.items() if package in names), None)
    return MissingExtraError(_advice(found, "This", package)) if found else None


def _advice(extra: str, what: str, package: str) -> str:
    return (
        f"{what} needs {package}, which is not installed. It comes with the extra {extra}: "
        f"pip install 'photoidx-library[{extra}]' (in a checkout: make .venv/.ready)."
    )
