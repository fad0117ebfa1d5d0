"""Model names: which loader each belongs to, the docstring's example of one's own model, and light imports."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fourfold.errors import InputError
from fourfold.evaluator.data.image_refs import ImageRef
from fourfold.evaluator.data.items import Item
from fourfold.evaluator.encoders import LOADERS, custom, list_models, load_encoder, loader_of
from fourfold.evaluator.encoders.batches import SmallerBatches, run_in_batches
from fourfold.evaluator.encoders.contract import TINY
from fourfold.evaluator.encoders.token_strings import marker_of, spell
from fourfold.evaluator.features.encoding import encode_items


@pytest.mark.parametrize(
    ("spec", "loader"),
    [
        ("fourfold-tiny", TINY),
        ("ViT-B-32", "open_clip"),
        ("ViT-B-16,openai", "open_clip"),
        ("ViT-B-16,some:where/file.pt", "open_clip"),
        ("hf-hub:org/repo", "open_clip"),
        ("local-dir:some,where", "open_clip"),
        ("hf:openai/clip-vit-base-patch32", "transformers"),
        ("hf:./folder,with,commas", "transformers"),
        ("my_package.models:load", "custom"),
    ],
)
def test_a_spec_belongs_to_one_loader(spec, loader):
    assert loader_of(spec) == loader
    assert loader in LOADERS


def test_listed_models_belong_to_the_loader_that_listed_them():
    models = list_models()
    assert models[0] == TINY
    assert "ViT-B-16,openai" in models
    assert {loader_of(model) for model in models[1:]} == {"open_clip"}


def test_naming_models_needs_no_torch():
    code = "import fourfold.evaluator.encoders, sys; sys.exit('torch' in sys.modules or 'open_clip' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("batch_size", [0, -1, "many", 2.5])
def test_batch_sizes_that_mean_nothing_are_refused(batch_size):
    with pytest.raises(InputError, match="batch size"):
        load_encoder("fourfold-tiny", batch_size=batch_size)


def test_an_unknown_dtype_is_refused():
    with pytest.raises(InputError, match="Did you mean 'float16'"):
        load_encoder("fourfold-tiny", dtype="flaot16")


@pytest.fixture
def working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(path.stem, None)


def documented_example() -> str:
    lines = (custom.__doc__ or "").splitlines()
    return textwrap.dedent("\n".join(line for line in lines if line.startswith("    ") or not line))


def test_the_documented_example_of_ones_own_model_runs(working_directory):
    Path("my_model.py").write_text(documented_example())
    encoder = load_encoder("my_model:load")
    Image.new("RGB", (30, 20), "red").save("red.png")
    Image.new("RGB", (30, 20), "blue").save("blue.png")
    images = (ImageRef(Path("red.png")), ImageRef(Path("blue.png")))
    item = Item("i", images, ("a red cube", "a cube"), np.eye(2, dtype=bool), "content", "g")
    encoded = encode_items(encoder, [item], working_directory / "cache")
    assert encoded.images.pooled.shape == encoded.texts.pooled.shape == (2, encoder.embed_dim)
    assert encoded.texts.token_strings[1].tolist()[:3] == ["a</w>", "cube</w>", ""]
    for vectors in (encoded.images.pooled, encoded.texts.pooled, encoded.texts.tokens):
        torch.testing.assert_close(vectors.norm(dim=-1), torch.ones(vectors.shape[:-1]))


@pytest.mark.parametrize(
    ("code", "spec", "message"),
    [
        ("", "no_such_module:load", "cannot import module 'no_such_module'"),
        ("", "empty_module:load", "has no function 'load'"),
        ("import numpy_is_not_here", "empty_module:load", "No module named 'numpy_is_not_here'"),
        ("load = lambda options: options", "empty_module:load", "has no name, identity"),
        ("", ":load", "cannot import"),
    ],
)
def test_ones_own_model_that_does_not_fit_is_said(working_directory, code, spec, message):
    Path("empty_module.py").write_text(code)
    with pytest.raises(InputError, match=message):
        load_encoder(spec)


class Memory:
    """Runs batches up to a size, and says as CUDA does when one is larger."""

    def __init__(self, largest: int) -> None:
        self.largest = largest
        self.sizes: list[int] = []

    def run(self, start: int, stop: int) -> dict[str, torch.Tensor]:
        if stop - start > self.largest:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        self.sizes.append(stop - start)
        return {"at": torch.arange(start, stop).half()}


def test_an_automatic_batch_shrinks_until_it_fits():
    memory = Memory(largest=5)
    with pytest.warns(SmallerBatches, match="of 11 does not fit into the memory of cpu: halved"):
        out = run_in_batches(memory.run, 11, "auto", torch.device("cpu"))
    assert torch.equal(out["at"], torch.arange(11.0))
    assert memory.sizes == [5, 5, 1]


@pytest.mark.parametrize(("batch_size", "largest", "tried"), [(8, 5, 8), ("auto", 0, 1)])
@pytest.mark.filterwarnings("ignore::fourfold.evaluator.encoders.batches.SmallerBatches")
def test_a_batch_that_was_asked_for_or_is_one_does_not_shrink(batch_size, largest, tried):
    with pytest.raises(InputError, match=f"out of memory on cpu: a batch of {tried} does not fit; give .*--device cpu"):
        run_in_batches(Memory(largest).run, 11, batch_size, torch.device("cpu"))


@pytest.mark.parametrize(
    ("marker", "tokens"),
    [
        ("</w>", ["a</w>", "ico", "sa", "hedron</w>", ",</w>", "not</w>", "red</w>"]),
        ("Ġ", ["a", "Ġico", "sa", "hedron", ",", "Ġnot", "Ġred"]),
        ("▁", ["▁a", "▁ico", "sa", "hedron", ",", "▁not", "▁red"]),
        ("##", ["a", "ico", "##sa", "##hedron", ",", "not", "red"]),
    ],
)
def test_every_tokenizers_words_end_alike(marker, tokens):
    assert spell(tokens, marker) == ["a</w>", "ico", "sa", "hedron</w>", ",</w>", "not</w>", "red</w>"]
    assert marker_of(tokens) == marker


def test_bytes_are_spelled_as_the_characters_they_are():
    assert spell(["cafÃ©</w>", "çº¢</w>"], "</w>") == ["café</w>", "红</w>"]


IMPORT = "from fourfold.evaluator.encoders.torchvision_import import import_torchvision; import_torchvision()"
USES = "import torch\nfor name in {!r}: torch.library.register_fake('torchvision::' + name)(lambda *given: None)"


@pytest.mark.parametrize(
    ("torchvision", "said"),
    [
        (USES.format(["nms", "qnms"]), ""),
        ("raise RuntimeError('operator torchvision::nms does not exist')", "operator torchvision::nms does not exist"),
    ],
)
def test_torchvision_is_imported_where_only_its_operators_are_missing(tmp_path, torchvision, said):
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text(torchvision)
    path = os.pathsep.join([str(tmp_path), str(Path(custom.__file__).parents[2])])
    command = [sys.executable, "-c", IMPORT]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (said == "")
    assert said in done.stderr
