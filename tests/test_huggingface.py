"""The transformers adapter, on each family's real classes made small: the library's own pooled features, and ours."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from fourfold.errors import InputError
from fourfold.evaluator.encoders import load_encoder
from fourfold.evaluator.encoders.contract import LoadOptions
from fourfold.evaluator.encoders.openclip import open_clip, open_clip_encoder

transformers = pytest.importorskip("transformers", reason="the extra `hf` is not installed")
tokenizers = pytest.importorskip("tokenizers")

CAPTIONS = ["a red cube, left of a blue sphere", "no icosahedron", "not red"]
TOWER = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
VISION = {**TOWER, "image_size": 48, "patch_size": 16}
SHARED = {"projection_dim": 24}
SIZE = {"shortest_edge": 48}
SQUASH = {"height": 48, "width": 48}


def write_byte_pair_tokenizer(folder: Path) -> None:
    simple = open_clip.SimpleTokenizer()
    merges = ["#version: 0.2", *(" ".join(pair) for pair in simple.bpe_ranks)]
    vocab = [
        token.replace("<start_of_text>", "<|startoftext|>").replace("<end_of_text>", "<|endoftext|>")
        for token in simple.encoder
    ]
    (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(vocab)}))
    (folder / "merges.txt").write_text("\n".join(merges))
    special = {
        "bos_token": "<|startoftext|>",
        "eos_token": "<|endoftext|>",
        "pad_token": "<|endoftext|>",
        "unk_token": "<|endoftext|>",
    }
    said = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, **special}
    (folder / "tokenizer_config.json").write_text(json.dumps(said))


def write_sentence_piece_tokenizer(folder: Path) -> None:
    words = ["▁a", "▁red", "▁cube", "▁left", "▁of", "▁blue", "▁sphere", "▁no", "▁ico", "sa", "hedron", "▁not", ",", "▁"]
    vocab = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -20.0), *((word, -float(i + 1)) for i, word in enumerate(words))]
    tokenizer = tokenizers.Tokenizer(tokenizers.models.Unigram(vocab, unk_id=2))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    wrap(tokenizer, pad_token="</s>", eos_token="</s>", unk_token="<unk>").save_pretrained(folder)


def write_word_piece_tokenizer(folder: Path) -> None:
    words = ["a", "red", "cube", "left", "of", "blue", "sphere", "no", "ico", "##sa", "##hedron", "not", ","]
    vocab = {word: i for i, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words])}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordPiece(vocab, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    ends = [("[CLS]", 2), ("[SEP]", 3)]
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    wrap(tokenizer, **special).save_pretrained(folder)


def wrap(tokenizer, **special):
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=16, **special)


def text_config(vocabulary: int, **more) -> dict:
    return {**TOWER, "vocab_size": vocabulary, "max_position_embeddings": 16, "projection_dim": 24, **more}


BYTE_PAIRS = {"bos_token_id": 49406, "eos_token_id": 49407, "pad_token_id": 49407}
# family -> (configuration, model, text tower, tokenizer, image processor, its size, whether there is a class token)
FAMILIES = {
    "clip": ("CLIPConfig", text_config(49408, **BYTE_PAIRS), write_byte_pair_tokenizer, "CLIP", SIZE, True),
    "metaclip_2": (
        "MetaClip2Config",
        text_config(20, eos_token_id=1, pad_token_id=0),
        write_sentence_piece_tokenizer,
        "CLIP",
        SIZE,
        True,
    ),
    "chinese_clip": (
        "ChineseCLIPConfig",
        text_config(20, pad_token_id=0),
        write_word_piece_tokenizer,
        "ChineseCLIP",
        SQUASH,
        True,
    ),
    "siglip": (
        "SiglipConfig",
        text_config(20, projection_size=32),
        write_sentence_piece_tokenizer,
        "Siglip",
        SQUASH,
        False,
    ),
    "blip": (
        "BlipConfig",
        text_config(20, pad_token_id=0, encoder_hidden_size=32),
        write_word_piece_tokenizer,
        "Blip",
        SQUASH,
        True,
    ),
}
CAUSAL = ("clip", "metaclip_2")
CLASSES = {
    "clip": "CLIPModel",
    "metaclip_2": "MetaClip2Model",
    "chinese_clip": "ChineseCLIPModel",
    "siglip": "SiglipModel",
    "blip": "BlipForImageTextRetrieval",
}


def write_model(family: str, folder: Path, weights: bool = True) -> Path:
    config_class, text, write_tokenizer, processor, size, _ = FAMILIES[family]
    if not hasattr(transformers, config_class):
        pytest.skip(f"transformers {transformers.__version__} has no {config_class}")
    config = getattr(transformers, config_class)(
        text_config=text, vision_config=dict(VISION), image_text_hidden_size=24, **SHARED
    )
    folder.mkdir(exist_ok=True)
    write_tokenizer(folder)
    more = {"crop_size": SQUASH} if "CLIP" in processor else {}
    getattr(transformers, f"{processor}ImageProcessor")(size=size, **more).save_pretrained(folder)
    with torch.random.fork_rng():
        torch.manual_seed(5)
        model = getattr(transformers, CLASSES[family])(config)
        for parameter in model.parameters():  # biases and norms start at 0 and 1, where mistakes do not show
            torch.nn.init.normal_(parameter, std=0.2)
    (model if weights else config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module", params=FAMILIES)
def loaded(request, tmp_path_factory):
    folder = write_model(request.param, tmp_path_factory.mktemp("hf") / request.param)
    model = getattr(transformers, CLASSES[request.param]).from_pretrained(folder).eval()
    return request.param, model, load_encoder(f"hf:{folder}")


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 256, size, dtype=np.uint8)) for size in [(48, 48, 3), (90, 64, 3)]]


def test_pooled_is_the_librarys_own(loaded, pictures):
    family, model, encoder = loaded
    pixels = torch.stack([encoder.preprocess(picture) for picture in pictures])
    ids = encoder.tokenize(CAPTIONS[:2]).ids
    attended = (
        {}
        if family == "siglip"
        else {"attention_mask": torch.ones_like(ids) if family in CAUSAL else (ids != 0).long()}
    )
    more = {"use_itm_head": False} if family == "blip" else {}
    with torch.no_grad():
        own = model(pixel_values=pixels, input_ids=ids, **attended, **more)
    images, texts = encoder.encode_images(pictures).pooled, encoder.encode_texts(CAPTIONS[:2]).pooled
    if family == "blip":  # shows no features, only their cosines
        torch.testing.assert_close(images @ texts.T, own.itm_score, atol=1e-5, rtol=0)
        return
    torch.testing.assert_close(images, functional.normalize(own.image_embeds, dim=-1), atol=1e-5, rtol=0)
    torch.testing.assert_close(texts, functional.normalize(own.text_embeds, dim=-1), atol=1e-5, rtol=0)


def test_how_a_picture_is_made_square_is_known(loaded, seen_fit):
    _, _, encoder = loaded
    assert encoder.resize_mode == seen_fit(encoder.preprocess)


def test_shapes_grid_class_token_and_batches(loaded, pictures):
    family, _, encoder = loaded
    images, texts = encoder.encode_images(pictures), encoder.encode_texts(CAPTIONS)
    assert images.grid == (3, 3)
    assert images.patches.shape == (2, 9, encoder.embed_dim)
    assert (images.cls is not None) == FAMILIES[family][-1]
    assert texts.tokens.shape == (3, 16, encoder.embed_dim)
    assert encoder.context_length == 16
    alone = encoder.encode_images(pictures[1:])
    torch.testing.assert_close(alone.patches, images.patches[1:], atol=1e-5, rtol=0)
    torch.testing.assert_close(encoder.encode_texts(CAPTIONS[2:]).tokens, texts.tokens[2:], atol=1e-5, rtol=0)


def test_pieces_and_mask_spell_the_caption(loaded):
    _, _, encoder = loaded
    texts = encoder.encode_texts(CAPTIONS)
    said = ["".join(row) for row in texts.token_strings]
    assert said[0] == "a</w>red</w>cube</w>,</w>left</w>of</w>a</w>blue</w>sphere</w>"
    assert said[1].startswith("no</w>ico")
    assert said[1].count("</w>") == 2
    assert np.array_equal(texts.token_strings != "", texts.mask.numpy())
    assert texts.truncated.tolist() == [False, False, False]


def test_layers_are_the_librarys_hidden_states(loaded, pictures):
    family, model, encoder = loaded
    pixels, ids = torch.stack([encoder.preprocess(each) for each in pictures]), encoder.tokenize(CAPTIONS).ids
    attended = {"attention_mask": (ids != 0).long()} if family in ("chinese_clip", "blip") else {}
    text_model = model.text_encoder if family == "blip" else model.text_model
    with torch.no_grad():
        of_images = model.vision_model(pixel_values=pixels, output_hidden_states=True).hidden_states
        of_texts = text_model(input_ids=ids, output_hidden_states=True, **attended).hidden_states
    images, texts = encoder.image_layers(pictures), encoder.text_layers(CAPTIONS)
    assert list(images.tokens) == list(texts.tokens) == ["layer 0", "layer 1", "layer 2"]
    assert set(images.grids.values()) == {(3, 3)}
    for layer, image, text in zip(images.tokens, of_images, of_texts, strict=True):
        torch.testing.assert_close(images.tokens[layer], image[:, -9:], atol=1e-5, rtol=0)
        torch.testing.assert_close(texts.tokens[layer], text, atol=1e-5, rtol=0)


def test_long_captions_are_counted(loaded):
    _, _, encoder = loaded
    with pytest.warns(UserWarning, match="1 captions are longer than the model's 16 text positions"):
        assert encoder.encode_texts([" ".join(["red"] * 20), "red"]).truncated.tolist() == [True, False]


def test_a_patch_alone_is_what_the_whole_picture_would_be(tmp_path, pictures):
    encoder = load_encoder(f"hf:{write_model('siglip', tmp_path)}")
    model = transformers.SiglipModel.from_pretrained(tmp_path).eval()
    with torch.no_grad():
        hidden = model.vision_model(pixel_values=encoder.preprocess(pictures[0])[None]).last_hidden_state
        everywhere = model.vision_model.head(hidden[:, 4:5].expand(-1, 9, -1))
    patches = encoder.encode_images(pictures[:1]).patches
    torch.testing.assert_close(patches[:, 4], functional.normalize(everywhere, dim=-1), atol=1e-5, rtol=0)


def as_transformers(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """An open_clip CLIP's weights under the names that transformers gives them."""
    names = {
        "visual.class_embedding": "vision_model.embeddings.class_embedding",
        "visual.conv1": "vision_model.embeddings.patch_embedding",
        "visual.positional_embedding": "vision_model.embeddings.position_embedding.weight",
        "visual.ln_pre": "vision_model.pre_layrnorm",
        "visual.ln_post": "vision_model.post_layernorm",
        "visual.transformer.resblocks": "vision_model.encoder.layers",
        "token_embedding": "text_model.embeddings.token_embedding",
        "positional_embedding": "text_model.embeddings.position_embedding.weight",
        "ln_final": "text_model.final_layer_norm",
        "transformer.resblocks": "text_model.encoder.layers",
        ".ln_1.": ".layer_norm1.",
        ".ln_2.": ".layer_norm2.",
        ".mlp.c_fc.": ".mlp.fc1.",
        ".mlp.c_proj.": ".mlp.fc2.",
        ".attn.": ".self_attn.",
    }
    converted = {
        "visual_projection.weight": weights["visual.proj"].T,
        "text_projection.weight": weights["text_projection"].T,
    }
    for name, value in weights.items():
        for ours, theirs in names.items():
            name = name.replace(ours, theirs) if ours.startswith(".") or name.startswith(ours) else name
        if "in_proj" in name:
            kind = name.rsplit("_", 1)[1]
            for part, third in zip("qkv", value.chunk(3), strict=True):
                converted[name.replace(f"in_proj_{kind}", f"{part}_proj.{kind}")] = third
        elif name not in ("visual.proj", "text_projection"):
            converted[name] = value
    return {name: value.contiguous() for name, value in converted.items()}


