"""open_clip models: any of its architectures and checkpoints, local or from the hub."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from difflib import get_close_matches
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, NamedTuple

import torch
from PIL import Image
from safetensors import SafetensorError

from fourfold.errors import InputError, unknown_name
from fourfold.evaluator.encoders.batches import checked_dtype
from fourfold.evaluator.encoders.contract import LoadOptions, ResizeMode
from fourfold.evaluator.encoders.devices import checked_device
from fourfold.evaluator.encoders.identity import PROBE, model_identity
from fourfold.evaluator.encoders.layers import find_blocks
from fourfold.evaluator.encoders.patch_tokens import encode_tower
from fourfold.evaluator.encoders.tokenization import Tokenize, byte_pair_tokens, vocabulary_tokens
from fourfold.evaluator.encoders.torchvision_import import import_torchvision
from fourfold.evaluator.encoders.towers import TowerEncoder

import_torchvision()
import open_clip  # noqa: E402
from open_clip.factory import load_state_dict  # noqa: E402
from open_clip.tokenizer import canonicalize_text  # noqa: E402
from open_clip.transform import PreprocessCfg, image_transform_v2, merge_preprocess_dict  # noqa: E402

import fourfold.evaluator.encoders.tiny_tower  # noqa: E402, F401  makes fourfold-tiny's image tower known to timm

# What open_clip, torch and safetensors raise for files, names and hubs that do not fit.
_LOAD_ERRORS = (
    RuntimeError,
    ValueError,
    KeyError,
    TypeError,
    OSError,
    AttributeError,
    AssertionError,  # open_clip, for a text tower of another width
    UnpicklingError,
    SafetensorError,
)

_RESIZE_MODES: dict[str, ResizeMode] = {
    "shortest": "crop",
    "squash": "squash",
    "longest": "pad",
}  # by open_clip's `resize_mode`
_PREFIXES = ("hf-hub:", "local-dir:")
_CONFIG = "open_clip_config.json"
PLAIN_GELU = "gelu"  # in the place of a tag: tuned from none, with the activation of the architecture
_WEIGHT_FILES = ("*.safetensors", "*.bin", "*.pth")
_RANDOM = "random weights give numbers that look real and mean nothing; allow them explicitly if that is what you want"


def load_open_clip(spec: str, options: LoadOptions, name: str | None = None) -> TowerEncoder:
    """Load "ARCH,tag", "ARCH,path", "ARCH,tag,path", "hf-hub:org/repo" or "local-dir:path".

    In "ARCH,tag,path" the tag is that of the weights that the checkpoint was tuned from, whose activation and
    preprocessing it has. `name` is what to call the model instead.

    Raises InputError for an unknown architecture or tag, weights that are missing, gated, unreadable or of another
    architecture (nothing is loaded loosely), and for a model without weights unless random ones are allowed.
    """
    name = name or spec
    checked_device(options.device), checked_dtype(options.dtype)  # before weights are read, which may take minutes
    return open_clip_encoder(name, *read_open_clip(spec, name, options.allow_random_weights), options)


def read_open_clip(spec: str, name: str | None = None, allow_random_weights: bool = False) -> tuple[Any, Any, dict]:
    """The model of a specification in float32 on the CPU, to be trained further, its tokenizer and its configuration.

    What `open_clip_encoder` takes; raises InputError as `load_open_clip` does.
    """
    name = name or spec
    named = _Named(spec) if spec.startswith(_PREFIXES) else _split(spec)
    random = _refuse_or_allow_random(name, named, allow_random_weights)
    model, config = _create(name, named, random)
    return model, _tokenizer(name, named.architecture), config


def open_clip_encoder(
    name: str, model: Any, tokenizer: Any, config: Mapping[str, Any], options: LoadOptions
) -> TowerEncoder:
    """An encoder of an open_clip model that is in memory already, in training for instance; sets it to evaluation.

    `model` is in float32, as `open_clip.create_model` makes it, `tokenizer` what `open_clip.get_tokenizer` gives, and
    `config` the architecture, which goes into the identity beside the weights.
    """
    device, dtype = checked_device(options.device), checked_dtype(options.dtype)
    preprocess = image_transform_v2(PreprocessCfg(**model.visual.preprocess_cfg), is_train=False)
    tokenize = _tokenize_with(tokenizer)
    probe = tokenize([PROBE]).ids[0]
    described = {**config, "preprocess": model.visual.preprocess_cfg}
    identity = model_identity(described, model.state_dict(), probe.tolist())
    model = model.to(device).eval()
    with torch.no_grad():
        trial = encode_tower(model.visual, preprocess(Image.new("RGB", (64, 64)))[None].to(device))
    return TowerEncoder(
        name=name,
        identity=identity,
        dtype=dtype,
        context_length=len(probe),
        embed_dim=trial.pooled.shape[1],
        has_patches=trial.patches is not None,
        device=device,
        batch_size=options.batch_size,
        preprocess=preprocess,
        image_tower=lambda pixels: encode_tower(model.visual, pixels),
        tokenize=tokenize,
        text_tower=lambda ids: _encode_text(model, ids),
        resize_mode=_RESIZE_MODES[model.visual.preprocess_cfg.get("resize_mode") or "shortest"],
        n_parameters=sum(weight.numel() for weight in model.parameters()),
        blocks=find_blocks(
            model,
            model.visual,
            getattr(model, "text", model),
            channels_last=str(getattr(getattr(model.visual, "trunk", None), "output_fmt", "NCHW")).endswith("NHWC"),
        ),
    )


def new_open_clip(folder: Path, seed: int) -> tuple[torch.nn.Module, Any]:
    """An untrained model of the configuration in a `local-dir:` folder, to be trained, and its open_clip tokenizer.

    Its weights are random and depend on the seed alone. Raises InputError if the folder holds no configuration.
    """
    if not (folder / _CONFIG).is_file():
        raise InputError(f"{folder}: no {_CONFIG}")
    with torch.random.fork_rng(), _without_warnings():
        torch.manual_seed(seed)
        model = open_clip.create_model(f"local-dir:{folder}", load_weights=False)
    return model, _tokenizer(str(folder), f"local-dir:{folder}")


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Where random weights are what is wanted, or are replaced, open_clip's warning of them would only frighten."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def list_open_clip() -> list[str]:
    """Every "ARCH,tag" that open_clip knows weights for."""
    return [f"{architecture},{tag}" for architecture, tag in open_clip.list_pretrained()]


class _Named(NamedTuple):
    """What "ARCH", "ARCH,tag", "ARCH,path" or "ARCH,tag,path" names; "" for a part that it does not."""

    architecture: str
    tag: str = ""  # of weights, or of what the checkpoint was tuned from: its activation and preprocessing
    checkpoint: str = ""


def _split(spec: str) -> _Named:
    architecture, _, rest = spec.partition(",")
    known = open_clip.list_models()
    if architecture.replace("/", "-") not in known:
        near = get_close_matches(architecture, known, n=1, cutoff=0.5)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise InputError(f"unknown model {spec!r}.{hint} `fourfold models` lists all {len(known)} architectures")
    architecture = architecture.replace("/", "-")
    tags = open_clip.list_pretrained_tags_by_model(architecture)
    if not rest or rest in tags:
        return _Named(architecture, rest)
    tag, _, path = rest.partition(",")
    tag, path = (tag, path) if path and not Path(rest).is_file() else ("", rest)
    if tag and tag not in (*tags, PLAIN_GELU):
        raise unknown_name(f"weights of {architecture}", tag, [*tags, PLAIN_GELU])
    if not Path(path).is_file():
        if tag or "/" in path or Path(path).suffix:
            raise InputError(f"{spec}: no such checkpoint file {path!r}")
        raise unknown_name(f"weights of {architecture}", path, tags or ["path/to/checkpoint"])
    return _Named(architecture, tag or _tag_like(spec, architecture, tags, path), path)


def _tag_like(spec: str, architecture: str, tags: Sequence[str], path: str) -> str:
    """A tag whose activation and preprocessing a checkpoint has that names none: any, where all tags agree; or "".

    Raises InputError where they do not, or where all need another activation than the architecture has: a checkpoint
    does not say, and with the wrong ones every feature is a little off, which no number shows.
    """
    published = {tag: open_clip.get_pretrained_cfg(architecture, tag) for tag in tags}
    quick = [tag for tag, settings in published.items() if settings.get("quick_gelu")]
    like = {str(_preprocessing(settings)): tag for tag, settings in reversed(published.items())}
    if quick and not open_clip.get_model_config(architecture).get("quick_gelu"):
        what, of = f"with QuickGELU ({quick[0]}, ...)", quick[0]
    elif len(like) > 1:
        what, of = f"with other preprocessing ({' and '.join(sorted(like.values()))} differ)", min(like.values())
    else:
        return next(iter(like.values()), "")
    raise InputError(
        f"{spec}: {architecture} is published {what}, and a checkpoint does not say what it has; name the weights that "
        f"it was tuned from, as in {architecture},{of},{path}, or {architecture},{PLAIN_GELU},{path} if from none"
    )


def _preprocessing(settings: Mapping[str, Any]) -> dict[str, Any]:
    return merge_preprocess_dict(PreprocessCfg(), dict(settings))


def _refuse_or_allow_random(name: str, named: _Named, allowed: bool) -> bool:
    """Whether the model is to have random weights; InputError where it would have and that is not allowed."""
    architecture = named.architecture
    if architecture.startswith("hf-hub:"):
        return False
    if architecture.startswith("local-dir:"):
        folder = Path(architecture.removeprefix("local-dir:"))
        if not (folder / _CONFIG).is_file():
            raise InputError(f"{name}: no {_CONFIG} in {folder}")
        if any(path for pattern in _WEIGHT_FILES for path in folder.glob(pattern)):
            return False
        missing = f"no weights ({', '.join(_WEIGHT_FILES)}) in {folder}"
    elif named.tag or named.checkpoint:
        return False
    else:
        tags = open_clip.list_pretrained_tags_by_model(architecture)
        missing = f"no weights named; add one of {', '.join(tags)} or a checkpoint file after a comma"
    if not allowed:
        raise InputError(f"{name}: {missing}; {_RANDOM}")
    return True


def _create(name: str, named: _Named, random: bool) -> tuple[Any, dict]:
    """The model in float32 on the CPU, and the configuration it was built from."""
    architecture, tag, checkpoint = named
    published = open_clip.get_pretrained_cfg(architecture, tag) if tag and tag != PLAIN_GELU else {}
    # open_clip only warns when weights trained with QuickGELU are put into a model without it.
    quick_gelu = bool(published.get("quick_gelu"))
    try:
        config = open_clip.get_model_config(architecture)
        # Before a checkpoint is loaded the weights are random, of which open_clip would warn.
        with torch.random.fork_rng(), _without_warnings() if checkpoint else nullcontext():
            torch.manual_seed(0)  # so that random weights are the same ones every time
            model = open_clip.create_model(
                architecture,
                pretrained=None if checkpoint else tag or None,
                force_quick_gelu=quick_gelu,
                force_preprocess_cfg=published if checkpoint else None,
                pretrained_text=False,
                require_pretrained=not (random or checkpoint),
                weights_only=True,
            )
        if checkpoint:
            _load_checkpoint(model, checkpoint)
    except _LOAD_ERRORS as error:
        raise _load_error(name, error) from error
    return model, {**config, "force_quick_gelu": quick_gelu}


def _load_checkpoint(model: Any, checkpoint: str) -> None:
    # open_clip interpolates position embeddings of another resolution or context without a word; such a model is
    # neither of the two architectures. Files of .npz, from big_vision, are converted with their shapes checked.
    if Path(checkpoint).suffix not in (".npz", ".npy"):
        given = {key: tuple(value.shape) for key, value in load_state_dict(checkpoint).items()}
        for key, value in model.state_dict().items():
            shape = tuple(value.shape)
            if key.endswith("positional_embedding") and given.get(key, shape) != shape:
                raise ValueError(f"size mismatch for {key}: {given[key]} in the file, {shape} here")
    open_clip.load_checkpoint(model, checkpoint, strict=True, weights_only=True)


def _load_error(name: str, error: Exception) -> InputError:
    said = " ".join(str(error).split())
    if any(words in said for words in ("size mismatch", "Missing key", "Unexpected key", "width changed")):
        return InputError(f"{name}: the weights are of another architecture: {said[:300]}")
    if "weights_only" in said:  # torch's own words tell how to open such a file all the same
        return InputError(
            f"{name}: the file holds more than tensors, which could run as code, and is not opened; save the model's "
            "state_dict as .safetensors"
        )
    if "download" in said or "HF Hub" in said or "Hub" in said:
        advice = "without network, fetch the model elsewhere and use local-dir: or a checkpoint file"
        return InputError(f"{name}: the hub gave no weights; {advice}. It said: {said[:300]}")
    return InputError(f"{name}: cannot load it: {said[:300]}")


def _tokenizer(name: str, architecture: str) -> Any:
    try:
        return open_clip.get_tokenizer(architecture)
    except ImportError as error:
        raise InputError(f"{name}: its tokenizer needs transformers: pip install 'fourfold[hf]' ({error})") from error
    except _LOAD_ERRORS as error:
        raise _load_error(name, error) from error


def _tokenize_with(tokenizer: Any) -> Tokenize:
    if isinstance(tokenizer, open_clip.SimpleTokenizer):
        return byte_pair_tokens(tokenizer)
    # open_clip's older SigLIP tokenizer has its cleaning built in.
    return vocabulary_tokens(tokenizer.tokenizer, tokenizer, getattr(tokenizer, "clean_fn", canonicalize_text))


def _encode_text(model: Any, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Pooled [b, d] and every position [b, t, d] through the text tower's own final norm and projection."""
    tower = getattr(model, "text", model)
    if type(tower).__name__ == "HFTextEncoder":
        return _encode_text_by_transformers(tower, ids)
    output = model.forward_intermediates(text=ids, text_indices=1, normalize_intermediates=True)
    hidden, projection = output["text_intermediates"][-1], tower.text_projection
    if projection is not None:
        hidden = projection(hidden) if isinstance(projection, torch.nn.Module) else hidden @ projection
    return output["text_features"], hidden


def _encode_text_by_transformers(tower: Any, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    attended = (ids != tower.config.pad_token_id).long()
    output = tower.transformer(input_ids=ids, attention_mask=attended)
    hidden = output.last_hidden_state
    if type(tower.pooler).__name__ == "ClsPooler" and getattr(output, "pooler_output", None) is not None:
        b, t, c = hidden.shape  # the transformer's own pooler looks at the first token: each is made the first in turn
        hidden = tower.transformer.pooler(hidden.reshape(b * t, 1, c)).reshape(b, t, c)
    return tower.proj(tower.pooler(output, attended)), tower.proj(hidden)
