"""What the layers of a tower hold: forward hooks on its blocks, one table of where each library keeps them.

An encoder that offers `image_layers` and `text_layers` (`LayeredEncoder`) is probed layer by layer; others are probed
on what they give. Layer 0 is what goes into the first block, layer i what comes out of the i-th.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
from PIL import Image
from torch.nn import functional

from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures

MOST_CELLS = 16  # of a side of a map; finer ones are averaged, for pairs of cells grow with the fourth power
# Attributes, one after another, that lead from a tower to its blocks; the first path that is there is taken. A path
# in several parts names blocks that are no list.
_IMAGE_PATHS = (
    ("transformer.resblocks",),  # open_clip's ViT
    ("trunk.blocks",),  # timm's ViTs
    ("trunk.stages",),  # timm's ConvNeXt, FastViT
    ("trunk.layer1", "trunk.layer2", "trunk.layer3", "trunk.layer4"),  # timm's ResNets
    ("layer1", "layer2", "layer3", "layer4"),  # CLIP's ResNets
    ("encoder.layers",),  # transformers
)
_TEXT_PATHS = (("transformer.resblocks",), ("transformer.encoder.layer",), ("encoder.layers",), ("encoder.layer",))


class ImageLayers(NamedTuple):
    """What an encoder gives of `n` pictures, and the patch tokens of its layers."""

    features: ImageFeatures
    tokens: Mapping[str, torch.Tensor]  # "layer 0", ...: [n, h*w, c], rows of a grid one after another, any device
    grids: Mapping[str, tuple[int, int]]


class TextLayers(NamedTuple):
    """What an encoder gives of `n` captions, and the tokens of its layers at every position."""

    features: TextFeatures
    tokens: Mapping[str, torch.Tensor]  # "layer 0", ...: [n, t, c], any device


@runtime_checkable
class LayeredEncoder(Protocol):
    """An encoder that shows its layers. Both may give no layer at all."""

    def image_layers(self, images: Sequence[Image.Image]) -> ImageLayers:
        """Features and layers of a few pictures, which fit into memory together."""

    def text_layers(self, texts: Sequence[str]) -> TextLayers:
        """Features and layers of a few captions."""


@dataclass(frozen=True)
class TowerBlocks:
    """The blocks of both towers of a model, in the order in which they run; none where they are not known."""

    image: tuple[torch.nn.Module, ...]
    text: tuple[torch.nn.Module, ...]
    model: torch.nn.Module  # all of it, whose weights are shuffled for the control
    channels_last: bool = False  # of the image tower's maps


def find_blocks(
    model: torch.nn.Module, image_tower: Any, text_tower: Any, *, channels_last: bool = False
) -> TowerBlocks:
    """The blocks of a model's towers, by the table of this module."""
    return TowerBlocks(_follow(image_tower, _IMAGE_PATHS), _follow(text_tower, _TEXT_PATHS), model, channels_last)


def _follow(tower: Any, table: Sequence[tuple[str, ...]]) -> tuple[torch.nn.Module, ...]:
    for paths in table:
        found = [_at(tower, path) for path in paths]
        if any(each is None for each in found):
            continue
        return tuple(found) if len(paths) > 1 else tuple(found[0])
    return ()


def _at(tower: Any, path: str) -> Any:
    for name in path.split("."):
        tower = getattr(tower, name, None)
    return tower


@contextmanager
def watch(blocks: Sequence[torch.nn.Module]) -> Iterator[dict[str, torch.Tensor]]:
    """While this is open, every forward pass leaves "layer 0", ... in the mapping: as the blocks pass them on."""
    seen: dict[str, torch.Tensor] = {}

    def keep(name: str) -> Callable[..., None]:
        def hook(module: Any, given: Any, output: Any) -> None:
            seen[name] = (output[0] if isinstance(output, tuple) else output).detach()

        return hook

    def keep_input(module: Any, given: Sequence[Any], named: Mapping[str, Any]) -> None:
        seen["layer 0"] = next(iter((*given, *named.values()))).detach()

    handles = [block.register_forward_hook(keep(f"layer {i}")) for i, block in enumerate(blocks, start=1)]
    handles += [block.register_forward_pre_hook(keep_input, with_kwargs=True) for block in blocks[:1]]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def patch_tokens(
    value: torch.Tensor, grid: tuple[int, int] | None, channels_last: bool
) -> tuple[torch.Tensor, tuple[int, int]] | None:
    """The patch tokens [b, h*w, c] of a layer and their grid; None for a sequence that is no grid.

    `value` is a sequence [b, n, c], the patches last, or a map [b, c, h, w]; `grid` that of the tower's own patch
    tokens.
    """
    if value.ndim == 4:
        maps = value.permute(0, 3, 1, 2) if channels_last else value
    elif grid is not None and value.ndim == 3 and value.shape[1] >= grid[0] * grid[1]:
        patches = value[:, value.shape[1] - grid[0] * grid[1] :]
        maps = patches.transpose(1, 2).reshape(len(value), -1, *grid)
    else:
        return None
    h, w = (-(-side // -(-side // MOST_CELLS)) for side in maps.shape[2:])
    if (h, w) != tuple(maps.shape[2:]):
        maps = functional.adaptive_avg_pool2d(maps.float(), (h, w))
    return maps.flatten(2).transpose(1, 2), (h, w)


def shuffle_weights(model: torch.nn.Module, seed: int) -> None:
    """Put the numbers of every tensor of a model in random order: nothing learnt is left, and every scale is as it was.

    What one could not tell from learnt structure stays: normalisation layers, whose weights are a scale each.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                order = torch.randperm(parameter.numel(), generator=generator).to(parameter.device)
                parameter.copy_(parameter.flatten()[order].view_as(parameter))
