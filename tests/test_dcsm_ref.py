"""The paper's scorer equals a slow transcription of its steps, and its checkpoints run no code."""

import os
import pickle
import zipfile
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import normalize

from fourfold.errors import InputError
from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.features.encoding import EncodedSet
from fourfold.evaluator.scorers import ScorerContext, load_scorer
from fourfold.evaluator.scorers.authors_checkpoint import read_authors_checkpoint
from fourfold.evaluator.scorers.dcsm_ref import REPLACED_WORDS, DcsmRefHead
from fourfold.evaluator.scorers.trained import as_scorer
from fourfold.evaluator.scoring import blocks as blocks_module

GRID, DIM, CONTEXT = (3, 3), 8, 34
N_IMAGE = GRID[0] * GRID[1] + 1
CAPTIONS = [
    "the cube is left of the cone but not right of it",
    "no cube and no cone",
    "not, a cube Left of nothing",
    "a plain cube",
    " ".join(["very"] * 32) + " small cube",
]


@dataclass(frozen=True)
class PatchEncoder:
    name: str = "ViT-B-16,openai"
    identity: str = "abc"
    context_length: int = CONTEXT
    embed_dim: int = DIM
    has_patches: bool = True


def make_features(n_items=3, k=2, cls=True, context=CONTEXT):
    generator = torch.Generator().manual_seed(4)

    def unit(*shape):
        return normalize(torch.randn(*shape, DIM, generator=generator), dim=-1)

    m = len(CAPTIONS)
    keys = np.array([[f"{n}{i}" for i in range(k)] for n in range(n_items)])
    images = ImageFeatures(
        keys, unit(n_items, k), unit(n_items, k, N_IMAGE - 1), unit(n_items, k) if cls else None, GRID
    )
    mask = torch.ones(n_items, m, context, dtype=torch.bool)
    token_strings = np.full((n_items, m, context), "x</w>")
    texts = TextFeatures(
        np.array([CAPTIONS] * n_items), unit(n_items, m), unit(n_items, m, context), mask, token_strings
    )
    return images, texts


def make_network():
    torch.manual_seed(3)
    return DcsmRefHead(image_tokens=N_IMAGE, text_tokens=30, words=list(REPLACED_WORDS)).eval()


def transcribe(weights, images, texts, captions):
    """One call as the paper's code makes it, number by number: images [k, p, d], texts [m, 30, d] -> [k, m]."""
    k, m = len(images), len(captions)
    maps = np.zeros((k, m, N_IMAGE, 30), dtype=np.float64)
    for i in range(k):
        for j in range(m):
            maps[i, j] = images[i].double().numpy() @ texts[j].double().numpy().T
            words = captions[j].split(" ")
            for row, word in enumerate(REPLACED_WORDS):
                if word in words and words.index(word) < 30:
                    maps[i, j][:, words.index(word)] = weights["rows"][row]
    maps = (maps - maps.mean()) / maps.std(ddof=1)
    scores = np.zeros((k, m))
    for i in range(k):
        for j in range(m):
            x = maps[i, j][None]
            for layer in ("conv1", "conv2"):
                x = np.maximum(convolve(x, weights[f"{layer}.weight"], weights[f"{layer}.bias"]), 0)
            hidden = np.maximum(weights["fc1.weight"] @ x.reshape(-1) + weights["fc1.bias"], 0)
            scores[i, j] = (weights["fc2.weight"] @ hidden + weights["fc2.bias"])[0]
    return scores


def convolve(x, kernel, bias):
    padded = np.pad(x, [(0, 0), (1, 1), (1, 1)])
    height, width = x.shape[1:]
    out = np.zeros((len(kernel), height, width)) + bias[:, None, None]
    for row in range(3):
        for column in range(3):
            window = padded[:, row : row + height, column : column + width]
            out += np.tensordot(kernel[:, :, row, column], window, axes=1)
    return out


