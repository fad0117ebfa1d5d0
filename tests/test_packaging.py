"""What is built for others to install holds every file that the code reads."""

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("fourfold", "scenes", "generator", "evaluator")  # folders at the top of the repository
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]


def files_of(folder: str) -> set[Path]:
    found = (Path(top) / name for top, _, names in os.walk(ROOT / folder) for name in names)  # walks past links
    return {path.relative_to(ROOT) for path in found if "__pycache__" not in path.parts}


def folder_of(package: str) -> Path:
    """Where the files of an import package lie, as the build finds them."""
    for mapped, folder in SETTINGS["package-dir"].items():
        if package == mapped or package.startswith(f"{mapped}."):
            return ROOT / folder / Path(*package.removeprefix(mapped).split("."))
    return ROOT / Path(*package.split("."))


@pytest.mark.parametrize("package", PACKAGES)
def test_every_file_of_a_package_is_shipped(package: str) -> None:
    shipped = set()
    for name in SETTINGS["packages"]:
        folder = folder_of(name)
        for pattern in ("*.py", *SETTINGS["package-data"].get(name, ())):
            shipped |= {path.relative_to(ROOT) for path in folder.glob(pattern)}
    assert files_of(package) - shipped == set()


def test_every_pattern_ships_something() -> None:
    for name, patterns in SETTINGS["package-data"].items():
        assert all(list(folder_of(name).glob(pattern)) for pattern in patterns)
    for patterns in SETTINGS["data-files"].values():
        assert all(list(ROOT.glob(pattern)) for pattern in patterns)


@pytest.mark.slow
def test_a_wheel_draws_a_picture_without_the_clone(tmp_path: Path) -> None:
    pytest.importorskip("setuptools")
    code = f"""
import os, shutil
from pathlib import Path
from setuptools import build_meta
copy = Path({str(tmp_path)!r}) / "source"
copy.mkdir()
for name in ("pyproject.toml", "README.md", "LICENSE", "data_cards", *{PACKAGES!r}):
    source = Path({str(ROOT)!r}) / name
    shutil.copytree(source, copy / name, symlinks=True) if source.is_dir() else shutil.copy(source, copy)
os.chdir(copy)
build_meta.build_wheel({str(tmp_path)!r})
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert any(name.endswith("/share/fourfold/fourfold-demo.toml") for name in archive.namelist())
        archive.extractall(tmp_path / "site")
    draw = """
import fourfold.scenes, numpy
from fourfold.scenes.model.layout import place
from fourfold.scenes.render.opengl import OpenGLRenderer
from fourfold.scenes.model.spec import ObjectSpec, SceneSpec
layout = place(SceneSpec((ObjectSpec("cube", "red"),)), numpy.random.default_rng(0))
with OpenGLRenderer(32) as renderer:
    print(fourfold.scenes.__file__, renderer.render(layout).instances.max())
"""
    run = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n{draw}"]
    done = subprocess.run(run, check=True, capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.split() == [str(tmp_path / "site" / "fourfold" / "scenes" / "__init__.py"), "1"]
