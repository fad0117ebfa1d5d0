"""An encoder that remembers texts: what scorers ask of it themselves is kept with the captions in the feature cache."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from evaluator.cache import MAX_BYTES, encode_texts, open_shards
from evaluator.encoders import Encoder
from evaluator.features import ImageFeatures, TextFeatures
from evaluator.shards import FeatureShards


@dataclass(frozen=True)
class CachedEncoder:
    """The encoder it is made from, under its own name and identity, but that texts are encoded once for all runs."""

    encoder: Encoder
    shards: FeatureShards | None

    @property
    def name(self) -> str:
        return self.encoder.name

    @property
    def identity(self) -> str:
        return self.encoder.identity

    @property
    def dtype(self) -> str:
        return str(getattr(self.encoder, "dtype", "float32"))

    @property
    def context_length(self) -> int:
        return self.encoder.context_length

    @property
    def embed_dim(self) -> int:
        return self.encoder.embed_dim

    @property
    def has_patches(self) -> bool:
        return self.encoder.has_patches

    def encode_images(self, images: Sequence[Image.Image]) -> ImageFeatures:
        """Features of pictures, which no scorer asks for: straight from the encoder."""
        return self.encoder.encode_images(images)

    def encode_texts(self, texts: Sequence[str]) -> TextFeatures:
        """Features of `n` texts, text tokens rounded as `evaluator.cache.encode_items` does; says nothing of cuts."""
        row_of = {text: row for row, text in enumerate(dict.fromkeys(texts))}
        return encode_texts(self.encoder, list(row_of), self.shards)[[row_of[text] for text in texts]]


def with_cached_texts(encoder: Encoder, cache_dir: Path | None, *, max_bytes: int = MAX_BYTES) -> Encoder:
    """`encoder`, its texts looked up in the cache folder and stored there; without a folder nothing is kept."""
    return CachedEncoder(encoder, open_shards(encoder, "texts", cache_dir, max_bytes))