@pytest.mark.parametrize("cls", [True, False])
def test_scores_equal_the_transcription(cls):
    network = make_network()
    images, texts = make_features(cls=cls)
    scores = as_scorer("dcsm-ref", network)(images, texts)
    weights = {name: weight.double().numpy() for name, weight in network.state_dict().items()}
    first = images.cls if cls else images.pooled
    for item in range(3):
        tokens = torch.cat([first[item, :, None], images.patches[item]], dim=1)
        expected = transcribe(weights, tokens, texts.tokens[item, :, :30], CAPTIONS)
        np.testing.assert_allclose(scores[item].numpy(), expected, atol=1e-5)


def test_a_short_context_is_filled_with_its_last_token():
    scorer = as_scorer("dcsm-ref", make_network())
    images, texts = make_features(context=20)
    longer = torch.cat([texts.tokens, texts.tokens[..., -1:, :].expand(-1, -1, 14, -1)], dim=-2)
    filled = TextFeatures(
        texts.texts, texts.pooled, longer, torch.ones(3, 5, 34, dtype=torch.bool), texts.token_strings
    )
    torch.testing.assert_close(scorer(images, texts), scorer(images, filled))


def test_its_defects_are_kept_item_by_item(monkeypatch):
    scorer = as_scorer("dcsm-ref", make_network())
    images, texts = make_features()
    assert scorer.set_dependent
    whole = scorer(images, texts)
    torch.testing.assert_close(scorer(images[[1]], texts[[1]])[0], whole[1], atol=1e-5, rtol=0)
    fewer = TextFeatures(
        texts.texts[:, :3], texts.pooled[:, :3], texts.tokens[:, :3], texts.mask[:, :3], texts.token_strings[:, :3]
    )
    assert (scorer(images, fewer) - whole[..., :3]).abs().max() > 1e-4
    monkeypatch.setattr(blocks_module, "BLOCK_FLOATS", 1)
    monkeypatch.setattr("fourfold.evaluator.scorers.dcsm_ref.BLOCK_FLOATS", 1)
    torch.testing.assert_close(scorer(images, texts), whole, atol=1e-5, rtol=0)


def test_another_grid_is_refused():
    images, texts = make_features()
    other = ImageFeatures(images.keys, images.pooled, images.patches[:, :, :6], images.cls, (2, 3))
    with pytest.raises(InputError, match=r"is for 9 patches, the model gives 6"):
        as_scorer("dcsm-ref", make_network())(other, texts)


def test_the_size_is_the_papers():
    network = DcsmRefHead(197, 30, list(REPLACED_WORDS))
    assert sum(weight.numel() for weight in network.parameters()) == 3_026_365
    rows = network.rows
    similar = normalize(rows, dim=1) @ normalize(rows, dim=1).T
    assert similar.min() > 0.98  # in effect one constant row, as dcsm-ref's description says


class Tokenizer:
    """Stands for the pickled tokenizer in the authors' files."""

    def __init__(self):
        self.vocabulary = {"cube": 1}


def write_checkpoint(path, network, **extra):
    table = nn.Embedding(len(REPLACED_WORDS), N_IMAGE)
    table.weight = nn.Parameter(network.rows.clone())
    named = OrderedDict((name, weight) for name, weight in network.state_dict().items() if name != "rows")
    optimizer = torch.optim.Adam(table.parameters())
    content = {
        "epoch": 3,
        "model_state_dict": named,
        "optimizer_state_dict": optimizer.state_dict(),
        "clip_state_dict": OrderedDict(logit_scale=torch.tensor(4.6), ids=torch.arange(3)),
        "clip_text_tokenizer": Tokenizer(),
        "train_loss": [1.0, 0.5],
        "external_logic_token_embeddings": table,
        "learned_lookup": None,
    }
    torch.save({**content, **extra}, path)


