"""`fourfold-tiny-random`: the architecture of fourfold-tiny with the weights that training starts from.

It is a control for trained heads. No contrastive training stands behind its features, so what a head on it can answer,
the head has learnt by itself. Train and evaluate one with

    fourfold train-head heads-data --model fourfold-tiny-random --allow-random-weights --out random-tower.safetensors
    fourfold evaluate my-set --model fourfold-tiny-random --allow-random-weights --scorer dcsm \\
        --head random-tower.safetensors --out results/random-tower
"""

import json

from fourfold.errors import InputError
from fourfold.evaluator.encoders.contract import TINY_FOLDER, LoadOptions
from fourfold.evaluator.encoders.openclip import new_open_clip, open_clip_encoder
from fourfold.evaluator.encoders.towers import TowerEncoder

SEED = 0  # of the weights: one random model, the same everywhere, so that heads for it can be kept


def load_random_tiny(name: str, options: LoadOptions) -> TowerEncoder:
    """The untrained encoder; its identity is its own, so that no head of fourfold-tiny is taken for one of it.

    Raises InputError unless random weights are allowed.
    """
    if not options.allow_random_weights:
        raise InputError(
            f"{name}: its weights are random, and random weights give numbers that look real and mean nothing; "
            "allow them explicitly (--allow-random-weights) if a control is what you want"
        )
    model, tokenizer = new_open_clip(TINY_FOLDER, SEED)
    config = json.loads((TINY_FOLDER / "open_clip_config.json").read_text(encoding="utf-8"))
    return open_clip_encoder(name, model, tokenizer, config["model_cfg"], options)
