"""Fine-tune any open_clip model on fourfold groups, in open_clip's own trainer, with all of its flags.

    fourfold generate fourfold-heads-v1 heads-data
    python examples/finetune_open_clip.py --train-data heads-data --model ViT-B-32 --pretrained openai \
        --batch-size 256 --epochs 1 --lr 1e-5 --warmup 100 --precision amp

    fourfold evaluate my-set --model ViT-B-32,openai,logs/NAME/checkpoints/epoch_1.pt --out results/tuned

Needs `pip install 'open_clip_torch[training]'`: pandas, and the last webdataset that open_clip can use.

Weights that were trained with QuickGELU keep it; open_clip's trainer has to be asked for it (`--force-quick-gelu`). The
tag in `fourfold evaluate` says so again, since a checkpoint does not.

Only open_clip's source of training data is replaced (`--val-data`, `--imagenet-val` stay its own): a batch holds both
pictures of each of its groups, so the contrastive loss finds each picture's adversarial caption among the negatives
(hard negatives as in NegCLIP, arXiv 2210.01936, but with truth that is computed). Captions of other groups are taken
for false, as open_clip takes them everywhere. The other trap of the literature is retrieval that is lost: evaluate the
result with `fourfold evaluate ... --retrieval`.
"""

import sys
from argparse import ArgumentParser, Namespace
from typing import Any

import fourfold.evaluator.encoders.openclip  # noqa: F401  first: a torchvision without its operators is cured, fourfold-tiny known

import open_clip_train.main as trainer  # isort: skip
from open_clip import get_pretrained_cfg
from open_clip_train.data import DataInfo, get_data
from torch.utils.data import DataLoader, DistributedSampler

from fourfold.evaluator.data.torch_datasets import FourfoldPairs, collate_contrastive


def fourfold_data(args: Any, preprocess: tuple[Any, Any], epoch: int = 0, tokenizer: Any = None) -> dict[str, Any]:
    """open_clip's `get_data` for a Fourfold dataset: half a batch of groups is a batch of pictures."""
    data: dict[str, Any] = get_data(Namespace(**{**vars(args), "train_data": None}), preprocess, epoch, tokenizer)
    if not args.train_data:
        return data
    pairs = FourfoldPairs(args.train_data, "train", transform=preprocess[0], tokenize=tokenizer)
    sampler = DistributedSampler(pairs) if args.distributed else None
    loader = DataLoader(
        pairs,
        batch_size=max(1, args.batch_size // 2),
        shuffle=sampler is None,
        sampler=sampler,
        num_workers=args.workers,
        drop_last=True,
        collate_fn=collate_contrastive,
    )
    if not len(loader):
        sys.exit(f"{args.train_data}: {len(pairs)} groups; --batch-size {args.batch_size} needs {loader.batch_size}")
    loader.num_batches = len(loader)
    loader.num_samples = 2 * len(pairs)
    return {**data, "train": DataInfo(loader, sampler)}


def with_activation(arguments: list[str]) -> list[str]:
    """The trainer's arguments, and --force-quick-gelu where the weights that are named were trained with QuickGELU."""
    parser = ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--model", default="")
    parser.add_argument("--pretrained", default="")
    named, _ = parser.parse_known_args(arguments)
    published = get_pretrained_cfg(named.model.replace("/", "-"), named.pretrained) if named.pretrained else {}
    asked = published.get("quick_gelu") and "--force-quick-gelu" not in arguments
    return [*arguments, "--force-quick-gelu"] if asked else arguments


if __name__ == "__main__":
    trainer.get_data = fourfold_data
    trainer.main(with_activation(sys.argv[1:]))
