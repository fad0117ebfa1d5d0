"""Scorers that carry trained weights: the table of their networks, and how a head file becomes a scorer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast
from zipfile import is_zipfile

import torch
from torch import nn

from fourfold.errors import InputError, unknown_name
from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.scorers.authors_checkpoint import read_authors_checkpoint
from fourfold.evaluator.scorers.bilinear import build_bilinear, configure_bilinear
from fourfold.evaluator.scorers.dcsm import build_dcsm, configure_dcsm
from fourfold.evaluator.scorers.dcsm_ref import build_dcsm_ref, configure_dcsm_ref
from fourfold.evaluator.scorers.factored import build_factored, configure_factored
from fourfold.evaluator.scorers.labclip import build_labclip, configure_labclip
from fourfold.evaluator.scorers.mlp import build_mlp, configure_mlp
from fourfold.evaluator.scorers.token_transformer import build_transformer, configure_transformer
from fourfold.evaluator.scoring.blocks import score_in_blocks
from fourfold.evaluator.scoring.contract import FunctionScorer, Scorer, ScorerContext
from fourfold.evaluator.scoring.head_files import Head, find_head, head_file, load_head
from fourfold.evaluator.scoring.head_folders import split_seed

if TYPE_CHECKING:
    from fourfold.evaluator.encoders.contract import Encoder


class HeadNetwork(Protocol):
    """What a network must offer to be trained and to score; it is an `nn.Module` as well."""

    needs_patches: bool
    set_dependent: bool

    def prepare(self, texts: TextFeatures) -> dict[str, torch.Tensor]:
        """What the network needs of texts, computed once: tensors with the leading dimensions of `texts`.

        texts [..., m] -> tensors [..., m, ...].
        """

    def floats_per_pair(self, images: ImageFeatures, texts: TextFeatures) -> int:
        """Roughly how many floats scoring one pair holds in memory."""

    def __call__(self, images: ImageFeatures, texts: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Scores [b, k, m] of images [b, k] and prepared texts [b, m]."""


@dataclass(frozen=True)
class HeadType:
    """How a network is made: the configuration that fits an encoder's features, and the network from it."""

    configure: Callable[["Encoder", ImageFeatures], dict[str, Any]]
    build: Callable[[Mapping[str, Any], "Encoder"], HeadNetwork]
    needs_patches: bool


HEADS: dict[str, HeadType] = {
    "dcsm": HeadType(configure_dcsm, build_dcsm, needs_patches=True),
    "dcsm-ref": HeadType(configure_dcsm_ref, build_dcsm_ref, needs_patches=True),
    "token-transformer": HeadType(configure_transformer, build_transformer, needs_patches=True),
    "factored": HeadType(configure_factored, build_factored, needs_patches=False),
    "labclip": HeadType(configure_labclip, build_labclip, needs_patches=False),
    "mlp": HeadType(configure_mlp, build_mlp, needs_patches=False),
    "bilinear": HeadType(configure_bilinear, build_bilinear, needs_patches=False),
}


def head_type(name: str) -> HeadType:
    """The entry of `HEADS`. Raises InputError that lists the choices."""
    if name not in HEADS:
        raise unknown_name("head", name, HEADS)
    return HEADS[name]


def build_network(head: Head, encoder: "Encoder", where: str) -> HeadNetwork:
    """The network of a head with its weights, ready to score. Raises InputError if they do not fit each other."""
    try:
        network = head_type(head.type).build(head.config, encoder)
        cast(nn.Module, network).load_state_dict(dict(head.weights))
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{where}: weights and configuration of this {head.type!r} head do not fit: {reason}"
        ) from error
    cast(nn.Module, network).eval()
    return network


def load_trained(name: str, context: ScorerContext) -> Scorer:
    """The scorer `name`, a head type or TYPE#SEED, from the context's head file, or the one shipped for its model."""
    path = find_head(context.head, name, context.encoder)
    head = load_head(path, split_seed(name)[0], context.encoder)
    return as_scorer(name, _beside(context, build_network(head, context.encoder, str(path))))


def load_dcsm_ref(context: ScorerContext) -> Scorer:
    """The scorer `dcsm-ref` from one of our head files or from a checkpoint of the paper's code."""
    path = find_head(context.head, "dcsm-ref", context.encoder)
    if not is_zipfile(path):  # torch.save writes zip files, safetensors are none
        return load_trained("dcsm-ref", context)
    network = build_network(read_authors_checkpoint(path), context.encoder, str(path))
    return as_scorer("dcsm-ref", _beside(context, network))


def load_factored(context: ScorerContext) -> Scorer:
    """The scorer `factored` with the temperature of its head; uncalibrated if there is none, or none in a folder.

    Raises InputError for a file that is a head of another type.
    """
    path = head_file(context.head, "factored", context.encoder.name)
    named = context.head is not None and not context.head.is_dir()
    if path is not None and (named or path.is_file()):
        return load_trained("factored", context)
    return as_scorer("factored", _beside(context, build_factored({}, context.encoder)))


def _beside(context: ScorerContext, network: HeadNetwork) -> HeadNetwork:
    """The network, moved to the device that the features are on."""
    cast(nn.Module, network).to(context.encoded.images.pooled.device)
    return network


def as_scorer(name: str, network: HeadNetwork) -> Scorer:
    """A network as a scorer: block by block, without gradients."""

    def score(images: ImageFeatures, texts: TextFeatures) -> torch.Tensor:
        return network(images, network.prepare(texts))

    def score_all(images: ImageFeatures, texts: TextFeatures) -> torch.Tensor:
        floats, whole = network.floats_per_pair(images, texts), network.set_dependent
        with torch.inference_mode():
            return score_in_blocks(score, images, texts, floats, whole_items=whole)

    return FunctionScorer(
        name,
        score_all,
        n_parameters=count_parameters(network),
        needs_patches=network.needs_patches,
        set_dependent=network.set_dependent,
    )


def count_parameters(network: HeadNetwork) -> int:
    """Numbers in the network, trained or not."""
    return sum(weight.numel() for weight in cast(nn.Module, network).state_dict().values())