def score_checkpoint(path):
    images, texts = make_features()
    context = ScorerContext(PatchEncoder(), [], EncodedSet(images, texts, [], []), head=path)
    return load_scorer("dcsm-ref", context)(images, texts)


@pytest.mark.parametrize("words", [None, list(REPLACED_WORDS)])
def test_the_authors_checkpoint_layout_is_read(tmp_path, words):
    network = make_network()
    write_checkpoint(tmp_path / "model.pt", network, learned_lookup=words)
    scores = score_checkpoint(tmp_path / "model.pt")
    torch.testing.assert_close(scores, as_scorer("dcsm-ref", network)(*make_features()))


class Malicious:
    def __init__(self, call):
        self.call = call

    def __reduce__(self):
        return self.call


ATTACKS = {
    "os.system": lambda target: (os.system, (f"touch {target}",)),
    "builtins.exec": lambda target: (exec, (f"open({str(target)!r}, 'w')",)),
    "builtins.eval": lambda target: (eval, (f"open({str(target)!r}, 'w')",)),
    "open": lambda target: (open, (str(target), "w")),
    "os.mkdir": lambda target: (os.mkdir, (str(target),)),
}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("place", ["clip_text_tokenizer", "epoch", "grads"])
def test_code_in_a_checkpoint_is_inert(attack, place, tmp_path):
    target = tmp_path / "owned"
    path, network = tmp_path / "model.pt", make_network()
    write_checkpoint(path, network, **{place: Malicious(ATTACKS[attack](target))})
    scores = score_checkpoint(path)
    assert not target.exists()
    torch.testing.assert_close(scores, as_scorer("dcsm-ref", network)(*make_features()))
    torch.load(path, weights_only=False)
    assert target.exists()  # the file is as malicious as it is meant to be


@pytest.mark.parametrize("place", ["model_state_dict", "external_logic_token_embeddings", "learned_lookup"])
def test_code_in_place_of_a_weight_is_refused(place, tmp_path):
    target = tmp_path / "owned"
    write_checkpoint(tmp_path / "model.pt", make_network(), **{place: Malicious((os.mkdir, (str(target),)))})
    with pytest.raises(InputError, match="not a checkpoint of the paper's code"):
        score_checkpoint(tmp_path / "model.pt")
    assert not target.exists()


def test_a_tensor_beyond_its_storage_is_refused(tmp_path):
    path = tmp_path / "model.pt"
    write_checkpoint(path, make_network())
    with zipfile.ZipFile(path) as opened:
        entries = {name: opened.read(name) for name in opened.namelist()}
    for name, content in entries.items():
        if "/data/" in name and len(content) > 100:
            entries[name] = content[:50]
    rewrite(path, entries)
    with pytest.raises(InputError, match="does not fit its storage"):
        score_checkpoint(path)


def rewrite(path, entries, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as written:
        for name, content in entries.items():
            written.writestr(name, content)


@pytest.mark.parametrize(
    "content", [b"", b"\x80\x02.", pickle.dumps([1, 2]), pickle.dumps({"a": 1}), b"\x80\x02}q\x00("]
)
def test_other_pickles_are_refused(content, tmp_path):
    rewrite(tmp_path / "model.pt", {"archive/data.pkl": content})
    with pytest.raises(InputError, match="not a checkpoint of the paper's code"):
        read_authors_checkpoint(tmp_path / "model.pt")


def test_files_that_torch_did_not_write_are_refused(tmp_path):
    rewrite(tmp_path / "bomb.pt", {"archive/data.pkl": b"0" * 1000}, zipfile.ZIP_DEFLATED)
    rewrite(tmp_path / "empty.pt", {})
    (tmp_path / "text.pt").write_text("no zip at all")
    for name in ("bomb.pt", "empty.pt", "text.pt", "absent.pt"):
        with pytest.raises(InputError, match="not a checkpoint of the paper's code"):
            read_authors_checkpoint(tmp_path / name)
