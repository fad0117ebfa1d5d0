"""Scorers of the user's own: a Python callable, a `Scorer`, or either by its name, `--scorer module:function`.

A callable is asked one item at a time, for every pair of its pictures and captions. This is all it needs; save it as
`my_scorer.py` and name it `my_scorer:score`, or hand the function itself to `fourfold.evaluate`:

    def score(images, texts):  # ImageFeatures of n pictures, TextFeatures of m captions; unit vectors, float32
        similarity = images.pooled @ texts.pooled.T  # [n, d] @ [d, m]
        return similarity.exp()  # a tensor or array [n, m] of numbers: higher means more true

`images.patches` [n, p, d] are there if the model has patch tokens, `texts.dense()` gives text tokens; every field
stands in `fourfold.evaluator.encoders.features`. A score must depend on its picture and its caption alone, for large
items are cut into parts; this is tried on the first item. Attributes of the function, all optional, say what is
otherwise: `set_dependent = True` (items stay whole, and every table marks the scorer), `needs_patches` (True refuses
models without patch tokens; False hands out none), `n_parameters`. A `Scorer` (`fourfold.evaluator.scoring.contract`)
has all of them and is asked many items at once. What is handed out are copies: whoever changes them in place changes
no other scorer's numbers.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fourfold.errors import InputError
from fourfold.evaluator.encoders.features import ImageFeatures, TextFeatures
from fourfold.evaluator.scoring.contract import Scorer
from fourfold.generator.dataset.reading import file_hash
from fourfold.own_code import describe_failure, import_own

GivenScorer = str | Callable | Scorer
_FACTS = {"n_parameters": int, "needs_patches": bool, "set_dependent": bool}
_SIGNS = ":#"  # in the names of controls around scorers, and of heads of several seeds
_TOLERANCE = 1e-3  # of the largest score: sums in another order err by 1e-6


@dataclass(frozen=True)
class OwnScorer:
    """A user's scorer behind the contract of `Scorer`; what it gives is checked at every call."""

    name: str
    origin: str  # "module:qualified name", for whoever reads the results
    source_sha256: str  # of the file that it stands in, or of its text in a notebook; "" where there is neither
    given: Callable
    one_by_one: bool  # a plain callable, which is asked one item at a time
    n_parameters: int = 0
    needs_patches: bool = False
    set_dependent: bool = False

    def __call__(self, images: ImageFeatures, texts: TextFeatures) -> torch.Tensor:
        """The scores [..., k, m]. Raises InputError for anything else that the user's code gives or raises."""
        images, texts = images.to("cpu"), texts.to("cpu")  # where the user's code may do with them what it likes
        if not self.needs_patches:
            images = replace(images, patches=None, cls=None)  # whichever scorers run beside this one
        if self.one_by_one and images.pooled.ndim > 2:
            return torch.stack([self(images[i], texts[i]) for i in range(len(images))])
        try:
            table = self.given(deepcopy(images), deepcopy(texts))
        except InputError as error:
            raise InputError(f"scorer {self.name!r}: {error}") from error
        except Exception as error:  # the user's own code may raise anything
            raise InputError(f"scorer {self.name!r} failed with {describe_failure(error)}") from error
        return self._checked(table, (*images.pooled.shape[:-1], texts.pooled.shape[-2]))

    def _checked(self, table: Any, shape: tuple[int, ...]) -> torch.Tensor:
        if isinstance(table, np.ndarray) and table.dtype.kind in "biuf":
            table = torch.from_numpy(np.ascontiguousarray(table, dtype=np.float32))  # as scores are stored
        if not isinstance(table, torch.Tensor) or table.is_complex():
            kind = f"an array of {table.dtype}" if hasattr(table, "dtype") else f"{type(table).__name__!r}"
            raise InputError(f"scorer {self.name!r} gave {kind}; it must give a tensor or an array of real numbers")
        if tuple(table.shape) != shape:
            raise InputError(
                f"scorer {self.name!r} gave the shape {tuple(table.shape)} for {shape[-2]} images and {shape[-1]} "
                f"captions; it must give {shape}, a score of every image with every caption"
            )
        return table.detach()


