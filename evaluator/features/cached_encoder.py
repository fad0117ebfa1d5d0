"""An encoder that remembers texts: what scorers ask of it themselves is kept with the captions in the feature cache."""

from collections.abc import Sequence
from pathlib import Path

from fourfold.evaluator.encoders.changed import changed
from fourfold.evaluator.encoders.contract import Encoder
from fourfold.evaluator.encoders.features import TextFeatures
from fourfold.evaluator.features.encoding import MAX_BYTES, open_store
from fourfold.evaluator.features.encoding import encode_texts as encode_and_keep
from fourfold.evaluator.features.writing import Writers


def with_cached_texts(encoder: Encoder, cache_dir: Path | None, later: Writers | None = None) -> Encoder:
    """`encoder`, its texts looked up in the cache folder and stored there; without a folder nothing is kept.

    Text tokens are rounded as `fourfold.evaluator.features.encoding.encode_items` does; nothing is said of captions
    that are cut. Features are on the CPU, or on the model's GPU if there is room; `later` as there.
    """
    store = open_store(encoder, "texts", cache_dir, MAX_BYTES)

    def encode_texts(texts: Sequence[str]) -> TextFeatures:
        row_of = {text: row for row, text in enumerate(dict.fromkeys(texts))}
        return encode_and_keep(encoder, list(row_of), store, on_device=True, later=later)[
            [row_of[text] for text in texts]
        ]

    return changed(encoder, encode_texts=encode_texts)
