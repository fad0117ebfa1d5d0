"""The open_clip adapter: its pooled features are the library's own, its dense ones follow the one definition."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch.nn import functional

from fourfold.errors import InputError
from fourfold.evaluator.encoders import load_encoder
from fourfold.evaluator.encoders.contract import TINY
from fourfold.evaluator.encoders.openclip import open_clip

# The shape of fourfold-tiny: average pooling over patches, so that they stay local.
CONFIG = {
    "model_cfg": {
        "embed_dim": 96,
        "vision_cfg": {
            "image_size": 112,
            "patch_size": 14,
            "width": 96,
            "layers": 2,
            "head_width": 32,
            "pool_type": "avg",
        },
        "text_cfg": {"context_length": 32, "vocab_size": 49408, "width": 96, "heads": 3, "layers": 2},
    },
    "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic", "resize_mode": "squash"},
}
CAPTIONS = ["A red cube, left of a blue sphere.", "no cube", "2 Icosahedrons don't  stop in the café!"]


def write_local_model(folder: Path, seed: int = 3) -> Path:
    """A local model with fixed random weights, in half precision as fourfold-tiny is shipped."""
    folder.mkdir()
    (folder / "open_clip_config.json").write_text(json.dumps(CONFIG))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        weights = open_clip.CLIP(**CONFIG["model_cfg"]).state_dict()
    save_file({key: value.half() for key, value in weights.items()}, folder / "open_clip_model.safetensors")
    return folder


@pytest.fixture(scope="module")
def local_model(tmp_path_factory):
    return write_local_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def encoder(local_model):
    return load_encoder(f"local-dir:{local_model}")


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(0)
    return [
        Image.fromarray(rng.integers(0, 256, (h, w, 3), dtype=np.uint8)) for h, w in [(112, 112), (64, 90), (30, 30)]
    ]


def test_pooled_features_are_the_librarys_own(local_model, encoder, pictures):
    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{local_model}")
    model.eval()
    with torch.no_grad():
        images = model.encode_image(torch.stack([preprocess(picture) for picture in pictures]), normalize=True)
        texts = model.encode_text(open_clip.get_tokenizer(f"local-dir:{local_model}")(CAPTIONS), normalize=True)
    torch.testing.assert_close(encoder.encode_images(pictures).pooled, images, atol=1e-5, rtol=0)
    torch.testing.assert_close(encoder.encode_texts(CAPTIONS).pooled, texts, atol=1e-5, rtol=0)


def test_average_pooling_is_the_mean_of_the_patches_alone(local_model, encoder, pictures):
    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{local_model}")
    with torch.no_grad():
        output = model.eval().visual.forward_intermediates(preprocess(pictures[0])[None], indices=1, output_fmt="NLC")
        joint = model.visual.ln_post(output["image_intermediates"][-1]) @ model.visual.proj
        pooled = model.encode_image(preprocess(pictures[0])[None])
    torch.testing.assert_close(joint.mean(dim=1), pooled, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(encoder.encode_images(pictures).patches[0], functional.normalize(joint[0], dim=-1))


def test_shapes_and_unit_length(encoder, pictures):
    images, texts = encoder.encode_images(pictures), encoder.encode_texts(CAPTIONS)
    assert images.grid == (8, 8)
    assert images.patches.shape == (3, 64, 96)
    assert images.pooled.shape == images.cls.shape == (3, encoder.embed_dim)
    assert texts.tokens.shape == (3, encoder.context_length, 96)
    assert len(set(images.keys)) == 3
    for vectors in (images.pooled, images.patches, images.cls, texts.pooled, texts.tokens):
        assert vectors.dtype == torch.float32
        torch.testing.assert_close(vectors.norm(dim=-1), torch.ones(vectors.shape[:-1]))


@pytest.mark.parametrize(
    ("mode", "fit"), [("shortest", "crop"), ("squash", "squash"), ("longest", "pad"), (None, "crop")]
)
def test_how_a_picture_is_made_square_is_known(mode, fit, local_model, tmp_path, seen_fit):
    folder = Path(shutil.copytree(local_model, tmp_path / "model"))
    preprocess = {**CONFIG["preprocess_cfg"], "resize_mode": mode}
    (folder / "open_clip_config.json").write_text(json.dumps({**CONFIG, "preprocess_cfg": preprocess}))
    encoder = load_encoder(f"local-dir:{folder}")
    assert encoder.resize_mode == fit == seen_fit(encoder.preprocess)


def test_the_model_of_the_package_can_be_loaded():
    encoder = load_encoder(TINY, allow_random_weights=True)
    images = encoder.encode_images([Image.new("RGB", (224, 224), "red")])
    assert encoder.name == TINY
    assert encoder.has_patches
    assert images.grid == (7, 7)


def test_pieces_spell_the_caption_and_the_mask_keeps_only_them(encoder):
    texts = encoder.encode_texts(CAPTIONS)
    spelled = ["".join(texts.token_strings[row]) for row in range(3)]
    assert spelled[0] == "a</w>red</w>cube</w>,</w>left</w>of</w>a</w>blue</w>sphere</w>.</w>"
    assert spelled[1] == "no</w>cube</w>"
    assert spelled[2].replace("</w>", " ") == "2 icosahedrons don 't stop in the café ! "
    assert sum(1 for piece in texts.token_strings[2] if piece and not piece.endswith("</w>")) >= 2
    assert np.array_equal(texts.token_strings != "", texts.mask.numpy())
    assert not texts.mask[:, 0].any()
    assert not texts.mask[1, 3:].any()


def test_the_end_tokens_vector_is_the_pooled_one(encoder):
    texts = encoder.encode_texts(CAPTIONS)
    ends = texts.mask.sum(dim=1) + 1
    torch.testing.assert_close(texts.tokens[torch.arange(3), ends], texts.pooled, atol=1e-5, rtol=0)


@pytest.mark.parametrize("batch_size", [1, 2, "auto"])
def test_a_batch_of_one_gives_what_a_batch_of_many_gives(local_model, encoder, pictures, batch_size):
    other = load_encoder(f"local-dir:{local_model}", batch_size=batch_size)
    one, many = other.encode_images(pictures), encoder.encode_images(pictures)
    torch.testing.assert_close(one.patches, many.patches, atol=1e-5, rtol=0)
    torch.testing.assert_close(one.pooled, many.pooled, atol=1e-5, rtol=0)
    alone = torch.cat([encoder.encode_texts([caption]).tokens for caption in CAPTIONS])
    torch.testing.assert_close(alone, encoder.encode_texts(CAPTIONS).tokens, atol=1e-5, rtol=0)


def test_captions_longer_than_the_context_are_counted_and_warned_of_once(encoder):
    fits, too_long = " ".join(["cube"] * 30), " ".join(["cube"] * 31)
    with pytest.warns(UserWarning, match="2 captions are longer than the model's 32 text positions") as caught:
        texts = encoder.encode_texts([too_long, fits, too_long + " cube", "cube"])
    assert len(caught) == 1
    assert texts.truncated.tolist() == [True, False, True, False]
    assert texts.mask.sum(dim=1).tolist() == [30, 30, 30, 1]


def test_identity_names_weights_and_preprocessing(local_model, encoder, tmp_path):
    assert load_encoder(f"local-dir:{local_model}").identity == encoder.identity
    assert load_encoder(f"local-dir:{write_local_model(tmp_path / 'seed', seed=4)}").identity != encoder.identity
    other = write_local_model(tmp_path / "other")
    assert load_encoder(f"local-dir:{other}").identity == encoder.identity
    config = json.loads((other / "open_clip_config.json").read_text())
    config["preprocess_cfg"]["resize_mode"] = "shortest"
    (other / "open_clip_config.json").write_text(json.dumps(config))
    assert load_encoder(f"local-dir:{other}").identity != encoder.identity


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_lower_precision_is_close_to_float32(local_model, encoder, pictures, dtype):
    lower = load_encoder(f"local-dir:{local_model}", dtype=dtype)
    assert lower.identity == encoder.identity
    cosines = (lower.encode_images(pictures).pooled * encoder.encode_images(pictures).pooled).sum(dim=-1)
    assert lower.encode_images(pictures).pooled.dtype == torch.float32
    assert (cosines > 0.99).all()
    assert not torch.equal(lower.encode_images(pictures).pooled, encoder.encode_images(pictures).pooled)


def test_random_weights_are_refused_unless_allowed(tmp_path):
    (tmp_path / "open_clip_config.json").write_text(json.dumps(CONFIG))
    with pytest.raises(InputError, match=r"no weights .* random weights give numbers that look real"):
        load_encoder(f"local-dir:{tmp_path}")
    with pytest.raises(InputError, match=r"no weights named; add one of .*openai"):
        load_encoder("ViT-B-32")
    first = load_encoder(f"local-dir:{tmp_path}", allow_random_weights=True)
    assert load_encoder(f"local-dir:{tmp_path}", allow_random_weights=True).identity == first.identity


def test_weights_of_another_architecture_are_refused(local_model, tmp_path):
    other = write_local_model(tmp_path / "other")
    config = json.loads((other / "open_clip_config.json").read_text())
    config["model_cfg"]["vision_cfg"]["layers"] = 1
    (other / "open_clip_config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="of another architecture"):
        load_encoder(f"local-dir:{other}")


def test_position_embeddings_are_never_interpolated_in_silence(local_model, tmp_path):
    config = json.loads((local_model / "open_clip_config.json").read_text())["model_cfg"]
    config["vision_cfg"]["image_size"] = 140
    register("fourfold-larger", tmp_path, config)
    with pytest.raises(InputError, match=r"size mismatch for visual.positional_embedding: \(65, 96\)"):
        load_encoder(f"fourfold-larger,{local_model / 'open_clip_model.safetensors'}")


def register(name: str, folder: Path, config: dict) -> None:
    (folder / f"{name}.json").write_text(json.dumps(config))
    open_clip.add_model_config(folder / f"{name}.json")


@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_checkpoint_file_is_loaded_as_it_was_trained(local_model, encoder, pictures, tmp_path, prefix, caplog):
    register("fourfold-checkpoint", tmp_path, CONFIG["model_cfg"])
    weights = load_file(local_model / "open_clip_model.safetensors")
    torch.save(
        {"epoch": 3, "state_dict": {prefix + key: value for key, value in weights.items()}}, tmp_path / "epoch.pt"
    )
    loaded = load_encoder(f"fourfold-checkpoint,{tmp_path / 'epoch.pt'}")
    assert "random" not in caplog.text  # of weights that are replaced at once
    assert torch.equal(loaded.encode_texts(CAPTIONS).tokens, encoder.encode_texts(CAPTIONS).tokens)


def test_a_checkpoint_that_runs_code_is_refused(tmp_path):
    class Malicious:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "it ran",))

    register("fourfold-malicious", tmp_path, CONFIG["model_cfg"])
    torch.save({"state_dict": {"visual.proj": Malicious()}}, tmp_path / "evil.pt")
    with pytest.raises(InputError, match="more than tensors, which could run as code") as said:
        load_encoder(f"fourfold-malicious,{tmp_path / 'evil.pt'}")
    assert "weights_only" not in str(said.value)  # no advice to run it
    assert not (tmp_path / "it ran").exists()


def test_quick_gelu_follows_the_tag(local_model, pictures, tmp_path, monkeypatch):
    register("fourfold-tagged", tmp_path, CONFIG["model_cfg"])
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "fourfold-tagged", {"quick": {"url": "", "quick_gelu": True}})
    weights = local_model / "open_clip_model.safetensors"
    monkeypatch.setattr("open_clip.factory.download_pretrained", lambda *_, **__: str(weights))
    model = open_clip.CLIP(**CONFIG["model_cfg"], quick_gelu=True).eval()
    model.load_state_dict(load_file(weights))
    tagged, plain = load_encoder("fourfold-tagged,quick"), load_encoder(f"fourfold-tagged,gelu,{weights}")
    with torch.no_grad():
        own = model.encode_text(open_clip.tokenize(CAPTIONS, 32), normalize=True)
    torch.testing.assert_close(tagged.encode_texts(CAPTIONS).pooled, own, atol=1e-5, rtol=0)
    assert not torch.allclose(plain.encode_texts(CAPTIONS).pooled, own, atol=1e-3)
    assert tagged.identity != plain.identity
    tuned = load_encoder(f"fourfold-tagged,quick,{weights}")
    assert torch.equal(tuned.encode_texts(CAPTIONS).pooled, tagged.encode_texts(CAPTIONS).pooled)
    assert tuned.identity == tagged.identity


def test_a_checkpoint_has_the_activation_and_preprocessing_that_are_named(local_model, tmp_path, monkeypatch):
    register("fourfold-tuned", tmp_path, CONFIG["model_cfg"])
    tags = {"quick": {"url": "", "quick_gelu": True, "mean": (0.1, 0.2, 0.3), "interpolation": "bilinear"}}
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "fourfold-tuned", tags | {"plain": {"url": ""}})
    weights = local_model / "open_clip_model.safetensors"
    with pytest.raises(InputError, match=r"fourfold-tuned,quick,.*fourfold-tuned,gelu,.* if from none$"):
        load_encoder(f"fourfold-tuned,{weights}")
    grey = Image.new("RGB", (64, 64), (128, 128, 128))
    quick, plain = (load_encoder(f"fourfold-tuned,{tag},{weights}") for tag in ("quick", "plain"))
    deviation = open_clip.OPENAI_DATASET_STD[0]
    assert float(quick.preprocess(grey)[0].mean()) == pytest.approx((128 / 255 - 0.1) / deviation, abs=1e-4)
    assert not torch.allclose(quick.encode_texts(CAPTIONS).pooled, plain.encode_texts(CAPTIONS).pooled, atol=1e-3)
    gelu = load_encoder(f"fourfold-tuned,gelu,{weights}")
    assert torch.equal(gelu.encode_texts(CAPTIONS).pooled, plain.encode_texts(CAPTIONS).pooled)


def test_a_checkpoint_is_preprocessed_as_all_tags_of_its_architecture_are(local_model, tmp_path, monkeypatch, seen_fit):
    register("fourfold-halves", tmp_path, CONFIG["model_cfg"])
    half = {"url": "", "mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5), "resize_mode": "squash"}
    tags = {"one": half, "two": dict(half)}
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "fourfold-halves", tags)
    weights = local_model / "open_clip_model.safetensors"
    encoder = load_encoder(f"fourfold-halves,{weights}")
    assert encoder.resize_mode == seen_fit(encoder.preprocess) == "squash"
    assert float(encoder.preprocess(Image.new("RGB", (64, 64), "white")).min()) == pytest.approx(1.0)
    assert load_encoder(f"fourfold-halves,two,{weights}").identity == encoder.identity
    tags["two"]["resize_mode"] = "shortest"
    with pytest.raises(InputError, match=r"other preprocessing \(one and two differ\).*as in fourfold-halves,one,"):
        load_encoder(f"fourfold-halves,{weights}")


@pytest.mark.parametrize("architecture", ["ViT-B-32", "ViT-B-16", "ViT-L-14", "RN50"])
def test_a_checkpoint_of_unknown_activation_is_refused_before_it_is_read(architecture, tmp_path):
    (tmp_path / "tuned.pt").write_bytes(b"not read")
    with pytest.raises(InputError, match=f"{architecture} is published with QuickGELU") as error:
        load_encoder(f"{architecture},{tmp_path / 'tuned.pt'}")
    assert f"{architecture},openai,{tmp_path / 'tuned.pt'}" in str(error.value)
    assert "\n" not in str(error.value)
    for named in (f"{architecture},openai", f"{architecture},gelu", f"{architecture}-quickgelu"):
        with pytest.raises(InputError, match="is not opened"):
            load_encoder(f"{named},{tmp_path / 'tuned.pt'}")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("ViT-B-33,openai", "unknown model 'ViT-B-33,openai'. Did you mean 'ViT-B-32'"),
        ("ViT-B-32,opnai", "unknown weights of ViT-B-32 'opnai'. Did you mean 'openai'"),
        ("ViT-B-32,weights/none.pt", "no such checkpoint file"),
        ("ViT-B-32,openai,none", "no such checkpoint file 'none'"),
        ("ViT-B-32,opnai,x.pt", "unknown weights of ViT-B-32 'opnai'. Did you mean 'openai'"),
        ("local-dir:/no/such/folder", "no open_clip_config.json in /no/such/folder"),
    ],
)
def test_what_cannot_be_loaded_is_said_in_one_line(spec, message):
    with pytest.raises(InputError, match=message) as error:
        load_encoder(spec)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("spec", ["hf-hub:nobody/no-such-model", "ViT-B-32,openai"])
def test_a_hub_that_cannot_be_reached_is_said_in_one_line(spec, monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(InputError, match="the hub gave no weights; without network") as error:
        load_encoder(spec)
    assert "\n" not in str(error.value)


def test_broken_weights_are_said_in_one_line(local_model, tmp_path):
    other = write_local_model(tmp_path / "other")
    weights = other / "open_clip_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(InputError, match="cannot load it") as error:
        load_encoder(f"local-dir:{other}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("device", ["cuda:63", "gpu", "mps:9", "meta"])
def test_devices_that_are_not_here_are_refused(local_model, device):
    with pytest.raises(InputError, match="device"):
        load_encoder(f"local-dir:{local_model}", device=device)


@pytest.mark.parametrize("word", ["<start_of_text>", "<end_of_text>", "<END_OF_TEXT>"])
def test_a_caption_that_spells_a_special_token_is_refused(encoder, word):
    """What came after it was no part of the caption any more, and nobody said so."""
    with pytest.raises(InputError, match=r"special token; remove it$"):
        encoder.encode_texts(["a red cube", f"a red cube {word} left of a sphere"])
