"""Where in two pictures an embedder's cosine comes from.

Both ways ask how the similarity g = u(v) . w changes, v being the vector of the one picture, u(v) = v / |v| with |v|
held fixed, and w the other picture's vector of length 1. Fixed, because the cosine itself does not change with the
length of v, so that its gradient times v is zero.

**Convolutional networks**: the gradient of g at the last map of features, times the map, summed over the channels
(Grad-CAM, Selvaraju et al., ICCV 2017, in the form of HiResCAM, Draelos and Carin 2020). Where the network ends in a
mean over the map, the parts sum up to the cosine itself.

**Vision transformers**: attention roll-out (Abnar and Zuidema, ACL 2020), each head weighted by the gradient of g
(Chefer, Gur and Wolf, ICCV 2021, equations 5 and 6): R = I; R += mean over heads of relu(gradient * attention) R.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from photoidx.errors import PhotoidxError

if TYPE_CHECKING:
    from photoidx.indexer.embedders.base import VectorStage

Array = np.ndarray[Any, Any]
_MAP, _ATTENTION = 4, 4  # dimensions of a map of features, and of attention
_POOLS = ("token", "avg", "")
NO_PLAIN_KIND = "This transformer is of no plain kind. explain knows convolutional networks and plain ViTs."
GRADIENTS, ROLL_OUT = "gradients of the cosine at the last map of features", "attention roll-out"


@dataclass(frozen=True)
class SimilarityMaps:
    """The cosine, and for each of the two pictures the part of it that comes from each place (h x w, may be < 0)."""

    cosine: float
    first: Array
    second: Array
    how: str


@dataclass
class _Seen:
    """What passes through a model: its last map of features, and the attention of each layer."""

    last_map: Any = None
    attention: list[Any] = field(default_factory=list)

    def watch(self, module: Any) -> list[Any]:
        """Return the hooks that note what passes through a module."""
        from torch import nn  # noqa: PLC0415 - slow to import

        if _keeps_attention(module):
            return [module.attn_drop.register_forward_hook(self._note_dropout)]
        if isinstance(module, nn.MultiheadAttention):  # open_clip's, which shows no weights with a gradient
            return [_Replaced(module, partial(self._attend, module))]
        return [module.register_forward_hook(self._note_map)]

    def _note_map(self, _module: Any, _given: Any, found: Any) -> None:
        if getattr(found, "ndim", 0) == _MAP and found.shape[2] * found.shape[3] > 1 and found.requires_grad:
            self.last_map = found

    def _note_dropout(self, _module: Any, _given: Any, found: Any) -> None:
        self.attention.append(found)

    def _attend(self, module: Any, query: Any, *_same: Any, **_named: Any) -> tuple[Any, None]:
        """Run self-attention without a mask as torch does (Vaswani et al. 2017, equation 1), and note the weights."""
        from torch.nn import functional  # noqa: PLC0415

        if module.in_proj_weight is None or any(each is not query for each in _same[:2]):
            raise PhotoidxError(NO_PLAIN_KIND)
        rows = query if module.batch_first else query.transpose(0, 1)
        parts = functional.linear(rows, module.in_proj_weight, module.in_proj_bias).chunk(3, dim=-1)
        batch, tokens, width = rows.shape
        heads = [part.reshape(batch, tokens, module.num_heads, -1).transpose(1, 2) for part in parts]
        weights = (heads[0] @ heads[1].transpose(-2, -1) / math.sqrt(module.head_dim)).softmax(dim=-1)
        self.attention.append(weights)
        found = module.out_proj((weights @ heads[2]).transpose(1, 2).reshape(batch, tokens, width))
        return (found if module.batch_first else found.transpose(0, 1)), None


class _Replaced:
    """A module whose `forward` is another until it is removed, as a hook is."""

    def __init__(self, module: Any, forward: Any) -> None:
        self._module = module
        module.forward = forward

    def remove(self) -> None:
        """Return the module its own `forward` back."""
        del self._module.forward


def _keeps_attention(module: Any) -> bool:
    """Return whether a module is timm's attention, which shows its weights unless it is fused."""
    return hasattr(module, "fused_attn") and hasattr(module, "attn_drop")


