"""The whole model tuned on groups, for the table of `controls.py`: what CLIP's own loss reaches with the heads' data.

The loss of a batch is the sum of two parts, each the mean of both directions, captions for a picture and pictures for a
caption: CLIP's contrastive loss of every true pair against all false ones of the batch, and the same against the false
ones of its own group alone, of which the first has but two among two hundred (hard negatives as in NegCLIP, arXiv
2210.01936, but with truth that is computed). Captions of other groups are taken for false, as CLIP takes them, unless
the same words are true of the picture. Data, batches, schedule and number of steps are those of the heads.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch.nn import functional
from tqdm import tqdm

from fourfold.errors import InputError
from fourfold.evaluator.analysis.metrics import group_score
from fourfold.evaluator.data.images import open_image
from fourfold.evaluator.data.items import Item
from fourfold.evaluator.encoders import loader_of
from fourfold.evaluator.encoders.contract import TINY, TINY_FOLDER, LoadOptions
from fourfold.evaluator.encoders.openclip import open_clip_encoder, read_open_clip
from fourfold.evaluator.encoders.towers import TowerEncoder
from fourfold.evaluator.training.gathering import batches
from fourfold.evaluator.training.train_head import EncodedItems, TrainingConfig
from fourfold.files import write_file_with

_NEVER = -1e4  # a logit whose share of a softmax is 0


class Groups:
    """Items as pixels and token numbers, kept in memory."""

    def __init__(self, items: Sequence[Item], encoder: TowerEncoder):
        self.items = items
        self.pixels = [torch.stack([encoder.preprocess(open_image(ref)) for ref in item.images]) for item in items]
        self.tokens = [encoder.tokenize(item.captions).ids for item in items]

    def batch(self, rows: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Of some items pixels [p, 3, h, w] and tokens [c, t]; of each pair [p, c] if it is true, if of one item."""
        true = torch.block_diag(*(torch.from_numpy(self.items[row].truth.astype(np.float32)) for row in rows))
        own = torch.block_diag(*(torch.ones(self.items[row].truth.shape) for row in rows))
        pixels, tokens = (torch.cat([kept[row] for row in rows]) for kept in (self.pixels, self.tokens))
        return pixels, tokens, true.bool(), own.bool()


def fine_tune(
    name: str, train: EncodedItems, validation: EncodedItems, config: TrainingConfig, file: Path
) -> tuple[TowerEncoder, int, int]:
    """A model of open_clip with all of its weights tuned, their number, and the best epoch on `validation`.

    Weights that lie in `file` are taken from there; else they are trained and written to it. Raises InputError for a
    model of another library.
    """
    if loader_of(name) not in (TINY, "open_clip"):
        raise InputError(f"{name}: only models of open_clip are tuned here")
    model, tokenizer, described = read_open_clip(f"local-dir:{TINY_FOLDER}" if name == TINY else name)
    encoder = open_clip_encoder(name, model, tokenizer, described, LoadOptions("cpu"))
    if not file.is_file():
        weights, best_epoch = _fit(model, Groups(train.items, encoder), Groups(validation.items, encoder), config)
        write_file_with(file, lambda aside: save_file(weights, aside, metadata={"best_epoch": str(best_epoch)}))
    with safe_open(file, framework="pt") as opened:
        model.load_state_dict({key: opened.get_tensor(key) for key in opened.keys()})  # noqa: SIM118 (no dict)
        best_epoch = int(opened.metadata()["best_epoch"])
    tuned = open_clip_encoder(f"{name}, tuned", model, tokenizer, described, LoadOptions("cpu"))
    return tuned, sum(weight.numel() for weight in model.parameters()), best_epoch


def _fit(model: Any, train: Groups, validation: Groups, config: TrainingConfig) -> tuple[dict[str, torch.Tensor], int]:
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, betas=(0.9, 0.98)
    )
    n = len(train.items)
    steps = config.epochs * -(-n // config.batch_groups)
    rise = max(1, round(config.warmup * steps))
    best, best_epoch, best_rank, step = {}, 0, (-1.0, 0.0), 0
    bar = tqdm(total=steps, desc="tuning", unit="batch", disable=None)
    for epoch in range(config.epochs):
        model.train()
        for rows in batches(n, config.batch_groups, np.random.default_rng([config.seed, epoch])):
            share = (step + 1) / rise if step < rise else (1 + math.cos(math.pi * (step - rise) / (steps - rise))) / 2
            for group in optimizer.param_groups:
                group["lr"] = config.learning_rate * share
            pixels, tokens, true, own = train.batch(rows.tolist())
            loss = tuning_loss(pair_logits(model, pixels, tokens), tokens, true, own)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            with torch.no_grad():
                model.logit_scale.clamp_(0, math.log(100))
            step += 1
            bar.update()
        rank = _validate(model.eval(), validation, config.batch_groups)
        bar.set_postfix(loss=f"{loss.item():.3f}", group=f"{rank[0]:.3f}")
        if rank > best_rank:
            best, best_epoch, best_rank = {k: v.clone() for k, v in model.state_dict().items()}, epoch + 1, rank
    bar.close()
    return best, best_epoch


def pair_logits(model: Any, pixels: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """Scaled cosines [p, c] of pictures and captions; captions that occur twice are encoded once."""
    distinct, index = torch.unique(tokens, dim=0, return_inverse=True)
    with torch.autocast("cpu", torch.bfloat16, enabled=model.training):  # half the time, as `train-tiny` may do
        image = functional.normalize(model.encode_image(pixels).float(), dim=-1)
    text = functional.normalize(model.encode_text(distinct), dim=-1)[index]
    return model.logit_scale.exp() * image @ text.T


def tuning_loss(logits: torch.Tensor, tokens: torch.Tensor, true: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
    """The loss of a batch (see the module's text), from its logits [p, c] and from what `Groups.batch` gives."""
    same = (tokens[:, None] == tokens).all(-1)  # [c, c]
    said = (true.float() @ same.float()).bool()  # what is true of a picture, whatever group says it
    near = own & ~true
    return _contrast(logits, true, near | ~(own | said)) + _contrast(logits, true, near)


def _contrast(logits: torch.Tensor, true: torch.Tensor, false: torch.Tensor) -> torch.Tensor:
    """-log of each true pair's share in a softmax over itself and the false pairs of its row, and of its column."""
    rivals = [torch.logsumexp(logits.masked_fill(~false, _NEVER), dim=dim, keepdim=True) for dim in (0, 1)]
    of_columns, of_rows = (functional.softplus(rival - logits)[true].mean() for rival in rivals)
    return (of_columns + of_rows) / 2


@torch.inference_mode()
def _validate(model: Any, groups: Groups, batch: int) -> tuple[float, float]:
    """What makes an epoch better: the group score averaged over categories, and among equal ones the loss."""
    hits: dict[str, list[bool]] = {}
    losses = []
    for start in range(0, len(groups.items), batch):
        rows = range(start, min(start + batch, len(groups.items)))
        pixels, tokens, true, own = groups.batch(rows)
        logits = pair_logits(model, pixels, tokens)
        losses.append(float(tuning_loss(logits, tokens, true, own)))
        scores, at = logits[own].numpy(), 0  # one item after the other, each by rows
        for item in groups.items[start : start + batch]:
            table = scores[at : at + item.truth.size].reshape(item.truth.shape)
            hits.setdefault(item.category, []).append(bool(group_score(table, item.truth).min() > 0))
            at += item.truth.size
    return float(np.mean([np.mean(right) for right in hits.values()])), -float(np.mean(losses))