SMALL = {
    "embed_dim": 24,
    "quick_gelu": True,
    "vision_cfg": {"image_size": 48, "patch_size": 16, "width": 32, "layers": 2, "head_width": 16},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}


@pytest.mark.parametrize(
    "config", [SMALL, pytest.param(open_clip.get_model_config("ViT-B-32-quickgelu"), marks=pytest.mark.slow)]
)
def test_open_clip_and_transformers_agree_on_the_same_weights(config, tmp_path):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = open_clip.CLIP(**config).eval()
    vision, text = config["vision_cfg"], config["text_cfg"]
    open_clip.model.set_model_preprocess_cfg(
        model, {"size": vision["image_size"], "mean": (0.5,) * 3, "std": (0.25,) * 3}
    )
    theirs = transformers.CLIPModel(
        transformers.CLIPConfig(
            projection_dim=config["embed_dim"],
            vision_config={
                "hidden_size": vision["width"],
                "intermediate_size": 4 * vision["width"],
                "num_hidden_layers": vision["layers"],
                "num_attention_heads": vision["width"] // vision.get("head_width", 64),
                "image_size": vision["image_size"],
                "patch_size": vision["patch_size"],
                "hidden_act": "quick_gelu",
            },
            text_config={
                "hidden_size": text["width"],
                "intermediate_size": 4 * text["width"],
                "num_hidden_layers": text["layers"],
                "num_attention_heads": text["heads"],
                "max_position_embeddings": text["context_length"],
                "hidden_act": "quick_gelu",
                **BYTE_PAIRS,
            },
        )
    )
    missing, unexpected = theirs.load_state_dict(as_transformers(model.state_dict()), strict=False)
    assert not unexpected
    assert all("position_ids" in name for name in missing)
    theirs.save_pretrained(tmp_path)
    write_byte_pair_tokenizer(tmp_path)
    side = vision["image_size"]
    square = {"height": side, "width": side}
    transformers.CLIPImageProcessor(
        size={"shortest_edge": side}, crop_size=square, image_mean=[0.5] * 3, image_std=[0.25] * 3
    ).save_pretrained(tmp_path)

    tokenizer = open_clip.SimpleTokenizer(context_length=text["context_length"])
    first = open_clip_encoder("open_clip", model, tokenizer, config, LoadOptions())
    second = load_encoder(f"hf:{tmp_path}")
    picture = Image.fromarray(np.random.default_rng(2).integers(0, 256, (200, 160, 3), dtype=np.uint8))
    one, other = first.encode_images([picture]), second.encode_images([picture])
    for name in ("pooled", "patches", "cls"):
        torch.testing.assert_close(getattr(one, name), getattr(other, name), atol=1e-4, rtol=0)
    one, other = first.encode_texts(CAPTIONS), second.encode_texts(CAPTIONS)
    assert torch.equal(one.mask, other.mask)
    assert np.array_equal(one.token_strings, other.token_strings)
    torch.testing.assert_close(one.pooled, other.pooled, atol=1e-4, rtol=0)
    torch.testing.assert_close(one.tokens[one.mask], other.tokens[other.mask], atol=1e-4, rtol=0)


