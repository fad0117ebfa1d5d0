"""Anyone's own model: `--model module:function`, where the function takes `LoadOptions` and returns an encoder.

The module is found as Python finds it, the working directory last. This is all it needs; save it as `my_model.py`,
put your towers in the place of the toy ones, and name it `my_model:load`:

    import numpy as np
    import torch
    from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
    from fourfold.evaluator.data.images import pixel_hash
    from torch.nn.functional import normalize, one_hot

    class MyModel:
        name, identity = "my-model", "my-model, 2 October"  # cached features live as long as the identity
        context_length, embed_dim, has_patches = 16, 48, False

        def encode_images(self, images):
            small = np.stack([np.asarray(image.convert("RGB").resize((4, 4))) for image in images])
            pooled = normalize(torch.tensor(small).float().flatten(1), dim=-1)  # [n, d]
            return ImageFeatures(np.array([pixel_hash(image) for image in images]), pooled)

        def encode_texts(self, texts):
            words = [(text.lower().split() + [""] * 16)[:16] for text in texts]
            ids = torch.tensor([[sum(word.encode()) % 48 for word in row] for row in words])  # [n, t]
            mask, tokens = torch.tensor([[word != "" for word in row] for row in words]), one_hot(ids, 48).float()
            pooled = normalize((tokens * mask[..., None]).sum(1), dim=-1)
            token_strings = np.array([[word and word + "</w>" for word in row] for row in words])
            return TextFeatures(np.array(texts), pooled, tokens, mask, token_strings)

    def load(options):  # options.device, .dtype, .batch_size, as given on the command line
        return MyModel()

Every vector is of unit length, which is checked; see `fourfold.evaluator.encoders.features` for shapes. For scorers of
pooled features `TextFeatures(np.array(texts), pooled)` is enough. Give `patches` and `grid` too, and set `has_patches`,
for the scorers that look at patch tokens; and `resize_mode`, "crop", "squash" or "pad", where reports are to lay their
maps over pictures that are not square. Whatever the function returns is tried at once on two pictures and two captions.
"""

from collections.abc import Callable

from PIL import Image

from fourfold.errors import InputError
from fourfold.evaluator.encoders.contract import Encoder, LoadOptions
from fourfold.evaluator.encoders.feature_checks import check_image_features, check_text_features
from fourfold.own_code import describe_failure, import_own

_FACTS = {"name": str, "identity": str, "context_length": int, "embed_dim": int, "has_patches": bool}
_CONTRACT = (*_FACTS, "encode_images", "encode_texts")
_TRIAL_SIZES = ((64, 64), (96, 48))  # not every picture is square
_TRIAL_TEXTS = ["a red cube", "a photo of two spheres"]


def load_custom(spec: str, options: LoadOptions) -> Encoder:
    """The encoder that the user's `module:function` returns.

    Raises InputError if the module or function is not there, or what it returns lacks a part of the contract or breaks
    it in a trial.
    """
    function = import_own(spec)
    if not callable(function):
        module_name, _, function_name = spec.partition(":")
        raise InputError(f"{spec}: {module_name} has no function {function_name!r}")
    encoder: Encoder = function(options)
    check_encoder(encoder, spec)
    return encoder


def check_encoder(encoder: Encoder, where: str) -> None:
    """Raise InputError, beginning with `where`, for what lacks a part of the contract or breaks it in a trial."""
    missing = [part for part in _CONTRACT if not hasattr(encoder, part)]
    if missing:
        raise InputError(f"{where}: the encoder has no {', '.join(missing)}; see fourfold.evaluator.encoders.custom")
    for fact, kind in _FACTS.items():
        if type(value := getattr(encoder, fact)) is not kind:  # results and caches write it down
            raise InputError(f"{where}: the encoder has the {fact} {value!r}; it must be {kind.__name__}")
    _try_out(encoder, where)


def _try_out(encoder: Encoder, where: str) -> None:
    """Encode a few inputs: what breaks the contract is said before a dataset is opened."""
    pictures = [Image.linear_gradient("L").convert("RGB").resize(size) for size in _TRIAL_SIZES]
    trials: tuple[tuple[str, Callable[[], None]], ...] = (
        (
            f"encode_images, of pictures of {' and '.join(f'{w} x {h}' for w, h in _TRIAL_SIZES)} pixels",
            lambda: check_image_features(encoder, encoder.encode_images(pictures), len(pictures)),
        ),
        (
            f"encode_texts, of {_TRIAL_TEXTS}",
            lambda: check_text_features(encoder, encoder.encode_texts(_TRIAL_TEXTS), len(_TRIAL_TEXTS)),
        ),
    )
    for what, trial in trials:
        try:
            trial()
        except InputError as error:
            raise InputError(f"{where}: {error}") from error
        except Exception as error:  # the user's own code may raise anything
            raise InputError(f"{where}: {what}, failed with {describe_failure(error)}") from error
