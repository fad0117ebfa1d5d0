"""The version that datasets record, and what is said where there is none."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from fourfold.errors import InputError
from fourfold.generator.recipe.recipe import Recipe
from fourfold.generator.run.pipeline import generate
from fourfold.version import software_version


def test_the_version_is_that_of_the_installed_package() -> None:
    assert software_version() == version("fourfold")


def test_a_source_tree_that_is_not_installed_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, small_recipe: Recipe, tmp_path: Path
) -> None:
    def fail(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("fourfold.version.version", fail)
    root = Path(__file__).resolve().parents[1]
    with pytest.raises(
        InputError, match=rf"not installed in this Python.*: run `pip install -e \.` in {root}$"
    ) as said:
        software_version()
    assert "\n" not in str(said.value)
    with pytest.raises(InputError, match="not installed"):
        generate(small_recipe, tmp_path / "out", renderer="raytrace", progress=False)
