"""A Siamese network over features of three scales: one number for each photo, and their difference decides.

After Huang et al. (ICASSP 2020): the feature maps of a backbone's layers 2 to 4, on each of them attention over
channels and over places side by side, pooled and joined. The attention is not their PAUnit: it is the simpler form of
CBAM's two gates (Woo et al. 2018) side by side, and what is pooled is the mean and the spread. Both photos go through
the same weights, and the chance that the first is preferred is sigmoid(f(first) - f(second)) with no bias: swapping the
two flips the answer exactly. Numbers that are known of a photo otherwise may stand beside its maps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from photoidx.errors import AssetError

_JOINED = 64
_SQUEEZE = 8
_KERNEL = 7
_FARTHEST = 4.0  # standard deviations; nothing was learnt of what lies farther out
_NOTHING = 1e-6
_BACKBONE, _HEAD = "backbone.", "head."


class Attention(nn.Module):
    """Attention over channels and over places, side by side; their sum is pooled to `_JOINED` numbers."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inside = max(4, channels // _SQUEEZE)
        self.over_channels = nn.Sequential(nn.Linear(channels, inside), nn.ReLU(), nn.Linear(inside, channels))
        self.over_places = nn.Conv2d(2, 1, _KERNEL, padding=_KERNEL // 2)
        self.join = nn.Linear(2 * channels, _JOINED)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Return n x 64 from maps (n x channels x height x width)."""
        channel = torch.sigmoid(self.over_channels(maps.mean(dim=(2, 3))))[:, :, None, None]
        place = torch.cat([maps.mean(dim=1, keepdim=True), maps.amax(dim=1, keepdim=True)], dim=1)
        attended = maps * channel + maps * torch.sigmoid(self.over_places(place))
        # The spread tells of fine detail, which the mean loses.
        spread = attended.flatten(2).std(dim=2, correction=0)
        found: torch.Tensor = torch.relu(self.join(torch.cat([attended.mean(dim=(2, 3)), spread], dim=1)))
        return found


class Beside(nn.Module):
    """Numbers that stand beside the picture: standardised by those of the learnt pictures, and joined."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mean = nn.Buffer(torch.zeros(width))
        self.scale = nn.Buffer(torch.ones(width))
        self.join = nn.Linear(width, _JOINED)

    def usual(self, numbers: torch.Tensor) -> None:
        """Learn from the numbers of the learnt pictures (n x width) what is usual. NaN stands for a missing one."""
        self.mean.copy_(numbers.nanmean(dim=0).nan_to_num())
        spread = (numbers - self.mean).square().nanmean(dim=0).nan_to_num().sqrt()
        self.scale.copy_(torch.where(spread < _NOTHING, 1, spread))  # what never varies tells nothing

    def forward(self, numbers: torch.Tensor) -> torch.Tensor:
        """Return n x 64. A number that is missing counts as the usual one."""
        standard = ((numbers - self.mean) / self.scale).nan_to_num(0.0).clamp(-_FARTHEST, _FARTHEST)
        found: torch.Tensor = torch.relu(self.join(standard))
        return found


class Head(nn.Module):
    """What is trained: attention on three maps, and one number from them and from the numbers beside them."""

    def __init__(self, channels: Sequence[int], width: int = 0) -> None:
        super().__init__()
        self.scales = nn.ModuleList(Attention(each) for each in channels)
        self.beside = Beside(width) if width else None
        self.inside = nn.Linear(_JOINED * (len(channels) + (width > 0)), _JOINED)
        self.out = nn.Linear(_JOINED, 1, bias=False)

    def forward(self, maps: Sequence[torch.Tensor], numbers: torch.Tensor) -> torch.Tensor:
        """Return each photo's number (n) from its maps and the numbers beside it (n x width)."""
        joined = [scale(each) for scale, each in zip(self.scales, maps, strict=True)]
        if self.beside is not None:
            joined.append(self.beside(numbers))
        found: torch.Tensor = self.out(torch.relu(self.inside(torch.cat(joined, dim=1))))[:, 0]
        return found


class Ranker(nn.Module):
    """A backbone and the head on it. The names of its weights are those in a scorer's file."""

    def __init__(self, backbone: Any, width: int = 0) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = Head(backbone.channels, width)

    def forward(self, pictures: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        """Return each photo's number (n) from pictures (n x side x side x 3, uint8) and the numbers beside them."""
        found: torch.Tensor = self.head(self.backbone(pictures), numbers)
        return found

    def weights(self, *, whole: bool) -> dict[str, torch.Tensor]:
        """Find the weights by name, those of the backbone only if `whole`: it can be named where it is a known one."""
        return {name: each for name, each in self.state_dict().items() if whole or name.startswith(_HEAD)}

    def fill(self, arrays: Mapping[str, Any], place: str) -> None:
        """Put a scorer's weights into this one. Raises AssetError, naming their `place`, if they do not fit."""
        into: nn.Module = self if has_backbone(arrays) else self.head
        prefix = "" if into is self else _HEAD
        try:
            into.load_state_dict({name.removeprefix(prefix): torch.from_numpy(each) for name, each in arrays.items()})
        except (RuntimeError, TypeError) as error:
            raise AssetError(f"The weights of {place} do not fit: {' '.join(str(error).split())[:300]}") from error


def has_backbone(names: Iterable[str]) -> bool:
    """Return whether a scorer's weights have a backbone of their own."""
    return any(name.startswith(_BACKBONE) for name in names)
