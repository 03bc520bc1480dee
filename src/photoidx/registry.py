"""Which stages run: the project's own, the embedders that the configuration names, and those of other packages."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from photoidx.indexer.embedders import embedder
from photoidx.scoring.exif.sidecar import Sidecar
from photoidx.scoring.exif.stage import Exif
from photoidx.scoring.thumbnails import Thumbnails
from photoidx.stage import Stage

if TYPE_CHECKING:
    from photoidx.config import Config

ENTRY_POINT_GROUP = "photoidx.stages"


def stages(config: Config) -> list[Stage]:
    """Give the stages that run under this configuration. Each name occurs once."""
    found: list[Stage] = [Exif(), Sidecar(), Thumbnails()]
    found += [embedder(name, config) for name in config.embedders]
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        made = entry.load()(config)
        found += [made] if isinstance(made, Stage) else list(made)
    names = [stage.name for stage in found]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"Two stages are named {', '.join(sorted(twice))}")
    return found
