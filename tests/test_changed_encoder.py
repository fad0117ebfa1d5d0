"""An encoder made from another one keeps its facts; what users' own encoders need not say has a default."""

from types import SimpleNamespace

import pytest

from fourfold.evaluator.encoders.changed import changed

FACTS = {"name": "mine", "identity": "mine-1", "context_length": 16, "embed_dim": 8, "has_patches": False}
FUNCTIONS = {"encode_images": len, "encode_texts": len}


@pytest.mark.parametrize(
    ("more", "mode"),
    [
        ({}, "crop"),
        ({"resize_mode": "pad"}, "pad"),
        ({"fit": "squash"}, "squash"),  # as version 0.1 called it
        ({"resize_mode": "pad", "fit": "squash"}, "pad"),
    ],
)
def test_pictures_are_cropped_where_an_encoder_does_not_say_how_it_makes_them_square(more: dict, mode: str) -> None:
    assert changed(SimpleNamespace(**FACTS, **FUNCTIONS, **more)).resize_mode == mode


def test_only_what_is_given_changes() -> None:
    encoder = SimpleNamespace(**FACTS, **FUNCTIONS, dtype="bfloat16")
    same = changed(encoder)
    assert {name: getattr(same, name) for name in FACTS} == FACTS
    assert (same.dtype, same.encode_images, same.encode_texts) == ("bfloat16", len, len)
    other = changed(encoder, identity="mine-2", encode_images=max)
    assert (other.identity, other.encode_images, other.encode_texts) == ("mine-2", max, len)
    assert changed(SimpleNamespace(**FACTS, **FUNCTIONS)).dtype == "float32"
