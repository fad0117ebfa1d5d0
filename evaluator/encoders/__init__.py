"""Encoders: any CLIP-like model behind one contract, named by a string.

fourfold-tiny             the small model that comes with the package (the default)
fourfold-tiny-random      the same architecture before any training; a control, only where random weights are allowed
ViT-B-16,openai           an open_clip architecture and the tag of its weights
ViT-B-16,path/to/file.pt  an open_clip architecture and a checkpoint file
ViT-B-16,openai,file.pt   the same, and the tag that it was tuned from: where some have QuickGELU and others not
hf-hub:org/repo           an open_clip model on the Hugging Face hub
local-dir:path            a folder with `open_clip_config.json` and weights
hf:org/repo, hf:path      a transformers model (extra `hf`): CLIP, SigLIP, MetaCLIP 2, BLIP, Chinese-CLIP
module:function           your own; see `fourfold.evaluator.encoders.custom`
"""

from collections.abc import Callable
from typing import Literal

from fourfold.errors import InputError
from fourfold.evaluator.encoders.contract import AUTO_DEVICE, TINY, TINY_FOLDER, TINY_RANDOM, Encoder, LoadOptions


def _open_clip(spec: str, options: LoadOptions) -> Encoder:
    from fourfold.evaluator.encoders.openclip import load_open_clip

    return load_open_clip(spec, options)


def _fourfold_tiny(spec: str, options: LoadOptions) -> Encoder:
    from fourfold.evaluator.encoders.openclip import load_open_clip

    return load_open_clip(f"local-dir:{TINY_FOLDER}", options, name=spec)


def _fourfold_tiny_random(spec: str, options: LoadOptions) -> Encoder:
    from fourfold.evaluator.encoders.random_tiny import load_random_tiny

    return load_random_tiny(spec, options)


def _transformers(spec: str, options: LoadOptions) -> Encoder:
    from fourfold.evaluator.encoders.huggingface import load_transformers

    return load_transformers(spec, options)


def _custom(spec: str, options: LoadOptions) -> Encoder:
    from fourfold.evaluator.encoders.custom import load_custom

    return load_custom(spec, options)


LOADERS: dict[str, Callable[[str, LoadOptions], Encoder]] = {
    TINY: _fourfold_tiny,
    TINY_RANDOM: _fourfold_tiny_random,
    "open_clip": _open_clip,
    "transformers": _transformers,
    "custom": _custom,
}


def loader_of(spec: str) -> str:
    """Which row of `LOADERS` a model specification belongs to."""
    if spec in (TINY, TINY_RANDOM):
        return spec
    if spec.startswith("hf:"):
        return "transformers"
    if spec.startswith(("hf-hub:", "local-dir:")) or "," in spec or ":" not in spec:
        return "open_clip"
    return "custom"


def list_models() -> list[str]:
    """Every model that can be named and has weights, fourfold-tiny first, then open_clip's "ARCH,tag"."""
    from fourfold.evaluator.encoders.openclip import list_open_clip  # seconds, and only to list names

    return [TINY, *list_open_clip()]


def load_encoder(
    spec: str,
    *,
    device: str = AUTO_DEVICE,
    dtype: str = "float32",
    allow_random_weights: bool = False,
    batch_size: int | Literal["auto"] = "auto",
) -> Encoder:
    """Load the model a specification names (see this module's docstring), ready to encode.

    `device` is "cpu", "cuda", "cuda:1", "mps", or "auto", a GPU if there is one; `dtype` the precision of the forward
    pass, "float32", "float16" or "bfloat16"; `batch_size` the number of images or captions in one pass, "auto" halving
    it when memory runs out.
    A model without weights is refused unless `allow_random_weights`: its numbers look real and mean nothing.

    Raises InputError for anything that cannot be loaded, saying how to fix it.
    """
    if batch_size != "auto" and (not isinstance(batch_size, int) or batch_size < 1):
        raise InputError(f"batch size {batch_size!r}: give a whole number from 1 on, or 'auto'")
    if device == AUTO_DEVICE:  # users' own loaders are told which it is
        from fourfold.evaluator.encoders.devices import choose_device

        device = choose_device(device)
    return LOADERS[loader_of(spec)](spec, LoadOptions(device, dtype, allow_random_weights, batch_size))
