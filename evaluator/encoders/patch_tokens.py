"""Patch tokens in the joint space, by one definition for every open_clip image tower.

The feature of patch i is what the model's own pooling head and projection make of a sequence that holds the last
spatial token i alone. For class-token pooling that is final norm and projection, as in the DCSM code; for attention
pooling the pooler with all its attention on that patch; for convolutional towers head norm and projection of a 1 x 1
map; for CLIP's ResNets the value path of the attention pool (MaskCLIP, arXiv 2112.01071). Whatever has the same value
for every query is computed once.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from fourfold.evaluator.encoders.towers import TowerOutput


def vision_transformer(visual: Any, pixels: torch.Tensor) -> TowerOutput:
    """open_clip's own ViT (CLIP, CoCa, CLIPA): always one class token in front.

    `pixels` [b, 3, h, w]; patches [b, n, d].
    """
    output = visual.forward_intermediates(pixels, indices=1, output_fmt="NLC", output_extra_tokens=True)
    patches = _alone_in_vit(visual, output["image_intermediates"][-1])
    prefix = _alone_in_vit(visual, output["image_intermediates_prefix"][-1])
    return TowerOutput(output["image_features"], patches, prefix[:, 0], tuple(visual.grid_size))


def modified_resnet(visual: Any, pixels: torch.Tensor) -> TowerOutput:
    """CLIP's ResNets: the last feature map through the attention pool's value and output projections.

    `pixels` [b, 3, h, w]; patches [b, n, d].
    """
    output = visual.forward_intermediates(pixels, indices=1)
    feature_map = output["image_intermediates"][-1]  # [b, c, h, w]
    values = visual.attnpool.v_proj(feature_map.flatten(2).transpose(1, 2))
    grid = (feature_map.shape[2], feature_map.shape[3])
    return TowerOutput(output["image_features"], visual.attnpool.c_proj(values), None, grid)


def timm_tower(visual: Any, pixels: torch.Tensor) -> TowerOutput:
    """Towers from timm: SigLIP, EVA, PE, ViTamin (tokens), ConvNeXt, MobileCLIP, Swin (maps).

    `pixels` [b, 3, h, w]; patches [b, n, d], or None where the head works on one map size only.
    """
    features = visual.trunk.forward_features(pixels)
    pooled = visual.head(visual.trunk.forward_head(features))
    if "pool" in dict(visual.head.named_children()):  # a head that works on one map size only
        return TowerOutput(pooled, None, None, None)
    if features.ndim == 4:
        return _timm_map(visual, features, pooled)
    prefix = int(getattr(visual.trunk, "num_prefix_tokens", 0))
    joint = _alone_in_timm(visual, features, copies=prefix + 1)
    has_class = prefix and getattr(visual.trunk, "cls_token", None) is not None
    grid = _grid(features.shape[1] - prefix, pixels)
    return TowerOutput(pooled, joint[:, prefix:], joint[:, 0] if has_class else None, grid)


TOWERS: dict[str, Callable[[Any, torch.Tensor], TowerOutput]] = {
    "VisionTransformer": vision_transformer,
    "ModifiedResNet": modified_resnet,
    "TimmModel": timm_tower,
}


def encode_tower(visual: Any, pixels: torch.Tensor) -> TowerOutput:
    """One forward pass of an open_clip image tower; a tower not in `TOWERS` gives its pooled feature alone.

    `pixels` [b, 3, h, w], preprocessed.
    """
    tower = TOWERS.get(type(visual).__name__)
    return TowerOutput(visual(pixels), None, None, None) if tower is None else tower(visual, pixels)


def _alone_in_vit(visual: Any, raw: torch.Tensor) -> torch.Tensor:  # [b, n, c] -> [b, n, d]
    pooler = visual.attn_pool
    if pooler is not None:
        raw = _value_path(pooler.attn, pooler.ln_k(raw))
    joint = visual.ln_post(raw)
    return joint if visual.proj is None else joint @ visual.proj


def _value_path(attention: torch.nn.MultiheadAttention, x: torch.Tensor) -> torch.Tensor:
    """What attention gives to any query when `x` is all there is to attend to: softmax over one key is 1."""
    weight, bias = attention.v_proj_weight, attention.in_proj_bias
    if weight is None:  # equal widths: one matrix holds query, key and value
        weight = attention.in_proj_weight.chunk(3)[2]
    return attention.out_proj(functional.linear(x, weight, None if bias is None else bias.chunk(3)[2]))


def _alone_in_timm(visual: Any, tokens: torch.Tensor, copies: int) -> torch.Tensor:  # [b, n, c] -> [b, n, d]
    # Towers with prefix tokens drop or keep them when pooling; copies of the one token are right for both.
    b, n, c = tokens.shape
    alone = tokens.reshape(b * n, 1, c).expand(-1, copies, -1)
    return visual.head(visual.trunk.forward_head(alone)).reshape(b, n, -1)


def _timm_map(visual: Any, features: torch.Tensor, pooled: torch.Tensor) -> TowerOutput:
    channels_last = str(getattr(visual.trunk, "output_fmt", "NCHW")).endswith("NHWC")
    rows = features if channels_last else features.permute(0, 2, 3, 1)  # [b, h, w, c]
    b, h, w, c = rows.shape
    alone = rows.reshape(-1, 1, 1, c) if channels_last else rows.reshape(-1, c, 1, 1)
    joint = visual.head(visual.trunk.forward_head(alone)).reshape(b, h * w, -1)
    return TowerOutput(pooled, joint, None, (h, w))


def _grid(n: int, pixels: torch.Tensor) -> tuple[int, int] | None:
    h = round((n * pixels.shape[2] / pixels.shape[3]) ** 0.5)
    return (h, n // h) if n % h == 0 else None
