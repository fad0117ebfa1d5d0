"""Do an encoder's features keep its contract? Said before a score is made of them, for a wrong one would not show.

Vectors that are not of unit length are the silent error: every cosine is scaled by its own factor, and groups are
decided otherwise.
"""

from collections.abc import Mapping

import numpy as np
import torch

from fourfold.errors import InputError
from fourfold.evaluator.encoders.contract import Encoder
from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures

NORM_TOLERANCE = 1e-3  # of 1; half precision errs by 3e-5
_MAY_BE_ZERO = ("patches", "tokens")


def check_image_features(encoder: Encoder, features: ImageFeatures, n: int) -> None:
    """Raise InputError unless the features [n] of n pictures have the shapes, grid and unit vectors of the contract."""
    _check_tensors(encoder, {"pooled": features.pooled, "patches": features.patches, "cls": features.cls}, n)
    given = None if features.patches is None else features.patches.shape[1]
    if encoder.has_patches != (given is not None):
        raise InputError(
            f"{encoder.name}: has_patches is {encoder.has_patches}, but encode_images gave "
            f"{'no patches' if given is None else 'patches'}; make the two agree"
        )
    if given is not None and (features.grid is None or int(np.prod(features.grid)) != given):
        raise InputError(
            f"{encoder.name}: {given} patches with the grid {features.grid}; give (h, w) with h * w patches"
        )


def check_text_features(encoder: Encoder, features: TextFeatures, n: int) -> None:
    """Raise InputError unless the features [n] of n captions have the shapes and unit vectors of the contract.

    Tokens, their mask and what they spell come all together or not at all; only tokens under the mask have to be of
    unit length.
    """
    parts = {"tokens": features.tokens, "mask": features.mask, "token_strings": features.token_strings}
    absent = [name for name, part in parts.items() if part is None]
    if absent and len(absent) < len(parts):
        raise InputError(f"{encoder.name}: encode_texts gave no {', '.join(absent)}; give {', '.join(parts)}, or none")
    _check_tensors(encoder, {"pooled": features.pooled, "truncated": features.truncated}, n)
    if absent:
        return
    tokens, mask, strings = features.dense()
    shape = (n, encoder.context_length)
    for name, found in (("tokens", tokens.shape[:2]), ("mask", mask.shape), ("token_strings", strings.shape)):
        if tuple(found) != shape:
            raise InputError(f"{encoder.name}: {name!r} of shape {tuple(found)}; [captions, context_length] is {shape}")
    if mask.dtype != torch.bool:
        raise InputError(f"{encoder.name}: 'mask' is {mask.dtype}; bool is needed")
    _check_finite(encoder, "tokens", tokens)
    _check_dimension(encoder, "tokens", tokens)
    _check_length(encoder, "tokens", tokens[mask.to(tokens.device)])


def _check_tensors(encoder: Encoder, tensors: Mapping[str, torch.Tensor | None], n: int) -> None:
    for name, value in tensors.items():
        if value is None:
            continue
        if len(value) != n:
            raise InputError(f"{encoder.name}: {len(value)} rows of {name!r} for {n} inputs")
        _check_finite(encoder, name, value)
        if value.is_floating_point():
            _check_dimension(encoder, name, value)
            _check_length(encoder, name, value)


def _check_finite(encoder: Encoder, name: str, value: torch.Tensor) -> None:
    if not torch.isfinite(value).all():
        raise InputError(f"{encoder.name}: {name!r} features are not finite; use float32, or check the weights")


def _check_dimension(encoder: Encoder, name: str, value: torch.Tensor) -> None:
    if value.shape[-1] != encoder.embed_dim:
        raise InputError(
            f"{encoder.name}: {name!r} has {value.shape[-1]} dimensions, its embed_dim is {encoder.embed_dim}"
        )


def _check_length(encoder: Encoder, name: str, vectors: torch.Tensor) -> None:
    """Vectors [..., d] of unit length; one of a place or a token may be 0, which has no direction to be normalised.

    After a last ReLU, as in fourfold-tiny, now and then nothing is left of a patch.
    """
    lengths = torch.linalg.vector_norm(vectors.float(), dim=-1).reshape(-1)
    off = (lengths - 1).abs() > NORM_TOLERANCE
    if name in _MAY_BE_ZERO:
        off &= lengths > 0
    if off.any():
        raise InputError(
            f"{encoder.name}: {int(off.sum())} of {len(lengths)} vectors of {name!r} are not of unit length (the first "
            f"is {float(lengths[off][0]):.4g} long); end with torch.nn.functional.normalize(x, dim=-1)"
        )
