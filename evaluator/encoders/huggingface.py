"""transformers models, named `hf:org/repo` or `hf:path`: CLIP, SigLIP, MetaCLIP 2, BLIP, Chinese-CLIP. Extra `hf`.

Patch and text tokens follow the one definition of `fourfold.evaluator.encoders.patch_tokens`: what the model's own
pooling head and projection make of each last token alone. Written for transformers 4.45 to 5, whose differences are
guarded here.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors import SafetensorError

from fourfold.errors import InputError
from fourfold.evaluator.encoders.batches import checked_dtype
from fourfold.evaluator.encoders.contract import LoadOptions
from fourfold.evaluator.encoders.devices import checked_device
from fourfold.evaluator.encoders.identity import PROBE, model_identity
from fourfold.evaluator.encoders.layers import find_blocks
from fourfold.evaluator.encoders.tokenization import vocabulary_tokens
from fourfold.evaluator.encoders.torchvision_import import import_torchvision
from fourfold.evaluator.encoders.towers import TowerEncoder, TowerOutput

import_torchvision()
try:
    import transformers
except ImportError:
    raise InputError("models named hf:... need transformers: pip install 'fourfold[hf]'") from None

_LOAD_ERRORS = (OSError, ValueError, RuntimeError, KeyError, TypeError, ImportError, SafetensorError)
_WEIGHT_FILES = ("*.safetensors", "*.bin")
# What decides features besides the weights, as published: what the library adds to it differs from version to version,
# and a head must not be refused because it was upgraded. What a tokenizer does is seen in the ids of the probe.
_CONFIG_FILES = ("config.json", "preprocessor_config.json", "processor_config.json")
_DECIDES_NOTHING = {"_commit_hash", "_name_or_path", "architectures", "dtype", "torch_dtype", "transformers_version"}

ImageTower = Callable[[Any, torch.Tensor], TowerOutput]
TextTower = Callable[[Any, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]


@dataclass(frozen=True)
class Family:
    """How one family of transformers models is called; `context` where the model's own positions are not its usage."""

    model: str  # the class, by name: importing all of them takes many seconds
    image: ImageTower
    text: TextTower
    context: int | None = None


def _clip_image(model: Any, pixels: torch.Tensor) -> TowerOutput:
    output = model.vision_model(pixel_values=pixels)  # its last hidden state comes before the final norm
    joint = model.visual_projection(model.vision_model.post_layernorm(output.last_hidden_state))
    pooled = model.visual_projection(output.pooler_output)
    return TowerOutput(pooled, joint[:, 1:], joint[:, 0], _grid(model, pixels))


