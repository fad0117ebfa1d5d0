"""`evaluate --adaptive`: groups are made where they tell most of the level of difficulty at which a scorer fails."""

from collections.abc import Sequence
from math import inf
from pathlib import Path
from typing import Any, Literal

from fourfold.errors import InputError, unknown_name
from fourfold.evaluator.analysis.thresholds import AdaptiveResults
from fourfold.evaluator.encoders.contract import AUTO_DEVICE, TINY, Encoder, LoadOptions
from fourfold.evaluator.reporting.threshold_figure import write_figure
from fourfold.evaluator.run.adaptive import AskedModel, earlier_searches, run_searches, start_searches
from fourfold.evaluator.run.evaluation import hash_heads
from fourfold.evaluator.run.one_model import open_encoder
from fourfold.evaluator.run.output_checks import check_adaptive_output
from fourfold.evaluator.scorers import check_scorer, own_scorer
from fourfold.evaluator.scorers.own import GivenScorer, name_scorers
from fourfold.evaluator.scoring.head_files import check_given
from fourfold.evaluator.scoring.head_folders import expand_seeds, folder_of
from fourfold.generator.dataset.difficulty_axes import AXES
from fourfold.generator.dataset.reading import read_manifest
from fourfold.generator.groups.aimed import open_source
from fourfold.generator.recipe.reading import check_recipe, load_recipe, recipe_from_dict
from fourfold.generator.recipe.recipe import Recipe, recipe_hash
from fourfold.scenes.render.renderers import AUTO, choose_renderer
from fourfold.statistics.psychometric import MOST
from fourfold.version import software_version


def find_thresholds(
    recipe: Recipe | str | Path,
    axis: str,
    *,
    out: str | Path,
    model: str | Encoder = TINY,
    scorers: GivenScorer | Sequence[GivenScorer] = "cosine",
    head: str | Path | None = None,
    split: str | None = None,
    categories: Sequence[str] = (),
    ends: tuple[float, float] | None = None,
    limit: int | None = None,
    renderer: str = AUTO,
    device: str = AUTO_DEVICE,
    dtype: str = "float32",
    batch_size: int | Literal["auto"] = "auto",
    allow_random_weights: bool = False,
    cache_dir: str | Path | None = None,
    seed: int = 0,
    progress: bool = True,
) -> AdaptiveResults:
    """Find the level of a difficulty axis at which each scorer begins to fail, in each category.

    Groups are made one by one near the level whose answer tells most, until the threshold is known or `limit` groups
    (100) are asked; each scorer has groups of its own. `out` gets `adaptive.json` after every group, by which an
    interrupted run goes on, and `adaptive.svg` at the end.

    recipe: a Recipe, a TOML file, the name of a data card, or a dataset folder, whose recipe it is.
    axis: a key of `fourfold.generator.dataset.difficulty_axes.AXES`.
    split, categories: whose groups are made; by default "test", else the first split, and all of its categories.
    ends: of the range of the axis, in its unit; by default those between which nine in ten of the recipe's groups lie.
    seed: of the groups, and of scorers that draw.

    The other arguments are those of `evaluate`. Raises InputError for an axis that does not vary, a scorer whose scores
    depend on other groups, and an `out` that was begun with other arguments.
    """
    check_given(head)
    if axis not in AXES:
        raise unknown_name("axis of difficulty", axis, AXES, "--adaptive")
    least = 1 if AXES[axis].doubling else 0  # no axis is negative
    if ends is not None and not least <= ends[0] < ends[1] < inf:
        raise InputError(f"--range {ends[0]:g} {ends[1]:g}: give two numbers from {least} on, the lower one first")
    given_names, own = name_scorers(scorers)
    for name in given_names:
        check_scorer(name, own)
    recipe = _read_recipe(recipe)
    split = _choose_split(recipe, split)
    used = _choose_categories(recipe, split, categories)
    folder = Path(out)
    check_adaptive_output(folder)
    encoder = open_encoder(model, LoadOptions(device, dtype, allow_random_weights, batch_size))
    heads = folder_of(None if head is None else Path(head), encoder.name)
    names = list(dict.fromkeys(expand_seeds(heads, given_names, encoder.name)))
    drawn_by = choose_renderer(renderer)
    setting: dict[str, Any] = {
        "axis": axis,
        "range": None if ends is None else list(ends),
        "recipe": recipe.name,
        "recipe_sha256": recipe_hash(recipe),
        "split": split,
        "categories": used,
        "seed": seed,
        "limit": MOST if limit is None else limit,
        "model": encoder.name,
        "identity": encoder.identity,
        "dtype": dtype,
        "scorers": names,
        "heads": hash_heads(heads, names, encoder.name),
        "own": {name: found.source_sha256 for name in names if (found := own_scorer(name, own)) is not None},
        "renderer": drawn_by,
        "fourfold": software_version(),
    }
    results = earlier_searches(setting, folder)
    with open_source(recipe, split, seed, drawn_by) as source:
        if results is None:
            searches, notes = start_searches(source, axis, used, names, ends, strict=bool(categories))
            results = AdaptiveResults(setting, searches, notes)
        asked = AskedModel(encoder, heads, seed, own, None if cache_dir is None else Path(cache_dir))
        results = run_searches(results, source, asked, setting["limit"], folder, progress)
    write_figure(results, folder)
    return results


def _read_recipe(given: Recipe | str | Path) -> Recipe:
    """A recipe as it is given, or that of a dataset folder."""
    if isinstance(given, Recipe):
        recipe, where = given, given.name
    elif Path(given).is_dir():
        manifest, where = read_manifest(Path(given)), f"{given}/manifest.json"
        recipe = recipe_from_dict(manifest.get("recipe", {}), where)
        if any(not photo.pixels for photo in recipe.scene.photos or ()):
            raise InputError(f"{given}: holds its photos' hashes alone; give the recipe's TOML file, beside its photos")
    else:
        return load_recipe(given)
    check_recipe(recipe, where)
    return recipe


def _choose_split(recipe: Recipe, split: str | None) -> str:
    """The split of that name, "test", or the first, of those that hold groups."""
    holding = [name for name, row in recipe.splits.items() if any(row.groups.values())]
    if not holding:
        raise InputError(f"{recipe.name}: no split holds groups")
    if split is not None and split not in holding:
        raise unknown_name("split", split, holding, recipe.name)
    return split or ("test" if "test" in holding else holding[0])


def _choose_categories(recipe: Recipe, split: str, categories: Sequence[str]) -> list[str]:
    """Those that are named, or all of the split."""
    there = [name for name, number in recipe.splits[split].groups.items() if number]
    for name in categories:
        if name not in there:
            raise unknown_name("category", name, there, f"{recipe.name}, split {split!r}")
    return list(dict.fromkeys(categories)) or there
