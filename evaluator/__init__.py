"""The evaluator's public calls; each is imported when first used, so that importing this package costs nothing."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evaluator.commands import demo as demo
    from evaluator.commands import evaluate as evaluate
    from evaluator.commands import models as models
    from evaluator.commands import report as report
    from evaluator.commands import train_head as train_head
    from evaluator.dataset_items import load_items as load_items
    from evaluator.encoders import load_encoder as load_encoder
    from evaluator.external import load_benchmark as load_benchmark
    from evaluator.reference_model import train_tiny as train_tiny

_WHERE = {
    "demo": "evaluator.commands",
    "evaluate": "evaluator.commands",
    "models": "evaluator.commands",
    "report": "evaluator.commands",
    "train_head": "evaluator.commands",
    "load_items": "evaluator.dataset_items",
    "load_encoder": "evaluator.encoders",
    "load_benchmark": "evaluator.external",
    "train_tiny": "evaluator.reference_model",
}
__all__ = [
    "demo",
    "evaluate",
    "load_benchmark",
    "load_encoder",
    "load_items",
    "models",
    "report",
    "train_head",
    "train_tiny",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'evaluator' has no attribute {name!r}")
    return getattr(import_module(_WHERE[name]), name)