def _clip_text(model: Any, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    # Causal attention needs no mask for padding, and CLIP pads with the end token, which must be seen.
    output = model.text_model(input_ids=ids)
    return model.text_projection(output.pooler_output), model.text_projection(output.last_hidden_state)


def _chinese_clip_text(model: Any, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    attended = (ids != model.config.text_config.pad_token_id).long()
    joint = model.text_projection(model.text_model(input_ids=ids, attention_mask=attended).last_hidden_state)
    return joint[:, 0], joint


def _siglip_image(model: Any, pixels: torch.Tensor) -> TowerOutput:
    output = model.vision_model(pixel_values=pixels)
    b, n, c = output.last_hidden_state.shape
    alone = model.vision_model.head(output.last_hidden_state.reshape(b * n, 1, c))
    return TowerOutput(output.pooler_output, alone.reshape(b, n, -1), None, _grid(model, pixels))


def _siglip_text(model: Any, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    output = model.text_model(input_ids=ids)  # trained on padded captions without a mask
    return output.pooler_output, model.text_model.head(output.last_hidden_state)


def _blip_image(model: Any, pixels: torch.Tensor) -> TowerOutput:
    joint = model.vision_proj(model.vision_model(pixel_values=pixels).last_hidden_state)
    return TowerOutput(joint[:, 0], joint[:, 1:], joint[:, 0], _grid(model, pixels))


def _blip_text(model: Any, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    attended = (ids != model.config.text_config.pad_token_id).long()
    joint = model.text_proj(model.text_encoder(input_ids=ids, attention_mask=attended).last_hidden_state)
    return joint[:, 0], joint


# By the `model_type` of the configuration. BLIP's contrastive head is in its retrieval checkpoints only; 35 and 52
# are the lengths BLIP and Chinese-CLIP were trained with, of 512 positions.
FAMILIES = {
    "clip": Family("CLIPModel", _clip_image, _clip_text),
    "metaclip_2": Family("MetaClip2Model", _clip_image, _clip_text),
    "chinese_clip": Family("ChineseCLIPModel", _clip_image, _chinese_clip_text, context=52),
    "siglip": Family("SiglipModel", _siglip_image, _siglip_text),
    "blip": Family("BlipForImageTextRetrieval", _blip_image, _blip_text, context=35),
}


def load_transformers(spec: str, options: LoadOptions) -> TowerEncoder:
    """Load "hf:org/repo" or "hf:path" (a folder with config, weights, tokenizer and image processor).

    Raises InputError for a model of another family, weights that are missing, gated, incomplete or of another shape
    (nothing is initialised at random in silence), and for a folder without weights unless random ones are allowed.
    """
    source = spec.removeprefix("hf:")
    device, dtype = checked_device(options.device), checked_dtype(options.dtype)
    random = _lacks_weights(spec, source, options.allow_random_weights)
    try:
        config = transformers.AutoConfig.from_pretrained(source)
        family = _family_of(spec, config)
        model = _load_model(spec, source, config, family, random).float().to(device).eval()
        tokenizer = transformers.AutoTokenizer.from_pretrained(source)
        processor = _image_processor(source)
        trial = processor(images=[Image.new("RGB", (64, 64))], return_tensors="pt")["pixel_values"].to(device)
        with torch.no_grad():
            embed_dim = family.image(model, trial).pooled.shape[1]
    except _LOAD_ERRORS as error:
        raise error if isinstance(error, InputError) else _load_error(spec, error) from error
    positions = config.text_config.max_position_embeddings
    context = min(family.context or positions, positions)
    tokenize = vocabulary_tokens(tokenizer, lambda texts: _encode(tokenizer, texts, context), clean=str)
    probe = tokenize([PROBE]).ids[0].tolist()
    return TowerEncoder(
        name=spec,
        identity=model_identity(_describe(source), model.state_dict(), probe),
        dtype=dtype,
        context_length=context,
        embed_dim=embed_dim,
        has_patches=True,
        device=device,
        batch_size=options.batch_size,
        preprocess=lambda image: processor(images=[image], return_tensors="pt")["pixel_values"][0],
        image_tower=lambda pixels: family.image(model, pixels),
        tokenize=tokenize,
        text_tower=lambda ids: family.text(model, ids),
        resize_mode="crop" if processor.to_dict()["size"].get("shortest_edge") else "squash",
        n_parameters=sum(weight.numel() for weight in model.parameters()),
        blocks=find_blocks(
            model, model.vision_model, getattr(model, "text_model", getattr(model, "text_encoder", None))
        ),
    )


def _family_of(spec: str, config: Any) -> Family:
    if config.model_type not in FAMILIES:
        raise InputError(f"{spec}: a model of type {config.model_type!r}. Allowed: {', '.join(sorted(FAMILIES))}")
    return FAMILIES[config.model_type]


def _lacks_weights(spec: str, source: str, allowed: bool) -> bool:
    folder = Path(source)
    if not folder.is_dir() or any(path for pattern in _WEIGHT_FILES for path in folder.glob(pattern)):
        return False
    if not allowed:
        raise InputError(f"{spec}: no weights ({', '.join(_WEIGHT_FILES)}) there; random ones measure nothing")
    return True


def _load_model(spec: str, source: str, config: Any, family: Family, random: bool) -> Any:
    model_class = getattr(transformers, family.model, None)
    if model_class is None:
        raise InputError(f"{spec}: this transformers {transformers.__version__} has no {family.model}; upgrade it")
    if random:
        with torch.random.fork_rng():
            torch.manual_seed(0)  # so that random weights are the same ones every time
            return model_class(config)
    model, said = model_class.from_pretrained(source, config=config, output_loading_info=True)
    absent = sorted(str(key) for key in {*said["missing_keys"], *said["mismatched_keys"]})
    if absent:
        raise InputError(
            f"{spec}: not the weights of a {family.model}: {len(absent)} missing, {', '.join(absent[:3])}…"
        )
    return model


def _image_processor(source: str) -> Any:
    # Pillow's resizing is what the models were trained and published with; torchvision's differs in the third digit.
    # transformers 5 calls the choice `backend`, 4 calls it `use_fast`.
    if int(transformers.__version__.split(".")[0]) >= 5:
        return transformers.AutoImageProcessor.from_pretrained(source, backend="pil")
    return transformers.AutoImageProcessor.from_pretrained(source, use_fast=False)


def _describe(source: str) -> dict[str, Any]:
    """The whole configurations of model and processor, by file, but for what decides nothing."""
    absent_is_none = {
        "_raise_exceptions_for_missing_entries": False,
        "_raise_exceptions_for_connection_errors": False,
        "_raise_exceptions_for_gated_repo": False,
    }
    paths = {name: transformers.utils.cached_file(source, name, **absent_is_none) for name in _CONFIG_FILES}
    return {name: _deciding(json.loads(Path(path).read_text(encoding="utf-8"))) for name, path in paths.items() if path}


def _deciding(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _deciding(inner) for key, inner in value.items() if key not in _DECIDES_NOTHING}
    return value


def _encode(tokenizer: Any, texts: list[str], context: int) -> torch.Tensor:  # ids [n, context]
    out = tokenizer(texts, padding="max_length", truncation=True, max_length=context, return_tensors="pt")
    return out["input_ids"]


def _grid(model: Any, pixels: torch.Tensor) -> tuple[int, int]:
    patch = model.config.vision_config.patch_size
    return (pixels.shape[2] // patch, pixels.shape[3] // patch)


def _load_error(spec: str, error: Exception) -> InputError:
    said = " ".join(str(error).split())[:300]
    return InputError(f"{spec}: cannot load it from there or from the hub (gated? no network? no such model?): {said}")
