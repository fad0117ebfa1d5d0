"""The generator's public calls; each is imported when first used, so that importing this package costs nothing."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from generator.config import load_recipe as load_recipe
    from generator.contact_sheet import preview as preview
    from generator.dataset import read_groups as read_groups
    from generator.description import describe as describe
    from generator.exports import export as export
    from generator.online import stream_groups as stream_groups
    from generator.pipeline import generate as generate
    from generator.pipeline import merge as merge
    from generator.verification import verify as verify

_WHERE = {
    "describe": "generator.description",
    "export": "generator.exports",
    "generate": "generator.pipeline",
    "load_recipe": "generator.config",
    "merge": "generator.pipeline",
    "preview": "generator.contact_sheet",
    "read_groups": "generator.dataset",
    "stream_groups": "generator.online",
    "verify": "generator.verification",
}
__all__ = [
    "describe",
    "export",
    "generate",
    "load_recipe",
    "merge",
    "preview",
    "read_groups",
    "stream_groups",
    "verify",
]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})  # what has not been used yet is there as well


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'generator' has no attribute {name!r}")
    return getattr(import_module(_WHERE[name]), name)
