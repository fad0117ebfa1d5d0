"""The evaluator's public calls; each is imported when first used, so that importing this package costs nothing."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evaluator.auditing import audit as audit
    from evaluator.commands import demo as demo
    from evaluator.commands import evaluate as evaluate
    from evaluator.commands import evaluate_models as evaluate_models
    from evaluator.commands import models as models
    from evaluator.commands import paper_report as paper_report
    from evaluator.commands import probe as probe
    from evaluator.commands import report as report
    from evaluator.commands import train_head as train_head
    from evaluator.comparison import compare as compare
    from evaluator.comparison import load_runs as load_runs
    from evaluator.dataset_items import load_items as load_items
    from evaluator.encoders import load_encoder as load_encoder
    from evaluator.external import load_benchmark as load_benchmark
    from evaluator.pairs import FourfoldOnline as FourfoldOnline
    from evaluator.pairs import FourfoldPairs as FourfoldPairs
    from evaluator.pairs import FourfoldStream as FourfoldStream
    from evaluator.pairs import collate_contrastive as collate_contrastive
    from evaluator.pairs import collate_groups as collate_groups
    from evaluator.reference_model import train_tiny as train_tiny
    from evaluator.reporting import write_browser as write_browser
    from evaluator.training_run import TrainingConfig as TrainingConfig

_WHERE = {
    "audit": "evaluator.auditing",
    "compare": "evaluator.comparison",
    "demo": "evaluator.commands",
    "evaluate": "evaluator.commands",
    "evaluate_models": "evaluator.commands",
    "models": "evaluator.commands",
    "paper_report": "evaluator.commands",
    "probe": "evaluator.commands",
    "report": "evaluator.commands",
    "train_head": "evaluator.commands",
    "load_runs": "evaluator.comparison",
    "load_items": "evaluator.dataset_items",
    "load_encoder": "evaluator.encoders",
    "load_benchmark": "evaluator.external",
    "FourfoldOnline": "evaluator.pairs",
    "FourfoldPairs": "evaluator.pairs",
    "FourfoldStream": "evaluator.pairs",
    "collate_contrastive": "evaluator.pairs",
    "collate_groups": "evaluator.pairs",
    "train_tiny": "evaluator.reference_model",
    "write_browser": "evaluator.reporting",
    "TrainingConfig": "evaluator.training_run",
}
__all__ = [
    "FourfoldOnline",
    "FourfoldPairs",
    "FourfoldStream",
    "TrainingConfig",
    "audit",
    "collate_contrastive",
    "collate_groups",
    "compare",
    "demo",
    "evaluate",
    "evaluate_models",
    "load_benchmark",
    "load_encoder",
    "load_items",
    "load_runs",
    "models",
    "paper_report",
    "probe",
    "report",
    "train_head",
    "train_tiny",
    "write_browser",
]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})  # what has not been used yet is there as well


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'evaluator' has no attribute {name!r}")
    return getattr(import_module(_WHERE[name]), name)