VISUAL = {"image_size": 48, "patch_size": 16, "width": 32, "layers": 1, "head_width": 16}
TEXT = {"context_length": 12, "vocab_size": 20, "width": 32, "heads": 2, "layers": 2, "hf_tokenizer_name": "here"}
LAST = {"no_causal_mask": True, "pool_type": "last"}
# open_clip models whose captions go through transformers' tokenizers (SigLIP, CLIPA) or text towers.
OPEN_CLIP_TEXTS = {
    "siglip": (
        {**TEXT, **LAST, "proj_bias": True, "tokenizer_kwargs": {"clean": "canonicalize"}},
        write_sentence_piece_tokenizer,
    ),
    "clipa": ({**TEXT, **LAST, "tokenizer_kwargs": {"strip_sep_token": True}}, write_word_piece_tokenizer),
    "mean of a text tower": ({"hf_pooler_type": "mean_pooler", "hf_proj_type": "mlp"}, write_sentence_piece_tokenizer),
    "first of a text tower": (
        {"hf_pooler_type": "cls_pooler", "hf_proj_type": "linear"},
        write_sentence_piece_tokenizer,
    ),
}


@pytest.mark.parametrize("name", OPEN_CLIP_TEXTS)
def test_open_clip_with_a_tokenizer_or_text_tower_of_transformers(name, tmp_path):
    text, write_tokenizer = OPEN_CLIP_TEXTS[name]
    if "hf_pooler_type" in text:
        tower = transformers.XLMRobertaConfig(**TOWER, vocab_size=20, max_position_embeddings=30, pad_token_id=1)
        tower.save_pretrained(tmp_path / "tower")
        text = {**text, "hf_model_name": str(tmp_path / "tower"), "hf_tokenizer_name": "here", "context_length": 12}
    write_tokenizer(tmp_path)
    config = {"embed_dim": 24, "vision_cfg": VISUAL, "text_cfg": text, "custom_text": True}
    (tmp_path / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": {}}))
    model = open_clip.create_model(f"local-dir:{tmp_path}", pretrained_text=False).eval()
    tokenizer = open_clip.get_tokenizer(f"local-dir:{tmp_path}")
    encoder = open_clip_encoder(name, model, tokenizer, config, LoadOptions())
    texts = encoder.encode_texts(CAPTIONS)
    with torch.no_grad():
        own = functional.normalize(model.encode_text(tokenizer(CAPTIONS)), dim=-1)
    torch.testing.assert_close(texts.pooled, own, atol=1e-5, rtol=0)
    assert texts.tokens.shape == (3, 12, 24)
    position = {"siglip": -1, "clipa": -1, "first of a text tower": 0}.get(name)
    if position is not None:  # where pooling takes one token, that token alone is the pooled feature
        torch.testing.assert_close(texts.tokens[:, position], own, atol=1e-5, rtol=0)
    comma = "" if name == "siglip" else ",</w>"  # SigLIP's cleaning removes punctuation
    assert "".join(texts.token_strings[0]) == f"a</w>red</w>cube</w>{comma}left</w>of</w>a</w>blue</w>sphere</w>"
    assert np.array_equal(texts.token_strings != "", texts.mask.numpy())
    with pytest.warns(UserWarning, match="1 captions are longer"):
        assert encoder.encode_texts(["red " * 13, "red"]).truncated.tolist() == [True, False]


def test_weights_that_are_missing_are_refused(tmp_path):
    folder = write_model("siglip", tmp_path / "none", weights=False)
    with pytest.raises(InputError, match="no weights"):
        load_encoder(f"hf:{folder}")
    first = load_encoder(f"hf:{folder}", allow_random_weights=True)
    assert load_encoder(f"hf:{folder}", allow_random_weights=True).identity == first.identity


def test_incomplete_weights_are_never_filled_at_random(tmp_path):
    folder = write_model("clip", tmp_path / "part")
    vision = transformers.CLIPModel.from_pretrained(folder).vision_model
    safetensors = pytest.importorskip("safetensors.torch")
    weights = {f"vision_model.{name}": value for name, value in vision.state_dict().items()}
    safetensors.save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"not the weights of a CLIPModel: \d+ missing"):
        load_encoder(f"hf:{folder}")


