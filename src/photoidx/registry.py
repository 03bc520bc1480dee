"""Which stages run: the project's own, the embedders that the configuration names, and those of other packages."""

from __future__ import annotations

from functools import partial
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from photoidx.errors import PhotoidxError
from photoidx.indexer.embedders import embedder
from photoidx.scoring.colour import ColourStage
from photoidx.scoring.compression import CompressionStage
from photoidx.scoring.exif.sidecar import Sidecar
from photoidx.scoring.exif.stage import Exif
from photoidx.scoring.exposure import ExposureStage
from photoidx.scoring.faces.stage import Faces
from photoidx.scoring.hashes import Hashes
from photoidx.scoring.holdings.stage import HoldingsStage
from photoidx.scoring.horizon import HorizonStage
from photoidx.scoring.noise import NoiseStage
from photoidx.scoring.panels import Panels
from photoidx.scoring.places.stage import Places, SidecarPlaces
from photoidx.scoring.scorer_stages import scorer_stages
from photoidx.scoring.sharpness import SharpnessStage
from photoidx.scoring.technical.score import Technical
from photoidx.scoring.thumbnails import Thumbnails
from photoidx.scoring.videos.stage import Videos
from photoidx.stage import DerivedStage, Stage

if TYPE_CHECKING:
    from photoidx.config import Config

_STAGES: tuple[type[Stage], ...] = (
    Exif,
    Sidecar,
    Thumbnails,
    Hashes,
    Panels,
    HoldingsStage,
    Faces,
    NoiseStage,
    ExposureStage,
    ColourStage,
    CompressionStage,
    SharpnessStage,
    HorizonStage,
    Technical,
    Places,
    SidecarPlaces,
    Videos,
)
ENTRY_POINT_GROUP = "photoidx.stages"


def stages(config: Config) -> list[Stage]:
    """Return the stages that run under this configuration. Each name occurs once.

    Raises PhotoidxError if the configuration does without a stage that there is not.
    """
    found: list[Stage] = [stage() for stage in _STAGES]
    found += [embedder(name, config) for name in config.embedders]
    for directory in config.scorers:
        found += stages_of_scorer(directory, config)
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        made = entry.load()(config)
        found += [made] if isinstance(made, Stage) else list(made)
    for stage in [each for each in found if isinstance(each, DerivedStage)]:
        if stage.source.name not in {each.name for each in found}:
            found.append(stage.source)
    names = [stage.name for stage in found]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise PhotoidxError(f"Two stages are named {', '.join(sorted(twice))}.")
    unknown = set(config.without).difference(names)
    if unknown:
        raise PhotoidxError(f"There is no stage {', '.join(sorted(unknown))}. The stages are: {', '.join(names)}.")
    return [stage for stage in found if stage.name not in config.without]


def stages_of_scorer(directory: str, config: Config) -> list[Stage]:
    """Return the stages of a trained scorer. Raises AssetError if it is none."""
    return scorer_stages(directory, partial(_backbone, config), partial(embedder, config=config))


def _backbone(config: Config, name: str, *, pretrained: bool) -> Any:
    from photoidx.indexer.embedders.backbones import open_backbone  # noqa: PLC0415 - brings torch

    return open_backbone(name, config, pretrained=pretrained)
