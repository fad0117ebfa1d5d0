"""What a head is trained on: the truth table of each item, all of it and nothing but it.

Every caption of an item meets every image of the item, because there the truth is known; pairs across items are left
out, because a caption may well be true of another item's image, and calling it false would teach an error.
"""

import torch
from torch.nn import functional


def truth_table_loss(scores: torch.Tensor, truth: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """The mean over items of three parts: is each pair true (threshold), which caption, which image (ranking).

    scores [b, k, m]; truth and known [b, k, m] bool, `known` False on padding.
    """
    false = known & ~truth
    true = known & truth
    return _pairs(scores, true, false) + _ranking(scores, true, false, -1) + _ranking(scores, true, false, -2)


def _pairs(scores: torch.Tensor, true: torch.Tensor, false: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy in which the true and the false pairs of an item weigh the same."""
    losses = functional.softplus(torch.where(true, -scores, scores))
    return _mean_over(losses, true) / 2 + _mean_over(losses, false) / 2


def _ranking(scores: torch.Tensor, true: torch.Tensor, false: torch.Tensor, rivals: int) -> torch.Tensor:
    """Each true pair against the false pairs of its row (`rivals` -1: captions) or column (-2: images).

    -log of the pair's share in a softmax over itself and its false rivals: other true pairs are no rivals.
    """
    rival = torch.logsumexp(scores.masked_fill(~false, -1e4), dim=rivals, keepdim=True)
    asked = true & false.any(dim=rivals, keepdim=True)
    return _mean_over(functional.softplus(rival - scores), asked)


def _mean_over(losses: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """Mean over the chosen pairs of each item, then over the items that have any."""
    chosen_count = chosen.sum((-1, -2))
    by_item = (losses * chosen).sum((-1, -2)) / chosen_count.clamp(min=1)
    return by_item.sum() / (chosen_count > 0).sum().clamp(min=1)
