"""The identity of a model: the hash that head files of earlier versions hold, and everything that changes it."""

import pytest
import torch

from fourfold.evaluator.encoders.identity import PROBE, model_identity

CONFIG = {"image_size": 112, "resize_mode": "squash"}
WEIGHTS = {"b": torch.tensor([0.0, 1.0]), "a": torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=torch.float16)}
IDS = [49406, 320, 49407]


def test_an_identity_is_the_one_of_earlier_versions_whatever_the_order_of_weights_and_settings() -> None:
    expected = "480d2c1300bf79533619cc6fddc10d29"
    assert model_identity(CONFIG, WEIGHTS, IDS) == expected
    assert model_identity(dict(reversed(CONFIG.items())), dict(reversed(WEIGHTS.items())), IDS) == expected
    assert PROBE == "A photo of 2 red cubes, left of the café's blue sphere; don't 看!"


@pytest.mark.parametrize(
    ("config", "weights", "ids"),
    [
        ({**CONFIG, "resize_mode": "shortest"}, WEIGHTS, IDS),
        (CONFIG, {**WEIGHTS, "b": torch.tensor([0.0, 1.0000001])}, IDS),
        (CONFIG, {**WEIGHTS, "b": torch.tensor([[0.0, 1.0]])}, IDS),  # the same bytes in another shape
        (CONFIG, {**WEIGHTS, "b": torch.tensor([0.0, 1.0]).view(torch.int32)}, IDS),  # ... of another kind
        (CONFIG, {"c": WEIGHTS["b"], "a": WEIGHTS["a"]}, IDS),
        (CONFIG, {"a": WEIGHTS["a"]}, IDS),
        (CONFIG, WEIGHTS, [49406, 321, 49407]),
        (CONFIG, WEIGHTS, [320, 49406, 49407]),
    ],
)
def test_whatever_decides_features_is_in_the_identity(config: dict, weights: dict, ids: list[int]) -> None:
    assert model_identity(config, weights, ids) != model_identity(CONFIG, WEIGHTS, IDS)