def test_weights_of_another_shape_are_refused(tmp_path):
    folder = write_model("clip", tmp_path / "wide")
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["hidden_size"] = 64
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError) as error:
        load_encoder(f"hf:{folder}")
    assert "\n" not in str(error.value)


def test_a_model_of_another_family_is_refused(tmp_path):
    transformers.BertConfig(hidden_size=32, num_attention_heads=2, num_hidden_layers=1).save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(
        InputError, match=r"a model of type 'bert'. Allowed: blip, chinese_clip, clip, metaclip_2, siglip"
    ):
        load_encoder(f"hf:{tmp_path}")


def test_a_model_that_is_nowhere_is_said_in_one_line(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match="cannot load it") as error:
        load_encoder("hf:nobody/no-such-model")
    assert "\n" not in str(error.value)


def _set(file, *keys, value):
    def change(folder):
        table = inner = json.loads((folder / file).read_text())
        for key in keys[:-1]:
            inner = inner[key]
        inner[keys[-1]] = value
        (folder / file).write_text(json.dumps(table))

    return change


@pytest.mark.parametrize(
    "change",
    [
        _set("preprocessor_config.json", "do_rescale", value=False),
        _set("preprocessor_config.json", "do_center_crop", value=False),
        _set("preprocessor_config.json", "image_mean", value=[0.4, 0.4, 0.4]),
        _set("config.json", "text_config", "eos_token_id", value=3),
        _set("config.json", "text_config", "layer_norm_eps", value=1e-3),
    ],
    ids=["do_rescale", "do_center_crop", "image_mean", "eos_token_id", "layer_norm_eps"],
)
def test_every_setting_of_model_and_processor_is_in_the_identity(change, tmp_path):
    """Two models that differ in one of them shared their cached features."""
    folder = write_model("clip", tmp_path / "model")
    before = load_encoder(f"hf:{folder}").identity
    for key in ("transformers_version", "_name_or_path"):  # what decides nothing
        _set("config.json", key, value="other")(folder)
    assert load_encoder(f"hf:{folder}").identity == before
    change(folder)
    assert load_encoder(f"hf:{folder}").identity != before


@pytest.mark.parametrize("family", ["clip", "siglip", "blip"])
def test_a_caption_that_spells_a_special_token_is_refused(family, tmp_path):
    encoder = load_encoder(f"hf:{write_model(family, tmp_path / 'model')}")
    end = {"clip": "<|endoftext|>", "siglip": "</s>", "blip": "[SEP]"}[family]
    with pytest.raises(InputError, match="takes for a special token; remove it"):
        encoder.encode_texts(["a red cube", f"a red cube {end} left of"])