def name_scorers(given: GivenScorer | Sequence[GivenScorer]) -> tuple[tuple[str, ...], dict[str, Callable]]:
    """The names of one scorer or of several, and those that are the user's own objects, by name.

    Names are not looked up: `check_scorer` does that. Raises InputError for what is no scorer, for none at all, and for
    two under one name.
    """
    if isinstance(given, str) or callable(given):
        several: Sequence[GivenScorer] = [given]
    elif isinstance(given, Sequence):
        several = given
    else:
        raise _no_scorer(given)
    names = [each if isinstance(each, str) else wrap_own(each).name for each in several]
    own = {name: each for name, each in zip(names, several, strict=True) if not isinstance(each, str)}
    if twice := next((name for name in own if names.count(name) > 1), None):
        raise InputError(f"scorers: two are called {twice!r}; give one another __name__ (a Scorer: name)")
    if not names:
        raise InputError("scorers: none named; 'cosine' is the usual one")
    return tuple(names), own


def wrap_own(given: Any, name: str | None = None) -> OwnScorer:
    """A user's callable or `Scorer` with its checks around it; `name` None: its own.

    Raises InputError for what cannot be called, a class, and attributes of another type than the contract's.
    """
    if not callable(given) or inspect.isclass(given):
        raise _no_scorer(given)
    facts = {fact: getattr(given, fact) for fact in _FACTS if hasattr(given, fact)}
    if name is None:
        name = getattr(given, "name", getattr(given, "__name__", type(given).__name__))
        if not isinstance(name, str) or not name.strip("<>") or set(name) & set(_SIGNS):
            raise InputError(f"scorers: one has the name {name!r}; it must be text without {' and '.join(_SIGNS)}")
    for fact, value in facts.items():
        if type(value) is not _FACTS[fact]:
            raise InputError(f"scorer {name!r}: {fact} is {value!r}; it must be {_FACTS[fact].__name__}")
    code = given if hasattr(given, "__qualname__") else type(given)
    is_whole = hasattr(given, "name") and len(facts) == len(_FACTS)
    return OwnScorer(
        name.strip("<>"),  # a lambda
        f"{code.__module__}:{code.__qualname__}",
        _source_hash(code),
        given,
        one_by_one=not is_whole,
        **({"needs_patches": True} | facts),
    )


def find_own(name: str, own: Mapping[str, Callable]) -> OwnScorer | None:
    """The user's scorer of that name: one of `own`, or what `module:function` names; None for another kind of name.

    Raises InputError for a module or function that is not there, or is no scorer.
    """
    if name in own:
        return wrap_own(own[name], name)
    module, colon, function = name.partition(":")
    if not colon or not function.isidentifier() or not all(part.isidentifier() for part in module.split(".")):
        return None
    return wrap_own(import_own(name), name)


def check_pairwise(scorer: Scorer, images: ImageFeatures, texts: TextFeatures) -> None:
    """Raise InputError if a pair of one item's images [k] and texts [m] has another score alone than among all."""
    if scorer.set_dependent:
        return
    among, alone = scorer(images, texts), scorer(images[[0]], texts[[0]])
    if bool((among[0, 0] - alone[0, 0]).abs() > _TOLERANCE * among.abs().max()):
        raise InputError(
            f"scorer {scorer.name!r} gave the first image and caption {float(among[0, 0]):.4g} among "
            f"{len(images)} x {len(texts)} and {float(alone[0, 0]):.4g} alone; if a score is meant to depend on the "
            "other images or captions of its item, set the scorer's set_dependent = True, and tables say so"
        )


def _source_hash(code: Any) -> str:
    try:
        path = Path(inspect.getsourcefile(code) or "")
        return file_hash(path) if path.is_file() else sha256(inspect.getsource(code).encode()).hexdigest()
    except (TypeError, OSError):  # of C, or typed in where nothing keeps it
        return ""


def _no_scorer(given: object) -> InputError:
    what = f"the class {given.__name__!r}" if inspect.isclass(given) else repr(given)[:80]
    return InputError(
        f"scorers: {what} is none; give a name, a function of (images, texts), a Scorer, or several of these"
    )
