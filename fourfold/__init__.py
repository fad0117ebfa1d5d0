"""Fourfold: rendered scenes with verified captions, and an evaluator of what CLIP-like models cannot represent.

These are the public calls; each is imported when first used, so that `import fourfold` costs nothing. Below it stand
`fourfold.scenes`, `fourfold.generator` and `fourfold.evaluator`, whose folders lie at the top of the repository.
"""

from importlib import import_module
from types import FunctionType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fourfold.calls.adaptive import find_thresholds as find_thresholds
    from fourfold.calls.auditing import audit as audit
    from fourfold.calls.demonstration import demo as demo
    from fourfold.calls.diagnosing import diagnose as diagnose
    from fourfold.calls.evaluation import evaluate as evaluate
    from fourfold.calls.evaluation import evaluate_models as evaluate_models
    from fourfold.calls.evaluation import models as models
    from fourfold.calls.kinds import kinds as kinds
    from fourfold.calls.probing import probe as probe
    from fourfold.calls.publishing import leaderboard as leaderboard
    from fourfold.calls.publishing import model_index as model_index
    from fourfold.calls.reports import compare as compare
    from fourfold.calls.reports import load_results as load_results
    from fourfold.calls.reports import paper_report as paper_report
    from fourfold.calls.reports import report as report
    from fourfold.calls.reports import scrutinise as scrutinise
    from fourfold.calls.training import train_head as train_head
    from fourfold.calls.training import train_heads as train_heads
    from fourfold.evaluator.analysis.comparison import load_runs as load_runs
    from fourfold.evaluator.analysis.results import Results as Results
    from fourfold.evaluator.data.external import load_benchmark as load_benchmark
    from fourfold.evaluator.data.fourfold_items import load_items as load_items
    from fourfold.evaluator.data.image_refs import ImageRef as ImageRef
    from fourfold.evaluator.data.items import Item as Item
    from fourfold.evaluator.data.torch_datasets import FourfoldOnline as FourfoldOnline
    from fourfold.evaluator.data.torch_datasets import FourfoldPairs as FourfoldPairs
    from fourfold.evaluator.data.torch_datasets import FourfoldStream as FourfoldStream
    from fourfold.evaluator.data.torch_datasets import collate_contrastive as collate_contrastive
    from fourfold.evaluator.data.torch_datasets import collate_groups as collate_groups
    from fourfold.evaluator.encoders import load_encoder as load_encoder
    from fourfold.evaluator.reporting import write_browser as write_browser
    from fourfold.evaluator.training.reference_model import train_tiny as train_tiny
    from fourfold.evaluator.training.train_state import TrainingConfig as TrainingConfig
    from fourfold.generator.dataset.reading import read_groups as read_groups
    from fourfold.generator.exports import export as export
    from fourfold.generator.groups.online import stream_groups as stream_groups
    from fourfold.generator.presentation.contact_sheet import preview as preview
    from fourfold.generator.presentation.description import describe as describe
    from fourfold.generator.recipe.reading import load_recipe as load_recipe
    from fourfold.generator.run.pipeline import generate as generate
    from fourfold.generator.run.pipeline import merge as merge
    from fourfold.generator.verification import verify as verify

_WHERE = {
    "audit": "fourfold.calls.auditing",
    "collate_contrastive": "fourfold.evaluator.data.torch_datasets",
    "collate_groups": "fourfold.evaluator.data.torch_datasets",
    "compare": "fourfold.calls.reports",
    "demo": "fourfold.calls.demonstration",
    "describe": "fourfold.generator.presentation.description",
    "diagnose": "fourfold.calls.diagnosing",
    "evaluate": "fourfold.calls.evaluation",
    "evaluate_models": "fourfold.calls.evaluation",
    "export": "fourfold.generator.exports",
    "find_thresholds": "fourfold.calls.adaptive",
    "FourfoldOnline": "fourfold.evaluator.data.torch_datasets",
    "FourfoldPairs": "fourfold.evaluator.data.torch_datasets",
    "FourfoldStream": "fourfold.evaluator.data.torch_datasets",
    "generate": "fourfold.generator.run.pipeline",
    "ImageRef": "fourfold.evaluator.data.image_refs",
    "Item": "fourfold.evaluator.data.items",
    "kinds": "fourfold.calls.kinds",
    "leaderboard": "fourfold.calls.publishing",
    "load_benchmark": "fourfold.evaluator.data.external",
    "load_encoder": "fourfold.evaluator.encoders",
    "load_items": "fourfold.evaluator.data.fourfold_items",
    "load_recipe": "fourfold.generator.recipe.reading",
    "load_results": "fourfold.calls.reports",
    "load_runs": "fourfold.evaluator.analysis.comparison",
    "merge": "fourfold.generator.run.pipeline",
    "model_index": "fourfold.calls.publishing",
    "models": "fourfold.calls.evaluation",
    "paper_report": "fourfold.calls.reports",
    "preview": "fourfold.generator.presentation.contact_sheet",
    "probe": "fourfold.calls.probing",
    "read_groups": "fourfold.generator.dataset.reading",
    "Results": "fourfold.evaluator.analysis.results",
    "report": "fourfold.calls.reports",
    "scrutinise": "fourfold.calls.reports",
    "stream_groups": "fourfold.generator.groups.online",
    "train_head": "fourfold.calls.training",
    "train_heads": "fourfold.calls.training",
    "train_tiny": "fourfold.evaluator.training.reference_model",
    "TrainingConfig": "fourfold.evaluator.training.train_state",
    "verify": "fourfold.generator.verification",
    "write_browser": "fourfold.evaluator.reporting",
}
__all__ = [
    "FourfoldOnline",
    "FourfoldPairs",
    "FourfoldStream",
    "ImageRef",
    "Item",
    "Results",
    "TrainingConfig",
    "audit",
    "collate_contrastive",
    "collate_groups",
    "compare",
    "demo",
    "describe",
    "diagnose",
    "evaluate",
    "evaluate_models",
    "export",
    "find_thresholds",
    "generate",
    "kinds",
    "leaderboard",
    "load_benchmark",
    "load_encoder",
    "load_items",
    "load_recipe",
    "load_results",
    "load_runs",
    "merge",
    "model_index",
    "models",
    "paper_report",
    "preview",
    "probe",
    "read_groups",
    "report",
    "scrutinise",
    "stream_groups",
    "train_head",
    "train_heads",
    "train_tiny",
    "verify",
    "write_browser",
]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})  # what has not been used yet is there as well


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'fourfold' has no attribute {name!r}")
    found = getattr(import_module(_WHERE[name]), name)
    if not isinstance(found, FunctionType):
        return found
    from fourfold.arguments import with_named_arguments

    return with_named_arguments(found)