def similarity_maps(stage: VectorStage, first: Array, second: Array) -> SimilarityMaps:
    """Return the maps of two squares as the stage prepares them (size x size x 3, uint8).

    Raises PhotoidxError if the model is neither of convolutions nor a plain vision transformer.
    """
    import torch  # noqa: PLC0415 - slow to import

    if stage.model is None:
        stage.load_torch()
    with torch.enable_grad():
        passes = [_forward(stage, each) for each in (first, second)]
        vectors = [found[0] for found in passes]
        units = [vector / vector.norm() for vector in (each.detach() for each in vectors)]
        maps = []
        for (vector, seen), other in zip(passes, reversed(units), strict=True):
            similarity = (vector / vector.detach().norm()) @ other
            maps.append(_rolled_out(stage, seen, similarity) if seen.attention else _by_gradients(seen, similarity))
    how = ROLL_OUT if passes[0][1].attention else GRADIENTS
    return SimilarityMaps(float(units[0] @ units[1]), maps[0], maps[1], how)


def _forward(stage: VectorStage, square: Array) -> tuple[Any, _Seen]:
    # The weights are frozen: a gradient flows because the input asks for one.
    batch = stage.normalised(square[None].copy()).requires_grad_()
    with _watched(stage.model) as seen:
        vector = stage.features(batch)[0].float()
    return vector, seen


@contextmanager
def _watched(model: Any) -> Iterator[_Seen]:
    """Note the last map of features and all attention while the model runs. It is as before afterwards."""
    seen = _Seen()
    fused = [(module, module.fused_attn) for module in model.modules() if _keeps_attention(module)]
    for module, _ in fused:
        module.fused_attn = False
    hooks = [hook for module in model.modules() for hook in seen.watch(module)]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()
        for module, before in fused:
            module.fused_attn = before


def _by_gradients(seen: _Seen, similarity: Any) -> Array:
    import torch  # noqa: PLC0415

    if seen.last_map is None:
        raise PhotoidxError("This model has no map of features. explain knows convolutional networks and plain ViTs.")
    (gradient,) = torch.autograd.grad(similarity, seen.last_map)
    found: Array = (gradient * seen.last_map).sum(dim=1)[0].detach().float().cpu().numpy()
    return found


def _rolled_out(stage: VectorStage, seen: _Seen, similarity: Any) -> Array:
    import torch  # noqa: PLC0415

    shapes = {tuple(each.shape) for each in seen.attention}
    tokens = seen.attention[0].shape[-1]
    prefix = int(getattr(stage.model, "num_prefix_tokens", 1))
    side = math.isqrt(max(tokens - prefix, 0))
    pool = getattr(stage.model, "global_pool", "token")
    square = len(shapes) == 1 and seen.attention[0].shape[-2] == tokens and pool in _POOLS
    if not square or seen.attention[0].ndim != _ATTENTION or not side or side * side != tokens - prefix:
        raise PhotoidxError(NO_PLAIN_KIND)
    gradients = torch.autograd.grad(similarity, seen.attention)
    relevance = torch.eye(tokens, device=similarity.device)
    for attention, gradient in zip(seen.attention, gradients, strict=True):
        weight = (attention * gradient).clamp(min=0).mean(dim=1)[0].float()
        relevance = relevance + weight @ relevance
    relevance = relevance - torch.eye(tokens, device=similarity.device)  # each token's own share would hide the rest
    rows = relevance[:1] if prefix and pool != "avg" else relevance[prefix:]
    found: Array = rows.mean(dim=0)[prefix:].reshape(side, side).detach().cpu().numpy()
    return found
