"""Name a model by what decides its features, so that heads and caches cannot be used with another one."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import torch

# Tokenizers are compared by what they do to this: words, digits, punctuation, capitals, another alphabet.
PROBE = "A photo of 2 red cubes, left of the café's blue sphere; don't 看!"


def model_identity(config: Mapping[str, Any], weights: Mapping[str, torch.Tensor], probe_ids: Sequence[int]) -> str:
    """32 hexadecimal digits over architecture and preprocessing (`config`), weights, and the token ids of `PROBE`.

    `weights` are tensors [...] by name, each hashed with its shape and type.
    """
    digest = hashlib.sha256(json.dumps([config, list(probe_ids)], sort_keys=True, default=str).encode())
    for name in sorted(weights):
        tensor = weights[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()[:32]
