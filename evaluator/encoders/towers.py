"""The encoder that every two-tower model becomes, whichever library it comes from: four functions and their facts."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from fourfold.errors import InputError
from fourfold.evaluator.data.images import pixel_hash
from fourfold.evaluator.encoders.batches import CPU, DTYPES, run_in_batches
from fourfold.evaluator.encoders.contract import ResizeMode
from fourfold.evaluator.encoders.devices import exact_convolutions
from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.encoders.layers import ImageLayers, TextLayers, TowerBlocks, patch_tokens, watch
from fourfold.evaluator.encoders.pixels import finish, to_pixels
from fourfold.evaluator.encoders.tokenization import Tokenize, Tokens


class TruncatedCaptions(UserWarning):
    """Some captions are longer than the model's context and lose their end."""


@dataclass(frozen=True)
class TowerOutput:
    """What an image tower gives for `b` pictures, not yet of unit length."""

    pooled: torch.Tensor  # [b, d]
    patches: torch.Tensor | None = None  # [b, h*w, d]
    cls: torch.Tensor | None = None  # [b, d]
    grid: tuple[int, int] | None = None  # (h, w)


@dataclass(frozen=True)
class TowerEncoder:
    """An `Encoder` made of a library's model: how it takes a picture and a caption, and what its towers give."""

    name: str
    identity: str
    dtype: str
    context_length: int
    embed_dim: int
    has_patches: bool
    device: torch.device
    batch_size: int | Literal["auto"]
    preprocess: Callable[[Image.Image], torch.Tensor]  # RGB -> [3, h, w] float32
    image_tower: Callable[[torch.Tensor], TowerOutput]  # [b, 3, h, w]
    tokenize: Tokenize
    text_tower: Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]  # ids [b, t] -> [b, d], [b, t, d]
    resize_mode: ResizeMode = "crop"
    n_parameters: int | None = None  # of both towers
    blocks: TowerBlocks | None = None  # None: this model's layers are not shown

    def encode_images(self, images: Sequence[Image.Image]) -> ImageFeatures:
        """Features of `n` pictures of any size, on the CPU, float32, unit length."""
        with ThreadPoolExecutor() as pool:  # Pillow resizes without the interpreter lock
            pixels = list(pool.map(self.prepare, images))
            keys = list(pool.map(pixel_hash, images))
        return self._encode_pixels(pixels, keys, CPU)

    def prepare(self, image: Image.Image) -> torch.Tensor:
        """What the tower takes of a picture of any size, on the CPU; may be called from several threads."""
        return to_pixels(self.preprocess, image.convert("RGB"))

    def encode_prepared(self, pixels: Sequence[torch.Tensor] | torch.Tensor, keys: Sequence[str]) -> ImageFeatures:
        """Features, on the model's device, of `n` pictures that `prepare` was given.

        `keys` are the hashes of their pixels.
        """
        return self._encode_pixels(pixels, keys, self.device)

    def _encode_pixels(
        self, pixels: Sequence[torch.Tensor] | torch.Tensor, keys: Sequence[str], to: torch.device
    ) -> ImageFeatures:
        grids: list[tuple[int, int] | None] = []

        def run(start: int, stop: int) -> dict[str, torch.Tensor]:
            batch = pixels[start:stop]
            batch = batch if isinstance(batch, torch.Tensor) else torch.stack(list(batch))
            moved = batch.to(self.device, non_blocking=self.device.type == "cuda")
            output = self.image_tower(finish(self.preprocess, moved))
            grids.append(output.grid)
            values = {"pooled": output.pooled, "patches": output.patches, "cls": output.cls}
            return {name: value for name, value in values.items() if value is not None}

        out = self._run(run, len(pixels), to)
        names = np.array(keys, dtype=np.str_)
        return ImageFeatures(names, out["pooled"], out.get("patches"), out.get("cls"), grids[-1])

    def encode_texts(self, texts: Sequence[str]) -> TextFeatures:
        """Features of `n` captions at all `context_length` positions, on the CPU, float32, unit length.

        Warns `TruncatedCaptions` once, with their number, where captions do not fit; `truncated` says which.
        """
        tokens = self.tokenize(texts)
        warn_of_truncation(tokens.truncated, self.context_length)
        return self._encode_ids(texts, tokens, CPU)

    def prepare_texts(self, texts: Sequence[str]) -> Tokens:
        """The tokens of captions, on the CPU; may be called from another thread."""
        return self.tokenize(texts)

    def encode_tokens(self, texts: Sequence[str], tokens: Tokens) -> TextFeatures:
        """Features, on the model's device, of captions and what `prepare_texts` made of them; says nothing of cuts."""
        return self._encode_ids(texts, tokens, self.device)

    def _encode_ids(self, texts: Sequence[str], tokens: Tokens, to: torch.device) -> TextFeatures:
        def run(start: int, stop: int) -> dict[str, torch.Tensor]:
            pooled, dense = self.text_tower(
                tokens.ids[start:stop].to(self.device, non_blocking=self.device.type == "cuda")
            )
            return {"pooled": pooled, "tokens": dense}

        out = self._run(run, len(texts), to)
        captions, mask = np.array(texts, dtype=np.str_), tokens.mask.to(to)
        return TextFeatures(captions, out["pooled"], out["tokens"], mask, tokens.token_strings, tokens.truncated)

    def image_layers(self, images: Sequence[Image.Image]) -> ImageLayers:
        """What `encode_images` gives, and what the blocks of the image tower passed on; one forward pass.

        As many pictures as fit into the device's memory together.
        """
        blocks = self.blocks
        with watch(() if blocks is None else blocks.image) as seen:
            features = replace(self, batch_size=max(1, len(images))).encode_images(images)
        _check_whole(seen, len(images))
        last = blocks is not None and blocks.channels_last
        found = {name: patch_tokens(value, features.grid, last) for name, value in sorted(seen.items(), key=_number)}
        kept = {name: value for name, value in found.items() if value is not None}
        return ImageLayers(
            features,
            {name: value for name, (value, _) in kept.items()},
            {name: grid for name, (_, grid) in kept.items()},
        )

    def text_layers(self, texts: Sequence[str]) -> TextLayers:
        """What `encode_texts` gives, and what the blocks of the text tower passed on; one forward pass."""
        with watch(() if self.blocks is None else self.blocks.text) as seen:
            features = replace(self, batch_size=max(1, len(texts))).encode_texts(texts)
        _check_whole(seen, len(texts))
        length = self.context_length
        found = sorted(seen.items(), key=_number)  # CoCa's sequences end with a token of their own
        return TextLayers(features, {name: value[:, :length] for name, value in found if value.shape[1] >= length})

    def _run(
        self, run: Callable[[int, int], dict[str, torch.Tensor]], n: int, to: torch.device
    ) -> dict[str, torch.Tensor]:
        # Under autocast the weights stay float32, and with them what must not be rounded: norms and softmax.
        dtype = DTYPES[self.dtype]

        def unit(start: int, stop: int) -> dict[str, torch.Tensor]:
            with torch.autocast(self.device.type, dtype, enabled=dtype != torch.float32):
                out = run(start, stop)
            return {name: functional.normalize(value.float(), dim=-1) for name, value in out.items()}

        with torch.no_grad(), exact_convolutions(self.device):
            return run_in_batches(unit, n, self.batch_size, self.device, to=to)


def _check_whole(seen: Mapping[str, torch.Tensor], n: int) -> None:
    """Raise InputError where a full device made the pass one of several, each of which saw a part."""
    if any(len(value) != n for value in seen.values()):
        raise InputError(f"out of memory: the layers of {n} inputs at once do not fit; use --device cpu")


def _number(layer: tuple[str, object]) -> int:
    return int(layer[0].removeprefix("layer "))


def warn_of_truncation(truncated: torch.Tensor | None, context_length: int) -> None:
    """Say once how many captions lost their end, if any did.

    `truncated` is [n] bool, or None where that is not known.
    """
    n = 0 if truncated is None else int(truncated.sum())
    if n:
        message = f"{n} captions are longer than the model's {context_length} text positions and were cut at the end"
        warnings.warn(message, TruncatedCaptions, stacklevel=3)
